-- Signed trust lists, and the partners whose states two people move. A row is sealed under a key outside the database: one that was changed
-- otherwise is refused on read.

CREATE TABLE trust_lists (
    sequence BIGINT NOT NULL,
    state TEXT NOT NULL,
    document BYTEA NOT NULL,
    comparison TEXT NOT NULL,
    staged_by TEXT NOT NULL,
    staged_at BIGINT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    seal BYTEA NOT NULL,
    PRIMARY KEY (sequence)
);
CREATE INDEX trust_lists_state ON trust_lists (state, sequence);

CREATE TABLE partners (
    partner TEXT NOT NULL,
    state TEXT NOT NULL,
    removed_at BIGINT,
    proposed_state TEXT,
    proposal_reason TEXT,
    proposed_by TEXT,
    proposed_at BIGINT,
    decision TEXT,
    decided_by TEXT,
    decided_at BIGINT,
    seal BYTEA NOT NULL,
    PRIMARY KEY (partner)
);
