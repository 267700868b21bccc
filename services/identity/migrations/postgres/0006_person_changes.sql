-- A person's own data: what it was before each change, the documents that were added to a subject, and when an account was linked.

CREATE TABLE person_changes (
    subject_id BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    item TEXT NOT NULL,
    old_value BYTEA NOT NULL,
    new_value BYTEA NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (subject_id, sequence)
);

ALTER TABLE people ADD COLUMN held_by BYTEA;

ALTER TABLE accounts ADD COLUMN linked_at BIGINT;
