package link

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
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

// Handler answers parcels.
func Handler(who Who, receive Receiver) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+parcelPath, func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
			problem(w, http.StatusForbidden, "a client certificate is needed")
			return
		}
		from, ok := who(pinOf(r.TLS.PeerCertificates[0]))
		if !ok {
			problem(w, http.StatusForbidden, "the key is not known")
			return
		}
		p, err := Decode(http.MaxBytesReader(w, r.Body, MaxParcel))
		if err == nil && p.From != from {
			err = fmt.Errorf("%w: it says it is from %q and came from %q", ErrParcel, p.From, from)
		}
		if err != nil {
			problem(w, http.StatusBadRequest, err.Error())
			return
		}
		reply, err := receive(r.Context(), from, p)
		switch {
		case errors.Is(err, ErrSay) || errors.Is(err, ErrParcel) || errors.Is(err, ErrFork):
			problem(w, http.StatusConflict, err.Error())
			return
		case err != nil:
			problem(w, http.StatusInternalServerError, "the parcel could not be taken in now; try again later")
			return
		}
		w.Header().Set("Content-Type", parcelType)
		// An error here means that the other side went away; it will ask again.
		_ = reply.Encode(w)
	})
	return mux
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
}

// Client sends parcels to other nodes and keeps its lines open between them.
// It is safe for concurrent use.
type Client struct {
	cert tls.Certificate
	// Timeout bounds one exchange. The zero value means a minute.
	Timeout time.Duration

	mu    sync.Mutex
	lines map[string]*http.Client // by pin; guarded by mu
}

// NewClient returns a client that shows a certificate as its own.
func NewClient(cert tls.Certificate) *Client {
	return &Client{cert: cert, lines: make(map[string]*http.Client)}
}

// Close closes idle lines.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.lines {
		l.CloseIdleConnections()
	}
}

// line returns the client for a pinned key: connections made under one pin are
// never used for another.
func (c *Client) line(pin string) *http.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l, ok := c.lines[pin]; ok {
		return l
	}
	l := &http.Client{Transport: &http.Transport{
		TLSNextProto:    map[string]func(string, *tls.Conn) http.RoundTripper{}, // one exchange at a time: HTTP/2 would only slow shutting down
		IdleConnTimeout: 30 * time.Second,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS13,
			Certificates:       []tls.Certificate{c.cert},
			InsecureSkipVerify: true, // names and authorities say nothing here: the pin below does
			VerifyConnection: func(s tls.ConnectionState) error {
				if got := pinOf(s.PeerCertificates[0]); got != pin {
					return fmt.Errorf("server key %s is not the one on the card (%s)", got, pin)
				}
				return nil
			},
		},
	}}
	c.lines[pin] = l
	return l
}

// Exchange sends a parcel to the node at an endpoint whose key must match pin,
// and returns the parcel that it answers with. When it returns without error
// the other side holds durably what was sent.
func (c *Client) Exchange(ctx context.Context, endpoint, pin string, p Parcel) (Parcel, error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var body bytes.Buffer
	if err := p.Encode(&body); err != nil {
		return Parcel{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(endpoint, "/")+parcelPath, &body)
	if err != nil {
		return Parcel{}, fmt.Errorf("endpoint %q: %w", endpoint, err)
	}
	req.Header.Set("Content-Type", parcelType)
	resp, err := c.line(pin).Do(req)
	if err != nil {
		return Parcel{}, fmt.Errorf("no answer from %s: %w", p.To, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var said struct{ Detail string }
		raw, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		if json.Unmarshal(raw, &said) != nil || said.Detail == "" {
			said.Detail = resp.Status
		}
		return Parcel{}, fmt.Errorf("%w: %s says: %s", ErrRefused, p.To, said.Detail)
	}
	reply, err := Decode(resp.Body)
	if err != nil {
		return Parcel{}, fmt.Errorf("answer of %s: %w", p.To, err)
	}
	if reply.From != p.To || reply.To != p.From || reply.Header.Accord != p.Header.Accord {
		return Parcel{}, fmt.Errorf("%w: answer of %s is for another exchange", ErrParcel, p.To)
	}
	return reply, nil
}
