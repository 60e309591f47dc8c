package node

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/stix"
	"parley.example/parley/taxii"
)

const (
	// taxiiRoot names the one API root.
	taxiiRoot = "parley"
	// usersLife is how long API users are remembered without looking; changes
	// made by this process are seen at once.
	usersLife = 30 * time.Second
	// statusLife is how long what became of a request can be asked.
	statusLife = 7 * 24 * time.Hour
	// addedAtOnce bounds the objects that one transaction adds, so that others
	// need not wait for a large request.
	addedAtOnce = 5000
	// pageBytes bounds the objects of one page.
	pageBytes = 8 << 20
)

// TAXII serves the node's collections. It implements taxii.Backend and
// taxii.Authenticator.
type TAXII struct {
	n *Node

	mu     sync.Mutex // guards the rest
	known  map[string]APIUser
	until  time.Time
	pruned time.Time // when statuses were last dropped
}

var (
	_ taxii.Backend       = (*TAXII)(nil)
	_ taxii.Authenticator = (*TAXII)(nil)
)

// TAXII returns the backend of a TAXII server over the node.
func (n *Node) TAXII() *TAXII { return &TAXII{n: n} }

// Key authenticates positions that clients hold. It is derived from the
// node's secrets and stays the same.
func (t *TAXII) Key() []byte {
	h := hmac.New(sha256.New, t.n.keys.copy)
	h.Write([]byte("parley taxii next"))
	return h.Sum(nil)
}

// Forget makes changed API users take effect at once.
func (t *TAXII) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until = time.Time{}
}

// Discovery implements taxii.Backend.
func (t *TAXII) Discovery(context.Context, taxii.User) (taxii.Discovery, error) {
	return taxii.Discovery{Title: "Parley node of " + t.n.cfg.Name, Default: taxiiRoot, APIRoots: []string{taxiiRoot}}, nil
}

// Root implements taxii.Backend.
func (t *TAXII) Root(_ context.Context, _ taxii.User, root string) (taxii.Root, error) {
	if root != taxiiRoot {
		return taxii.Root{}, taxii.ErrNotFound
	}
	return taxii.Root{Title: t.n.cfg.Name}, nil
}

