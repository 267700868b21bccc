-- The schema of code-rendering. A step that was released is never edited: what changes is a step of its own.

CREATE TABLE codes (
    subject_id BYTEA NOT NULL,
    decision_id BYTEA NOT NULL,
    colour INTEGER NOT NULL,
    version BIGINT NOT NULL,
    evaluated_at BIGINT NOT NULL,
    next_change_at BIGINT,
    mask BYTEA,
    PRIMARY KEY (subject_id)
);

CREATE TABLE signing_keys (
    number BIGINT NOT NULL,
    private_key BYTEA NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (number)
);

-- What the chassis keeps in every service.

-- Envelope encryption of single fields: AES-256-GCM under data keys that lie wrapped in the database; what wraps
-- them is a key-encryption key from the key file, which alone need be changed, kept apart or destroyed.
CREATE TABLE data_keys (
    id BIGINT NOT NULL,
    key_encryption_key BIGINT NOT NULL,
    wrapped BYTEA NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE followed (
    producer TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    cursor TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (producer)
);
