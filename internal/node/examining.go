package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// Check is one thing that was looked at: whether it is as it should be, what was
// found, and where it is not, what to do.
type Check struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
	Do    string `json:"do,omitempty"`
}

func good(name, format string, args ...any) Check {
	return Check{Name: name, OK: true, Found: fmt.Sprintf(format, args...)}
}

func bad(name, do, format string, args ...any) Check {
	return Check{Name: name, Found: fmt.Sprintf(format, args...), Do: do}
}

const (
	// minFree is what a disk should have left: SQLite needs room for a copy of what
	// it rewrites, and a full disk stops everything.
	minFree = 1 << 30
	// soon is how long ahead something that ends is told.
	soon = 14 * 24 * time.Hour
	// unheard is after how long without a partner's answer something is wrong.
	unheard = time.Hour
)

// ExamineFolder looks at what a node's folder tells without the node. Keys that are
// sealed are opened where pass is not nil (see Options).
func ExamineFolder(dir string, now time.Time, pass func() ([]byte, error)) (checks []Check) {
	cfg, err := loadConfig(dir)
	if err != nil {
		return []Check{bad("configuration", "make a node with parley init, restore one with parley restore, or name its folder with --dir", "%v", err)}
	}
	checks = append(checks, good("configuration", "node of %s in %s", cfg.Party, dir))
	checks = append(checks, keysCheck(dir, cfg.Party, pass))
	checks = append(checks, privacy(dir), room(dir))
	if cfg.ConsoleCert != "" && cfg.ConsoleCert != "self" {
		checks = append(checks, certificate(cfg.ConsoleCert, now))
	}
	return checks
}

func keysCheck(dir, party string, pass func() ([]byte, error)) Check {
	if err := checkKeys(dir, party, pass); err != nil {
		return bad("keys", "put back the folder keys/ from a backup (parley restore into another folder)", "%v", err)
	}
	how := "all there, open to whoever reads the disk (parley keys seal)"
	if Sealed(dir) {
		how = "all there, sealed with a passphrase"
		if open, err := unsealedFiles(dir); err != nil || len(open) > 0 {
			return bad("keys", "stop the node and seal them: parley keys seal", "%d files lie open although the others are sealed: %v", len(open), errors.Join(err, errors.New(strings.Join(open, ", "))))
		}
	}
	if _, err := os.Stat(filepath.Join(dir, keysFolder, custodyFile)); err == nil {
		how += "; the long-term key is in custody"
	}
	return good("keys", "%s", how)
}

// privacy looks for files that others than the node's user can read.
func privacy(dir string) Check {
	open := ""
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went while we looked
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && d.Type().IsRegular() && info.Mode().Perm()&0o077 != 0 && open == "" {
			open = path
		}
		if d.IsDir() && path != dir && d.Name() != keysFolder {
			return fs.SkipDir
		}
		return nil
	})
	switch {
	case err != nil:
		return bad("privacy", "give the folder to the user who runs the node", "%v", err)
	case open != "":
		return bad("privacy", "chmod -R go= "+dir, "others on this machine may read %s", open)
	}
	return good("privacy", "nobody else may read keys and database")
}

func room(dir string) Check {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return bad("disk", "see that the disk is there and can be read", "%v", err)
	}
	free := s.Bavail * uint64(s.Bsize)
	if free < minFree {
		return bad("disk", "make room or move the folder to a larger disk", "%d MB are left", free>>20)
	}
	return good("disk", "%d GB are left", free>>30)
}

func certificate(file string, now time.Time) Check {
	const name = "console certificate"
	c, err := readCertificate(file)
	switch {
	case errors.As(err, new(*fs.PathError)):
		return bad(name, "put the certificate back, or correct console_cert in node.json", "%v", err)
	case err != nil:
		return bad(name, "write it as PEM", "%s does not read: %v", file, err)
	case now.Add(soon).After(c.NotAfter):
		return bad(name, "renew it and start the node again", "ends on %s", c.NotAfter.UTC().Format(time.DateOnly))
	}
	return good(name, "good until %s", c.NotAfter.UTC().Format(time.DateOnly))
}

