package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"parley.example/parley/internal/custody"
	"parley.example/parley/internal/node"
)

// credential is the name under which systemd gives a unit the passphrase of sealed
// keys (LoadCredential=, systemd.exec(5)).
const credential = "parley.passphrase"

// unlock is how commands that open a node's folder get the passphrase of sealed keys:
// from --key-passphrase, the environment, systemd, or the terminal.
func (a *app) unlock() ([]byte, error) {
	if b, err := a.storedPassphrase(); b != nil || err != nil {
		return b, err
	}
	if a.asked == nil {
		b, err := a.ask("passphrase of the node's keys: ")
		if err != nil {
			return nil, err
		}
		a.asked = b
	}
	return bytes.Clone(a.asked), nil
}

// storedUnlock is unlock where nobody needs to be asked, and nil where somebody would.
func (a *app) storedUnlock() func() ([]byte, error) {
	if a.passphraseFile() == "" {
		return nil
	}
	return a.storedPassphrase
}

// passphraseFile is where the passphrase is; - is standard input, "" says that it is
// nowhere.
func (a *app) passphraseFile() string {
	if a.keyPassphrase != "" {
		return a.keyPassphrase
	}
	if f := os.Getenv("PARLEY_KEY_PASSPHRASE"); f != "" {
		return f
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		if f := filepath.Join(dir, credential); exists(f) {
			return f
		}
	}
	return ""
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func (a *app) storedPassphrase() ([]byte, error) {
	file := a.passphraseFile()
	switch {
	case file == "":
		return nil, nil
	case file == "-":
		if a.asked == nil { // it can be read once
			b, err := io.ReadAll(io.LimitReader(a.in, 4096))
			if err != nil {
				return nil, err
			}
			a.asked = bytes.TrimRight(b, "\r\n")
		}
		return bytes.Clone(a.asked), nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the passphrase: %w", err)
	}
	return bytes.TrimRight(b, "\r\n"), nil
}

func (a *app) ask(prompt string) ([]byte, error) {
	in, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, fmt.Errorf("name the file that has it (--key-passphrase FILE, or the environment's PARLEY_KEY_PASSPHRASE), give it as systemd's credential %s, or start this on a terminal", credential)
	}
	fmt.Fprint(a.err, prompt)
	b, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(a.err)
	return b, err
}

// newPassphrase gets a passphrase that is to be used from now on.
func (a *app) newPassphrase(file string) ([]byte, error) {
	if file != "" {
		b, err := os.ReadFile(file)
		return bytes.TrimRight(b, "\r\n"), err
	}
	first, err := a.ask("new passphrase: ")
	if err != nil {
		return nil, err
	}
	again, err := a.ask("once more: ")
	if err == nil && !bytes.Equal(first, again) {
		err = errors.New("the two are not the same; nothing was changed")
	}
	return first, err
}

func (a *app) keysCmd() *cobra.Command {
	return group("keys", "Seal the node's keys with a passphrase; split the long-term key among custodians",
		a.sealCmd(), a.unsealCmd(), a.passphraseCmd(), a.splitCmd(), a.shareCmd(), a.combineCmd(), a.dropCmd())
}

func (a *app) sealCmd() *cobra.Command {
	return &cobra.Command{
		Use: "seal", Short: "Seal the keys of a stopped node with a passphrase", Args: cobra.NoArgs,
		Long: `Seals every secret file of the node's folder (XChaCha20-Poly1305 under a random key, which
Argon2id of the passphrase opens). From then on parley serve needs the passphrase: from
--key-passphrase FILE, from the file that PARLEY_KEY_PASSPHRASE names, from systemd's credential
parley.passphrase, or on a terminal. Without it the keys, and backups made afterwards, are lost.`,
		RunE: func(*cobra.Command, []string) error {
			pass, err := a.storedPassphrase()
			if err == nil && pass == nil {
				if node.Sealed(a.dir) {
					pass, err = a.unlock()
				} else {
					pass, err = a.newPassphrase("")
				}
			}
			if err != nil {
				return err
			}
			n, err := node.SealKeys(a.dir, pass)
			if err != nil {
				return &codeError{exitNo, err}
			}
			return a.show(map[string]int{"sealed": n}, func(w io.Writer) { line(w, fmt.Sprintf("%d files sealed", n)) })
		},
	}
}

