-- A person's own data: what it was before each change, the documents that were added to a subject, and when an account was linked.

CREATE TABLE person_changes (
    subject_id BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    item TEXT NOT NULL,
    old_value BLOB NOT NULL,
    new_value BLOB NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (subject_id, sequence)
);

ALTER TABLE people ADD COLUMN held_by BLOB;

ALTER TABLE accounts ADD COLUMN linked_at INTEGER;
