package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// A witness is shown node logs and nothing else: checkpoints of a log that
// grows by one entry at a fixed cadence, and proofs that it only grew. It
// learns that a node runs, and vouches that nothing in it was taken back.

// maxNodeLogs bounds how many node logs one party may begin.
const maxNodeLogs = 256

// witnessState is what a witness signed last of each node log. It lies in
// files outside the database and outside backups and is durable before a
// cosignature leaves: a witness that forgot what it signed would vouch for two
// histories.
type witnessState struct {
	dir   string
	mu    sync.Mutex // serialises judging
	files *commonFiles
}

// witnessedLog is one file of a witnessState.
type witnessedLog struct {
	Log  string `json:"log"`
	Note []byte `json:"note"` // the checkpoint with our cosignature
}

func (s *witnessState) file(log string) string {
	sum := sha256.Sum256([]byte(log))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:16])+".json")
}

// last is the newest checkpoint that was cosigned; without one, the empty tree.
func (s *witnessState) last(log string) (cp ledger.Checkpoint, err error) {
	b, err := os.ReadFile(s.file(log))
	if errors.Is(err, fs.ErrNotExist) {
		return ledger.Checkpoint{Origin: log}, nil
	}
	if err != nil {
		return cp, fmt.Errorf("reading the witness's state: %w", err)
	}
	var w witnessedLog
	if err := json.Unmarshal(b, &w); err != nil || w.Log != log {
		return cp, fmt.Errorf("witness's state %s is damaged; refusing to sign", s.file(log))
	}
	// It was verified before it was written.
	if cp, err = ledger.ReadCheckpoint(w.Note); err != nil {
		return cp, fmt.Errorf("witness's state %s is damaged; refusing to sign: %w", s.file(log), err)
	}
	return cp, nil
}

// logs lists the node logs that were cosigned, by name.
func (s *witnessState) logs() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(s.dir, e.Name()))
		if err != nil {
			return nil, err
		}
		var w witnessedLog
		if err := json.Unmarshal(b, &w); err != nil {
			return nil, fmt.Errorf("witness's state %s is damaged", e.Name())
		}
		out = append(out, w.Log)
	}
	slices.Sort(out)
	return out, nil
}

// of is the newest node log of a party, "" where there is none.
func (s *witnessState) of(party string) (log string, count int, err error) {
	logs, err := s.logs()
	newest := int64(-1)
	for _, l := range logs {
		if p, err := ledger.ParseNodeOrigin(l); err != nil || p != party {
			continue
		}
		count++
		if _, epoch := cutLast(l); epoch > newest {
			log, newest = l, epoch
		}
	}
	return log, count, err
}

// positions adds up to where each node log was cosigned.
func (s *witnessState) positions(sizes map[string]int64) error {
	logs, err := s.logs()
	if err != nil {
		return err
	}
	for _, log := range logs {
		cp, err := s.last(log)
		if err != nil {
			return err
		}
		sizes[log] = cp.Tree.N
	}
	return nil
}

// cutLast parts a node log's name from its epoch.
func cutLast(origin string) (head string, epoch int64) {
	i := strings.LastIndexByte(origin, '/')
	epoch, _ = strconv.ParseInt(origin[i+1:], 10, 64)
	return origin[:max(i, 0)], epoch
}

// originOf is the first line of a checkpoint, which names the log.
func originOf(checkpoint []byte) string {
	line, _, _ := bytes.Cut(checkpoint, []byte("\n"))
	return string(line)
}

