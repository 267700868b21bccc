-- Who looked at whose data.

CREATE TABLE lookups (
    subject_id bytea NOT NULL,
    lookup_id bytea NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (subject_id, lookup_id)
);
