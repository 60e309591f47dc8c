package node

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// nextFile is the file of keys that a rotation has made and not yet brought into
// use.
const nextFile = "signing.next"

// nextKeys are the keys that replace those in use, all at once.
type nextKeys struct {
	operational
	tls    []byte // seed; nil in a file that an early version left
	parcel *age.HybridIdentity
}

func drawKeys(rand io.Reader) (k nextKeys, err error) {
	if k.operational, err = drawOperational(rand); err != nil {
		return k, err
	}
	if k.tls, err = drawSeed(rand); err == nil {
		k.parcel, err = age.GenerateHybridIdentity()
	}
	return k, err
}

func (k nextKeys) text() []byte {
	return slices.Concat(k.operational.text(), []byte(hex.EncodeToString(k.tls)+"\n"), parcelText([]*age.HybridIdentity{k.parcel}))
}

func parseNextKeys(b []byte) (k nextKeys, err error) {
	lines := strings.Fields(string(b))
	if k.operational, err = parseOperational([]byte(strings.Join(lines[:min(2, len(lines))], "\n"))); err != nil || len(lines) == 2 {
		return k, err
	}
	if len(lines) != 4 {
		return k, errors.New("want two or four lines")
	}
	if k.tls, err = hex.DecodeString(lines[2]); err != nil || len(k.tls) != ed25519.SeedSize {
		return k, errors.New("want 64 hexadecimal digits in the third line")
	}
	k.parcel, err = age.ParseHybridIdentity(lines[3])
	return k, err
}

// signing is the operational key in use.
func (n *Node) signing() ledger.Key {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.keys.signing
}

// certificate is what we show on the line.
func (n *Node) certificate() tls.Certificate {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.keys.tls
}

// parcelKeys open what was sealed to us; the newest comes first.
func (n *Node) parcelKeys() []*age.HybridIdentity {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.keys.parcel
}

func (n *Node) identities() (ids []age.Identity) {
	for _, id := range n.parcelKeys() {
		ids = append(ids, id)
	}
	return ids
}

// cosign adds our cosignatures to a checkpoint.
func (n *Node) cosign(checkpoint []byte) ([]byte, error) {
	n.mu.Lock()
	key, ml := n.keys.signing, n.keys.cosigning
	n.mu.Unlock()
	return ledger.Cosign(checkpoint, n.cfg.Party, key, ml)
}

// RotateKey replaces the operational keys, the link key and the parcel key: a new
// card, signed by the long-term key, names the new ones and, for every log that we
// sign or cosign, up to where the old ones count. Each of our logs records it, and
// partners learn it with the next parcel. What the old keys signed up to there
// stays verifiable; what a thief signs with them beyond is refused, whatever time
// it claims. Partners without the new card find the link key that they know
// behind the new one, and what they still seal to the old parcel key is opened.
func (n *Node) RotateKey(ctx context.Context) (Card, error) {
	n.guard.mu.Lock() // nothing is signed meanwhile
	defer n.guard.mu.Unlock()
	keys, err := drawKeys(n.opt.Rand)
	if err != nil {
		return Card{}, err
	}
	n.mu.Lock()
	old := n.keys
	n.mu.Unlock()
	_, pin, err := old.renewed(n.cfg.Party, keys.tls)
	if err != nil {
		return Card{}, err
	}
	root, err := n.files.root()
	if err != nil {
		return Card{}, err
	}
	// The keys are durable before the card that names them, so that a crash
	// between the two leaves either the old state or the new one.
	if err := n.files.write(filepath.Join(n.dir, keysFolder, nextFile), keys.text()); err != nil {
		return Card{}, err
	}
	c, ok := n.currentBook().Card(n.cfg.Party)
	if !ok {
		return Card{}, fmt.Errorf("%w: this node has no card yet", ErrState)
	}
	var ps []pact
	err = n.update(ctx, func(tx store.Tx) error {
		now := n.now().Truncate(time.Second)
		next := c
		next.Sequence++
		next.NotBefore, next.NotAfter = now, now.Add(cardLife)
		next.Endpoints = n.cfg.endpoints()
		next.TLS, next.Parcel = pin, keys.parcel.Recipient().String()
		if ps, err = n.pacts(tx); err != nil {
			return err
		}
		if err := n.wholeEverywhere(tx); err != nil {
			return err
		}
		sizes, err := n.positions(tx, ps)
		if err != nil {
			return err
		}
		if next.Positions, err = accord.MakePositions(next.Sequence, sizes, n.opt.Rand); err != nil {
			return err
		}
		if next, err = accord.SignCard(next, root, keys.signing.Public(), keys.cosigning.Public()); err != nil {
			return err
		}
		if err := n.putCard(tx, next); err != nil {
			return err
		}
		for _, p := range ps {
			if !slices.Contains(p.Terms.Parties(), n.cfg.Party) {
				continue
			}
			size, err := tx.LogSize(ledger.Origin(p.ID, n.cfg.Party))
			if err != nil {
				return err
			}
			if size == 0 {
				continue // it waits for our signature: nothing was signed under it
			}
			if _, err := n.act(tx, p.Accord, ledger.KeyReplaced, ledger.Rekey{Sequence: next.Sequence, Card: sha256.Sum256(next.Note())}); err != nil {
				return err
			}
		}
		c = next
		return nil
	})
	if err != nil {
		return Card{}, err
	}
	if err := errors.Join(n.loadBook(ctx), n.settleKey()); err != nil {
		return Card{}, err
	}
	for _, p := range ps {
		n.kick(p.Accord)
	}
	return n.cardView(c), nil
}

