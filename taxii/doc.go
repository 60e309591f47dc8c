// Package taxii speaks TAXII 2.1 (OASIS Standard, 10 June 2021): the wire
// types, a server over a [Backend] that the program supplies, and a [Client]
// that polls servers of versions 2.0 and 2.1.
//
// The main path of the server is [NewServer], whose handler authenticates every
// request ([Authenticator]), negotiates the media type, reads the filters, asks
// the Backend for one page and writes it. Objects are never decoded and
// encoded again: what was received is what is served, byte for byte.
//
// Paging has no memory: next is a signed position in the order in which
// objects were added, so that it survives restarts and holds on every process
// that has the same key. It is complete under concurrent writes exactly if the
// Backend keeps its promise that Added is unique and grows in commit order.
//
// Clients are not trusted. Bodies are bounded and must keep flowing,
// parameters are read strictly, and what a user may not see is answered as if
// it were not there. The package keeps no users and no objects, and does not
// judge whether an object is good STIX.
package taxii
