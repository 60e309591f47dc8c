-- Which versions were removed, or lost or won a place as the newest of their
-- id: all else of a full page of a collection stays as it is. The last ones.
CREATE TABLE removals (
	n     INTEGER PRIMARY KEY, -- grows by one with each
	added INTEGER NOT NULL
) STRICT;
-- It goes on where the count of removals was, which this replaces.
INSERT INTO removals (n, added) SELECT value + 1, 0 FROM counter WHERE name = 'removed';
DELETE FROM counter WHERE name = 'removed';
-- The newest version of an id is the newest of its latest specification
-- version (TAXII 2.1 §3.4.1), not the newest of all.
UPDATE objects AS o SET newest = NOT EXISTS (SELECT 1 FROM objects AS x
		WHERE x.id = o.id AND x.party = o.party AND x.accord = o.accord AND (x.spec, x.version) > (o.spec, o.version))
	WHERE id IN (SELECT id FROM objects GROUP BY id HAVING min(spec) <> max(spec));
