package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"parley.example/parley/internal/store"
	"parley.example/parley/selector"
)

const (
	docMatchList = "matchlist" // by name: MatchList
	// listPrefix begins what stands in place of an object's id where a list
	// holds a value.
	listPrefix = "list--"
)

// MatchList is a list of our own that partners may match under the accords named
// and that never leaves: no release, no request and no export reads it.
type MatchList struct {
	Name     string   `json:"name"`
	Selector string   `json:"selector"`
	Accords  []string `json:"accords"`
	At       string   `json:"at"`
	By       string   `json:"by"`
	Count    int      `json:"count"` // keys held
}

// ListLoaded is what became of a list's lines.
type ListLoaded struct {
	MatchList
	Lines    int         `json:"lines"`
	Refused  []LineFault `json:"refused"`  // the first of them
	NRefused int         `json:"nrefused"` // all of them
}

// LineFault says why a line of a list has no key.
type LineFault struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

var listName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

const maxListFaults = 1000

// LoadMatchList reads a list, one value a line, in place of what stood under its
// name. It is all or nothing; lines without a key are told and left out. What is
// loaded can be matched from the next publication on.
func (n *Node) LoadMatchList(ctx context.Context, l MatchList, r io.Reader) (ListLoaded, error) {
	out := ListLoaded{MatchList: l, Refused: []LineFault{}}
	if !listName.MatchString(l.Name) {
		return out, fmt.Errorf("%w: a list's name has 1 to 40 of a-z, 0-9 and -", ErrInvalid)
	}
	if selector.Version(l.Selector) == "" {
		return out, fmt.Errorf("%w: %q is no kind of selector", ErrInvalid, clip(l.Selector))
	}
	if len(l.Accords) == 0 {
		return out, fmt.Errorf("%w: name the accords under which the list may be matched", ErrInvalid)
	}
	out.At = stamp(n.now())
	keys := make(map[string]bool)
	in := bufio.NewScanner(r)
	in.Buffer(nil, selector.MaxValue+2)
	for in.Scan() {
		out.Lines++
		if strings.TrimSpace(in.Text()) == "" {
			continue
		}
		ks, err := selector.Normalise(l.Selector, in.Text())
		if err != nil {
			if out.NRefused++; len(out.Refused) < maxListFaults {
				out.Refused = append(out.Refused, LineFault{out.Lines, err.Error()})
			}
			continue
		}
		for _, k := range ks {
			keys[k] = true
		}
	}
	if err := in.Err(); err != nil {
		return out, fmt.Errorf("%w: line %d: %w; nothing was loaded", ErrInvalid, out.Lines+1, err)
	}
	if len(keys) == 0 {
		return out, fmt.Errorf("%w: none of %d lines is of kind %s; nothing was loaded", ErrInvalid, out.Lines, l.Selector)
	}
	out.Count = len(keys)
	err := n.update(ctx, func(tx store.Tx) error {
		for i, id := range out.Accords {
			pc, err := n.pact(tx, id)
			if err != nil {
				return err
			}
			if _, ok := pc.Terms.MatchRule(l.Selector); !ok {
				return fmt.Errorf("%w: accord %s does not allow matching of kind %s", ErrInvalid, clip(id), l.Selector)
			}
			out.Accords[i] = pc.ID
		}
		if err := tx.DeleteSelectors(listPrefix + l.Name); err != nil {
			return err
		}
		for k := range keys {
			if err := tx.PutSelector(l.Selector, k, listPrefix+l.Name); err != nil {
				return err
			}
		}
		return putDoc(tx, docMatchList, l.Name, out.MatchList)
	})
	return out, err
}

// MatchLists lists the lists that were loaded.
func (n *Node) MatchLists(ctx context.Context) ([]MatchList, error) {
	var out []MatchList
	err := n.view(ctx, func(tx store.Tx) (err error) {
		out, err = listDocs[MatchList](tx, docMatchList)
		return err
	})
	return out, err
}

// DropMatchList removes a list; from the next publication on it is not matched.
func (n *Node) DropMatchList(ctx context.Context, name string) error {
	return n.update(ctx, func(tx store.Tx) error {
		if _, err := tx.Doc(docMatchList, name); err != nil {
			return fmt.Errorf("list %q: %w", clip(name), err)
		}
		return errors.Join(tx.DeleteSelectors(listPrefix+name), tx.DeleteDoc(docMatchList, name))
	})
}

// listsOf names the lists among the holders of a value and returns the others,
// which are objects.
func listsOf(holders []string) (lists, objects []string) {
	for _, h := range holders {
		if name, ok := strings.CutPrefix(h, listPrefix); ok {
			lists = append(lists, name)
		} else {
			objects = append(objects, h)
		}
	}
	return slices.Clip(lists), slices.Clip(objects)
}
