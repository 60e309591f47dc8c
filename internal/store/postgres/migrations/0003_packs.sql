-- Full stretches of 256 entries of a log, leaves and openings, as one compressed
-- value (package pack). What is in a pack is in no row of leaves and events, and of
-- its hashes only the root and those above stay. Logs from before keep their rows.
CREATE TABLE packs (
	log     bigint NOT NULL,
	first   bigint NOT NULL, -- index of its first entry
	entries bytea NOT NULL,
	PRIMARY KEY (log, first)
);
ALTER TABLE packs ALTER COLUMN entries SET STORAGE EXTERNAL; -- it is compressed already
-- Which kinds of events are in a pack, and the latest time of each.
CREATE TABLE pack_kinds (
	log    bigint NOT NULL,
	kind   bytea NOT NULL,
	first  bigint NOT NULL,
	latest bigint NOT NULL,
	PRIMARY KEY (log, kind, first)
);
