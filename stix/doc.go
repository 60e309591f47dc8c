// Package stix reads, checks and writes STIX 2.1 (OASIS Standard, 10 June
// 2021, with Errata 01): objects, identifiers, data markings and patterns.
//
// The bytes of an object are never rewritten: [Parse] keeps what was received
// and [Object.Raw] returns it, so that what is stored is what is served and a
// signature or digest over an object stays valid.
//
// The main path is [ReadBundle], which hands out the exact bytes of each object
// of a bundle, a TAXII envelope, an array or a single-object file without
// holding the whole of it; then [Parse], which decodes one object strictly; then
// [Validate], which reports every rule of the specification that the object
// breaks, with the place and the section.
//
// Everything read here may come from an adversary. Decoding refuses what
// would let two readers see two different objects: repeated names, invalid
// UTF-8, unpaired surrogates, anything after the object; and it is bounded by
// [MaxObject], [MaxDepth] and [MaxValues].
//
// The package does not resolve references between objects, fetch schemas or
// evaluate patterns against observations.
package stix
