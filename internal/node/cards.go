package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
)

// cardLife is how long a card is valid when nothing else is said.
const cardLife = 2 * 365 * 24 * time.Hour

// Card is a card as people see it.
type Card struct {
	Party       string   `json:"party"`
	Name        string   `json:"name"`
	Fingerprint string   `json:"fingerprint"`
	Sequence    int64    `json:"sequence"`
	Endpoints   []string `json:"endpoints"`
	Expires     string   `json:"expires"`
	Own         bool     `json:"own"`
	Note        string   `json:"note"` // the signed bytes: what is handed over as an invitation
}

func (n *Node) cardView(c accord.Card) Card {
	return Card{
		Party: c.Party, Name: c.Name, Fingerprint: accord.Fingerprint(c.RootKey()), Sequence: c.Sequence,
		Endpoints: c.Endpoints, Expires: stamp(c.NotAfter), Own: c.Party == n.cfg.Party, Note: string(c.Note()),
	}
}

// ensureOwnCard signs this party's first card.
func (n *Node) ensureOwnCard(ctx context.Context) error {
	if _, ok := n.currentBook().Card(n.cfg.Party); ok {
		return nil
	}
	pin, err := link.Pin(n.keys.tls)
	if err != nil {
		return err
	}
	root, err := n.files.root()
	if err != nil {
		return err
	}
	now := n.now().Truncate(time.Second)
	c, err := accord.SignCard(accord.Card{
		Party: n.cfg.Party, Name: n.cfg.Name, Sequence: 1, TLS: pin, Parcel: n.keys.recipient(),
		Endpoints: n.cfg.endpoints(), NotBefore: now, NotAfter: now.Add(cardLife),
	}, root, n.keys.signing.Public(), n.keys.cosigning.Public())
	if err != nil {
		return err
	}
	_, err = n.keepCard(ctx, c)
	return err
}

// checkOwnKeys compares the keys in the folder with those that our newest card names, so
// that a damaged file is found before anything is signed with what is in it.
func (n *Node) checkOwnKeys() error {
	c, ok := n.currentBook().Card(n.cfg.Party)
	if !ok {
		return nil // the node is opened for the first time
	}
	pin, err := link.Pin(n.keys.tls)
	if err != nil {
		return err
	}
	for _, k := range []struct {
		file string
		same bool
	}{
		{signingFile, n.keys.signing.Public() == c.SigningKey() && n.keys.cosigning.Public() == c.CosigningKey()},
		{parcelFile, n.keys.recipient() == c.Parcel},
		{tlsFile, pin == c.TLS},
	} {
		if !k.same {
			return fmt.Errorf("%s is damaged, or older than our card: it has another key than the card names; put the folder %s back from a backup", filepath.Join(n.dir, keysFolder, k.file), keysFolder)
		}
	}
	root, err := n.files.root()
	if err == nil && root.Public().String(n.cfg.Party) != c.Root {
		err = fmt.Errorf("%s is damaged: our card is signed by another key; put it back from a backup", filepath.Join(n.dir, keysFolder, rootFile))
	}
	if errors.Is(err, ErrCustody) {
		err = nil
	}
	return err
}

// OwnCard returns this party's newest card.
func (n *Node) OwnCard() Card {
	c, _ := n.currentBook().Card(n.cfg.Party)
	return n.cardView(c)
}

// Cards lists the newest card of every party known.
func (n *Node) Cards(ctx context.Context) ([]Card, error) {
	var out []Card
	err := n.view(ctx, func(tx store.Tx) error {
		rows, err := tx.AllCards()
		if err != nil {
			return err
		}
		for i, r := range rows {
			if i+1 < len(rows) && rows[i+1].Party == r.Party {
				continue
			}
			c, err := accord.OpenCard(r.Note)
			if err != nil {
				return err
			}
			out = append(out, n.cardView(c))
		}
		return nil
	})
	return out, err
}

// AddCard takes in a party's invitation. The caller confirms that the
// fingerprint was compared out of band by passing it, or passes "" when it is
// to be compared afterwards.
func (n *Node) AddCard(ctx context.Context, note []byte, fingerprint string) (Card, error) {
	c, err := accord.OpenCard(note)
	if err != nil {
		return Card{}, err
	}
	if c.Party == n.cfg.Party {
		if own, _ := n.currentBook().Card(c.Party); own.RootKey() != c.RootKey() {
			return Card{}, fmt.Errorf("%w: it carries this node's own name, %s", accord.ErrStranger, c.Party)
		}
	}
	if got := accord.Fingerprint(c.RootKey()); fingerprint != "" && fingerprint != got {
		return Card{}, fmt.Errorf("%w: the card's fingerprint is %s, not %s: do not use it", accord.ErrStranger, got, clip(fingerprint))
	}
	return n.keepCard(ctx, c)
}

func (n *Node) keepCard(ctx context.Context, c accord.Card) (Card, error) {
	err := n.update(ctx, func(tx store.Tx) error { return n.putCard(tx, c) })
	if err != nil {
		return Card{}, err
	}
	return n.cardView(c), n.loadBook(ctx)
}

// putCard stores a card if the rules for cards let it in, and takes out what a
// newer one disowns.
func (n *Node) putCard(tx store.Tx, c accord.Card) error {
	book, err := readBook(tx)
	if err != nil {
		return err
	}
	known, ok := book.Card(c.Party)
	fresh := !ok || c.Sequence > known.Sequence
	if err := book.Add(c); err != nil {
		return err
	}
	if err := tx.PutCard(store.Card{Party: c.Party, Sequence: c.Sequence, Note: c.Note(), Added: n.now().UnixMicro()}); err != nil || !fresh {
		return err
	}
	return n.dropForged(tx, c)
}

// who finds the party behind a link key.
func (n *Node) who(pin string) (string, bool) {
	var party string
	err := n.view(context.Background(), func(tx store.Tx) error {
		rows, err := tx.AllCards()
		if err != nil {
			return err
		}
		for i, r := range rows {
			if i+1 < len(rows) && rows[i+1].Party == r.Party {
				continue // a newer card replaced this key
			}
			c, err := accord.OpenCard(r.Note)
			if err != nil {
				return err
			}
			if c.TLS == pin && c.Party != n.cfg.Party && n.now().Before(c.NotAfter) {
				party = c.Party
			}
		}
		return nil
	})
	return party, err == nil && party != ""
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