// judge checks a member's node log against what was cosigned last and, where
// it goes on from there, cosigns it. When the member's proof begins elsewhere
// nothing happens: the answer says where we stand and the member tries again.
func (s *witnessState) judge(p link.Parcel, from string, open ledger.Opener, cosign func([]byte) ([]byte, error)) (news bool, err error) {
	if len(p.Entries) > 0 || len(p.Bodies) > 0 {
		return false, fmt.Errorf("%w: a witness takes no entries and no content", link.ErrParcel)
	}
	if p.Checkpoint == nil {
		return false, nil
	}
	log := originOf(p.Checkpoint)
	if party, err := ledger.ParseNodeOrigin(log); err != nil || party != from {
		return false, fmt.Errorf("%w: a witness takes checkpoints of the sender's node log alone", link.ErrParcel)
	}
	cp, err := open(p.Checkpoint, log)
	if err != nil {
		return false, fmt.Errorf("%w: checkpoint: %w", link.ErrParcel, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last, err := s.last(log)
	if err != nil {
		return false, err
	}
	switch {
	case last.Note == nil:
		if _, count, err := s.of(from); err != nil || count >= maxNodeLogs {
			return false, errors.Join(err, fmt.Errorf("%w: %s has begun %d node logs; a witness follows no more", link.ErrSay, from, count))
		}
	case cp.Tree == last.Tree:
		return false, nil
	case cp.Tree.N == last.Tree.N:
		fork, _ := ledger.ProvesFork(cp, last, nil)
		return false, &link.Evidence{Fork: fork, Err: fmt.Errorf("%w: %s signed another tree of size %d than the one witnessed", link.ErrFork, from, cp.Tree.N)}
	}
	if p.OldSize != last.Tree.N || cp.Tree.N < last.Tree.N {
		return false, nil // the proof begins elsewhere, or an old parcel comes again
	}
	if err := ledger.CheckConsistency(last.Tree, cp.Tree, p.Proof); err != nil {
		if fork, ok := ledger.ProvesFork(last, cp, p.Proof); ok {
			return false, &link.Evidence{Fork: fork, Err: fmt.Errorf("%w: %s shows another past at size %d than the one witnessed", link.ErrFork, from, last.Tree.N)}
		}
		return false, fmt.Errorf("%w: %s: %w", link.ErrSuspect, from, err)
	}
	note, err := cosign(p.Checkpoint)
	if err != nil {
		return false, err
	}
	b, err := json.Marshal(witnessedLog{log, note})
	if err != nil {
		return false, err
	}
	return true, s.files.write(s.file(log), append(b, '\n'))
}

// answer tells a member how far we have seen its node log, with our
// cosignature.
func (s *witnessState) answer(p *link.Parcel, to string) error {
	log, _, err := s.of(to)
	if err != nil || log == "" {
		return err
	}
	last, err := s.last(log)
	p.Have, p.Cosigned = last.Tree.N, last.Note
	return err
}

// Alarm is something that people must look at.
type Alarm struct {
	ID     string `json:"id"`
	At     string `json:"at"`
	Accord string `json:"accord"`
	Party  string `json:"party"`
	Text   string `json:"text"`
	// Evidence is a file that parley verify judges; empty where what was seen
	// cannot be proven to others (yet).
	Evidence string `json:"evidence"`
}

// docResend marks logs, by accord/party, that must be shown from the beginning
// once more: their owner signed a tree that does not extend what we hold.
const docResend = "resend"

// raise keeps what a partner did that it must not do, for people to see.
func (n *Node) raise(ctx context.Context, accordID, party string, cause error) error {
	return n.update(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, accordID)
		if err != nil {
			return err
		}
		a := Alarm{Accord: pc.ID, Party: party, Text: cause.Error()}
		var ev *link.Evidence
		if errors.As(cause, &ev) {
			file := accord.NewEvidence(ev.Fork, pc.Accord, n.currentBook()).Marshal()
			if _, err := accord.VerifyEvidence(file); err == nil { // it proves nothing while members have yet to sign
				a.Evidence = string(file)
			}
			if err := tx.DeleteDoc(docResend, peerID(pc.ID, party)); err != nil {
				return err
			}
		} else if err := tx.PutDoc(docResend, peerID(pc.ID, party), []byte("{}")); err != nil {
			return err
		}
		return n.putAlarm(tx, a)
	})
}

// putAlarm keeps an alarm, once.
func (n *Node) putAlarm(tx store.Tx, a Alarm) error {
	a.At = stamp(n.now())
	sum := sha256.Sum256([]byte(a.Party + a.Text + a.Evidence))
	a.ID = hex.EncodeToString(sum[:8])
	if _, err := tx.Doc(docAlarm, a.ID); err == nil {
		return nil // the same once more
	}
	return putDoc(tx, docAlarm, a.ID, a)
}

// Alarms lists the alarms that were raised.
func (n *Node) Alarms(ctx context.Context) ([]Alarm, error) {
	var out []Alarm
	err := n.view(ctx, func(tx store.Tx) (err error) {
		out, err = listDocs[Alarm](tx, docAlarm)
		return err
	})
	return out, err
}
