package node

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"

	"filippo.io/age"

	"parley.example/parley/internal/store"
	"parley.example/parley/misp"
	"parley.example/parley/taxii"
)

// docFeed keeps feeds by name: feed.
const docFeed = "feed"

const (
	// maxRefused is how many refused items a feed remembers.
	maxRefused = 1000
	// leastEvery is the shortest time between two runs of a feed.
	leastEvery = time.Minute
	// maxFailPause bounds how long a failing feed is left alone.
	maxFailPause = 6 * time.Hour
	feedPage     = 1000
)

// Kinds of feeds.
const (
	FeedTAXII = "taxii" // a collection of a TAXII server
	FeedMISP  = "misp"  // a folder of MISP events with their manifest.json
)

// FeedAsk adds a feed that is polled.
type FeedAsk struct {
	Name string `json:"name"`
	URL  string `json:"url"`            // the collection's or the folder's address
	Kind string `json:"kind,omitempty"` // default FeedTAXII
	V20  bool   `json:"v20,omitempty"`  // the server speaks TAXII 2.0
	// User and Secret are what the server wants: both for Basic, Secret alone
	// for a bearer token. The secret is kept encrypted.
	User   string `json:"user,omitempty"`
	Secret string `json:"secret,omitempty"`
	Every  string `json:"every,omitempty"` // like 15m; default 1h
}

// Feed is how a feed stands.
type Feed struct {
	Name     string        `json:"name"`
	URL      string        `json:"url"`
	Kind     string        `json:"kind"`
	V20      bool          `json:"v20,omitempty"`
	User     string        `json:"user,omitempty"`
	Every    string        `json:"every"`
	LastRun  string        `json:"last_run,omitempty"`
	Complete string        `json:"complete,omitempty"` // last run that reached the feed's end
	NextRun  string        `json:"next_run"`
	Lag      string        `json:"lag,omitempty"`   // how long ago the feed's end was last reached
	Error    string        `json:"error,omitempty"` // why the last run failed; empty when it did not
	Taken    int64         `json:"taken"`
	Known    int64         `json:"known"`
	RefusedN int64         `json:"refused_total"`
	Refused  []FeedRefusal `json:"refused"` // the latest ones
	// NotCarried is the latest of what came and has no place in STIX.
	NotCarried []misp.Lost `json:"not_carried,omitempty"`
}

// FeedRefusal says which item of a feed was refused and why.
type FeedRefusal struct {
	ID     string `json:"id,omitempty"`
	At     string `json:"at"`
	Reason string `json:"reason"`
}

// feed is what is stored of a feed.
type feed struct {
	Feed
	Sealed []byte       `json:"sealed,omitempty"` // the secret, encrypted to our own parcel key
	At     taxii.Resume `json:"at"`
	// Seen is which events of a MISP feed were taken, with the timestamp that
	// the manifest gave them.
	Seen   map[string]int64 `json:"seen,omitempty"`
	Fails  int              `json:"fails"` // runs in a row that failed
	NextAt int64            `json:"next_at"`
	DoneAt int64            `json:"done_at"`
}

// AddFeed adds a feed, or replaces the settings of the one of that name, which
// then goes on where it was unless its address is another.
func (n *Node) AddFeed(ctx context.Context, ask FeedAsk) (Feed, error) {
	f := feed{Feed: Feed{Name: ask.Name, URL: ask.URL, Kind: cmp.Or(ask.Kind, FeedTAXII), V20: ask.V20, User: ask.User, Refused: []FeedRefusal{}}}
	if f.Name == "" || len(f.Name) > 100 || strings.ContainsAny(f.Name, "/\x00\r\n") {
		return f.Feed, fmt.Errorf("%w: a feed needs a name of at most 100 characters without a slash", ErrInvalid)
	}
	u, err := url.Parse(ask.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return f.Feed, fmt.Errorf("%w: give the address of a TAXII collection, like https://taxii.example/root/collections/ID/, or of a MISP feed's folder, without credentials", ErrInvalid)
	}
	if f.Kind != FeedTAXII && f.Kind != FeedMISP || f.Kind == FeedMISP && f.V20 {
		return f.Feed, fmt.Errorf("%w: kind is %s or %s, and v20 is for %s alone", ErrInvalid, FeedTAXII, FeedMISP, FeedTAXII)
	}
	if u.Scheme == "http" && ask.Secret != "" && !isLoopback(u.Hostname()) {
		return f.Feed, fmt.Errorf("%w: a secret is sent over https only", ErrInvalid)
	}
	every := time.Hour
	if ask.Every != "" {
		if every, err = time.ParseDuration(ask.Every); err != nil || every < leastEvery {
			return f.Feed, fmt.Errorf("%w: every is a duration of at least %v, like 15m, not %q", ErrInvalid, leastEvery, clip(ask.Every))
		}
	}
	f.Every = every.String()
	if f.Sealed, err = n.seal(ask.Secret); err != nil {
		return f.Feed, err
	}
	err = n.update(ctx, func(tx store.Tx) error {
		var old feed
		if err := getDoc(tx, docFeed, f.Name, &old); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if old.URL == f.URL && cmp.Or(old.Kind, FeedTAXII) == f.Kind {
			f.Seen, f.NotCarried = old.Seen, old.NotCarried
			f.At, f.Taken, f.Known, f.RefusedN, f.Refused = old.At, old.Taken, old.Known, old.RefusedN, orEmpty(old.Refused)
			f.LastRun, f.Complete, f.DoneAt = old.LastRun, old.Complete, old.DoneAt
		}
		f.NextAt = n.now().UnixMicro()
		return putDoc(tx, docFeed, f.Name, f)
	})
	return n.feedView(f), err
}

