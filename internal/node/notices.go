package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley.example/parley/internal/store"
)

const docNotice = "notice" // by id: Notice

// Notice tells our own people about matching and sealed releases: it accuses nobody.
type Notice struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"` // hit, guessing, quota, overlap or sealed
	At       string `json:"at"`
	Accord   string `json:"accord"`
	Party    string `json:"party"` // the partner concerned
	Case     string `json:"case"`
	Question string `json:"question,omitempty"`
	Text     string `json:"text"`
	Seen     string `json:"seen"` // when a person took note; "" for not yet
	// Evidence is a file that parley verify judges; there is mostly none.
	Evidence string `json:"evidence,omitempty"`
}

const (
	noticeHit      = "hit"      // a standing question has a new hit
	noticeGuessing = "guessing" // a list that we asked looks like guessing
	noticeQuota    = "quota"    // a partner asked for more than its quota
	noticeSealed   = "sealed"   // a sealed release does not go on by itself
)

// notice keeps a notice; the same on the same day is kept once.
func (n *Node) notice(tx store.Tx, x Notice) error {
	x.At = stamp(n.now())
	sum := sha256.Sum256([]byte(strings.Join([]string{x.Kind, x.Accord, x.Party, x.Case, x.Question, x.Text, x.At[:len(time.DateOnly)]}, "\x00")))
	x.ID = hex.EncodeToString(sum[:8])
	_, err := tx.Doc(docNotice, x.ID)
	if errors.Is(err, store.ErrNotFound) {
		return putDoc(tx, docNotice, x.ID, x)
	}
	return err
}

// Notices lists what matching and sealed releases tell our people, newest first.
func (n *Node) Notices(ctx context.Context) ([]Notice, error) {
	var out []Notice
	err := n.view(ctx, func(tx store.Tx) (err error) {
		out, err = listDocs[Notice](tx, docNotice)
		return err
	})
	slices.SortStableFunc(out, func(a, b Notice) int { return strings.Compare(b.At, a.At) })
	return out, err
}

// SeeNotice notes that a person took note.
func (n *Node) SeeNotice(ctx context.Context, id string) (Notice, error) {
	var x Notice
	err := n.update(ctx, func(tx store.Tx) error {
		if err := getDoc(tx, docNotice, id, &x); err != nil {
			return fmt.Errorf("notice %q: %w", clip(id), err)
		}
		if x.Seen == "" {
			x.Seen = stamp(n.now())
		}
		return putDoc(tx, docNotice, id, x)
	})
	return x, err
}

// alarm keeps what a partner did against its own commitments.
func (n *Node) alarm(tx store.Tx, accordID, party, text string) error {
	a := Alarm{At: stamp(n.now()), Accord: accordID, Party: party, Text: text}
	sum := sha256.Sum256([]byte(party + text))
	a.ID = hex.EncodeToString(sum[:8])
	_, err := tx.Doc(docAlarm, a.ID)
	if errors.Is(err, store.ErrNotFound) {
		return putDoc(tx, docAlarm, a.ID, a)
	}
	return err
}

// Only the asker's own node sees what is asked, so it is the asker's node that
// watches for guessing, over what was asked in the last period as well: lists
// split over many questions are seen too.
const (
	runLength = 5  // consecutive numbers
	blockSize = 20 // of the thousand values that share all but the last three digits
)

// warn looks for guessing in a question and tells the officer and oversight.
func (n *Node) warn(tx store.Tx, q *question) error {
	q.Warnings = []string{}
	all := make(map[string]bool)
	var recent, still []string
	if err := getDoc(tx, docRecent, q.Selector, &recent); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	since := stamp(n.now().Add(-quotaPeriod))
	for _, id := range recent {
		var p question
		if err := getDoc(tx, docQuestion, id, &p); err != nil {
			return err
		}
		if p.At > since {
			still = append(still, id)
			for _, v := range p.Values {
				all[v] = true
			}
		}
	}
	if q.Standing == "" { // those ask the same again by themselves
		if err := putDoc(tx, docRecent, q.Selector, append(still, q.ID)); err != nil {
			return err
		}
	}
	for _, text := range guessing(q.Values, all) {
		q.Warnings = append(q.Warnings, text)
		err := n.notice(tx, Notice{
			Kind: noticeGuessing, Accord: q.Accord, Party: q.To, Case: q.Case, Question: q.ID,
			Text: fmt.Sprintf("a question to %s by %s under case %s: %s", q.To, q.By, q.Case, text),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// guessing says what in a list looks like guessing. before holds what was asked
// earlier; it counts along, but only what the list adds to is told.
func guessing(values []string, before map[string]bool) (out []string) {
	type number struct {
		stem string // all that is not the last digits
		n    int64
	}
	split := func(v string) (number, bool) {
		i := len(v)
		for i > 0 && len(v)-i < 15 && v[i-1] >= '0' && v[i-1] <= '9' {
			i--
		}
		if len(v)-i < 3 {
			return number{}, false
		}
		n, err := strconv.ParseInt(v[i:], 10, 64)
		return number{v[:i] + "#" + strconv.Itoa(len(v)-i), n}, err == nil
	}
	var all []number
	fresh := make(map[number]bool)
	for _, v := range values {
		if x, ok := split(v); ok && !fresh[x] {
			fresh[x] = true
			all = append(all, x)
		}
	}
	for v := range before {
		if x, ok := split(v); ok && !fresh[x] {
			all = append(all, x)
		}
	}
	slices.SortFunc(all, func(a, b number) int {
		if c := strings.Compare(a.stem, b.stem); c != 0 {
			return c
		}
		return int(max(-1, min(1, a.n-b.n)))
	})
	all = slices.Compact(all)
	longest, fullest := 0, 0
	for i := 0; i < len(all); {
		j, news := i, false
		for j < len(all) && all[j].stem == all[i].stem && all[j].n == all[i].n+int64(j-i) {
			news = news || fresh[all[j]]
			j++
		}
		if news {
			longest = max(longest, j-i)
		}
		i = j
	}
	for i := 0; i < len(all); {
		j, news := i, false
		for j < len(all) && all[j].stem == all[i].stem && all[j].n/1000 == all[i].n/1000 {
			news = news || fresh[all[j]]
			j++
		}
		if news {
			fullest = max(fullest, j-i)
		}
		i = j
	}
	if longest >= runLength {
		out = append(out, fmt.Sprintf("%d values follow one another", longest))
	}
	if fullest >= blockSize && fullest > longest {
		out = append(out, fmt.Sprintf("%d values differ in their last three digits alone", fullest))
	}
	return out
}