// ExamineStopped looks at the database of a node that does not run; it reads it
// whole. It returns ErrRunning where the node runs.
func ExamineStopped(ctx context.Context, dir string) (c Check, err error) {
	cfg, err := loadConfig(dir)
	if err != nil {
		return c, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	const restore = "restore the last backup into another folder (parley restore) and start the node there; it takes back from its partners what came later"
	if cfg.Store == "" {
		if _, err := os.Stat(filepath.Join(dir, databaseFile)); err != nil {
			return bad("database", restore, "%v", err), nil
		}
	}
	s, err := openStore(ctx, dir, cfg.Store)
	if err != nil {
		return bad("database", "see that the server is up and reachable, or "+restore, "%v", err), nil
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if v, ok := s.(interface{ Verify(context.Context) error }); ok {
		if err := v.Verify(ctx); err != nil {
			return bad("database", restore, "%v", err), nil
		}
	}
	got, err := store.ContentsOf(ctx, s)
	if err != nil {
		return bad("database", restore, "%v", err), nil
	}
	var rows int64
	for _, n := range got.Rows {
		rows += n
	}
	return good("database", "%s, read whole: %d rows", storeName(cfg.Store), rows), nil
}

// Examine looks at a node that runs.
func (n *Node) Examine(ctx context.Context) (checks []Check, err error) {
	now := n.now()
	o, err := n.Overview(ctx)
	if err != nil {
		return nil, err
	}
	checks = append(checks, good("database", "%s, answers", storeName(n.cfg.Store)))
	if o.Leader != "" {
		checks = append(checks, good("processes", "the one at %s leads", o.Leader))
	}
	newest, err := n.newestAct(ctx)
	if err != nil {
		return nil, err
	}
	if ahead := newest.Sub(now); ahead > 5*time.Minute {
		checks = append(checks, bad("clock", "set this machine's clock and keep it set (NTP)", "it is %s behind the newest entry of our own logs", ahead.Round(time.Minute)))
	} else {
		checks = append(checks, good("clock", "not behind our own logs"))
	}
	cards, err := n.Cards(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range cards {
		ends, err := time.Parse(time.RFC3339, c.Expires)
		switch name := "card of " + c.Party; {
		case err != nil:
			return nil, err
		case now.Add(soon).Before(ends):
			checks = append(checks, good(name, "good until %s", ends.Format(time.DateOnly)))
		case c.Own:
			checks = append(checks, bad(name, "renew it: parley card rotate", "ends on %s", ends.Format(time.DateOnly)))
		default:
			checks = append(checks, bad(name, "ask the partner to renew it; it comes with the next parcel", "ends on %s", ends.Format(time.DateOnly)))
		}
	}
	for _, p := range o.Partners {
		name := "partner " + p.Party
		heard := time.Time{}
		if p.LastContact != nil {
			if heard, err = time.Parse(time.RFC3339, *p.LastContact); err != nil {
				return nil, err
			}
		}
		switch ago := now.Sub(heard); {
		case p.Reason != "" && ago > unheard:
			checks = append(checks, bad(name, "see that its address on its card is right and both machines reach each other; a parcel file by stick goes on meanwhile (parley parcel export)", "not heard for long: %s", p.Reason))
		case heard.IsZero():
			checks = append(checks, bad(name, "try parley sync ACCORD "+p.Party, "never heard under %s", p.AccordTitle))
		case ago > unheard:
			checks = append(checks, bad(name, "try parley sync ACCORD "+p.Party, "last heard on %s", stamp(heard)))
		default:
			checks = append(checks, good(name, "%s, %s; %d waiting to go", p.State, p.Rung, p.WaitingOut))
		}
	}
	rs, err := n.Recoveries(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range rs {
		if r.Lost {
			checks = append(checks, bad("recovery of "+r.Log, "let partners give our log back (parley sync), then see parley recover", "the database is older than what was signed"))
		}
	}
	alarms, err := n.Alarms(ctx)
	if err != nil {
		return nil, err
	}
	if len(alarms) > 0 {
		checks = append(checks, bad("alarms", "read them in the console or with parley log alarms; evidence is judged by parley verify", "%d, the newest against %s: %s", len(alarms), alarms[0].Party, alarms[0].Text))
	} else {
		checks = append(checks, good("alarms", "none"))
	}
	feeds, err := n.Feeds(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range feeds {
		if f.Error != "" {
			checks = append(checks, bad("feed "+f.Name, "correct the feed (parley feed) or ask who runs it", "%s", f.Error))
		} else {
			checks = append(checks, good("feed "+f.Name, "lag %s", f.Lag))
		}
	}
	return checks, nil
}

// newestAct is the time of the newest entry of our own logs.
func (n *Node) newestAct(ctx context.Context) (at time.Time, err error) {
	err = n.view(ctx, func(tx store.Tx) error {
		ps, err := n.pacts(tx)
		if err != nil {
			return err
		}
		for _, p := range ps {
			es, err := tx.Events(store.EventQuery{Logs: []string{ledger.Origin(p.ID, n.cfg.Party)}, Newest: true, Limit: 1})
			if err != nil {
				return err
			}
			for _, e := range es {
				if t := time.UnixMicro(e.At).UTC(); t.After(at) {
					at = t
				}
			}
		}
		return nil
	})
	return at, err
}
