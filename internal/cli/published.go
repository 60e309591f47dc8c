package cli

import (
	"errors"
	"io"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/dist"
	"parley.example/parley/ledger"
)

// ReleaseKey is the public key, name+id+base64, that signs releases; the build sets it.
var ReleaseKey = ""

// verifyRelease judges the manifest of a release and the files beside it. Its key is
// among known, or the one that this binary was built with.
func verifyRelease(name string, b []byte, known [][]byte) verification {
	out := verification{What: "release", File: name, Signers: []string{}, Witnesses: []string{}, Reasons: []string{}}
	keys, err := releaseKeys(known)
	if err != nil {
		out.Reasons = append(out.Reasons, err.Error())
		return out
	}
	m, signers, err := dist.Open(b, keys)
	if err != nil {
		out.Reasons = append(out.Reasons, err.Error())
		return out
	}
	out.Title, out.Signers, out.Strengths = m.Version+" of commit "+m.Commit, signers, []string{"Ed25519"}
	wrong, absent, err := m.Check(filepath.Dir(name))
	switch {
	case err != nil:
		out.Reasons = append(out.Reasons, err.Error())
	case len(wrong) > 0:
		out.Reasons = append(out.Reasons, wrong...)
	case len(absent) == len(m.Files):
		out.Reasons = append(out.Reasons, "none of its files is beside it: "+strings.Join(absent, ", "))
	default:
		out.OK = true
		if len(absent) > 0 {
			out.Reasons = append(out.Reasons, "not there, so not checked: "+strings.Join(absent, ", "))
		}
	}
	return out
}

func releaseKeys(known [][]byte) (keys []ledger.Signed, err error) {
	if ReleaseKey != "" {
		known = append(known, []byte(ReleaseKey))
	}
	for _, b := range known {
		if name, key, err := ledger.ParsePublicKey(strings.TrimSpace(string(b))); err == nil {
			keys = append(keys, ledger.Signed{Name: name, Key: key})
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("whose signature it must bear is not known: name the file with the maintainers' public key by --with")
	}
	return keys, nil
}

func (v verification) printRelease(w io.Writer) {
	if v.OK {
		line(w, v.File, "valid")
		line(w, "release", v.Title)
		line(w, "signed by", strings.Join(v.Signers, ", "))
	} else {
		line(w, v.File, "NOT VALID")
	}
	for _, r := range v.Reasons {
		line(w, "", r)
	}
}

func (a *app) sbomCmd() *cobra.Command {
	return &cobra.Command{
		Use: "sbom", Short: "Print what this binary was built from (CycloneDX 1.6)", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return errors.New("this binary was built without the list of its modules")
			}
			b, err := dist.Materials(info, Version)
			if err != nil {
				return err
			}
			_, err = a.out.Write(b)
			return err
		},
	}
}
