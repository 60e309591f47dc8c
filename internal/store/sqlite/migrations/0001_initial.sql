-- Times are Unix microseconds (UTC). An empty blob may be kept as NULL.

CREATE TABLE counter (
	name  TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The greatest Added ever given out; it outlives the objects.
INSERT INTO counter (name, value) VALUES ('added', 0);

CREATE TABLE docs (
	kind TEXT NOT NULL,
	id   TEXT NOT NULL,
	body BLOB,
	PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE cards (
	party    TEXT NOT NULL,
	sequence INTEGER NOT NULL,
	note     BLOB,
	added    INTEGER NOT NULL,
	PRIMARY KEY (party, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE logs (
	id   INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	size INTEGER NOT NULL
) STRICT;

CREATE TABLE leaves (
	log  INTEGER NOT NULL REFERENCES logs (id),
	idx  INTEGER NOT NULL,
	leaf BLOB,
	PRIMARY KEY (log, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE hashes (
	log  INTEGER NOT NULL REFERENCES logs (id),
	idx  INTEGER NOT NULL,
	hash BLOB NOT NULL,
	PRIMARY KEY (log, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
	log      INTEGER NOT NULL REFERENCES logs (id),
	idx      INTEGER NOT NULL,
	kind     TEXT NOT NULL,
	at       INTEGER NOT NULL,
	bytes    BLOB,
	salt     BLOB,
	audience TEXT NOT NULL,
	PRIMARY KEY (log, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_at ON events (at);

CREATE TABLE checkpoints (
	log  INTEGER NOT NULL REFERENCES logs (id),
	size INTEGER NOT NULL,
	note BLOB,
	at   INTEGER NOT NULL,
	PRIMARY KEY (log, size)
) STRICT, WITHOUT ROWID;

CREATE TABLE bodies (
	digest BLOB PRIMARY KEY,
	body   BLOB
) STRICT;

CREATE TABLE outbox (
	seq       INTEGER PRIMARY KEY AUTOINCREMENT,
	accord    TEXT NOT NULL,
	party     TEXT NOT NULL,
	log       TEXT NOT NULL,
	idx       INTEGER NOT NULL,
	digest    BLOB NOT NULL,
	priority  INTEGER NOT NULL,
	at        INTEGER NOT NULL,
	delivered INTEGER,
	UNIQUE (log, idx, party)
) STRICT;
CREATE INDEX outbox_waiting ON outbox (accord, party, priority DESC, seq) WHERE delivered IS NULL;

CREATE TABLE inbox (
	id     TEXT PRIMARY KEY,
	accord TEXT NOT NULL,
	sender TEXT NOT NULL,
	at     INTEGER NOT NULL,
	doc    BLOB
) STRICT;
CREATE INDEX inbox_at ON inbox (at, id);

CREATE TABLE objects (
	added    INTEGER PRIMARY KEY,
	id       TEXT NOT NULL,
	type     TEXT NOT NULL,
	version  INTEGER NOT NULL,
	modified TEXT NOT NULL,
	sender   TEXT NOT NULL,
	accord   TEXT NOT NULL,
	bytes    BLOB,
	UNIQUE (id, version)
) STRICT;
CREATE INDEX objects_type ON objects (type, added);
CREATE INDEX objects_sender ON objects (sender, added);

CREATE TABLE incidents (
	id     TEXT PRIMARY KEY,
	start  INTEGER NOT NULL,
	"end"  INTEGER NOT NULL,
	area   TEXT NOT NULL,
	class  TEXT NOT NULL,
	lat    REAL NOT NULL,
	lon    REAL NOT NULL,
	placed INTEGER NOT NULL,
	sender TEXT NOT NULL,
	doc    BLOB
) STRICT;
CREATE INDEX incidents_start ON incidents (start, id);
CREATE INDEX incidents_area ON incidents (area, start, id);

CREATE TABLE selectors (
	kind   TEXT NOT NULL,
	value  TEXT NOT NULL,
	object TEXT NOT NULL,
	PRIMARY KEY (kind, value, object)
) STRICT, WITHOUT ROWID;
CREATE INDEX selectors_object ON selectors (object);
