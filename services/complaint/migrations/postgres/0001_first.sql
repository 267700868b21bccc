-- The schema of complaint. A step that was released is never edited: what changes is a step of its own.

-- The tables as sea-orm entities.
CREATE TABLE complaints (
    tracking_number TEXT NOT NULL,
    account BYTEA NOT NULL,
    category TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    text BYTEA NOT NULL,
    PRIMARY KEY (tracking_number)
);
CREATE INDEX complaints_account ON complaints (account, created_at DESC, tracking_number);

-- What the chassis keeps in every service.

-- Envelope encryption of single fields: AES-256-GCM under data keys that lie wrapped in the database; what wraps
-- them is a key-encryption key from the key file, which alone need be changed, kept apart or destroyed.
CREATE TABLE data_keys (
    id BIGINT NOT NULL,
    key_encryption_key BIGINT NOT NULL,
    wrapped BYTEA NOT NULL,
    PRIMARY KEY (id)
);

-- Each mutation once: the same `request_id` and body are answered alike for 24 hours, another body is a
-- conflict.
CREATE TABLE idempotency (
    scope BYTEA NOT NULL,
    fingerprint BYTEA NOT NULL,
    answer BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (scope)
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);
