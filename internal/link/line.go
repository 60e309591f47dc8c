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
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: party},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280 section 4.1.2.5: no set end; the card has one
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making the link certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
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

// ServerTLS is the server side of the line: TLS 1.3, and only clients whose
// key a card pins get past the handshake.
func ServerTLS(cert tls.Certificate, who Who) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{cert},
		ClientAuth:   tls.RequireAnyClientCert,
		VerifyConnection: func(s tls.ConnectionState) error {
			if _, ok := who(pinOf(s.PeerCertificates[0])); !ok {
				return errors.New("client key is not pinned by any card")
			}
			return nil
		},
	}
}
