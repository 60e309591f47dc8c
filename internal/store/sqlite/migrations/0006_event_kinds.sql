-- State and quotas are read from the events of a few kinds; logs grow.
CREATE INDEX events_kind ON events (log, kind, at);
