package stix

// Extensions of the incident object.
const (
	// IncidentExtension is Parley's property extension of incident: place and
	// time with precision, target classes, casualties, sources and claims with
	// their grading. Package incident defines its fields.
	IncidentExtension = "extension-definition--42c2cde9-6ad5-427a-8a94-5d7a2ccd43ab"
	// IncidentCore is the OASIS extension of incident (Incident Core Extension
	// 2.0).
	IncidentCore = "extension-definition--ef765651-680c-498d-9894-99799f2fa126"
	// ProjectIdentity is the identity that created Parley's own definitions.
	ProjectIdentity = "identity--957879f7-54e8-49b8-a64c-cc53569916f9"
)

const projectIdentity = `{"type":"identity","spec_version":"2.1","id":"` + ProjectIdentity + `",` +
	`"created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z",` +
	`"name":"Parley","description":"The project that maintains Parley's extensions of STIX.","identity_class":"system"}`

const incidentExtension = `{"type":"extension-definition","spec_version":"2.1","id":"` + IncidentExtension + `",` +
	`"created_by_ref":"` + ProjectIdentity + `",` +
	`"created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z",` +
	`"name":"Parley incident",` +
	`"description":"Describes an incident for exchange between partners: what happened, where and when with stated precision, who was the target, casualties as ranges, and every source and claim with its own grading.",` +
	`"schema":"Properties of the extension: source, source_id (dataset and the id in it); start, end (timestamp), date_precision; ` +
	`latitude, longitude, place, place_precision, radius_km, admin1, admin2, country; classes (list of victim classes); kind (of attack); ` +
	`killed, wounded (low, best, high; each an optional integer); organisation; ` +
	`sources (list of name, reliability A-F, credibility 1-6, url, description, sensitive); ` +
	`claims (list of by, of, kind, at, statement, reliability, credibility); ` +
	`selectors (list of kind, value); codes (the source's own codes).",` +
	`"version":"1.0.0","extension_types":["property-extension"]}`

// IncidentExtensionDefinition returns the extension-definition object of
// [IncidentExtension], and ProjectIdentityObject the identity that it names as its
// creator. Both always have the same bytes.
func IncidentExtensionDefinition() []byte { return []byte(incidentExtension) }

// ProjectIdentityObject returns the identity object of [ProjectIdentity].
func ProjectIdentityObject() []byte { return []byte(projectIdentity) }
