package incident

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"parley.example/parley/stix"
)

// ErrForeign reports a STIX incident without Parley's extension: it has no time
// or place to work with and can only be kept as an object.
var ErrForeign = errors.New("the incident does not carry Parley's extension")

// extension is the content of [stix.IncidentExtension]. Everything that STIX
// itself has a property for stands in the object.
type extension struct {
	ExtensionType  string            `json:"extension_type"`
	Source         string            `json:"source,omitzero"`
	SourceID       string            `json:"source_id,omitzero"`
	Start          string            `json:"start"`
	End            string            `json:"end"`
	DatePrecision  DatePrecision     `json:"date_precision"`
	Lat            *float64          `json:"latitude,omitzero"`
	Lon            *float64          `json:"longitude,omitzero"`
	Place          string            `json:"place,omitzero"`
	PlacePrecision PlacePrecision    `json:"place_precision"`
	RadiusKM       float64           `json:"radius_km,omitzero"`
	Admin1         string            `json:"admin1,omitzero"`
	Admin2         string            `json:"admin2,omitzero"`
	Country        string            `json:"country,omitzero"`
	Classes        []Class           `json:"classes"`
	Kind           Kind              `json:"kind"`
	Killed         Range             `json:"killed,omitzero"`
	Wounded        Range             `json:"wounded,omitzero"`
	Organisation   string            `json:"organisation,omitzero"`
	Sources        []Source          `json:"sources,omitzero"`
	Claims         []Claim           `json:"claims,omitzero"`
	Selectors      []Selector        `json:"selectors,omitzero"`
	Codes          map[string]string `json:"codes,omitzero"`
}

// STIX returns the incident as a STIX 2.1 incident object: always the same bytes
// for the same record. identityRef is the identity that created it, or "".
//
// What a gate has to know: sources, claims, selectors and codes stand in the
// extension only; the dataset and the id in it stand there and as the only
// external reference; description is [Incident.Text] as it is, with what stands
// above a tearline mark.
func (in *Incident) STIX(identityRef string) ([]byte, error) {
	if err := in.Check(); err != nil {
		return nil, fmt.Errorf("incident %s: %w", in.ID, err)
	}
	created, modified := in.Created, in.Modified
	if created.IsZero() {
		created = in.Start
	}
	if modified.IsZero() {
		modified = created
	}
	if modified.Before(created) {
		return nil, fmt.Errorf("incident %s: modified before it was created", in.ID)
	}
	props := map[string]any{
		"type": "incident", "spec_version": "2.1", "id": in.ID,
		"created": stix.FormatTime(created), "modified": stix.FormatTime(modified),
		"name":       in.Title,
		"extensions": map[string]any{stix.IncidentExtension: in.extension()},
	}
	if identityRef != "" {
		props["created_by_ref"] = identityRef
	}
	if in.Text != "" {
		props["description"] = in.Text
	}
	if in.TLP != 0 {
		props["object_marking_refs"] = []string{in.TLP.MarkingRef()}
	}
	if in.Source != "" {
		ref := map[string]any{"source_name": in.Source}
		if in.SourceID != "" {
			ref["external_id"] = in.SourceID
		} else {
			ref["description"] = "dataset"
		}
		props["external_references"] = []any{ref}
	}
	raw, err := stix.Encode(props)
	if err != nil {
		return nil, fmt.Errorf("incident %s: %w", in.ID, err)
	}
	return raw, nil
}

func (in *Incident) extension() extension {
	x := extension{
		ExtensionType: "property-extension",
		Source:        in.Source, SourceID: in.SourceID,
		Start: formatTime(in.Start), End: formatTime(in.End), DatePrecision: in.DatePrecision,
		Place: in.Place, PlacePrecision: in.PlacePrecision, RadiusKM: in.RadiusKM,
		Admin1: in.Admin1, Admin2: in.Admin2, Country: in.Country,
		Classes: in.Classes, Kind: in.Kind, Killed: in.Killed, Wounded: in.Wounded,
		Organisation: in.Organisation,
		Sources:      in.Sources, Claims: in.Claims, Selectors: in.Selectors, Codes: in.Codes,
	}
	if in.Placed {
		x.Lat, x.Lon = &in.Lat, &in.Lon
	}
	return x
}

// formatTime writes a time to the second where it is whole, else as exactly as
// it is known.
func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// FromSTIX reads an incident object that [Incident.STIX] wrote, here or at a
// partner's, or a tearline copy of one. It returns [ErrForeign] for other
// incidents.
func FromSTIX(raw []byte) (Incident, error) {
	o, err := stix.Parse(raw)
	if err != nil {
		return Incident{}, err
	}
	return FromObject(o)
}

// FromObject is [FromSTIX] on an object that is already decoded.
func FromObject(o *stix.Object) (Incident, error) {
	if o.Type != "incident" {
		return Incident{}, fmt.Errorf("%s is not an incident", o.ID)
	}
	var x extension
	switch ok, err := o.Extension(stix.IncidentExtension, &x); {
	case err != nil:
		return Incident{}, fmt.Errorf("%s: %w", o.ID, err)
	case !ok:
		return Incident{}, fmt.Errorf("%s: %w", o.ID, ErrForeign)
	}
	in := Incident{
		ID: o.ID, Source: x.Source, SourceID: x.SourceID,
		Title: o.String("name"), Text: o.String("description"),
		DatePrecision: x.DatePrecision,
		Place:         x.Place, PlacePrecision: x.PlacePrecision, RadiusKM: x.RadiusKM,
		Admin1: x.Admin1, Admin2: x.Admin2, Country: x.Country,
		Classes: x.Classes, Kind: x.Kind, Killed: x.Killed, Wounded: x.Wounded,
		Organisation: x.Organisation,
		Sources:      x.Sources, Claims: x.Claims, Selectors: x.Selectors, Codes: x.Codes,
		Created: o.CreatedTime, Modified: o.ModifiedTime,
	}
	in.TLP, _ = stix.TLPOf(o)
	var err error
	if in.Start, err = stix.ParseTime(x.Start); err != nil {
		return Incident{}, fmt.Errorf("%s: start: %w", o.ID, err)
	}
	if in.End, err = stix.ParseTime(x.End); err != nil {
		return Incident{}, fmt.Errorf("%s: end: %w", o.ID, err)
	}
	if (x.Lat == nil) != (x.Lon == nil) {
		return Incident{}, fmt.Errorf("%s: one of latitude and longitude is missing", o.ID)
	}
	if x.Lat != nil {
		in.Lat, in.Lon, in.Placed = *x.Lat, *x.Lon, true
	}
	if err := in.Check(); err != nil {
		return Incident{}, fmt.Errorf("%s: %s", o.ID, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return in, nil
}
