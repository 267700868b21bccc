-- Who looked at whose data.

CREATE TABLE lookups (
    subject_id BLOB NOT NULL,
    lookup_id BLOB NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (subject_id, lookup_id)
);
