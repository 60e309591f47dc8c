package ledger

import (
	"encoding/base64"
	"fmt"
	"time"
)

// Uses are the judgements that a receiver can give.
var Uses = []string{"useful", "known", "wrong", "late"}

// Digest is the SHA-256 of a body that travels beside the ledger. As text it
// is "sha256:" and base64.
type Digest [32]byte

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) {
	return []byte("sha256:" + base64.RawURLEncoding.EncodeToString(d[:])), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(b []byte) error {
	const p = "sha256:"
	if len(b) < len(p) || string(b[:len(p)]) != p {
		return fmt.Errorf("%w: digest does not begin with %q", ErrMalformed, p)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(b[len(p):]))
	if err != nil || len(raw) != len(d) {
		return fmt.Errorf("%w: digest is not 32 bytes of base64url", ErrMalformed)
	}
	copy(d[:], raw)
	return nil
}

func (d Digest) String() string { b, _ := d.MarshalText(); return string(b) }

// The Data of each kind of event.
type (
	// Offer is the data of AccordOffered and AccordSigned: the accord's id
	// stands in the event itself.
	Offer struct {
		Title string `json:"title"`
	}
	// Reason is the data of AccordSuspended, AccordResumed and AccordEnded.
	Reason struct {
		Reason string `json:"reason"`
	}
	// Rung is the data of RungOffered, RungAccepted and RungLowered. From
	// grants to To. To accepts by naming the offer's index in From's log.
	Rung struct {
		From  string `json:"from"`
		To    string `json:"to"`
		Rung  string `json:"rung"`
		Offer int64  `json:"offer,omitzero"`
	}
	// Release is the data of Released and, for a newer version of a copy that was
	// released before, of Corrected.
	Release struct {
		Object     string    `json:"object"` // id of the released copy
		Type       string    `json:"type"`
		Digest     Digest    `json:"digest"` // of the copy's exact bytes
		Outcome    string    `json:"outcome"`
		To         []string  `json:"to"`
		Purpose    string    `json:"purpose"`
		LegalBasis string    `json:"legal_basis,omitzero"`
		Marking    string    `json:"marking"`
		Grading    string    `json:"grading,omitzero"` // Admiralty, e.g. B2
		Redactions []string  `json:"redactions,omitzero"`
		Expires    time.Time `json:"expires"`          // retention ends
		Answers    string    `json:"answers,omitzero"` // id of the request it answers
		Priority   Priority  `json:"priority,omitzero"`
		Sealed     *Seal     `json:"sealed,omitzero"` // the body is locked, and Digest that of the locked one
	}
	// Seal is how a release is locked until its recipient has acknowledged it: with a
	// mask s of an arbiter's sheet or of the owner's own, which a KeyShown event shows.
	Seal struct {
		Content Digest `json:"content"` // of the copy's exact bytes
		Public  []byte `json:"public"`  // s·G
		Arbiter string `json:"arbiter,omitzero"`
		Sheet   int64  `json:"sheet,omitzero"` // where there is an arbiter: its sheet, and which mask of it
		Mask    int    `json:"mask,omitzero"`
	}
	// ShownKey is the data of KeyShown: the mask of a release is its body.
	ShownKey struct {
		To    string `json:"to"`
		Index int64  `json:"index"` // of the release in the same log
		Key   Digest `json:"key"`   // of the mask's 32 bytes
	}
	// Receipts is the data of Received: the bodies now durably held.
	Receipts struct {
		From  string    `json:"from"`
		Items []Receive `json:"items"`
	}
	// Receive names one body that was received.
	Receive struct {
		Index  int64  `json:"index"` // of the releasing event in From's log
		Digest Digest `json:"digest"`
	}
	// Withdrawal is the data of Withdrawn and, with From, of Honoured.
	Withdrawal struct {
		From   string `json:"from,omitzero"` // Honoured: who withdrew
		Object string `json:"object"`        // id of the released copy
		Reason string `json:"reason,omitzero"`
	}
	// Judgement is the data of Judged: what the receiver says of the use of
	// something released to it. Value is judged by the receiver, never counted
	// by volume.
	Judgement struct {
		Of     string `json:"of"`     // who released it
		Object string `json:"object"` // id of the released copy
		Use    string `json:"use"`    // one of Uses
	}
	// MatchKey is the data of MatchPublished: the commitment to key and set.
	MatchKey struct {
		Selector   string `json:"selector"` // selector kind
		Normaliser string `json:"normaliser"`
		Epoch      uint64 `json:"epoch"`
		PublicKey  []byte `json:"public_key"`
		Filter     Digest `json:"filter"` // of the whole filter
		// Delta is the event's body where it is set: what leads to Filter from
		// the one published before in the epoch. Else the body is the filter.
		Delta Digest `json:"delta,omitzero"`
	}
	// MatchQuestion is the data of MatchAsked.
	MatchQuestion struct {
		To         string `json:"to"`
		Selector   string `json:"selector"`
		Epoch      uint64 `json:"epoch"`
		Case       string `json:"case"`             // case reference
		Officer    string `json:"officer,omitzero"` // pseudonym of who asked, the same within the accord
		Count      int    `json:"count"`            // selectors asked, without padding
		Commitment []byte `json:"commitment"`       // HMAC-SHA256(own salt, the normalised list)
		Question   Digest `json:"question"`         // the blinded elements, the event's body
	}
	// MatchAnswer is the data of MatchAnswered.
	MatchAnswer struct {
		To       string `json:"to"`
		Asked    int64  `json:"asked"` // index of the question in To's log
		Selector string `json:"selector"`
		Count    int    `json:"count"`
		Left     int    `json:"left"` // quota left in this period
		Case     string `json:"case"`
		Officer  string `json:"officer,omitzero"`
		Answer   Digest `json:"answer"` // evaluated elements and proof, the event's body
		Refused  string `json:"refused,omitzero"`
		Stale    bool   `json:"stale,omitzero"` // refused for its epoch alone: ask again with the newest filter
	}
	// Request is the data of RequestMade. Either a selector or an object is named.
	Request struct {
		ID       string    `json:"id"`
		To       string    `json:"to"`
		Case     string    `json:"case"`
		Purpose  string    `json:"purpose"`
		Selector string    `json:"selector,omitzero"` // kind
		Value    string    `json:"value,omitzero"`    // normalised value that hit
		Asked    int64     `json:"asked,omitzero"`    // the question that hit, in the asker's log
		Object   string    `json:"object,omitzero"`
		Text     string    `json:"text,omitzero"`
		Due      time.Time `json:"due"`
		Priority Priority  `json:"priority,omitzero"`
	}
	// Rekey is the data of KeyReplaced: from this entry on the log is signed with
	// the key of a newer card.
	Rekey struct {
		Sequence int64  `json:"sequence"` // of the card
		Card     Digest `json:"card"`     // of its note
	}
	// RequestReply is the data of RequestAnswered. Declined says nothing of why:
	// what does not exist and what is withheld are answered alike.
	RequestReply struct {
		ID      string `json:"id"`
		To      string `json:"to"`
		Outcome string `json:"outcome"` // released or declined
	}
)
