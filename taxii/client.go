package taxii

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley.example/parley/stix"
)

// Media types of TAXII 2.0 (§1.6.8 of that version).
const (
	mediaType20 = "application/vnd.oasis.taxii+json; version=2.0"
	stixType20  = "application/vnd.oasis.stix+json; version=2.0"
)

// Client reads from one TAXII server. Its fields must not change while it is
// in use; it is then safe for concurrent use.
type Client struct {
	// Credentials; with a name Basic, else Bearer, else none are sent.
	Name, Secret string
	HTTP         *http.Client // nil: http.DefaultClient
	// Tries is how often a request is made while the server fails or asks for
	// patience; default 4. Pause is the first pause between them, which doubles
	// each time; default 1 s. A server's own Retry-After counts instead.
	Tries int
	Pause time.Duration
	// MaxBody bounds an answer in bytes; default 256 MiB.
	MaxBody int64
	// V20 speaks TAXII 2.0: its media types, bundles and item ranges.
	V20 bool
}

// maxPause bounds one pause between tries.
const maxPause = 2 * time.Minute

// A StatusError is an answer that reports an error.
type StatusError struct {
	Code  int
	Title string // as the server gives it; may be empty
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("the server answers %d %s", e.Code, http.StatusText(e.Code))
	if e.Title != "" {
		s += ": " + clip(e.Title)
	}
	return s
}

// Resume is where a poll goes on. Its zero value is the beginning. It may be
// kept as JSON.
type Resume struct {
	// After is the date of adding, as the server gave it, of the last object
	// of the last page that was taken.
	After string `json:"after,omitempty"`
	// Next continues an unfinished crawl that began with After.
	Next string `json:"next,omitempty"`
	// Seen is the date of adding up to which the unfinished crawl has come.
	Seen string `json:"seen,omitempty"`
}

// Discover reads a server's description. API roots come as absolute addresses.
func (c *Client) Discover(ctx context.Context, address string) (Discovery, error) {
	var d Discovery
	_, err := c.get(ctx, address, c.accept(), &d)
	if err == nil {
		base, perr := url.Parse(address)
		if perr != nil {
			return d, perr
		}
		for i, r := range append(d.APIRoots, d.Default) {
			u, err := base.Parse(r)
			if err != nil {
				return d, fmt.Errorf("API root %q: %w", clip(r), err)
			}
			if i < len(d.APIRoots) {
				d.APIRoots[i] = u.String()
			} else if r != "" {
				d.Default = u.String()
			}
		}
	}
	return d, err
}

// Collections lists the collections of an API root.
func (c *Client) Collections(ctx context.Context, root string) ([]Collection, error) {
	var cs collections
	_, err := c.get(ctx, strings.TrimSuffix(root, "/")+"/collections/", c.accept(), &cs)
	return cs.Collections, err
}

func (c *Client) accept() string {
	if c.V20 {
		return mediaType20
	}
	return MediaType
}

// Poll reads what was added to a collection since from, page by page, and
// hands each page to take. take gets the objects' exact bytes and the point
// from which a later Poll goes on if this page is kept; when it returns an
// error, Poll ends with it. A page may be handed out again after a crash
// between taking it and keeping that point, and objects of one date of adding
// may repeat with servers that give many objects the same date: take must bear
// objects that it has.
func (c *Client) Poll(ctx context.Context, collection string, from Resume, limit int, take func(objects [][]byte, at Resume) error) error {
	if c.V20 {
		return c.poll20(ctx, collection, from, limit, take)
	}
	address := strings.TrimSuffix(collection, "/") + "/objects/"
	restarted := false
	empty := 0 // pages without objects, one after another
	for {
		q := url.Values{"match[version]": {"all"}}
		if limit > 0 {
			q.Set("limit", strconv.Itoa(limit))
		}
		if from.After != "" {
			q.Set("added_after", from.After)
		}
		if from.Next != "" {
			q.Set("next", from.Next)
		}
		p, err := c.page(ctx, address+"?"+q.Encode(), MediaType)
		var se *StatusError
		if errors.As(err, &se) && se.Code == http.StatusBadRequest && from.Next != "" && !restarted {
			// The server has forgotten the position, as some do when they start
			// again; what was seen is not lost.
			from, restarted = Resume{After: from.reached()}, true
			continue
		}
		if err != nil {
			return err
		}
		at := from
		if p.last != "" {
			at.Seen = p.last
		}
		switch {
		case p.more && p.next != "" && p.next == from.Next && at.Seen == from.Seen:
			return errors.New("the server's next does not lead on")
		case p.more && p.next != "":
			at.Next = p.next
		default:
			// Without next, a server that has more goes on from the last date
			// (§3.5.1); one that gives neither would be asked for ever.
			at = Resume{After: at.reached()}
		}
		if len(p.objects) > 0 || at != from {
			if err := take(p.objects, at); err != nil {
				return err
			}
		}
		if empty++; len(p.objects) > 0 {
			empty = 0
		}
		if !p.more || at == from || empty == maxEmpty {
			return nil
		}
		from = at
	}
}

// maxEmpty is how many pages without objects are followed: a server that says
// more and gives nothing would be asked for ever.
const maxEmpty = 2

