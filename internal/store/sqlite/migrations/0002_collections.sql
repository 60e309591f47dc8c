-- Objects of several collections. A row belongs to the library (party is
-- empty), which holds our own objects (accord is empty too) and what partners
-- released to us under an accord; or it is a copy that we released to a party
-- under an accord.

CREATE TABLE objects_2 (
	added    INTEGER PRIMARY KEY,
	id       TEXT NOT NULL,
	type     TEXT NOT NULL,
	version  INTEGER NOT NULL,
	modified TEXT NOT NULL,
	spec     TEXT NOT NULL,
	newest   INTEGER NOT NULL, -- 1: no later version of the id in its collection
	sender   TEXT NOT NULL,
	accord   TEXT NOT NULL,
	party    TEXT NOT NULL,
	bytes    BLOB
) STRICT;
INSERT INTO objects_2 (added, id, type, version, modified, spec, newest, sender, accord, party, bytes)
	SELECT added, id, type, version, modified, '2.1',
		NOT EXISTS (SELECT 1 FROM objects n WHERE n.id = o.id AND n.accord = o.accord AND n.version > o.version),
		sender, accord, '', bytes
	FROM objects o ORDER BY added;
DROP TABLE objects;
ALTER TABLE objects_2 RENAME TO objects;
CREATE UNIQUE INDEX objects_id ON objects (id, party, accord, version, spec);
-- A page of a collection is one range of one of these, however deep it lies.
CREATE INDEX objects_page ON objects (party, accord, newest, added);
CREATE INDEX objects_type ON objects (party, accord, newest, type, added);

-- What became of a request to add objects, for those who ask later.
CREATE TABLE statuses (
	id    TEXT PRIMARY KEY,
	owner TEXT NOT NULL,
	at    INTEGER NOT NULL,
	doc   BLOB
) STRICT;
CREATE INDEX statuses_at ON statuses (at);
