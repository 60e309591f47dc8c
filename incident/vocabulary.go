package incident

import "slices"

// DatePrecision is how exactly the time is known.
type DatePrecision string

// Precisions of time, from the finest.
const (
	Hour  DatePrecision = "hour"
	Day   DatePrecision = "day"
	Days  DatePrecision = "days" // two to six days
	Week  DatePrecision = "week"
	Month DatePrecision = "month"
	Year  DatePrecision = "year"
)

// DatePrecisions are all of them, in order.
var DatePrecisions = []DatePrecision{Hour, Day, Days, Week, Month, Year}

// PlacePrecision is how exactly the place is known.
type PlacePrecision string

// Precisions of place, from the finest.
const (
	Exact        PlacePrecision = "exact"    // the place itself
	Near         PlacePrecision = "near"     // near a named place
	District     PlacePrecision = "district" // second-level area
	Linear       PlacePrecision = "linear"   // along a road, a border, a river; or a vague area
	Province     PlacePrecision = "province" // first-level area
	Country      PlacePrecision = "country"
	UnknownPlace PlacePrecision = "unknown"
)

// PlacePrecisions are all of them, in order.
var PlacePrecisions = []PlacePrecision{Exact, Near, District, Linear, Province, Country, UnknownPlace}

// Class is a class of targets, by victim.
type Class string

// Classes of targets.
const (
	Civilian       Class = "civilian"        // people with no other class
	State          Class = "state"           // government and its forces, where a source does not tell them apart
	Security       Class = "security-forces" // army, police, guards
	Religious      Class = "religious"       // worshippers, clergy or places of any faith, as such
	Communal       Class = "communal"        // a community attacked as such, and fighting between groups
	Infrastructure Class = "infrastructure"  // power, pipelines, rail, communications
	Health         Class = "health"          // hospitals, medical and vaccination teams
	Education      Class = "education"       // schools, pupils, teachers
	Relief         Class = "relief"          // aid organisations and the displaced
	Media          Class = "media"
	Business       Class = "business"
	UnknownClass   Class = "unknown"
)

// Classes are all of them.
var Classes = []Class{
	Civilian, State, Security, Religious, Communal, Infrastructure,
	Health, Education, Relief, Media, Business, UnknownClass,
}

// Kind is the kind of attack, or of signal.
type Kind string

// Kinds of attack.
const (
	Bombing       Kind = "bombing"
	SuicideAttack Kind = "suicide-attack"
	ArmedAssault  Kind = "armed-assault"
	Assassination Kind = "assassination"
	Kidnapping    Kind = "kidnapping"
	Shelling      Kind = "shelling" // rockets, mortars, artillery
	AirStrike     Kind = "air-strike"
	Sabotage      Kind = "sabotage"
	Arson         Kind = "arson"
	Clash         Kind = "clash" // fighting, where a source does not say who attacked
	OneSided      Kind = "one-sided-violence"
	// Interstate is fighting between the forces of two states, ForeignStrike an
	// operation of a third state's forces. Neither is an attack by an armed
	// organisation.
	Interstate    Kind = "interstate"
	ForeignStrike Kind = "foreign-strike"
	OtherKind     Kind = "other"
	UnknownKind   Kind = "unknown"

	// Signals: what is no attack and may foretell one, or its absence. They have
	// the same life as attacks and are counted apart.
	ResponsibilityClaim Kind = "claim-of-responsibility"
	LeadershipStatement Kind = "leadership-statement"
	Threat              Kind = "threat"
	Seizure             Kind = "seizure" // of weapons or explosives, or their disarming
	Arrest              Kind = "arrest"
	Propaganda          Kind = "propaganda-output"
)

// Kinds are all of them.
var Kinds = []Kind{
	Bombing, SuicideAttack, ArmedAssault, Assassination, Kidnapping, Shelling, AirStrike, Sabotage,
	Arson, Clash, OneSided, Interstate, ForeignStrike, OtherKind, UnknownKind,
	ResponsibilityClaim, LeadershipStatement, Threat, Seizure, Arrest, Propaganda,
}

// Signals are the kinds that are no attacks.
var Signals = []Kind{ResponsibilityClaim, LeadershipStatement, Threat, Seizure, Arrest, Propaganda}

// Signal says whether a record of that kind is a signal and no attack.
func (k Kind) Signal() bool { return slices.Contains(Signals, k) }

// ClaimKind is what a claim asserts.
type ClaimKind string

// Kinds of claims.
const (
	Responsibility ClaimKind = "responsibility" // By says that it did it
	Blame          ClaimKind = "blame"          // By says that Of did it
	Denial         ClaimKind = "denial"         // By denies that Of did it
)

// ClaimKinds are all of them.
var ClaimKinds = []ClaimKind{Responsibility, Blame, Denial}