// wholeEverywhere is an error while a log of ours is longer than what is held of
// it: a card would say of what is missing that somebody else signed it. That the
// database knows the accord is not said.
func (n *Node) wholeEverywhere(tx store.Tx) error {
	signed, err := n.guard.all()
	if err != nil {
		return err
	}
	for _, t := range signed {
		if _, _, err := ledger.ParseOrigin(t.Log); err != nil {
			continue // a node log that was lost does not come back
		}
		size, err := tx.LogSize(t.Log)
		if err != nil {
			return err
		}
		if err := n.whole(tx, t.Log, size); err != nil {
			return fmt.Errorf("the keys cannot be replaced before our logs have come back: %w", err)
		}
	}
	return nil
}

// positions tells, for every log that we signed or cosigned, up to where.
func (n *Node) positions(tx store.Tx, ps []pact) (map[string]int64, error) {
	sizes := make(map[string]int64)
	for _, p := range ps {
		if !slices.Contains(p.Terms.Parties(), n.cfg.Party) {
			continue
		}
		for _, m := range p.Terms.Parties() {
			log := ledger.Origin(p.ID, m)
			size, err := n.signedSize(tx, log) // of others': the newest that we cosigned
			if err != nil {
				return nil, err
			}
			if size > 0 || m == n.cfg.Party && n.signedByUs(p.Accord) {
				sizes[log] = size
			}
		}
	}
	l, err := n.nodeLog(tx)
	if err != nil {
		return nil, err
	}
	if sizes[l.Origin], err = n.signedSize(tx, l.Origin); err != nil {
		return nil, err
	}
	return sizes, n.witness.positions(sizes)
}

// dropForged takes out of the logs that we hold of a party what a card that has
// just come says that it did not sign: a thief of the key that the card replaced
// did. People are told. It belongs into the transaction that stores the card:
// what is held then, the new key cannot have signed.
func (n *Node) dropForged(tx store.Tx, c accord.Card) error {
	if c.Positions == nil || c.Party == n.cfg.Party {
		return nil
	}
	ps, err := n.pacts(tx)
	if err != nil {
		return err
	}
	for _, p := range ps {
		log := ledger.Origin(p.ID, c.Party)
		size, err := tx.LogSize(log)
		if err != nil {
			return err
		}
		if at, _ := c.Position(log); size > at {
			if err := n.dropEntries(tx, p, c.Party, at, size); err != nil {
				return fmt.Errorf("log %s: %w", log, err)
			}
		}
	}
	return nil
}

func (n *Node) dropEntries(tx store.Tx, pc pact, party string, at, size int64) error {
	log := ledger.Origin(pc.ID, party)
	rows, err := tx.Events(store.EventQuery{Logs: []string{log}, From: at})
	if err != nil {
		return err
	}
	var said []string
	for _, r := range rows {
		e, err := ledger.ParseEvent(r.Bytes)
		if err != nil {
			return err
		}
		said = append(said, fmt.Sprintf("%d %s", r.Index, e.Kind))
		mark := entryMark(log, r.Index)
		if err := errors.Join(tx.DeleteDoc(docHeld, mark), tx.DeleteDoc(docAwaited, mark)); err != nil {
			return err
		}
		switch e.Kind {
		case ledger.Released, ledger.Corrected:
			d, err := decodeData[ledger.Release](e)
			if err == nil {
				err = n.removeReceived(tx, pc.ID, party, d.Object, "withdrawn", "it was not "+party+" who released it: the key was stolen")
			}
			if err != nil {
				return err
			}
		case ledger.Withdrawn:
			d, err := decodeData[ledger.Withdrawal](e)
			if err == nil {
				err = tx.DeleteDoc(docWithdrawn, peerID(pc.ID, party)+"/"+d.Object)
			}
			if err != nil {
				return err
			}
		}
	}
	todo, err := tx.ListDocs(docTodo)
	if err != nil {
		return err
	}
	for _, d := range todo {
		kind, rest, _ := strings.Cut(d.ID, "/")
		head, index := cutLast(rest)
		if kind == "show" { // its entry is the acknowledgement, which it keeps
			if err := json.Unmarshal(d.Body, &index); err != nil {
				return err
			}
		}
		if kind != "" && head == peerID(pc.ID, party) && index >= at {
			if err := tx.DeleteDoc(docTodo, d.ID); err != nil {
				return err
			}
		}
	}
	if err := tx.TruncateLog(log, at); err != nil {
		return err
	}
	var seen slot
	if err := getDoc(tx, docWitnessing, log, &seen); err == nil && seen.Size > at {
		if err := tx.DeleteDoc(docWitnessing, log); err != nil {
			return err
		}
	}
	what := "none of them is open to us"
	if len(said) > 0 {
		what = "those open to us: " + strings.Join(said, ", ")
	}
	return n.putAlarm(tx, Alarm{Accord: pc.ID, Party: party, Text: fmt.Sprintf(
		"%d entries of the log of %s, from entry %d on, were signed with a key that %s has since replaced: somebody else signed them. They were taken out (%s). Look at what was done on their account.",
		size-at, party, at, party, what)})
}

