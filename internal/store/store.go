// Package store defines what a Parley node keeps and with what guarantees;
// internal/store/sqlite implements it on an embedded file and
// internal/store/storetest holds every implementation to the same contract.
// A node does all its work in transactions: what one Update writes becomes
// visible and durable together or not at all, which is what lets a release,
// its ledger event, its tree hashes and its outgoing copy be one act.
// The store keeps bytes exactly as given and decides nothing.
package store

import (
	"context"
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

var (
	// ErrNotFound reports that nothing is stored under the given key.
	ErrNotFound = errors.New("not found")
	// ErrReadOnly reports a write attempted inside View.
	ErrReadOnly = errors.New("transaction is read-only")
	// ErrConflict reports a write that contradicts what is stored: a leaf at
	// an index that is not the log's end, or an object version whose bytes
	// differ from those already kept.
	ErrConflict = errors.New("conflicts with what is stored")
	// ErrUncertain reports that the disk failed while an Update was being
	// committed. Nothing of the Update is visible, yet it may be found kept
	// after a crash. The store takes no further Update until it is opened
	// again; repeat the Update then only where repeating it is harmless.
	ErrUncertain = errors.New("outcome uncertain")
	// ErrClosed reports a call on a closed store.
	ErrClosed = errors.New("store is closed")
)

// Store is a node's database. It is safe for concurrent use.
type Store interface {
	// Update runs fn in a read-write transaction. Updates are serialised: fn
	// sees everything that earlier Updates wrote. When Update returns nil,
	// what fn wrote is durable (synced to disk); when it returns an error,
	// nothing of it is kept (but see ErrUncertain). Several concurrent Updates
	// may share one sync. A ctx that is done before fn starts means that fn
	// does not run; afterwards it has no effect. A panic in fn is rolled back
	// and goes on to the caller. After a method of tx failed with an error that
	// is none of this package's, the Update fails even if fn returns nil.
	// fn must not keep tx, start another transaction, or block on a network.
	Update(ctx context.Context, fn func(tx Tx) error) error
	// View runs fn on one consistent snapshot; writes return ErrReadOnly.
	// Views run concurrently with each other and with Updates.
	View(ctx context.Context, fn func(tx Tx) error) error
	// Backup writes a consistent copy of the whole store to a new file at
	// path while the store goes on working. An existing file is an error.
	Backup(ctx context.Context, path string) error
	// Close waits for the transactions in progress and releases the store;
	// every later call returns ErrClosed.
	Close() error
}

// Tx is the set of operations inside a transaction. Times are Unix
// microseconds (UTC). Byte slices given are not kept; those returned belong
// to the caller; a nil slice and an empty one are the same. Strings sort by
// their bytes. Deleting what is not there is no error.
type Tx interface {
	Docs
	Cards
	Ledgers
	Bodies
	Mail
	Objects
	Library
	Statuses
	Incidents
	Selectors
}

// Docs keeps small mutable documents of low volume (accords, requests, match
// keys, sessions, settings) by kind and id.
type Docs interface {
	PutDoc(kind, id string, body []byte) error
	// Doc returns ErrNotFound where there is none.
	Doc(kind, id string) ([]byte, error)
	DeleteDoc(kind, id string) error
	// ListDocs returns all documents of kind in ascending order of id.
	ListDocs(kind string) ([]Doc, error)
}

// Doc is one document.
type Doc struct {
	ID   string
	Body []byte
}

// Cards keeps every card ever accepted from a party.
type Cards interface {
	// PutCard stores a card; storing the same party and sequence again with
	// other bytes is ErrConflict.
	PutCard(Card) error
	// LatestCard returns the card with the party's highest sequence.
	LatestCard(party string) (Card, error)
	// AllCards returns every card, by party, then by sequence.
	AllCards() ([]Card, error)
}

// Card is a party's signed card as it was received.
type Card struct {
	Party    string
	Sequence int64
	Note     []byte
	Added    int64
}

// Ledgers keeps append-only logs, their hashes, openings and checkpoints. A log is
// named by its checkpoint origin.
type Ledgers interface {
	// AppendLeaves adds leaves at the log's end. first must equal LogSize,
	// else ErrConflict; a wrong number of hashes is an error. hashes are the stored hashes (tlog.StoredHashes) that
	// these leaves add, in order, starting at tlog.StoredHashCount(first).
	// openings open some of these leaves, by index ascending, as PutEvent does;
	// where one contradicts what is there, nothing of the Update is kept.
	AppendLeaves(log string, first int64, leaves [][]byte, hashes []tlog.Hash, openings ...Event) error
	// TruncateLog removes what a log holds from an index on: leaves, hashes,
	// openings and the checkpoints of greater sizes. It is for entries that
	// turned out not to be the owner's.
	TruncateLog(log string, size int64) error
	// LogSize is the number of leaves in the log; 0 for an unknown log.
	LogSize(log string) (int64, error)
	// Leaves returns the leaves with from <= index < to, all of them or
	// ErrNotFound.
	Leaves(log string, from, to int64) ([][]byte, error)
	// EachEntry gives the leaves with from <= index < to and their openings to fn,
	// in order, some hundred at a time, or returns ErrNotFound where some are
	// missing. The entries belong to fn, which may use the transaction.
	EachEntry(log string, from, to int64, fn func(first int64, entries []LogEntry) error) error
	// ReadHashes returns the hashes at the given storage indexes, in the order
	// asked, all of them or ErrNotFound (it serves as a tlog.HashReader).
	ReadHashes(log string, indexes []int64) ([]tlog.Hash, error)
	// Logs returns the names of all logs that hold a leaf, an event or a
	// checkpoint, ascending.
	Logs() ([]string, error)

	// PutEvent stores the opening of a leaf: the event's bytes and salt. The
	// leaf itself may arrive later. An opening that is there already keeps its
	// bytes and salt (others are ErrConflict); the other fields are replaced.
	PutEvent(Event) error
	// Event returns ErrNotFound where the leaf is unknown or was never opened to us.
	Event(log string, index int64) (Event, error)
	// Events returns openings that match the query: by At descending, then
	// log ascending, then index descending when q.Newest is set, else by log,
	// then index, ascending.
	Events(q EventQuery) ([]Event, error)

	// PutCheckpoint stores or replaces the signed note for (log, size).
	PutCheckpoint(Checkpoint) error
	// LatestCheckpoint returns the checkpoint of the greatest size.
	LatestCheckpoint(log string) (Checkpoint, error)
	// CheckpointFrom returns the smallest checkpoint with size >= the given one.
	CheckpointFrom(log string, size int64) (Checkpoint, error)
}

// Event is the opening of a leaf.
type Event struct {
	Log   string
	Index int64
	Kind  string
	At    int64
	Bytes []byte // exact bytes committed to
	Salt  []byte // 32 bytes
	// Audience lists the parties the opening may be shown to, comma separated;
	// empty means every member of the accord.
	Audience string
}

// LogEntry is a leaf with its opening, where it has one.
type LogEntry struct {
	Leaf   []byte
	Opened bool
	Event  Event // zero where it is not opened
}

// EventQuery selects events; zero fields do not restrict.
type EventQuery struct {
	Logs   []string
	Kinds  []string
	From   int64 // index >= From
	Since  int64 // At >= Since
	Newest bool
	Limit  int // 0: all
}

// Checkpoint is a signed tree head with all signatures gathered so far.
type Checkpoint struct {
	Log  string
	Size int64
	Note []byte
	At   int64
}

// Bodies keeps content by the SHA-256 of its bytes.
type Bodies interface {
	// PutBody trusts the digest; what is stored under it already stays.
	PutBody(digest [32]byte, body []byte) error
	// Body returns ErrNotFound where there is none.
	Body(digest [32]byte) ([]byte, error)
	DeleteBody(digest [32]byte) error
}

// Mail keeps what waits to leave and what has arrived.
type Mail interface {
	// PutOut queues a body for a party; the same (Log, Index, To) replaces,
	// keeps its Seq and waits again if it was delivered.
	PutOut(Out) error
	// Outbox returns what is queued for a party under an accord and not yet
	// delivered, by Priority descending, then Seq ascending.
	Outbox(accord, to string) ([]Out, error)
	// Delivered marks an entry as delivered at a time; the first time stays.
	// It returns ErrNotFound where there is no such entry.
	Delivered(log string, index int64, to string, at int64) error

	PutIn(In) error // the same ID replaces
	In(id string) (In, error)
	// Inbox returns up to limit entries (0: all) by At descending, then ID
	// descending.
	Inbox(limit int) ([]In, error)
}

// Out is a released body on its way to a party. Seq is assigned by the store.
type Out struct {
	Seq      int64
	Accord   string
	To       string
	Log      string
	Index    int64 // the ledger event that released it
	Digest   [32]byte
	Priority int // 3 flash, 2 immediate, 1 priority, 0 routine
	At       int64
}

// In is something that arrived for people to read. Doc is JSON.
type In struct {
	ID     string
	Accord string
	From   string
	At     int64
	Doc    []byte
}

// Objects keeps STIX objects, every version, exact bytes, in collections: our
// own objects, what partners released to us under each accord, and the copies
// that we released to a party under an accord. The first two together are the
// library, which is what the methods that take an id look at.
type Objects interface {
	// PutObject stores a version. It returns added=false without change when
	// the same id, version and specification version is stored in the
	// collection (for an object of our own: in the library) with the same
	// bytes, and ErrConflict when with others. The store assigns Added.
	PutObject(Object) (added bool, err error)
	// Object returns the library's newest version, or ErrNotFound.
	Object(id string) (Object, error)
	// ObjectVersions returns every version in the library, oldest first.
	ObjectVersions(id string) ([]Object, error)
	// ListObjects returns a page in order of Added and whether more follow.
	// The time that it takes does not depend on how deep the page lies.
	ListObjects(q ObjectQuery) (page []Object, more bool, err error)
	// CountObjects counts the library's versions by type.
	CountObjects() (map[string]int64, error)
	// DeleteObject removes every version from the library.
	DeleteObject(id string) error
	// DeleteVersion removes the version that was added at that time.
	DeleteVersion(added int64) error
	// Removed returns the Added of every version that was removed, or lost or
	// won its place as the newest, after the mark since, and the mark to ask
	// from next time. What a query with Versions.Last, or for all versions,
	// selects between two dates of adding stays the same while none of these
	// lies between them. complete is false where the store no longer knows all
	// of them.
	Removed(since int64) (added []int64, mark int64, complete bool, err error)
}

// Object is one version of a STIX object.
type Object struct {
	ID       string
	Type     string
	Version  int64  // modified (or created), Unix µs; 0 where the object has neither
	Modified string // the same as written in the object; empty where it has neither
	Spec     string // STIX version, like 2.1
	Bytes    []byte
	From     string // party that released it to us; "" is our own
	Accord   string // accord it came or was released under; "" is our own
	To       string // party that a copy was released to; "" in the library
	// Added is assigned by the store: strictly increasing, unique, in commit
	// order, Unix µs (never earlier than the clock allows, never repeated).
	Added int64
}

// Collection names a collection: the zero value our own objects, an accord
// alone what came under it, an accord and a party what we released to it.
type Collection struct {
	Accord string
	To     string
}

// ObjectQuery selects object versions; zero fields do not restrict.
type ObjectQuery struct {
	In       *Collection // nil: the whole library
	IDs      []string
	Types    []string
	Specs    []string
	From     *string
	Versions Versions
	After    int64 // Added > After
	Limit    int   // 0: all
	// MaxBytes ends a page early, but never before its first object; 0: never.
	MaxBytes int
	Newest   bool // newest Added first
	Want     Want
}

// Versions selects among the versions of each object in a collection; the
// zero value selects all. What is selected by several fields is selected once.
// Unless the query names Specs, only the latest specification version of each
// object is looked at, and with At the latest of each version.
type Versions struct {
	Last  bool
	First bool
	At    []int64 // Object.Version; for objects without one, Added
}

// Want is which part of an object a query returns.
type Want int

// The parts of an object. Added is always returned.
const (
	WantAll   Want = iota
	WantBytes      // Bytes alone
	WantIndex      // everything but Bytes
)

// Library finds objects by what they say. It is filled after objects are
// stored; removing a version removes its entry.
type Library interface {
	// Unfiled returns the library's versions without an entry, in order of
	// Added, at most limit.
	Unfiled(limit int) ([]Object, error)
	// PutEntry files a version; the entries of versions added before it count
	// as made.
	PutEntry(Entry) error
	// Search returns the newest versions that match, newest Added first,
	// without Bytes, and whether more follow. It finds every text that has the
	// phrases, and may find some that have all runs of three characters of
	// them and yet not the phrases: the caller looks.
	Search(q Search) (found []Object, more bool, err error)
	// Referring returns the newest versions that refer to an object, with the
	// names of the properties that do, newest Added first; limit 0 is all.
	Referring(id string, limit int) ([]Reference, error)
}

// Entry is what a version is found by.
type Entry struct {
	Added   int64
	Text    string // folded as queries are
	Marking string // TLP level; "" where there is none
	Area    string // first-level administrative area; "" where there is none
	At      int64  // when it happened or was said, Unix µs
	Refs    []Ref
}

// Ref is a reference to another object.
type Ref struct {
	Name string // of the property
	To   string
}

// Reference is an object that refers to another one.
type Reference struct {
	Object
	Name string
}

// Search selects objects; zero fields do not restrict.
type Search struct {
	// Phrases must all occur in the text, written as texts are filed; each has at
	// least three characters.
	Phrases      []string
	Types        []string
	Marking      string
	From         *string
	Accord       string
	Area         string
	Since, Until int64 // Since <= At < Until
	Before       int64 // Added < Before
	Limit        int
}

// Statuses keeps what became of requests, for those who ask later.
type Statuses interface {
	PutStatus(Status) error // the same ID replaces
	// Status returns ErrNotFound where there is none.
	Status(id string) (Status, error)
	// DropStatuses removes those with At < before.
	DropStatuses(before int64) error
}

// Status is what became of a request. Owner is who may ask.
type Status struct {
	ID    string
	Owner string
	At    int64
	Doc   []byte
}

// Incidents keeps the index that the watch and the map read; the record
// itself is the STIX object of the same id.
type Incidents interface {
	PutIncident(Incident) error // the same ID replaces
	Incident(id string) (Incident, error)
	// ListIncidents returns incidents by Start, then ID, ascending.
	ListIncidents(q IncidentQuery) ([]Incident, error)
	CountIncidents(q IncidentQuery) (int64, error)
	DeleteIncident(id string) error
}

// Incident is an index row. Doc is the incident record as JSON.
type Incident struct {
	ID     string
	Start  int64
	End    int64
	Area   string // first-level administrative area
	Class  string // target class
	Lat    float64
	Lon    float64
	Placed bool // Lat and Lon are meaningful
	From   string
	Doc    []byte
}

// IncidentQuery selects incidents; zero fields do not restrict.
type IncidentQuery struct {
	Since, Until int64 // Since <= Start < Until
	Area         string
	Class        string
	Limit        int
	Newest       bool // by Start descending
}

// Selectors keeps the normalised values that private matching compares and
// where each was found.
type Selectors interface {
	PutSelector(kind, value, object string) error // idempotent
	// EachSelector calls fn for every value of a kind with each object that
	// holds it, by value and then object, ascending. fn must not use the
	// transaction.
	EachSelector(kind string, fn func(value, object string)) error
	// SelectorObjects returns the objects that hold a value, ascending.
	SelectorObjects(kind, value string) ([]string, error)
	DeleteSelectors(object string) error
}
