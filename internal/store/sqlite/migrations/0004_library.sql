-- What the library's objects are found by. Filled after they are stored, in
-- the order of adding; the counter says how far.
CREATE VIRTUAL TABLE texts USING fts5(body, content = '', contentless_delete = 1, tokenize = 'trigram');
CREATE TABLE entries (
	added   INTEGER PRIMARY KEY,
	marking TEXT NOT NULL,
	area    TEXT NOT NULL,
	at      INTEGER NOT NULL
) STRICT;
CREATE TABLE refs (
	target TEXT NOT NULL,
	added  INTEGER NOT NULL,
	name   TEXT NOT NULL,
	PRIMARY KEY (target, added, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX refs_added ON refs (added);
INSERT INTO counter (name, value) VALUES ('filed', 0);
