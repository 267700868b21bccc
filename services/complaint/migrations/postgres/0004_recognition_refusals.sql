-- Reported refusals of recognition: reported by one supervisor, published by another.

CREATE TABLE recognition_refusals (
    recognition_refusal_id BYTEA NOT NULL,
    division BIGINT NOT NULL,
    place_kind TEXT,
    place_name TEXT,
    legal_basis TEXT NOT NULL,
    approval_reference TEXT NOT NULL,
    from_at BIGINT NOT NULL,
    planned_until_at BIGINT NOT NULL,
    proposed_by TEXT NOT NULL,
    proposed_at BIGINT NOT NULL,
    approved_by TEXT,
    approved_at BIGINT,
    ended_by TEXT,
    ended_at BIGINT,
    PRIMARY KEY (recognition_refusal_id)
);
CREATE INDEX recognition_refusals_published ON recognition_refusals (recognition_refusal_id)
    WHERE approved_at IS NOT NULL AND ended_at IS NULL;
CREATE INDEX recognition_refusals_division ON recognition_refusals (division, recognition_refusal_id);
