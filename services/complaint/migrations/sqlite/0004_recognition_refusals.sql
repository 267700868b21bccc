-- Reported refusals of recognition: reported by one supervisor, published by another.

CREATE TABLE recognition_refusals (
    recognition_refusal_id BLOB NOT NULL,
    division INTEGER NOT NULL,
    place_kind TEXT,
    place_name TEXT,
    legal_basis TEXT NOT NULL,
    approval_reference TEXT NOT NULL,
    from_at INTEGER NOT NULL,
    planned_until_at INTEGER NOT NULL,
    proposed_by TEXT NOT NULL,
    proposed_at INTEGER NOT NULL,
    approved_by TEXT,
    approved_at INTEGER,
    ended_by TEXT,
    ended_at INTEGER,
    PRIMARY KEY (recognition_refusal_id)
);
CREATE INDEX recognition_refusals_published ON recognition_refusals (recognition_refusal_id)
    WHERE approved_at IS NOT NULL AND ended_at IS NULL;
CREATE INDEX recognition_refusals_division ON recognition_refusals (division, recognition_refusal_id);