func isLoopback(host string) bool {
	return host == "localhost" || strings.HasPrefix(host, "127.") || host == "::1"
}

// seal encrypts a secret so that only this node's keys open it: whoever reads
// the database or a backup of it cannot.
func (n *Node) seal(secret string) ([]byte, error) {
	if secret == "" {
		return nil, nil
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, n.parcelKeys()[0].Recipient())
	if err == nil {
		_, err = io.WriteString(w, secret)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("encrypting the secret: %w", err)
	}
	return b.Bytes(), nil
}

func (n *Node) unseal(b []byte) (string, error) {
	if len(b) == 0 {
		return "", nil
	}
	r, err := age.Decrypt(bytes.NewReader(b), n.identities()...)
	if err != nil {
		return "", fmt.Errorf("the feed's secret does not open with this node's keys; add the feed again: %w", err)
	}
	s, err := io.ReadAll(io.LimitReader(r, 64<<10))
	return string(s), err
}

// feedView completes what is shown of a feed.
func (n *Node) feedView(f feed) Feed {
	f.NextRun = stamp(time.UnixMicro(f.NextAt).UTC())
	if f.DoneAt > 0 {
		f.Lag = n.now().Sub(time.UnixMicro(f.DoneAt)).Round(time.Second).String()
	}
	f.Refused, f.Kind = orEmpty(f.Refused), cmp.Or(f.Kind, FeedTAXII)
	return f.Feed
}

// Feeds lists the feeds by name.
func (n *Node) Feeds(ctx context.Context) ([]Feed, error) {
	out := []Feed{}
	err := n.view(ctx, func(tx store.Tx) error {
		all, err := listDocs[feed](tx, docFeed)
		for _, f := range all {
			out = append(out, n.feedView(f))
		}
		return err
	})
	return out, err
}

// RemoveFeed removes a feed; what came from it stays.
func (n *Node) RemoveFeed(ctx context.Context, name string) error {
	return n.update(ctx, func(tx store.Tx) error {
		if _, err := tx.Doc(docFeed, name); err != nil {
			return fmt.Errorf("feed %q: %w", clip(name), err)
		}
		return tx.DeleteDoc(docFeed, name)
	})
}

// feedSource is Object.From of what a feed brought. Party ids have no colon.
func feedSource(name string) string { return "feed:" + name }

