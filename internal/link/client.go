package link

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Client sends parcels to other nodes and keeps its lines open between them. A
// parcel or an answer that is cut off goes on where it stopped: at once while
// the line comes back, else when [Client.Finish] is called. It is safe for
// concurrent use, with one exchange at a time for each partner and accord.
type Client struct {
	own Own
	dir string
	// Stall is for how long nothing may move before a line counts as down; the
	// zero value means a minute. How long a whole parcel takes is not bounded.
	Stall time.Duration

	mu         sync.Mutex
	lines      map[string]*http.Client // by pin; guarded by mu
	shown      []byte                  // the certificate of our own that they show; guarded by mu
	unfinished map[string]*transfer    // by pin and accord; guarded by mu
}

// transfer is an exchange that was cut off.
type transfer struct {
	header Header // of the parcel sent
	out    *spool // the parcel
	digest string // of out
	// Of the answer, once it has begun to come:
	answer string // its digest; empty before
	total  int64
	in     *spool
}

func (t *transfer) close() {
	if t != nil {
		t.out.close()
		t.in.close()
	}
}

// tries bounds how often an exchange goes on by itself; each time something must
// have moved.
const tries = 100

// NewClient returns a client that shows what own returns and keeps parcels under
// way in files in dir; empty is the system's place for temporary files.
func NewClient(own Own, dir string) *Client {
	return &Client{own: own, dir: dir, lines: make(map[string]*http.Client), unfinished: make(map[string]*transfer)}
}

// Close closes idle lines and drops what was cut off.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.lines {
		l.CloseIdleConnections()
	}
	for _, t := range c.unfinished {
		t.close()
	}
	clear(c.unfinished)
}

// Forget drops an exchange that was cut off, so that it is not finished.
func (c *Client) Forget(pin, accord string) {
	c.leave(pin, accord, nil)
}

// leave notes what was cut off, in place of what was before.
func (c *Client) leave(pin, accord string, t *transfer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := pin + " " + accord
	if was := c.unfinished[key]; was != t {
		was.close()
	}
	if delete(c.unfinished, key); t != nil {
		c.unfinished[key] = t
	}
}

// line returns the client for a pinned key: connections made under one pin, or
// with one key of our own, are never used for another.
func (c *Client) line(pin string) *http.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	cert := c.own()
	if !bytes.Equal(c.shown, cert.Certificate[0]) {
		// Under the old key the other side knows us only until it has our new card.
		for _, l := range c.lines {
			l.CloseIdleConnections()
		}
		clear(c.lines)
		c.shown = cert.Certificate[0]
	}
	if l, ok := c.lines[pin]; ok {
		return l
	}
	l := &http.Client{Transport: &http.Transport{
		TLSNextProto:    map[string]func(string, *tls.Conn) http.RoundTripper{}, // one exchange at a time: HTTP/2 would only slow shutting down
		IdleConnTimeout: 30 * time.Second,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS13,
			Certificates:       []tls.Certificate{cert},
			InsecureSkipVerify: true, // names and authorities say nothing here: the pin below does
			VerifyConnection: func(s tls.ConnectionState) error {
				if !slices.Contains(pinsOf(s.PeerCertificates), pin) {
					return fmt.Errorf("server key %s is not the one on the card (%s)", pinOf(s.PeerCertificates[0]), pin)
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
// the other side holds durably what was sent. What is cut off and large is kept
// for [Client.Finish], in place of what was kept before; a small one leaves that
// alone.
func (c *Client) Exchange(ctx context.Context, endpoint, pin string, p Parcel) (Parcel, error) {
	out, err := spooled(c.dir, p)
	if err != nil {
		return Parcel{}, err
	}
	t := &transfer{header: p.Header, out: out, digest: out.digest()}
	reply, err := c.run(ctx, endpoint, pin, t, false)
	if err != nil && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrParcel) && (out.size >= resumable || t.answer != "") {
		c.leave(pin, p.Header.Accord, t)
		return Parcel{}, err
	}
	t.close()
	return reply, err
}

// Finish goes on with an exchange under an accord that was cut off and returns
// its answer; ok is false where there is none, or none that the other side still
// knows of.
func (c *Client) Finish(ctx context.Context, endpoint, pin, accord string) (reply Parcel, ok bool, err error) {
	c.mu.Lock()
	t := c.unfinished[pin+" "+accord]
	c.mu.Unlock()
	if t == nil {
		return Parcel{}, false, nil
	}
	reply, err = c.run(ctx, endpoint, pin, t, true)
	switch {
	case err == nil:
	case errors.Is(err, errForgotten), errors.Is(err, ErrRefused), errors.Is(err, ErrParcel):
		c.Forget(pin, accord)
		return Parcel{}, false, nil // everything in it is packed anew
	default:
		return Parcel{}, false, err
	}
	c.Forget(pin, accord)
	return reply, true, nil
}

var errForgotten = errors.New("the other side no longer knows of it")

// run brings an exchange forward until it ends or nothing moves any more.
func (c *Client) run(ctx context.Context, endpoint, pin string, t *transfer, again bool) (reply Parcel, err error) {
	url := strings.TrimSuffix(endpoint, "/") + parcelPath
	for range tries {
		var moved bool
		if t.answer == "" {
			moved, err = c.sendRest(ctx, url, pin, t, again)
		} else {
			moved, err = c.fetchRest(ctx, url, pin, t)
		}
		if err == nil {
			return c.read(t)
		}
		if errors.Is(err, ErrRefused) || errors.Is(err, ErrParcel) || errors.Is(err, errForgotten) || ctx.Err() != nil || (!moved && again) {
			return Parcel{}, err
		}
		if t.out.size < resumable && t.answer == "" {
			return Parcel{}, err
		}
		again = true
	}
	return Parcel{}, err
}

// read decodes a whole answer.
func (c *Client) read(t *transfer) (Parcel, error) {
	reply, err := Decode(t.in.from(0))
	if err != nil {
		return Parcel{}, fmt.Errorf("answer of %s: %w", t.header.To, err)
	}
	if reply.From != t.header.To || reply.To != t.header.From || reply.Header.Accord != t.header.Accord {
		return Parcel{}, fmt.Errorf("%w: answer of %s is for another exchange", ErrParcel, t.header.To)
	}
	return reply, nil
}

// sendRest sends the parcel from where the other side has it, and takes the
// answer. moved says that something more went over.
func (c *Client) sendRest(ctx context.Context, url, pin string, t *transfer, again bool) (moved bool, err error) {
	at := int64(0)
	if again && t.out.size >= resumable {
		if at, err = c.offset(ctx, url, pin, t); err != nil {
			return false, err
		}
	}
	ctx, watch := c.watch(ctx)
	defer watch.stop()
	body := &counted{r: t.out.from(at), watch: watch}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, io.NopCloser(body))
	if err != nil {
		return false, fmt.Errorf("endpoint %q: %w", url, err)
	}
	req.ContentLength = t.out.size - at
	if req.ContentLength == 0 {
		req.Body = http.NoBody
	}
	req.Header.Set("Content-Type", parcelType)
	if t.out.size >= resumable {
		req.Header.Set(digestHeader, t.digest)
	}
	if at > 0 {
		req.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, t.out.size-1, t.out.size))
	}
	resp, err := c.line(pin).Do(req)
	if err != nil {
		return body.n.Load() > 0, fmt.Errorf("no answer from %s: %w", t.header.To, watch.why(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return true, errors.New("the other side has another part of the parcel")
	}
	if resp.StatusCode != http.StatusOK {
		return false, refusal(resp, t.header.To)
	}
	t.in.close()
	t.in, t.answer, t.total = newSpool(c.dir), resp.Header.Get(digestHeader), resp.ContentLength
	return true, t.copyAnswer(resp.Body, watch)
}

// fetchRest takes the rest of an answer.
func (c *Client) fetchRest(ctx context.Context, url, pin string, t *transfer) (moved bool, err error) {
	ctx, watch := c.watch(ctx)
	defer watch.stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/"+t.answer, nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-", t.in.size))
	resp, err := c.line(pin).Do(req)
	if err != nil {
		return false, fmt.Errorf("no answer from %s: %w", t.header.To, watch.why(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent || !strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", t.in.size)) {
		return false, fmt.Errorf("answer of %s: %w", t.header.To, errForgotten)
	}
	before := t.in.size
	err = t.copyAnswer(resp.Body, watch)
	return t.in.size > before, err
}

func (t *transfer) copyAnswer(body io.Reader, w *watch) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{t.in}, &counted{r: body, watch: w}, make([]byte, chunk))
	switch {
	case errors.Is(err, ErrParcel):
	case err != nil || t.in.size < t.total:
		if t.in.size < resumable || t.answer == "" {
			t.answer = "" // sooner sent again
		}
		return fmt.Errorf("the answer of %s was cut off after %d bytes: %w", t.header.To, t.in.size, errors.Join(w.why(err), io.ErrUnexpectedEOF))
	case t.answer != "" && t.in.digest() != t.answer:
		err = fmt.Errorf("%w: answer of %s: its bytes are not those of its digest", ErrParcel, t.header.To)
	}
	return err
}

