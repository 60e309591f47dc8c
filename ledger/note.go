package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// ErrNote reports a signed note that is malformed, or that carries a
// signature which does not verify or which nobody known made.
var ErrNote = errors.New("signed note does not verify")

// Signed names a key under which a note was signed.
type Signed struct {
	Name string
	Key  PublicKey
}

// OpenNote verifies a signed note strictly: every signature on it must be by
// one of keys and valid, at least one must be there, and the bytes must be the
// one canonical spelling of what they say. It returns the text and the keys
// that signed, in the order of the signatures.
//
// Strictness is what makes a receipt reject any flipped bit: a signature that
// a lenient reader would pass over as unknown is an error here.
func OpenNote(msg []byte, keys []Signed) (text string, by []Signed, err error) {
	vs := make([]note.Verifier, 0, len(keys))
	for _, k := range keys {
		v, err := k.Key.verifier(k.Name)
		if err != nil {
			return "", nil, fmt.Errorf("key of %s: %w", k.Name, err)
		}
		vs = append(vs, v)
	}
	n, err := openStrict(msg, vs)
	if err != nil {
		return "", nil, err
	}
	for _, s := range n.Sigs {
		for _, k := range keys {
			if k.Name == s.Name && keyID(k.Name, k.Key) == s.Hash {
				by = append(by, k)
				break
			}
		}
	}
	return n.Text, by, nil
}

// NoteText splits a note into its text and its signature lines without
// verifying anything: for finding out whose keys are needed to open it.
func NoteText(msg []byte) (text string, signers []string, err error) {
	n, err := note.Open(msg, note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return "", nil, fmt.Errorf("%w: malformed: %v", ErrNote, err)
	}
	n = unverified.Note
	for _, s := range n.UnverifiedSigs {
		signers = append(signers, s.Name)
	}
	return n.Text, signers, nil
}

// AddSignature signs the text of a note once more and appends the signature;
// a signature by the same key that is there already is left as it is.
func (k Key) AddSignature(msg []byte, name string) ([]byte, error) {
	text, _, err := NoteText(msg)
	if err != nil {
		return nil, err
	}
	own, err := k.SignNote(name, text)
	if err != nil {
		return nil, err
	}
	return MergeSignatures(msg, own)
}

// MergeSignatures returns the first note with the signature lines of the
// second added where they are missing. Both must carry the same text.
func MergeSignatures(a, b []byte) ([]byte, error) {
	ta, la, err := splitNote(a)
	if err != nil {
		return nil, err
	}
	tb, lb, err := splitNote(b)
	if err != nil {
		return nil, err
	}
	if ta != tb {
		return nil, fmt.Errorf("%w: the two notes say different things", ErrNote)
	}
	have := make(map[string]bool)
	for _, l := range la {
		have[signatureKey(l)] = true
	}
	for _, l := range lb {
		if !have[signatureKey(l)] {
			la = append(la, l)
			have[signatureKey(l)] = true
		}
	}
	return []byte(ta + "\n" + strings.Join(la, "\n") + "\n"), nil
}

// signatureKey is the part of a signature line that names the key: the signer
// and the four-byte key id, so that a fresh signature by the same key does not
// pile up beside the first.
func signatureKey(line string) string {
	f := strings.Fields(line)
	if len(f) != 3 {
		return line
	}
	raw, err := base64.StdEncoding.DecodeString(f[2])
	if err != nil || len(raw) < 4 {
		return line
	}
	return f[1] + string(raw[:4])
}

func splitNote(msg []byte) (text string, lines []string, err error) {
	s := string(msg)
	i := strings.LastIndex(s, "\n\n")
	if i < 0 || !strings.HasSuffix(s, "\n") {
		return "", nil, fmt.Errorf("%w: no signatures found", ErrNote)
	}
	return s[:i+1], strings.Split(strings.TrimSuffix(s[i+2:], "\n"), "\n"), nil
}

func openStrict(msg []byte, vs []note.Verifier) (*note.Note, error) {
	n, err := note.Open(msg, note.VerifierList(vs...))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrNote, err)
	}
	if len(n.UnverifiedSigs) > 0 {
		return nil, fmt.Errorf("%w: signature by unknown key of %q", ErrNote, n.UnverifiedSigs[0].Name)
	}
	var b strings.Builder
	b.WriteString(n.Text + "\n")
	for _, s := range n.Sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return nil, fmt.Errorf("%w: signature of %q is not canonical base64", ErrNote, s.Name)
		}
		b.WriteString("— " + s.Name + " " + s.Base64 + "\n")
	}
	if b.String() != string(msg) {
		return nil, fmt.Errorf("%w: not in canonical form", ErrNote)
	}
	return n, nil
}
