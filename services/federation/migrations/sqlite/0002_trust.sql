-- Signed trust lists, and the partners whose states two people move. A row is sealed under a key outside the database: one that was changed
-- otherwise is refused on read.

CREATE TABLE trust_lists (
    sequence INTEGER NOT NULL,
    state TEXT NOT NULL,
    document BLOB NOT NULL,
    comparison TEXT NOT NULL,
    staged_by TEXT NOT NULL,
    staged_at INTEGER NOT NULL,
    decided_by TEXT,
    decided_at INTEGER,
    seal BLOB NOT NULL,
    PRIMARY KEY (sequence)
);
CREATE INDEX trust_lists_state ON trust_lists (state, sequence);

CREATE TABLE partners (
    partner TEXT NOT NULL,
    state TEXT NOT NULL,
    removed_at INTEGER,
    proposed_state TEXT,
    proposal_reason TEXT,
    proposed_by TEXT,
    proposed_at INTEGER,
    decision TEXT,
    decided_by TEXT,
    decided_at INTEGER,
    seal BLOB NOT NULL,
    PRIMARY KEY (partner)
);
