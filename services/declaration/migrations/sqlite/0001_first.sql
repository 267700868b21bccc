-- The schema of declaration. A step that was released is never edited: what changes is a step of its own.

CREATE TABLE declarations (
    subject_id BLOB NOT NULL,
    declaration_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    account BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    commitment_version TEXT NOT NULL,
    statements BLOB NOT NULL,
    normalisations TEXT NOT NULL,
    abroad_days TEXT NOT NULL,
    provenance TEXT,
    in_force_at INTEGER,
    PRIMARY KEY (subject_id, declaration_id)
);

CREATE TABLE pulls (
    source TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    cursor TEXT NOT NULL,
    cursor_at INTEGER,
    last_attempt_at INTEGER,
    last_success_at INTEGER,
    next_due_at INTEGER NOT NULL,
    overdue_at INTEGER,
    error TEXT,
    error_zh TEXT NOT NULL,
    error_en TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    page_accepted INTEGER NOT NULL,
    page_unchanged INTEGER NOT NULL,
    page_refused INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER NOT NULL
);

CREATE TABLE pull_refusals (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    after TEXT NOT NULL,
    row INTEGER NOT NULL,
    field TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX pull_refusals_source ON pull_refusals (source, number);

CREATE TABLE fact_imports (
    import_id BLOB NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    mode TEXT NOT NULL,
    state TEXT NOT NULL,
    next_row INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    redecided INTEGER NOT NULL,
    pending BLOB,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
);
CREATE INDEX fact_imports_source ON fact_imports (source, import_id);
CREATE INDEX fact_imports_created ON fact_imports (created_at);

CREATE TABLE fact_import_errors (
    import_id BLOB NOT NULL,
    row INTEGER NOT NULL,
    nth INTEGER NOT NULL,
    field TEXT NOT NULL,
    reason TEXT NOT NULL,
    zh TEXT NOT NULL,
    en TEXT NOT NULL,
    PRIMARY KEY (import_id, row, nth)
);

CREATE TABLE fact_import_rows (
    import_id BLOB NOT NULL,
    row INTEGER NOT NULL,
    statement BLOB NOT NULL,
    PRIMARY KEY (import_id, row)
);

-- What the chassis keeps in every service.

-- Envelope encryption of single fields: AES-256-GCM under data keys that lie wrapped in the database; what wraps
-- them is a key-encryption key from the key file, which alone need be changed, kept apart or destroyed.
CREATE TABLE data_keys (
    id INTEGER NOT NULL PRIMARY KEY,
    key_encryption_key INTEGER NOT NULL,
    wrapped BLOB NOT NULL
);

-- Each mutation once: the same `request_id` and body are answered alike for 24 hours, another body is a
-- conflict.
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

-- The table of operations, and its SQL.
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
