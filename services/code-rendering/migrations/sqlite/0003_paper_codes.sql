-- Codes on paper, and the log of those that were revoked before they expired, which doors without a connection read.

CREATE TABLE paper_codes (
    subject_id BLOB NOT NULL,
    paper_code_id BLOB NOT NULL,
    token_id BLOB NOT NULL,
    token BLOB NOT NULL,
    colour INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    end_reason TEXT,
    PRIMARY KEY (subject_id, paper_code_id)
);

CREATE INDEX paper_codes_token ON paper_codes (token_id);

CREATE TABLE revocations (
    sequence INTEGER NOT NULL PRIMARY KEY,
    token_id BLOB NOT NULL,
    expires_at INTEGER NOT NULL
);

-- One row: the sequence of the last revocation. Locking it gives revocations their numbers in the order of their commits.
CREATE TABLE revocation_head (
    number INTEGER NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL
);

INSERT INTO revocation_head (number, sequence) VALUES (1, 0);
