-- The record of calls: its rows, its end, and the seal of each day.

CREATE TABLE audit_records (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    recorded_at INTEGER NOT NULL,
    rpc TEXT NOT NULL,
    caller TEXT NOT NULL,
    principal TEXT NOT NULL,
    purpose TEXT,
    outcome TEXT NOT NULL,
    roles TEXT NOT NULL DEFAULT '',
    division TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    objects TEXT NOT NULL DEFAULT '',
    unrecorded INTEGER NOT NULL DEFAULT 0,
    entry BLOB
);

CREATE TABLE audit_head (
    id INTEGER NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL,
    entry BLOB NOT NULL,
    unchained INTEGER NOT NULL,
    sealed_day INTEGER,
    sealed_proof BLOB,
    proof BLOB NOT NULL
);

CREATE TABLE audit_seals (
    day INTEGER NOT NULL PRIMARY KEY,
    sealed_at INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    entry BLOB NOT NULL,
    records INTEGER NOT NULL,
    proof BLOB NOT NULL
);
