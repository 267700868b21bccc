-- The schema of federation. A step that was released is never edited: what changes is a step of its own.

-- The tables as sea-orm entities.
CREATE TABLE verifications (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    verified_at INTEGER NOT NULL,
    province TEXT,
    trust_list_version TEXT NOT NULL,
    outcome TEXT NOT NULL,
    key_id TEXT
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
