// Package misp turns events in the MISP core format (JSON, as described by
// draft-dulaunoy-misp-core-format) into STIX 2.1 objects, and STIX objects into
// MISP events.
//
// [Read] hands out each event of a file as the objects that it becomes;
// [Write] makes events of objects. What cannot be carried is never dropped
// silently: both return it as a list of [Lost], each with its place and the
// reason. Left out without being listed are only numbers of a MISP database
// (id, event_id, org_id, attribute_count, …), which mean nothing outside of it.
//
// # How things correspond
//
// An event is a report, or a grouping while it is unpublished. An attribute is
// an observed-data object with its cyber-observables, and where MISP marks it
// for detection (to_ids) an indicator based on it as well. An attribute whose
// type has no cyber-observable is an x-misp-attribute; comments and texts are
// notes; detection rules are indicators in their own language. A MISP object
// is observed-data with cyber-observables that refer to each other, or an
// identity, location or vulnerability; one of an unknown template is an
// x-misp-object that holds everything. Galaxy clusters are domain objects,
// object references and an attribute's clusters are relationships. Tags are
// labels; those of the Traffic Light Protocol are markings, and of several the
// strictest holds. Labels like misp:type="ip-src" and properties that begin with
// x_misp_ keep what STIX has no place for, in the names that MISP's own
// converter uses where it has any.
//
// Identifiers are MISP's own UUIDs wherever STIX allows it and otherwise derived
// from what is identified, so that the same file always gives the same bytes.
// Galaxy clusters and organisations have no time in MISP: their time is the
// cluster's version counted in seconds, or the epoch, so that a version by
// their true author is always newer.
//
// Input is treated as hostile: decoding is strict, bounded by [MaxEvent],
// [MaxDepth] and [MaxValues], and what is produced is checked against the
// specification before it is handed out.
//
// The package does not fetch feeds, evaluate patterns, or unpack attachments.
package misp
