// Package incident is Parley's record of an attack and its readers.
//
// An [Incident] says what happened, where and when (each with its precision),
// who was the target, casualties as ranges, and keeps every source and every
// claim apart with its own Admiralty grading. [ReadUCDP], [ReadACLED],
// [ReadGTD] and [ReadCSV] read files row by row and account for each row: it becomes an incident or is
// refused with the reason. [Incident.STIX] writes a STIX 2.1 incident object
// with Parley's extension (see [stix.IncidentExtension]); [FromSTIX] reads it
// back. [CSVWriter] and [GeoJSONWriter] write many incidents, [Alert.CAP] one as
// an alert.
//
// A record may also be a signal, which is no attack but may foretell one: a claim of
// responsibility, a statement, a threat, a seizure, an arrest, propaganda; see
// [Kind.Signal] and [Incident.Attack].
//
// The record has no place for a person, an ethnic group or a faith community as
// perpetrator: [Incident.Organisation] is a named armed organisation, and a
// community appears only as the target. What a source says about the ethnic
// sides of a clash stays in that source.
//
// Input is treated as hostile: sizes are bounded and nothing in it can panic a
// reader. Package incident does not judge whether a report is true, and does not
// link reports of one event.
package incident
