-- Which of several processes leads. The token grows with every new leader and is
-- checked inside every writing transaction.
CREATE TABLE lease (
	single  boolean PRIMARY KEY DEFAULT true CHECK (single),
	token   bigint NOT NULL,
	address text NOT NULL,
	renewed timestamptz NOT NULL
);
INSERT INTO lease (token, address, renewed) VALUES (0, '', 'epoch');

-- Files that the processes of a party have in common, sealed by them; a null body is
-- a file that was removed. No backup contains them.
CREATE TABLE files (
	name    bytea PRIMARY KEY,
	version bigint NOT NULL,
	body    bytea
);
CREATE INDEX files_version ON files (version);
