-- The schema of complaint. A step that was released is never edited: what changes is a step of its own.

-- The tables as sea-orm entities.
CREATE TABLE complaints (
    tracking_number TEXT NOT NULL PRIMARY KEY,
    account BLOB NOT NULL,
    category TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    text BLOB NOT NULL
);
CREATE INDEX complaints_account ON complaints (account, created_at DESC, tracking_number);

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
