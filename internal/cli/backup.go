package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"parley.example/parley/internal/node"
)

// backupCmd writes a backup of a node, which may run.
func (a *app) backupCmd() *cobra.Command {
	var to []string
	var secret string
	c := &cobra.Command{
		Use: "backup FILE", Short: "Write an encrypted backup of the node, which may go on working", Args: cobra.ExactArgs(1),
		Long: `Writes keys, configuration and a consistent copy of the database to FILE, sealed with
age: to --recipient (age1…, several allowed), or with the passphrase in --passphrase-file
(- reads it from standard input). The copy is read whole before it is sealed. What was
signed last and the keys of private matching are left out on purpose: see parley recover.`,
		RunE: func(c *cobra.Command, args []string) error {
			recipients, err := sealers(to, secret, a.in)
			if err != nil {
				return err
			}
			if _, err := os.Lstat(args[0]); err == nil {
				return fmt.Errorf("%s exists already; nothing was written", args[0])
			}
			var out struct {
				node.BackupManifest
				File  string `json:"file"`
				Bytes int64  `json:"bytes"`
			}
			snapshot, err := a.snapshot(c)
			if err != nil {
				return err
			}
			defer os.RemoveAll(filepath.Dir(snapshot))
			out.File = args[0]
			out.BackupManifest, err = a.backup(c, snapshot, args[0], recipients)
			if err != nil {
				return err
			}
			info, err := os.Stat(args[0])
			if err != nil {
				return err
			}
			out.Bytes = info.Size()
			if err := node.NoteBackup(a.dir, time.Now()); err != nil {
				return fmt.Errorf("the backup is written, but not that it was: %w", err)
			}
			return a.show(out, func(w io.Writer) {
				line(w, "backup of", out.Party, out.Made)
				line(w, "file", out.File, fmt.Sprintf("%d bytes", out.Bytes))
				line(w, "contents (SHA-256)", out.Digest)
				line(w, "try it", "parley restore "+out.File+" --dir ANOTHER-FOLDER")
			})
		},
	}
	c.Flags().StringSliceVar(&to, "recipient", nil, "who can open it: age1…")
	c.Flags().StringVar(&secret, "passphrase-file", "", "file with the passphrase that opens it; - is standard input")
	return c
}

// snapshot takes a copy of the database from the running node, or from its folder.
func (a *app) snapshot(c *cobra.Command) (string, error) {
	path, err := node.SnapshotStopped(c.Context(), a.dir)
	if !errors.Is(err, node.ErrRunning) {
		return path, err
	}
	var out struct {
		Path string `json:"path"`
	}
	if err = a.client().Post(c.Context(), "/snapshot", nil, &out); err != nil {
		return "", err
	}
	if _, err := os.Stat(out.Path); err != nil {
		return "", fmt.Errorf("the copy of the database is on the machine of the process that leads (parley status): make the backup there: %w", err)
	}
	return out.Path, nil
}

// backup writes the file whole or not at all.
func (a *app) backup(c *cobra.Command, snapshot, name string, to []age.Recipient) (m node.BackupManifest, err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".backup-*") // mode 0600
	if err != nil {
		return m, err
	}
	defer os.Remove(f.Name())
	m, err = node.WriteBackup(c.Context(), a.dir, snapshot, f, to...)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return m, err
	}
	return m, os.Link(f.Name(), name) // which replaces nothing
}

func passphrase(file string, in io.Reader) (string, error) {
	var b []byte
	var err error
	if file == "-" {
		b, err = io.ReadAll(io.LimitReader(in, 4096))
	} else {
		b, err = os.ReadFile(file)
	}
	s := strings.TrimRight(string(b), "\r\n")
	if err == nil && len(s) < 12 {
		err = usage("the passphrase needs at least 12 characters")
	}
	return s, err
}

func sealers(to []string, secret string, in io.Reader) (out []age.Recipient, err error) {
	switch {
	case (len(to) == 0) == (secret == ""):
		return nil, usage("say who can open it: --recipient age1…, or --passphrase-file FILE")
	case secret != "":
		s, err := passphrase(secret, in)
		if err != nil {
			return nil, err
		}
		r, err := age.NewScryptRecipient(s)
		return []age.Recipient{r}, err
	}
	return age.ParseRecipients(strings.NewReader(strings.Join(to, "\n")))
}

// restoreCmd makes a node's folder from a backup.
func (a *app) restoreCmd() *cobra.Command {
	var identity, secret, address string
	c := &cobra.Command{
		Use: "restore FILE", Short: "Make a node's folder from a backup", Args: cobra.ExactArgs(1),
		Long: `Makes the folder named by --dir, which must not exist, from the backup in FILE. Every
file is checked, and the database read whole, before the folder appears. The node then
signs nothing under an accord until its partners have given its own log back: run
parley serve, and see parley recover.`,
		RunE: func(c *cobra.Command, args []string) error {
			var ids []age.Identity
			switch {
			case (identity == "") == (secret == ""):
				return usage("say what opens it: --identity FILE, or --passphrase-file FILE")
			case secret != "":
				s, err := passphrase(secret, a.in)
				if err != nil {
					return err
				}
				id, err := age.NewScryptIdentity(s)
				if err != nil {
					return err
				}
				ids = append(ids, id)
			default:
				f, err := os.Open(identity)
				if err != nil {
					return err
				}
				defer f.Close()
				if ids, err = age.ParseIdentities(f); err != nil {
					return fmt.Errorf("%s: %w", identity, err)
				}
			}
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			m, err := node.Restore(c.Context(), f, a.dir, address, ids...)
			if err != nil {
				return &codeError{exitNo, err}
			}
			out := struct {
				node.BackupManifest
				Dir string `json:"dir"`
			}{m, a.dir}
			return a.show(out, func(w io.Writer) {
				line(w, "restored", m.Party, "as of "+m.Made)
				line(w, "folder", a.dir)
				line(w, "contents (SHA-256)", m.Digest)
				line(w, "next", "parley serve, then parley recover: the node signs nothing before its partners gave its own log back")
			})
		},
	}
	c.Flags().StringVar(&identity, "identity", "", "file with the age identity that opens it")
	c.Flags().StringVar(&secret, "passphrase-file", "", "file with the passphrase that opens it; - is standard input")
	c.Flags().StringVar(&address, "store", "", "PostgreSQL database to restore into (default: a file in the folder)")
	return c
}
