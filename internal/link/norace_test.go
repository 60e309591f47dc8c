//go:build !race

package link_test

// long is the size in bytes of a long parcel.
const long = 60 << 20
