-- How often a version was removed or lost its place as the newest: while this
-- stays the same, what was a full page of a collection still is.
INSERT INTO counter (name, value) VALUES ('removed', 0);