// RunFeed polls a feed now, from where it stopped. Objects and the point that
// was reached are stored together, so that nothing is lost or counted twice.
// A failing server is no error; the Feed says why.
func (n *Node) RunFeed(ctx context.Context, name string) (Feed, error) {
	lock := n.pair("feed", name)
	lock.Lock()
	defer lock.Unlock()
	var f feed
	err := n.view(ctx, func(tx store.Tx) error { return getDoc(tx, docFeed, name, &f) })
	if err != nil {
		return Feed{}, fmt.Errorf("feed %q: %w", clip(name), err)
	}
	secret, err := n.unseal(f.Sealed)
	switch {
	case err != nil:
	case f.Kind == FeedMISP:
		err = n.pollMISP(ctx, f, secret)
	default:
		c := &taxii.Client{Name: f.User, Secret: secret, V20: f.V20}
		err = c.Poll(ctx, f.URL, f.At, feedPage, func(objects [][]byte, at taxii.Resume) error {
			return n.takeFeed(ctx, name, objects, func(f *feed) { f.At = at })
		})
	}
	uerr := n.update(context.WithoutCancel(ctx), func(tx store.Tx) error {
		if gerr := getDoc(tx, docFeed, name, &f); gerr != nil {
			return gerr
		}
		every, perr := time.ParseDuration(f.Every)
		if perr != nil {
			return perr
		}
		now := n.now()
		f.LastRun = stamp(now)
		if err == nil {
			f.Error, f.Fails, f.DoneAt, f.Complete = "", 0, now.UnixMicro(), stamp(now)
			f.NextAt = now.Add(every).UnixMicro()
		} else {
			f.Error = err.Error()
			f.NextAt = now.Add(min(max(every, leastEvery<<min(f.Fails, 20)), max(every, maxFailPause))).UnixMicro()
			f.Fails++
		}
		return putDoc(tx, docFeed, name, f)
	})
	if errors.Is(uerr, store.ErrNotFound) {
		uerr = nil // it was removed meanwhile
	}
	return n.feedView(f), uerr
}

// takeFeed stores one page of a feed and the point that it reaches, which reach
// notes.
func (n *Node) takeFeed(ctx context.Context, name string, objects [][]byte, reach func(*feed)) error {
	items := make([]item, len(objects))
	reasons := make([]error, len(objects))
	for i, raw := range objects {
		items[i], reasons[i] = objectItem(i+1, raw)
	}
	return n.update(ctx, func(tx store.Tx) error {
		var f feed
		if err := getDoc(tx, docFeed, name, &f); err != nil {
			return fmt.Errorf("feed %q: %w", clip(name), err)
		}
		for i, it := range items {
			err := reasons[i]
			added := false
			if err == nil {
				added, err = putFed(tx, it, feedSource(name))
				if errors.Is(err, store.ErrConflict) && f.Kind == FeedMISP && shared(it.object) {
					err = nil // events tell of the same observable in other words
				}
				if err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, ErrInvalid) {
					return err
				}
			}
			switch {
			case err != nil:
				f.refuse(idOf(objects[i]), stamp(n.now()), err)
			case added:
				f.Taken++
			default:
				f.Known++
			}
		}
		reach(&f)
		f.Refused, f.NotCarried = lastOf(f.Refused), lastOf(f.NotCarried)
		return putDoc(tx, docFeed, name, f)
	})
}

// refuse notes what was refused.
func (f *feed) refuse(id, at string, reason error) {
	f.RefusedN++
	f.Refused = append(f.Refused, FeedRefusal{ID: id, At: at, Reason: reason.Error()})
}

func lastOf[T any](list []T) []T { return list[max(0, len(list)-maxRefused):] }

// putFed stores an object of a feed under the feed's name. A feed cannot put
// versions of its own over what came from elsewhere.
func putFed(tx store.Tx, it item, source string) (added bool, err error) {
	held, err := tx.Object(it.object.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return false, err
	case held.From != source:
		if bytes.Equal(held.Bytes, it.object.Bytes) {
			return false, nil
		}
		return false, fmt.Errorf("%w: an object with this id is held from elsewhere", ErrInvalid)
	}
	it.object.From = source
	it.selectors = nil // partners match against what is ours
	if it.incident != nil {
		it.incident.From = source
	}
	return putItem(tx, it)
}

// keepFeeds runs feeds as they fall due, until ctx ends.
func (n *Node) keepFeeds(ctx context.Context) {
	if n.opt.Every < 0 {
		return // tests run them by hand
	}
	tick := time.NewTicker(n.opt.Every)
	defer tick.Stop()
	for {
		n.runDueFeeds(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (n *Node) runDueFeeds(ctx context.Context) {
	var due []string
	err := n.view(ctx, func(tx store.Tx) error {
		all, err := listDocs[feed](tx, docFeed)
		for _, f := range all {
			if f.NextAt <= n.now().UnixMicro() {
				due = append(due, f.Name)
			}
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		n.opt.Log.Error("reading feeds", "error", err)
	}
	var wg sync.WaitGroup
	for _, name := range due {
		wg.Go(func() {
			f, err := n.RunFeed(ctx, name)
			if err == nil && f.Error != "" {
				err = errors.New(f.Error)
			}
			if err != nil && ctx.Err() == nil {
				n.opt.Log.Warn("feed not read", "feed", name, "error", err, "next", f.NextRun)
			}
		})
	}
	wg.Wait()
}
