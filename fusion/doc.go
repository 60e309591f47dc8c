// Package fusion finds which reports of two lists are of one event.
//
// [Link] compares pairs of reports that time, place or casualties bring near
// each other, weighs how far they agree as Fellegi and Sunter do (A Theory for
// Record Linkage, JASA 64, 1969) with weights learnt from the two lists
// themselves by expectation maximisation, and gives each pair a probability
// that knows of its rivals, since a report has at most one partner on the other
// side. It then keeps the one-to-one pairs that the probabilities expect to be
// worth keeping, each with its evidence.
//
// Reports come from [ReadCSV] or [FromIncident]. A place may be wrong, misspelt
// or in another script, a date vague or a day late, a figure in doubt: each
// only costs weight. Nothing is merged: a pair says that two reports are of one
// event, and both stay as they are.
//
// Everything is computed from the reports alone, so that equal lists give equal
// pairs, and the two lists may change sides.
package fusion
