-- The schema of identity. A step that was released is never edited: what changes is a step of its own.

CREATE TABLE people (
    subject_id BLOB NOT NULL PRIMARY KEY,
    document_index BLOB NOT NULL UNIQUE,
    full_name BLOB,
    document BLOB,
    mobile BLOB,
    nationality BLOB,
    home BLOB,
    registered_at INTEGER,
    confirmed_at INTEGER,
    published_division INTEGER
);
CREATE INDEX people_unconfirmed ON people (registered_at) WHERE registered_at IS NOT NULL AND confirmed_at IS NULL;

CREATE TABLE accounts (
    account_id TEXT NOT NULL PRIMARY KEY,
    subject_id BLOB,
    roles TEXT NOT NULL,
    division INTEGER,
    feed_source TEXT,
    feed_kinds TEXT,
    feed_divisions TEXT,
    disabled BOOLEAN NOT NULL DEFAULT FALSE,
    version INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX accounts_subject ON accounts (subject_id);
CREATE INDEX accounts_feed ON accounts (feed_source) WHERE feed_source IS NOT NULL;

CREATE TABLE merges (
    from_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    into_id BLOB NOT NULL,
    merged_at INTEGER NOT NULL,
    merged_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    unmerged_at INTEGER,
    unmerged_by TEXT,
    unmerge_reason TEXT,
    PRIMARY KEY (from_id, version)
);
CREATE INDEX merges_into ON merges (into_id);

CREATE TABLE account_changes (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    action TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX account_changes_account ON account_changes (account_id);

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
