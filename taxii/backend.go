package taxii

import (
	"context"
	"errors"
	"io"
)

// Errors of a Backend that have an answer of their own. Any other error is
// answered with 500 and logged.
var (
	// ErrNotFound reports what is not there, or not for this user.
	ErrNotFound = errors.New("not found")
	// ErrForbidden reports what the user may see but not do.
	ErrForbidden = errors.New("forbidden")
	// ErrUnauthorized reports credentials that are not valid.
	ErrUnauthorized = errors.New("credentials are not valid")
)

// User is who makes a request.
type User struct{ Name string }

// Backend is what a Server serves. Its methods are called concurrently; each
// is told who asks and must answer ErrNotFound for what that user may not
// know of.
type Backend interface {
	// Discovery describes the server; APIRoots and Default are names of roots.
	Discovery(ctx context.Context, u User) (Discovery, error)
	// Root describes an API root.
	Root(ctx context.Context, u User, root string) (Root, error)
	// Collections lists the collections that the user may know of.
	Collections(ctx context.Context, u User, root string) ([]Collection, error)
	// Collection finds one of them by its ID or alias.
	Collection(ctx context.Context, u User, root, id string) (Collection, error)
	// Page returns records in order of Added, ascending. The Server has seen
	// that the user may read the collection.
	Page(ctx context.Context, u User, root string, c Collection, q Query) (Page, error)
	// Add stores objects, each as it is, and returns when what the Status calls
	// a success is durable. The Server has seen that the user may write. The
	// slices belong to the Backend.
	Add(ctx context.Context, u User, root string, c Collection, objects [][]byte) (Status, error)
	// Delete removes what the query selects; ErrNotFound where that is nothing.
	Delete(ctx context.Context, u User, root string, c Collection, q Query) error
	// Status tells what became of an Add of this user.
	Status(ctx context.Context, u User, root, id string) (Status, error)
}

// Query selects records of a collection; zero fields do not restrict.
type Query struct {
	IDs, Types, Specs []string
	// Versions of each object; none set means all.
	Last, First bool
	At          []int64 // version, or Added where the object has none; Unix µs, finer digits cut off
	After       int64   // Added > After
	Limit       int     // at most so many; 0: the Backend's choice
	Bytes       bool    // Record.Bytes is wanted; the rest but Added is not
}

// Page is a part of a collection.
type Page struct {
	Records []Record
	More    bool // records follow; a Page may be short and have More
	// Body may stand in place of the Records of a query for Bytes. First and
	// Last are then the Added of its first and last record.
	Body        Body
	First, Last int64
}

// Body is the bytes of at least one record, as they are, with commas between
// them. Whoever gets it closes it.
type Body interface {
	Size() int64 // in bytes
	// WriteTo writes it. A writer that implements io.ReaderFrom lets the system
	// send what is in files by itself.
	io.WriterTo
	io.Closer
}

// empty reports whether the page has no record.
func (p Page) empty() bool { return len(p.Records) == 0 && p.Body == nil }

// span is the Added of the first and last record.
func (p Page) span() (first, last int64) {
	if p.Body != nil {
		return p.First, p.Last
	}
	return p.Records[0].Added, p.Records[len(p.Records)-1].Added
}

// Record is one version of an object.
type Record struct {
	ID      string
	Version string // modified, else created, as written; empty where it has neither
	Spec    string // STIX version
	// Added is when the record was added, Unix µs: unique in the collection,
	// and greater than that of every record that was visible before it.
	Added int64
	Bytes []byte
}

func (r Record) version() string {
	if r.Version == "" {
		return FormatTime(r.Added) // §5.3.1: consistent, at the server's choice
	}
	return r.Version
}
