-- Appeals decide something: who appeals, how it was decided, and what the sources of facts are asked.

ALTER TABLE complaints ADD COLUMN subject_id BYTEA;
ALTER TABLE complaints ADD COLUMN reopenings BIGINT NOT NULL DEFAULT 0;
ALTER TABLE complaints ADD COLUMN before_next_instance BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE complaints ADD COLUMN verdict TEXT;
ALTER TABLE complaints ADD COLUMN basis TEXT;
ALTER TABLE complaints ADD COLUMN decided_at BIGINT;
ALTER TABLE complaints ADD COLUMN wrong_facts TEXT;
ALTER TABLE complaints ADD COLUMN redecided BIGINT;
ALTER TABLE complaints ADD COLUMN in_force BOOLEAN;
ALTER TABLE complaints ADD COLUMN effect_operation TEXT;

CREATE TABLE fact_reviews (
    review_id BYTEA NOT NULL,
    tracking_number TEXT NOT NULL,
    source TEXT NOT NULL,
    fact_id BYTEA NOT NULL,
    subject_id BYTEA NOT NULL,
    kind TEXT NOT NULL,
    source_key BYTEA NOT NULL,
    recorded_at BIGINT NOT NULL,
    question BYTEA NOT NULL,
    state TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    answered_at BIGINT,
    reason BYTEA,
    redecided BIGINT NOT NULL,
    in_force BOOLEAN NOT NULL,
    effect_operation TEXT NOT NULL,
    PRIMARY KEY (review_id)
);
CREATE INDEX fact_reviews_case ON fact_reviews (tracking_number, review_id);
CREATE INDEX fact_reviews_source ON fact_reviews (source, review_id);
CREATE INDEX fact_reviews_due ON fact_reviews (due_at, review_id) WHERE state = 'REQUESTED';