// renewed makes the certificate of the link key that follows the one in use, and its
// pin.
func (k keys) renewed(party string, seed []byte) (cert tls.Certificate, pin string, err error) {
	if cert, err = link.Renew(k.tls, party, ed25519.NewKeyFromSeed(seed)); err == nil {
		pin, err = link.Pin(cert)
	}
	return cert, pin, err
}

// recallCard takes our newest card from beside the keys that it names, where the
// database lost it: it may not have reached anybody who could give it back, and
// nothing that these keys sign verifies without it.
func (n *Node) recallCard(ctx context.Context) error {
	note, err := os.ReadFile(filepath.Join(n.dir, keysFolder, ownCardFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the keys are the first ones
	}
	if err != nil {
		return err
	}
	c, err := accord.OpenCard(note)
	if err != nil || c.Party != n.cfg.Party {
		return errors.Join(err, fmt.Errorf("%s in %s is damaged: put it back from a backup", ownCardFile, keysFolder))
	}
	if known, ok := n.currentBook().Card(c.Party); ok && known.Sequence >= c.Sequence {
		return nil
	}
	if err := n.update(ctx, func(tx store.Tx) error { return n.putCard(tx, c) }); err != nil {
		return err
	}
	return n.loadBook(ctx)
}

// settleKey finishes or forgets a rotation. A crash in the middle is finished by the
// next call.
func (n *Node) settleKey() error {
	c, _ := n.currentBook().Card(n.cfg.Party)
	n.mu.Lock()
	k := n.keys
	n.mu.Unlock()
	k, err := k.settle(n.files, n.dir, c)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keys = k
	return nil
}

// settle brings the keys that a rotation drew into use, in the folder and in what it
// returns, exactly if the party's newest card names them; else it forgets them. The
// zero card is none.
func (k keys) settle(files *commonFiles, dir string, own accord.Card) (keys, error) {
	folder := filepath.Join(dir, keysFolder)
	b, err := files.read(filepath.Join(folder, nextFile))
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return k, err
	}
	next, err := parseNextKeys(b)
	if err != nil {
		return k, fmt.Errorf("%s is damaged: %w", nextFile, err)
	}
	if own.SigningKey() != next.signing.Public() {
		return k, files.remove(filepath.Join(folder, nextFile))
	}
	if err := files.write(filepath.Join(folder, ownCardFile), own.Note()); err != nil {
		return k, err
	}
	if err := files.write(filepath.Join(folder, signingFile), next.operational.text()); err != nil {
		return k, err
	}
	k.operational = next.operational
	if next.parcel != nil {
		if k, err = k.settleLink(files, folder, own, next); err != nil {
			return k, err
		}
	}
	return k, files.remove(filepath.Join(folder, nextFile))
}

// settleLink brings the next link and parcel keys into use.
func (k keys) settleLink(files *commonFiles, folder string, own accord.Card, next nextKeys) (keys, error) {
	if k.parcel[0].String() != next.parcel.String() {
		k.parcel = append([]*age.HybridIdentity{next.parcel}, k.parcel...)
		if err := files.write(filepath.Join(folder, parcelFile), parcelText(k.parcel)); err != nil {
			return k, err
		}
	}
	if pin, err := link.Pin(k.tls); err != nil || pin == own.TLS {
		return k, err
	}
	cert, pin, err := k.renewed(own.Party, next.tls)
	if err != nil {
		return k, err
	}
	if pin != own.TLS {
		return k, fmt.Errorf("%s has another link key than our card names", nextFile)
	}
	k.tls = cert
	return k, files.write(filepath.Join(folder, tlsFile), tlsText(cert))
}
