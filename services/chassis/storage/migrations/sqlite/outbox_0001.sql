-- The service's own log. A row's sequence comes from the relay.

CREATE TABLE outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sequence INTEGER UNIQUE,
    event_id BLOB NOT NULL,
    subject_id BLOB,
    payload BLOB NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX outbox_waiting ON outbox (id) WHERE sequence IS NULL;
CREATE INDEX outbox_age ON outbox (created_at);
