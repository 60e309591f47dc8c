package incident

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"parley.example/parley/stix"
)

// Words of the Common Alerting Protocol (OASIS CAP 1.2, §3.2).
const (
	CAPActual   = "Actual"
	CAPExercise = "Exercise"
	CAPTest     = "Test"

	CAPAlert  = "Alert"
	CAPUpdate = "Update"
	CAPCancel = "Cancel"
)

// capNamespace is the namespace of CAP 1.2.
const capNamespace = "urn:oasis:names:tc:emergency:cap:1.2"

// An Alert says under what terms an incident goes out as a CAP 1.2 alert.
type Alert struct {
	// Identifier names the message and Sender its originator, both unique and
	// without space, comma, < and & (§3.2.1).
	Identifier, Sender string
	// SenderName is the originator for people.
	SenderName string
	// Status has to be chosen by a person: CAPActual, CAPExercise or CAPTest.
	Status string
	// Type is CAPAlert, or CAPUpdate or CAPCancel with References.
	Type       string
	References []AlertReference
	Sent       time.Time
	Expires    time.Time // after Sent
	// Certainty is a word of CAP; where it is empty, the credibility of the
	// first graded source decides: 1 is Observed, 2 Likely, 3 Possible, 4 and 5
	// Unlikely, all else Unknown. See [CertaintyOf].
	Certainty string
	// Note describes the purpose; CAP wants the exercise named in it.
	Note     string
	Language string // RFC 3066; empty means en-US, as in CAP
}

// AlertReference names an earlier message.
type AlertReference struct {
	Sender, Identifier string
	Sent               time.Time
}

// String writes the reference as CAP does: sender,identifier,sent.
func (r AlertReference) String() string { return r.Sender + "," + r.Identifier + "," + capTime(r.Sent) }

// ParseAlertReference reads sender,identifier,sent.
func ParseAlertReference(s string) (AlertReference, error) {
	parts := strings.Split(s, ",")
	if len(parts) != 3 {
		return AlertReference{}, fmt.Errorf("reference %q is not sender,identifier,sent", clip(s))
	}
	t, err := time.Parse("2006-01-02T15:04:05-07:00", parts[2])
	if err != nil {
		return AlertReference{}, fmt.Errorf("reference %q: the time is not like 2026-12-31T12:00:00-00:00", clip(s))
	}
	r := AlertReference{Sender: parts[0], Identifier: parts[1], Sent: t.UTC()}
	return r, errors.Join(capToken("sender", r.Sender), capToken("identifier", r.Identifier))
}

// CertaintyOf is the CAP word for a probability (§3.2.2): Likely above one half,
// Possible up to it, Unlikely at 5 % and below, Unknown for what is no
// probability. That something was observed no probability says.
func CertaintyOf(p float64) string {
	switch {
	case math.IsNaN(p) || p < 0 || p > 1:
		return "Unknown"
	case p > 0.5:
		return "Likely"
	case p > 0.05:
		return "Possible"
	}
	return "Unlikely"
}

var certainties = []string{"Observed", "Likely", "Possible", "Unlikely", "Unknown"}

type capAlert struct {
	XMLName     xml.Name `xml:"alert"`
	Namespace   string   `xml:"xmlns,attr"`
	Identifier  string   `xml:"identifier"`
	Sender      string   `xml:"sender"`
	Sent        string   `xml:"sent"`
	Status      string   `xml:"status"`
	Type        string   `xml:"msgType"`
	Scope       string   `xml:"scope"`
	Restriction string   `xml:"restriction,omitempty"`
	Note        string   `xml:"note,omitempty"`
	References  string   `xml:"references,omitempty"`
	Info        capInfo  `xml:"info"`
}

type capInfo struct {
	Language    string         `xml:"language,omitempty"`
	Category    string         `xml:"category"`
	Event       string         `xml:"event"`
	Urgency     string         `xml:"urgency"`
	Severity    string         `xml:"severity"`
	Certainty   string         `xml:"certainty"`
	Effective   string         `xml:"effective"`
	Onset       string         `xml:"onset"`
	Expires     string         `xml:"expires"`
	SenderName  string         `xml:"senderName,omitempty"`
	Headline    string         `xml:"headline"`
	Description string         `xml:"description,omitempty"`
	Parameters  []capParameter `xml:"parameter"`
	Area        capArea        `xml:"area"`
}

type capParameter struct {
	Name  string `xml:"valueName"`
	Value string `xml:"value"`
}

type capArea struct {
	Description string `xml:"areaDesc"`
	Circle      string `xml:"circle,omitempty"`
}