// Collections implements taxii.Backend.
func (t *TAXII) Collections(ctx context.Context, u taxii.User, root string) ([]taxii.Collection, error) {
	if root != taxiiRoot {
		return nil, taxii.ErrNotFound
	}
	all := []store.Collection{{}}
	titles := map[string]string{}
	err := t.n.view(ctx, func(tx store.Tx) error {
		ps, err := t.n.pacts(tx)
		for _, p := range ps {
			titles[p.ID] = p.Terms.Title
			if !slices.Contains(p.Terms.Parties(), t.n.cfg.Party) {
				continue // a witness sees no content
			}
			all = append(all, store.Collection{Accord: p.ID})
			for _, o := range t.n.others(p.Accord) {
				all = append(all, store.Collection{Accord: p.ID, To: o})
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []taxii.Collection
	for _, c := range all {
		g, err := t.grantFor(ctx, u, c)
		if errors.Is(err, taxii.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, t.describe(c, g, titles[c.Accord]))
	}
	return out, nil
}

func (t *TAXII) describe(c store.Collection, g Grant, title string) taxii.Collection {
	out := taxii.Collection{
		ID: t.collectionID(c), CanRead: g.Read, CanWrite: g.Write,
		MediaTypes: []string{"application/stix+json;version=2.1", "application/stix+json;version=2.0"},
	}
	switch short := c.Accord[:min(12, len(c.Accord))]; {
	case c == store.Collection{}:
		out.Alias, out.Title = OwnCollection, "Own objects of "+t.n.cfg.Name
	case c.To == "":
		out.Alias, out.Title = "in-"+short, "Released to us under: "+title
	default:
		out.Alias, out.Title = "out-"+short+"-"+c.To, "Released to "+c.To+" under: "+title
	}
	return out
}

// collectionID derives a UUID that tells nothing of the accord and never
// changes.
func (t *TAXII) collectionID(c store.Collection) string {
	h := hmac.New(sha256.New, t.n.keys.copy)
	fmt.Fprintf(h, "parley taxii collection\n%s\n%s", c.Accord, c.To)
	id := uuid.UUID(h.Sum(nil)[:16])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id.String()
}

// Collection implements taxii.Backend.
func (t *TAXII) Collection(ctx context.Context, u taxii.User, root, id string) (taxii.Collection, error) {
	if root != taxiiRoot {
		return taxii.Collection{}, taxii.ErrNotFound
	}
	if id == OwnCollection || id == t.collectionID(store.Collection{}) {
		g, err := t.grantFor(ctx, u, store.Collection{})
		return t.describe(store.Collection{}, g, ""), err
	}
	all, err := t.Collections(ctx, u, root)
	for _, c := range all {
		if c.ID == id || c.Alias == id {
			return c, nil
		}
	}
	return taxii.Collection{}, cmp.Or(err, taxii.ErrNotFound)
}

// resolve finds the stored collection that a described one is.
func (t *TAXII) resolve(ctx context.Context, c taxii.Collection) (found store.Collection, pc pact, err error) {
	if c.ID == t.collectionID(store.Collection{}) {
		return found, pc, nil
	}
	err = t.n.view(ctx, func(tx store.Tx) error {
		ps, err := t.n.pacts(tx)
		for _, p := range ps {
			for _, to := range append([]string{""}, t.n.others(p.Accord)...) {
				if in := (store.Collection{Accord: p.ID, To: to}); t.collectionID(in) == c.ID {
					found, pc = in, p
					return err
				}
			}
		}
		return cmp.Or(err, taxii.ErrNotFound)
	})
	return found, pc, err
}

// Page implements taxii.Backend.
func (t *TAXII) Page(ctx context.Context, u taxii.User, _ string, c taxii.Collection, q taxii.Query) (taxii.Page, error) {
	in, pc, err := t.resolve(ctx, c)
	if err != nil {
		return taxii.Page{}, err
	}
	more := false
	if in.To != "" {
		// To what is not released now, and to an accord that lets nothing
		// pass, the answer is the same: nothing.
		if pc.state.At(t.n.now()).Name != accord.InForce || pc.state.Rung(t.n.cfg.Party, in.To) < accord.Tearline {
			return taxii.Page{}, nil
		}
		g, err := t.grantFor(ctx, u, in)
		if err != nil {
			return taxii.Page{}, err
		}
		if more, err = t.n.releaseStanding(ctx, in, g, q); err != nil {
			return taxii.Page{}, err
		}
	}
	var page taxii.Page
	err = t.n.view(ctx, func(tx store.Tx) error {
		page, err = t.n.pages.list(tx, in, q)
		return err
	})
	page.More = page.More || more && (len(page.Records) > 0 || page.Body != nil)
	return page, err
}

func listPage(tx store.Tx, in store.Collection, q taxii.Query) (taxii.Page, error) {
	return listUpTo(tx, in, q, pageBytes)
}

func listUpTo(tx store.Tx, in store.Collection, q taxii.Query, most int) (taxii.Page, error) {
	sq := store.ObjectQuery{
		In: &in, IDs: q.IDs, Types: q.Types, Specs: q.Specs, After: q.After, Limit: q.Limit, MaxBytes: most,
		Versions: store.Versions{Last: q.Last, First: q.First, At: q.At}, Want: store.WantIndex,
	}
	if q.Bytes {
		sq.Want = store.WantBytes
	}
	objects, more, err := tx.ListObjects(sq)
	page := taxii.Page{More: more, Records: make([]taxii.Record, len(objects))}
	for i, o := range objects {
		page.Records[i] = taxii.Record{ID: o.ID, Version: o.Modified, Spec: o.Spec, Added: o.Added, Bytes: o.Bytes}
	}
	return page, err
}

// Add implements taxii.Backend. Objects are checked side by side, then stored
// like an imported file's, each on its own merits.
func (t *TAXII) Add(ctx context.Context, u taxii.User, _ string, c taxii.Collection, objects [][]byte) (taxii.Status, error) {
	in, _, err := t.resolve(ctx, c)
	if err == nil && in != (store.Collection{}) {
		err = taxii.ErrForbidden
	}
	if err != nil {
		return taxii.Status{}, err
	}
	now := t.n.now()
	id, err := uuid.NewRandomFromReader(t.n.opt.Rand)
	if err != nil {
		return taxii.Status{}, err
	}
	st := taxii.Status{ID: id.String(), Status: taxii.Complete, Received: taxii.FormatTime(now.UnixMicro()), TotalCount: len(objects)}
	checked := checkObjects(objects)
	defer checked.wg.Wait()
	// Once it has begun, a request is not given up because its client went:
	// what is stored and what the status says stay the same.
	ctx = context.WithoutCancel(ctx)
	for start := 0; start < len(objects); start += addedAtOnce {
		end := min(start+addedAtOnce, len(objects))
		checked.wait(start)
		var next taxii.Status
		err := t.n.update(ctx, func(tx store.Tx) error {
			next = st
			next.Successes, next.Failures = slices.Clip(st.Successes), slices.Clip(st.Failures)
			if err := addObjects(tx, checked, start, end, &next, now); err != nil {
				return err
			}
			if end < len(objects) {
				return nil
			}
			doc, err := json.Marshal(next)
			if err != nil {
				return err
			}
			if err := t.prune(tx, now); err != nil {
				return err
			}
			return tx.PutStatus(store.Status{ID: next.ID, Owner: u.Name, At: now.UnixMicro(), Doc: doc})
		})
		if err != nil {
			return taxii.Status{}, err
		}
		st = next
	}
	return st, nil
}

// checkedObject is an object that was read, or the reason why not.
type checkedObject struct {
	item item
	raw  []byte
	err  error
}

// checkBlock is how many objects are checked at a stretch.
const checkBlock = 64

// checking is objects of which some may still be checked.
type checking struct {
	objects []checkedObject
	done    []chan struct{} // of each block, closed when it is checked
	wg      sync.WaitGroup
}

// checkObjects reads and validates objects on every processor. Of many, the
// first can be stored while the others are checked, which is faster.
func checkObjects(objects [][]byte) *checking {
	c := &checking{objects: make([]checkedObject, len(objects))}
	for range (len(objects) + checkBlock - 1) / checkBlock {
		c.done = append(c.done, make(chan struct{}))
	}
	var next atomic.Int64
	work := func() {
		for b := int(next.Add(1)) - 1; b < len(c.done); b = int(next.Add(1)) - 1 {
			for i := b * checkBlock; i < min((b+1)*checkBlock, len(objects)); i++ {
				o := &c.objects[i]
				o.raw = objects[i]
				o.item, o.err = validItem(i+1, objects[i])
			}
			close(c.done[b])
		}
	}
	if len(c.done) == 1 {
		work()
		return c
	}
	for range min(runtime.GOMAXPROCS(0), len(c.done)) {
		c.wg.Go(work)
	}
	return c
}

// wait returns when object i is checked.
func (c *checking) wait(i int) { <-c.done[i/checkBlock] }

// validItem reads an object of STIX 2.1 that breaks no rule of it, or an
// object of STIX 2.0 that reads.
func validItem(number int, raw []byte) (item, error) {
	it, obj, err := readItem(number, raw)
	if err != nil || it.object.Spec != "2.1" {
		return it, err
	}
	for _, f := range obj.Validate() {
		if f.Severity == stix.Error {
			return it, errors.New(f.String())
		}
	}
	return it, nil
}

// addObjects stores the good ones and says in st what became of each.
func addObjects(tx store.Tx, objects *checking, start, end int, st *taxii.Status, now time.Time) error {
	for i := start; i < end; i++ {
		objects.wait(i)
		o := objects.objects[i]
		detail := taxii.StatusDetail{ID: o.item.object.ID, Version: cmp.Or(o.item.object.Modified, taxii.FormatTime(now.UnixMicro()))}
		err := o.err
		if err == nil {
			_, err = putItem(tx, o.item)
			if errors.Is(err, store.ErrConflict) {
				o.err = errors.New("another object with the same id and version is stored; a changed object needs a newer modified time")
			} else if err != nil {
				return err
			}
		}
		if o.err == nil {
			st.SuccessCount++
			st.Successes = append(st.Successes, detail)
			continue
		}
		detail.ID = cmp.Or(detail.ID, idOf(o.raw), fmt.Sprintf("object %d of the request", st.SuccessCount+st.FailureCount+1))
		detail.Message = o.err.Error()
		st.FailureCount++
		st.Failures = append(st.Failures, detail)
	}
	return nil
}

// prune drops old statuses now and then.
func (t *TAXII) prune(tx store.Tx, now time.Time) error {
	t.mu.Lock()
	due := now.Sub(t.pruned) > time.Hour
	if due {
		t.pruned = now
	}
	t.mu.Unlock()
	if !due {
		return nil
	}
	return tx.DropStatuses(now.Add(-statusLife).UnixMicro())
}

// Status implements taxii.Backend.
func (t *TAXII) Status(ctx context.Context, u taxii.User, root, id string) (taxii.Status, error) {
	var st taxii.Status
	if root != taxiiRoot {
		return st, taxii.ErrNotFound
	}
	err := t.n.view(ctx, func(tx store.Tx) error {
		row, err := tx.Status(id)
		if errors.Is(err, store.ErrNotFound) || err == nil && row.Owner != u.Name {
			return taxii.ErrNotFound
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(row.Doc, &st)
	})
	return st, err
}

// Delete implements taxii.Backend. The index entries of an object go with its
// last version, and follow the version that is then the newest.
func (t *TAXII) Delete(ctx context.Context, _ taxii.User, _ string, c taxii.Collection, q taxii.Query) error {
	in, _, err := t.resolve(ctx, c)
	if err == nil && in != (store.Collection{}) {
		err = taxii.ErrForbidden
	}
	if err != nil {
		return err
	}
	return t.n.update(ctx, func(tx store.Tx) error {
		q.Limit, q.Bytes = 0, false
		page, err := listPage(tx, in, q)
		if err != nil {
			return err
		}
		if len(page.Records) == 0 {
			return taxii.ErrNotFound
		}
		ids := map[string]bool{}
		for _, r := range page.Records {
			ids[r.ID] = true
			if err := tx.DeleteVersion(r.Added); err != nil {
				return err
			}
		}
		for id := range ids {
			if err := reindex(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// reindex makes the indexes of an object follow its newest version.
func reindex(tx store.Tx, id string) error {
	if err := errors.Join(tx.DeleteSelectors(id), tx.DeleteIncident(id)); err != nil {
		return err
	}
	o, err := tx.Object(id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	it, _, err := readItem(0, o.Bytes)
	if err != nil {
		return nil // it was stored before such objects were refused, and indexes nothing
	}
	if it.incident != nil {
		it.incident.From = o.From
	}
	if o.From != "" {
		it.selectors = nil // only our own are matched
	}
	return indexItem(tx, it)
}
