package node

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley.example/parley/release"
)

// PolicyFiles returns the texts of the party's own policy by file name.
func (n *Node) PolicyFiles() (map[string]string, error) {
	out := make(map[string]string)
	dir := filepath.Join(n.dir, policyFolder)
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".cedar") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		out[f.Name()] = string(b)
	}
	return out, err
}

// SetPolicy puts other files in the place of the party's own policy, once they
// are known to be good. They count from the next decision on. was is what the
// files were when they were read: where somebody changed them since, ErrState,
// and nothing is written.
func (n *Node) SetPolicy(was, files map[string]string) error {
	present, err := n.PolicyFiles()
	if err != nil {
		return err
	}
	if !maps.Equal(was, present) {
		return fmt.Errorf("%w: the policy's files have changed since you read them; look at the newest and try again", ErrState)
	}
	texts := make(map[string][]byte, len(files))
	for name, text := range files {
		if name != filepath.Base(name) || !strings.HasSuffix(name, ".cedar") || strings.HasPrefix(name, ".") {
			return fmt.Errorf("%w: a policy file is called NAME.cedar, not %q", ErrInvalid, clip(name))
		}
		texts[name] = []byte(text)
	}
	if len(texts) > 0 {
		if _, err := release.ParsePolicy(texts); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	dir := filepath.Join(n.dir, policyFolder)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if err := writeFile(filepath.Join(dir, name), texts[name]); err != nil {
			return err
		}
	}
	for name := range present {
		if _, ok := texts[name]; !ok {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}
