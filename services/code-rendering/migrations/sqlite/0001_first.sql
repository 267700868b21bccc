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
