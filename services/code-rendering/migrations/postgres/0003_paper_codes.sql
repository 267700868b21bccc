-- Codes on paper, and the log of those that were revoked before they expired, which doors without a connection read.

CREATE TABLE paper_codes (
    subject_id BYTEA NOT NULL,
    paper_code_id BYTEA NOT NULL,
    token_id BYTEA NOT NULL,
    token BYTEA NOT NULL,
    colour INTEGER NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT,
    PRIMARY KEY (subject_id, paper_code_id)
);

CREATE INDEX paper_codes_token ON paper_codes (token_id);

CREATE TABLE revocations (
    sequence BIGINT NOT NULL PRIMARY KEY,
    token_id BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);

-- One row: the sequence of the last revocation. Locking it gives revocations their numbers in the order of their commits.
CREATE TABLE revocation_head (
    number BIGINT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL
);

INSERT INTO revocation_head (number, sequence) VALUES (1, 0);