// offset asks how much of a parcel has come.
func (c *Client) offset(ctx context.Context, url, pin string, t *transfer) (int64, error) {
	ctx, watch := c.watch(ctx)
	defer watch.stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, url+"/"+t.digest, nil)
	if err != nil {
		return 0, err
	}
	resp, err := c.line(pin).Do(req)
	if err != nil {
		return 0, fmt.Errorf("no answer from %s: %w", t.header.To, watch.why(err))
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return 0, nil // from the beginning
	}
	at, err := strconv.ParseInt(resp.Header.Get(offsetHeader), 10, 64)
	if err != nil || at < 0 || at > t.out.size {
		return 0, fmt.Errorf("%w: %s says that it holds %q bytes of a parcel of %d", ErrParcel, t.header.To, clip(resp.Header.Get(offsetHeader)), t.out.size)
	}
	return at, nil
}

func clip(s string) string { return s[:min(len(s), 40)] }

func refusal(resp *http.Response, by string) error {
	var said struct{ Detail string }
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(raw, &said) != nil || said.Detail == "" {
		said.Detail = resp.Status
	}
	return fmt.Errorf("%w: %s says: %s", ErrRefused, by, said.Detail)
}

// watch ends a request when nothing moved for a while.
type watch struct {
	timer  *time.Timer
	after  time.Duration
	cancel context.CancelCauseFunc
	ctx    context.Context
}

var errStalled = errors.New("nothing moved on the line")

func (c *Client) watch(ctx context.Context) (context.Context, *watch) {
	w := &watch{after: c.Stall}
	if w.after == 0 {
		w.after = stalled
	}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(w.after, func() { w.cancel(errStalled) })
	return w.ctx, w
}

func (w *watch) moved() { w.timer.Reset(w.after) }

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// why names the cause of an error that a cancelled context made.
func (w *watch) why(err error) error {
	if cause := context.Cause(w.ctx); cause != nil && err != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// counted counts what passes and tells the watch.
type counted struct {
	r     io.Reader
	n     atomic.Int64 // the transport may read on after it has given up
	watch *watch
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	if n > 0 {
		c.n.Add(int64(n))
		c.watch.moved()
	}
	return n, err
}
