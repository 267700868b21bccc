-- What two people no longer believe of a partner, and the way to what its batches told in a span.

CREATE TABLE conversion_rollbacks (
    rollback_id BLOB NOT NULL PRIMARY KEY,
    partner TEXT NOT NULL,
    key_id TEXT,
    from_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    proposed_by TEXT NOT NULL,
    proposed_at INTEGER NOT NULL,
    decided_by TEXT,
    decided_at INTEGER,
    conversions INTEGER NOT NULL
);
CREATE INDEX conversion_rollbacks_state ON conversion_rollbacks (state, rollback_id);
CREATE INDEX conversion_changes_recorded ON conversion_changes (partner, recorded_at);