// CAP writes the incident as one CAP 1.2 alert. It says what may be said to
// those whom an alert reaches: of the text only what stands below a tearline
// mark, no sources, no claims, no selectors. An incident of TLP:CLEAR has the
// scope Public, any other is Restricted to what its marking says. Severity is
// Severe where people were killed, Moderate where they were wounded, otherwise
// Unknown.
func (a Alert) CAP(in Incident) ([]byte, error) {
	if err := errors.Join(a.check(), in.Check()); err != nil {
		return nil, fmt.Errorf("alert for %s: %w", in.ID, err)
	}
	out := capAlert{
		Namespace: capNamespace, Identifier: a.Identifier, Sender: a.Sender, Sent: capTime(a.Sent), Status: a.Status, Type: a.Type,
		Scope: "Public", Note: a.Note,
		Info: capInfo{
			Language: a.Language, Category: "Security", Event: strings.ReplaceAll(string(in.Kind), "-", " "),
			Urgency: "Past", Severity: severity(in), Certainty: a.Certainty, Effective: capTime(a.Sent), Onset: capTime(in.Start),
			Expires: capTime(a.Expires), SenderName: a.SenderName, Headline: in.Title,
			Parameters: []capParameter{
				{"incident", in.ID}, {"date_precision", string(in.DatePrecision)}, {"place_precision", string(in.PlacePrecision)},
			},
			Area: capArea{Description: areaDescription(in)},
		},
	}
	if in.TLP != stix.Clear {
		out.Scope, out.Restriction = "Restricted", "unmarked: for the recipient only"
		if in.TLP != 0 {
			out.Restriction = in.TLP.String()
		}
	}
	if in.Start.After(a.Sent) {
		out.Info.Urgency = "Future"
	}
	if out.Info.Certainty == "" {
		out.Info.Certainty = certaintyOfGrade(in)
	}
	if _, below, ok := SplitTearline(in.Text); ok {
		out.Info.Description = below
	}
	refs := make([]string, len(a.References))
	for i, r := range a.References {
		refs[i] = r.String()
	}
	out.References = strings.Join(refs, " ")
	for _, c := range in.Classes {
		out.Info.Parameters = append(out.Info.Parameters, capParameter{"target_class", string(c)})
	}
	if in.Placed && in.RadiusKM > 0 {
		out.Info.Area.Circle = decimal(in.Lat) + "," + decimal(in.Lon) + " " + decimal(in.RadiusKM)
	}
	if a := Attribution(in.Source); a != "" {
		out.Info.Parameters = append(out.Info.Parameters, capParameter{"attribution", a})
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return nil, fmt.Errorf("alert for %s: %w", in.ID, err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func (a Alert) check() error {
	errs := []error{capToken("identifier", a.Identifier), capToken("sender", a.Sender)}
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.Contains([]string{CAPActual, CAPExercise, CAPTest}, a.Status) {
		bad("status %q is not Actual, Exercise or Test", a.Status)
	}
	switch {
	case !slices.Contains([]string{CAPAlert, CAPUpdate, CAPCancel}, a.Type):
		bad("type %q is not Alert, Update or Cancel", a.Type)
	case a.Type != CAPAlert && len(a.References) == 0:
		bad("an %s refers to the messages that it is about", a.Type)
	case a.Type == CAPAlert && len(a.References) > 0:
		bad("an Alert refers to no earlier message; make it an Update")
	}
	for _, r := range a.References {
		errs = append(errs, capToken("reference's sender", r.Sender), capToken("reference's identifier", r.Identifier))
		if r.Sent.IsZero() || r.Sent.After(a.Sent) {
			bad("the reference %s was not sent before", r.Identifier)
		}
	}
	if a.Sent.IsZero() || !a.Expires.After(a.Sent) {
		bad("an alert expires after it is sent")
	}
	if a.Certainty != "" && !slices.Contains(certainties, a.Certainty) {
		bad("certainty %q is not one of %v", a.Certainty, certainties)
	}
	if a.Status == CAPExercise && a.Note == "" {
		bad("an exercise is named in the note")
	}
	return errors.Join(errs...)
}

// capToken checks what CAP forbids in identifiers and senders.
func capToken(what, s string) error {
	if s == "" || strings.ContainsAny(s, " ,<&\t\r\n") {
		return fmt.Errorf("%s %q is empty or has a space, a comma, < or &", what, clip(s))
	}
	return nil
}

// capTime writes a time as CAP demands it: to the second with an offset, which
// for UTC is -00:00 and never Z (§3.2.1).
func capTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") + "-00:00" }

func severity(in Incident) string {
	some := func(r Range) bool {
		return r.Best != nil && *r.Best > 0 || r.Best == nil && r.Low != nil && *r.Low > 0
	}
	switch {
	case some(in.Killed):
		return "Severe"
	case some(in.Wounded):
		return "Moderate"
	}
	return "Unknown"
}

func certaintyOfGrade(in Incident) string {
	for _, s := range in.Sources {
		switch s.Credibility {
		case 0:
			continue
		case 1:
			return "Observed"
		case 2:
			return "Likely"
		case 3:
			return "Possible"
		case 4, 5:
			return "Unlikely"
		}
		break
	}
	return "Unknown"
}

func areaDescription(in Incident) string {
	var parts []string
	for _, p := range []string{in.Place, in.Admin2, in.Admin1, in.Country} {
		if p != "" && !slices.Contains(parts, p) {
			parts = append(parts, p)
		}
	}
	if parts == nil {
		return "place not known"
	}
	return strings.Join(parts, ", ")
}
