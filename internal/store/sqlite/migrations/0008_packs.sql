-- Full stretches of 256 entries of a log, leaves and openings, as one compressed
-- value (package pack). What is in a pack is in no row of leaves and events, and of
-- its hashes only the root and those above stay. Logs from before keep their rows.
CREATE TABLE packs (
	log     INTEGER NOT NULL REFERENCES logs (id),
	first   INTEGER NOT NULL, -- index of its first entry
	entries BLOB NOT NULL,
	PRIMARY KEY (log, first)
) STRICT;
-- Which kinds of events are in a pack, and the latest time of each.
CREATE TABLE pack_kinds (
	log    INTEGER NOT NULL REFERENCES logs (id),
	kind   TEXT NOT NULL,
	first  INTEGER NOT NULL,
	latest INTEGER NOT NULL,
	PRIMARY KEY (log, kind, first)
) STRICT, WITHOUT ROWID;
