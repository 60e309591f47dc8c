//go:build race

package link_test

// long is the size in bytes of a long parcel; the race detector makes the
// largest too slow.
const long = 12 << 20
