// Package watch says, for each area, how likely an attack is in the coming
// weeks, and keeps quiet from being read as safety.
//
// [NewReport] is the main path: it counts incidents by area and week into a
// [Panel], forecasts each area by a smoothed rate with a negative binomial
// spread, and sets beside the forecast what happened after earlier quiet spells
// of the same panel. [Evaluate] scores the forecasts on the past, each made only
// from what was known before it.
//
// Everything here is a pure function of its arguments: no clock, no
// randomness, no storage. Units are areas (or classes of targets, or named
// organisations), never persons. An area without incidents has no data and gets
// no card; it is not thereby safe. Figures are as good as the reporting: an
// incident that nobody reported is not in them.
package watch
