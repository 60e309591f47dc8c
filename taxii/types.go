package taxii

import "time"

// MediaType is what requests and answers are made of (§1.6.8).
const MediaType = "application/taxii+json;version=2.1"

// stixMediaType is the media type of objects of a STIX version.
func stixMediaType(spec string) string { return "application/stix+json;version=" + spec }

// Discovery describes the server (§4.1.1). Server takes the APIRoots of a
// Backend as names and writes them as addresses.
type Discovery struct {
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Contact     string   `json:"contact,omitempty"`
	Default     string   `json:"default,omitempty"`
	APIRoots    []string `json:"api_roots,omitempty"`
}

// Root describes an API root (§4.2.1).
type Root struct {
	Title            string   `json:"title"`
	Description      string   `json:"description,omitempty"`
	Versions         []string `json:"versions"`
	MaxContentLength int64    `json:"max_content_length"`
}

// Collection describes a collection and what the asking user may do (§5.2.1).
type Collection struct {
	ID          string   `json:"id"` // a UUID
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Alias       string   `json:"alias,omitempty"` // may stand in addresses in place of ID
	CanRead     bool     `json:"can_read"`
	CanWrite    bool     `json:"can_write"`
	MediaTypes  []string `json:"media_types,omitempty"`
}

type collections struct {
	Collections []Collection `json:"collections,omitempty"`
}

// ManifestRecord tells of one version of an object (§5.3.1).
type ManifestRecord struct {
	ID        string `json:"id"`
	DateAdded string `json:"date_added"`
	Version   string `json:"version"`
	MediaType string `json:"media_type,omitempty"`
}

type manifest struct {
	More    bool             `json:"more"`
	Next    string           `json:"next,omitempty"`
	Objects []ManifestRecord `json:"objects,omitempty"`
}

type versions struct {
	More     bool     `json:"more"`
	Next     string   `json:"next,omitempty"`
	Versions []string `json:"versions,omitempty"`
}

// States of a Status.
const (
	Complete = "complete"
	Pending  = "pending"
)

// Status tells what became of a request to add objects (§4.3.1).
type Status struct {
	ID           string         `json:"id"`
	Status       string         `json:"status"`
	Received     string         `json:"request_timestamp,omitempty"`
	TotalCount   int            `json:"total_count"`
	SuccessCount int            `json:"success_count"`
	Successes    []StatusDetail `json:"successes,omitempty"`
	FailureCount int            `json:"failure_count"`
	Failures     []StatusDetail `json:"failures,omitempty"`
	PendingCount int            `json:"pending_count"`
	Pendings     []StatusDetail `json:"pendings,omitempty"`
}

// StatusDetail tells of one object in a Status.
type StatusDetail struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Message string `json:"message,omitempty"`
}

// Error is the body of every answer that reports an error (§3.6.1).
type Error struct {
	Title       string            `json:"title"`
	Description string            `json:"description,omitempty"`
	ErrorID     string            `json:"error_id,omitempty"`
	ErrorCode   string            `json:"error_code,omitempty"`
	HTTPStatus  string            `json:"http_status,omitempty"`
	Details     map[string]string `json:"details,omitempty"`
}

func (e *Error) Error() string {
	if e.Description == "" {
		return e.Title
	}
	return e.Title + ": " + e.Description
}

// FormatTime writes Unix microseconds as a TAXII timestamp, always with six
// digits after the point (§3.2: RFC 3339, UTC, Z).
func FormatTime(us int64) string {
	return time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000000Z")
}
