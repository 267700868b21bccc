-- The schema of code-rendering. A step that was released is never edited: what changes is a step of its own.

CREATE TABLE codes (
    subject_id BLOB NOT NULL PRIMARY KEY,
    decision_id BLOB NOT NULL,
    colour INTEGER NOT NULL,
    version INTEGER NOT NULL,
    evaluated_at INTEGER NOT NULL,
    next_change_at INTEGER,
    mask BLOB
);

CREATE TABLE signing_keys (
    number INTEGER NOT NULL PRIMARY KEY,
    private_key BLOB NOT NULL,
    not_before INTEGER NOT NULL,
    not_after INTEGER,
    revoked_at INTEGER
);

-- What the chassis keeps in every service.

-- Envelope encryption of single fields: AES-256-GCM under data keys that lie wrapped in the database; what wraps
-- them is a key-encryption key from the key file, which alone need be changed, kept apart or destroyed.
CREATE TABLE data_keys (
    id INTEGER NOT NULL PRIMARY KEY,
    key_encryption_key INTEGER NOT NULL,
    wrapped BLOB NOT NULL
);

CREATE TABLE followed (
    producer TEXT NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL,
    cursor TEXT NOT NULL DEFAULT ''
);
