-- What the chassis keeps in a service's database: for tests without a service. Each service's first step says the same.

CREATE TABLE data_keys (
    id INTEGER NOT NULL PRIMARY KEY,
    key_encryption_key INTEGER NOT NULL,
    wrapped BLOB NOT NULL
);

CREATE TABLE idempotency (
    scope BLOB NOT NULL PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    answer BLOB NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);

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

CREATE TABLE followed (
    producer TEXT NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL,
    cursor TEXT NOT NULL DEFAULT ''
);

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

CREATE TABLE operations (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    target TEXT NOT NULL,
    account TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    done INTEGER NOT NULL,
    total INTEGER,
    error TEXT,
    error_zh TEXT,
    error_en TEXT
);
CREATE INDEX operations_state ON operations (kind, state);
CREATE INDEX operations_account ON operations (account, id);
CREATE INDEX operations_target ON operations (target, kind);
