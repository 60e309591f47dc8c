// Package accord holds the agreement that says what may pass between parties,
// and the cards that say whose keys are whose. An accord is a signed note
// whose text is readable JSON; its id is the hash of that text, kept byte for
// byte; it is in force when every member has signed. Its life after that
// (suspended, resumed, rungs raised and lowered, ended) follows from the
// members' ledger events alone, so that both sides compute the same [State].
//
// [SignCard] and [OpenCard] make and check cards; a [Book] pins the long-term
// keys that people compared out of band; [Terms] are drafted, [Offer] signs
// them, [Open] checks them against a book; [State.Apply] folds events;
// [VerifyReceipt] checks a receipt file offline.
//
// Trust: whoever compared a fingerprint trusts that long-term key for that
// party name, and through it the operational keys on its cards. Nothing here
// talks to a network or a clock.
package accord
