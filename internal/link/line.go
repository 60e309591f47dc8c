package link

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"time"
)

const (
	parcelPath = "/parley/v1/parcels"
	parcelType = "application/vnd.parley.parcel+zstd"
)

// ErrRefused reports that the other side received a parcel and refused it; the
// message is what it said.
var ErrRefused = errors.New("refused by the other side")

// Certificate makes the link certificate of a party from its TLS key. It is
// self-signed: partners pin the key from the party's card and look at nothing
// else in it.
func Certificate(party string, key ed25519.PrivateKey) (tls.Certificate, error) {
	tmpl := template(party)
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making the link certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

func template(party string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: party},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280 section 4.1.2.5: no set end; the card has one
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

// maxRenewals bounds the keys that a chain goes back.
const maxRenewals = 8

// Renew makes the certificate of a party's next TLS key: signed by the key before
// it, whose own chain follows, so that a partner that has not seen the card with
// the new key yet still finds the one that it has pinned (as the newWithOld of
// RFC 4210 section 4.4). Nothing needs the old private key any more.
func Renew(old tls.Certificate, party string, key ed25519.PrivateKey) (tls.Certificate, error) {
	parent, err := x509.ParseCertificate(old.Certificate[0])
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("reading the link certificate: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template(party), parent, key.Public(), old.PrivateKey)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making the link certificate: %w", err)
	}
	chain := append([][]byte{der}, old.Certificate...)
	return tls.Certificate{Certificate: chain[:min(len(chain), maxRenewals+1)], PrivateKey: key}, nil
}

// Pin is the SHA-256 of a certificate's SubjectPublicKeyInfo in base64
// (RFC 7469 section 2.4), as it stands in a card.
func Pin(cert tls.Certificate) (string, error) {
	c, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return "", fmt.Errorf("reading the link certificate: %w", err)
	}
	return pinOf(c), nil
}

// pinsOf are the pins by which a peer may be known that shows these certificates
// and has the key of the first: its own, and those of the keys before it, as far
// as each is signed by the next. The newest comes first.
func pinsOf(chain []*x509.Certificate) []string {
	var pins []string
	for i, c := range chain {
		if i > maxRenewals || i > 0 && c.CheckSignature(chain[i-1].SignatureAlgorithm, chain[i-1].RawTBSCertificate, chain[i-1].Signature) != nil {
			break
		}
		pins = append(pins, pinOf(c))
	}
	return pins
}

// find is the party of a peer that shows these certificates.
func (who Who) find(chain []*x509.Certificate) (party string, ok bool) {
	for _, pin := range pinsOf(chain) {
		if party, ok := who(pin); ok {
			return party, true
		}
	}
	return "", false
}

func pinOf(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Who finds the party whose current card pins a TLS key; ok is false for
// strangers. It must be safe for concurrent use.
type Who func(pin string) (party string, ok bool)

// Receiver takes a parcel that came over the line from a party whose key was
// checked, and returns the parcel to answer with. Errors that wrap [ErrSay] are
// told to the other side; of others it learns only that something failed.
type Receiver func(ctx context.Context, from string, p Parcel) (Parcel, error)

// ErrSay marks an error whose text is meant for the other side.
var ErrSay = errors.New("refused")

// Own returns the certificate of this party's newest TLS key. It must be safe for
// concurrent use.
type Own func() tls.Certificate

// ServerTLS is the server side of the line: TLS 1.3, and only clients whose
// key a card pins get past the handshake.
func ServerTLS(own Own, who Who) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			cert := own()
			return &cert, nil
		},
		ClientAuth: tls.RequireAnyClientCert,
		VerifyConnection: func(s tls.ConnectionState) error {
			if _, ok := who.find(s.PeerCertificates); !ok {
				return errors.New("client key is not pinned by any card")
			}
			return nil
		},
	}
}
