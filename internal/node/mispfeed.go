package node

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley.example/parley/misp"
)

const (
	// maxManifest bounds the manifest of a MISP feed in bytes, and maxEvents
	// the events that it may list.
	maxManifest = 64 << 20
	maxEvents   = 500_000
	// feedTimeout bounds one request to a MISP feed.
	feedTimeout = 5 * time.Minute
)

// manifestEvent is an event that the manifest of a MISP feed lists.
type manifestEvent struct {
	id   string // UUID
	time int64  // when it was changed last, Unix s
	err  error  // why the entry is not understood
}

// readManifest reads manifest.json of a MISP feed: an object that has an
// object with a timestamp, in seconds as text or number, under each event's
// UUID. The events come in order of their timestamps.
func readManifest(b []byte) ([]manifestEvent, error) {
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(b, &entries); err != nil {
		return nil, fmt.Errorf("manifest.json is not a MISP manifest: %w", err)
	}
	if len(entries) > maxEvents {
		return nil, fmt.Errorf("manifest.json lists %d events; %d are the most", len(entries), maxEvents)
	}
	events := make([]manifestEvent, 0, len(entries))
	for id, raw := range entries {
		e := manifestEvent{id: id}
		var entry struct {
			Timestamp any `json:"timestamp"`
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		e.err = d.Decode(&entry)
		if e.err == nil {
			e.time, e.err = strconv.ParseInt(fmt.Sprint(entry.Timestamp), 10, 64)
		}
		if e.err != nil {
			e.err = fmt.Errorf("its timestamp in manifest.json is not understood: %.60q", raw)
		}
		// The UUID becomes part of an address.
		if u, err := uuid.Parse(id); err != nil || len(id) != 36 || !strings.EqualFold(u.String(), id) {
			e.err = errors.New("manifest.json lists it under a name that is no UUID")
		}
		events = append(events, e)
	}
	slices.SortFunc(events, func(a, b manifestEvent) int { return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.id, b.id)) })
	return events, nil
}

// pollMISP takes the events of a MISP feed that are new or were changed since
// they were taken. Each event is kept together with the note that it was
// taken, so that a run that fails goes on there.
func (n *Node) pollMISP(ctx context.Context, f feed, secret string) error {
	folder := strings.TrimSuffix(f.URL, "/") + "/"
	b, err := fetch(ctx, folder+"manifest.json", f.User, secret, maxManifest)
	if err != nil {
		return err
	}
	events, err := readManifest(b)
	if err != nil {
		return err
	}
	for _, e := range events {
		if seen, ok := f.Seen[e.id]; ok && seen >= e.time {
			continue
		}
		var objects [][]byte
		var lost []misp.Lost
		if err = e.err; err == nil {
			objects, lost, err = fetchEvent(ctx, folder, e.id, f.User, secret)
		}
		var gone *missing
		if err != nil && e.err == nil && !errors.As(err, &gone) && !errors.Is(err, misp.ErrFormat) {
			return err
		}
		err := n.takeFeed(ctx, f.Name, objects, func(f *feed) {
			if err != nil {
				f.refuse(clip(e.id), stamp(n.now()), err)
			}
			for _, l := range lost {
				l.Path = e.id + ": " + l.Path
				f.NotCarried = append(f.NotCarried, l)
			}
			if f.Seen == nil {
				f.Seen = make(map[string]int64)
			}
			f.Seen[e.id] = e.time
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fetchEvent reads one event of a MISP feed. An event that is not understood is
// ErrFormat.
func fetchEvent(ctx context.Context, folder, id, user, secret string) (objects [][]byte, lost []misp.Lost, err error) {
	b, err := fetch(ctx, folder+id+".json", user, secret, misp.MaxEvent)
	if err != nil {
		return nil, nil, err
	}
	err = misp.Read(bytes.NewReader(b), func(_ int, e misp.Event, err error) error {
		if err != nil {
			return fmt.Errorf("%w: %w", misp.ErrFormat, err)
		}
		for _, o := range e.Objects {
			objects = append(objects, o.Raw())
		}
		lost = append(lost, e.NotCarried...)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return objects, lost, nil
}

// missing reports what a server does not have.
type missing struct{ status string }

func (m *missing) Error() string { return "the feed lists it, and its server answers " + m.status }

// fetch reads an address.
func fetch(ctx context.Context, address, user, secret string, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, feedTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	switch {
	case user != "":
		req.SetBasicAuth(user, secret)
	case secret != "":
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		return nil, &missing{resp.Status}
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the server answers %s to %s", resp.Status, address)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s is longer than %d bytes", address, most)
	}
	return b, err
}
