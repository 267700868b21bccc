-- Data keys, wrapped by a key-encryption key of the key file.

CREATE TABLE data_keys (
    id BIGINT NOT NULL,
    key_encryption_key BIGINT NOT NULL,
    wrapped BYTEA NOT NULL,
    PRIMARY KEY (id)
);
