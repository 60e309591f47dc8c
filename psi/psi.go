// Package psi answers "which of these do you know?" without telling what was
// asked. It is the POPRF of RFC 9497 over ristretto255-SHA512, with filters
// that carry the holder's outputs to the asker.
//
// The holder evaluates the function on everything that it holds and publishes
// the outputs as a Filter. The asker blinds its own values (NewQuestion), the
// holder evaluates them blindly and proves that it used the committed key
// (Holder.Answer), the asker unblinds them (Question.Finalize) and looks the
// outputs up in the filter, which it holds whole. The holder learns how many
// were asked, up to padding, and nothing else; the asker learns which of its
// values are in the filter, and nothing about the others in it.
//
// Every key, question, answer and filter belongs to one Info: accord, epoch,
// selector kind and normaliser. What belongs to another is refused.
//
// What the package does not do: it keeps no quota, logs nothing, and trusts
// the caller that PublicKey and Filter are those the holder committed to
// (Commit). A holder may put into a filter what it does not hold; a hit is
// therefore a claim until a request is answered. An asker may try values by
// guessing, one answer each: quotas are what bounds this.
package psi

import "errors"

var (
	// ErrEncoding reports bytes that are not what they should be: truncated,
	// too long, of another version, or not in canonical form.
	ErrEncoding = errors.New("psi: malformed")
	// ErrElement reports a group element or scalar that is not canonical, or
	// the identity, or zero.
	ErrElement = errors.New("psi: invalid group element")
	// ErrContext reports what belongs to another accord, epoch, kind,
	// normaliser or key.
	ErrContext = errors.New("psi: of another context")
	// ErrProof reports an answer that was not made with the public key.
	ErrProof = errors.New("psi: proof does not verify")
	// ErrSize reports a batch or filter outside the allowed sizes, or an input
	// longer than MaxInput.
	ErrSize = errors.New("psi: size not allowed")
)

const (
	// MaxInput is the length of the longest input, in bytes (RFC 9497, 3.3.3).
	MaxInput = 1<<16 - 1
	// MaxBatch is the greatest number of values in one question.
	MaxBatch = 1000
)

// Classes are the sizes that questions are padded to, ascending.
func Classes() []int { return []int{1, 10, 100, MaxBatch} }

// Output is the function's value on one input: 64 pseudorandom bytes.
type Output [64]byte
