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