func (a *app) unsealCmd() *cobra.Command {
	return &cobra.Command{
		Use: "unseal", Short: "Open the keys of a stopped node for good", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := node.UnsealKeys(a.dir, a.unlock); err != nil {
				return &codeError{exitNo, err}
			}
			return a.show(map[string]bool{"ok": true}, func(w io.Writer) { line(w, "the keys lie open") })
		},
	}
}

func (a *app) passphraseCmd() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "passphrase", Short: "Give the sealed keys of a stopped node another passphrase", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			next, err := a.newPassphrase(file)
			if err != nil {
				return err
			}
			if err := node.ChangePassphrase(a.dir, a.unlock, next); err != nil {
				return &codeError{exitNo, err}
			}
			return a.show(map[string]bool{"ok": true}, func(w io.Writer) {
				line(w, "the keys open with the new passphrase; backups from before with the old one")
			})
		},
	}
	c.Flags().StringVar(&file, "new", "", "file with the new passphrase (default: asked on the terminal)")
	return c
}

func (a *app) splitCmd() *cobra.Command {
	var need, of int
	var to string
	c := &cobra.Command{
		Use: "split", Short: "Split the long-term key into shares, any few of which bring it back", Args: cobra.NoArgs,
		Long: `Writes one file for each custodian. The long-term key signs cards only: a node does without it
until keys are replaced. Give the files to their custodians, have each checked where it is kept
(parley keys check FILE), then take the key off the node: parley keys drop FILE…`,
		RunE: func(*cobra.Command, []string) error {
			shares, err := node.SplitRoot(a.dir, a.unlock, need, of)
			if err != nil {
				return &codeError{exitNo, err}
			}
			if err := os.MkdirAll(to, 0o700); err != nil {
				return err
			}
			var files []string
			for _, s := range shares {
				name := filepath.Join(to, fmt.Sprintf("%s-share-%d-of-%d.txt", s.Party, s.Number, s.Of))
				f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
				if err != nil {
					return err
				}
				_, err = f.Write(s.Marshal())
				if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
					return err
				}
				files = append(files, name)
			}
			return a.show(map[string]any{"files": files, "need": need}, func(w io.Writer) {
				for _, f := range files {
					line(w, "wrote", f)
				}
				line(w, fmt.Sprintf("any %d of them bring the key back", need))
			})
		},
	}
	c.Flags().IntVar(&need, "need", 3, "how many shares bring the key back")
	c.Flags().IntVar(&of, "of", 5, "how many shares there are")
	c.Flags().StringVar(&to, "to", "", "folder to write the shares to")
	_ = c.MarkFlagRequired("to")
	return c
}

func readShares(names []string) (out []custody.Share, err error) {
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		s, err := custody.Parse(b)
		if err != nil {
			return nil, &codeError{exitNo, fmt.Errorf("%s: %w", name, err)}
		}
		out = append(out, s)
	}
	return out, nil
}

func (a *app) shareCmd() *cobra.Command {
	return &cobra.Command{
		Use: "check SHARE…", Short: "Check shares by themselves, with no node", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			shares, err := readShares(args)
			if err != nil {
				return err
			}
			return a.show(map[string]any{"ok": true, "shares": len(shares)}, func(w io.Writer) {
				for i, s := range shares {
					line(w, args[i], "good", fmt.Sprintf("share %d of %d of the long-term key of %s; %d bring it back", s.Number, s.Of, s.Party, s.Need))
				}
			})
		},
	}
}

func (a *app) combineCmd() *cobra.Command {
	return &cobra.Command{
		Use: "combine SHARE…", Short: "Bring the long-term key back to the node, to replace keys (parley card rotate)", Args: cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			shares, err := readShares(args)
			if err != nil {
				return err
			}
			if err := node.CombineRoot(a.dir, a.unlock, shares); err != nil {
				return &codeError{exitNo, err}
			}
			return a.show(map[string]bool{"ok": true}, func(w io.Writer) {
				line(w, "the long-term key is on the node")
				line(w, "take it off when keys are replaced", "parley keys drop SHARE…")
			})
		},
	}
}

func (a *app) dropCmd() *cobra.Command {
	return &cobra.Command{
		Use: "drop SHARE…", Short: "Take the long-term key off the node, after shares showed that they bring it back", Args: cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			shares, err := readShares(args)
			if err != nil {
				return err
			}
			if err := node.DropRoot(a.dir, a.unlock, shares); err != nil {
				return &codeError{exitNo, err}
			}
			return a.show(map[string]bool{"ok": true}, func(w io.Writer) { line(w, "the long-term key is off the node; backups from before still have it") })
		},
	}
}