// reached is the latest date of adding that was seen.
func (r Resume) reached() string {
	if r.Seen != "" {
		return r.Seen
	}
	return r.After
}

// poll20 reads by item ranges of TAXII 2.0 (§3.4 of that version).
func (c *Client) poll20(ctx context.Context, collection string, from Resume, limit int, take func([][]byte, Resume) error) error {
	if limit <= 0 {
		limit = 1000
	}
	start, _ := strconv.Atoi(from.Next) // empty: 0
	for {
		q := url.Values{"match[version]": {"all"}}
		if from.After != "" {
			q.Set("added_after", from.After)
		}
		p, err := c.page(ctx, strings.TrimSuffix(collection, "/")+"/objects/?"+q.Encode(), stixType20, "Range", fmt.Sprintf("items %d-%d", start, start+limit-1))
		var se *StatusError
		if errors.As(err, &se) && (se.Code == http.StatusNotFound || se.Code == http.StatusRequestedRangeNotSatisfiable) && start > 0 {
			return take(nil, Resume{After: from.reached()})
		}
		if err != nil {
			return err
		}
		at := from
		if p.last != "" {
			at.Seen = p.last
		}
		start += len(p.objects)
		if p.more = len(p.objects) > 0 && start < p.total; p.more {
			at.Next = strconv.Itoa(start)
		} else {
			at = Resume{After: at.reached()}
		}
		if len(p.objects) > 0 || at != from {
			if err := take(p.objects, at); err != nil {
				return err
			}
		}
		if !p.more {
			return nil
		}
		from = at
	}
}

// answerPage is a page as it came.
type answerPage struct {
	objects    [][]byte
	more       bool
	next, last string
	total      int // TAXII 2.0: items in all
}

func (c *Client) page(ctx context.Context, address, accept string, header ...string) (answerPage, error) {
	var p answerPage
	body, h, err := c.fetch(ctx, address, accept, header...)
	if err != nil {
		return p, err
	}
	p.last = h.Get("X-TAXII-Date-Added-Last")
	if _, total, ok := strings.Cut(h.Get("Content-Range"), "/"); ok {
		p.total, _ = strconv.Atoi(total)
	}
	form, err := stix.ReadBundle(bytes.NewReader(body), func(_ int, raw []byte) error {
		p.objects = append(p.objects, raw)
		return nil
	})
	if err != nil {
		return p, fmt.Errorf("the server's answer does not read: %w", err)
	}
	if form.Form != "envelope" && form.Form != "bundle" {
		return p, fmt.Errorf("the server's answer is an %s, want a list of objects", form.Form)
	}
	var rest struct {
		More bool   `json:"more"`
		Next string `json:"next"`
	}
	if err := json.Unmarshal(body, &rest); err != nil {
		return p, fmt.Errorf("the server's answer does not read: %w", err)
	}
	p.more, p.next = rest.More, rest.Next
	return p, nil
}

func (c *Client) get(ctx context.Context, address, accept string, out any) (http.Header, error) {
	b, h, err := c.fetch(ctx, address, accept)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return nil, fmt.Errorf("the server's answer does not read: %w", err)
	}
	return h, nil
}

// fetch makes a request until the server answers, with growing pauses.
func (c *Client) fetch(ctx context.Context, address, accept string, header ...string) ([]byte, http.Header, error) {
	tries, pause := c.Tries, c.Pause
	if tries <= 0 {
		tries = 4
	}
	if pause <= 0 {
		pause = time.Second
	}
	for try := 1; ; try++ {
		b, h, wait, err := c.once(ctx, address, accept, header)
		if err == nil || wait < 0 || try >= tries || ctx.Err() != nil {
			return b, h, err
		}
		if wait == 0 {
			wait = pause/2 + rand.N(pause) // clients that failed together do not come back together
			pause *= 2
		}
		t := time.NewTimer(min(wait, maxPause))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, nil, ctx.Err()
		}
	}
}

// once makes one request. wait is how long the server wants to be left alone;
// negative where trying again is of no use.
func (c *Client) once(ctx context.Context, address, accept string, header []string) (b []byte, h http.Header, wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, -1, err
	}
	req.Header.Set("Accept", accept)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	switch {
	case c.Name != "":
		req.SetBasicAuth(c.Name, c.Secret)
	case c.Secret != "":
		req.Header.Set("Authorization", "Bearer "+c.Secret)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, 0, err
	}
	defer resp.Body.Close()
	most := c.MaxBody
	if most <= 0 {
		most = 256 << 20
	}
	b, err = io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return nil, nil, 0, fmt.Errorf("reading the server's answer: %w", err)
	}
	if int64(len(b)) > most {
		return nil, nil, -1, fmt.Errorf("the server's answer is longer than %d bytes", most)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return b, resp.Header, 0, nil
	}
	var e Error
	_ = json.Unmarshal(b, &e) // what does not read leaves the status alone
	wait = -1
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500 {
		wait = retryAfter(resp.Header.Get("Retry-After"))
	}
	return nil, nil, wait, &StatusError{resp.StatusCode, e.Title}
}

func retryAfter(s string) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return min(time.Duration(n), maxPause/time.Second) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return min(max(time.Until(t), time.Millisecond), maxPause)
	}
	return 0
}
