-- Applications that counter staff entered for people, by division of the home and by those around it. Ids are ordered by time.

ALTER TABLE declarations ADD COLUMN entered_by TEXT;

CREATE TABLE assisted_applications (
    subject_id BYTEA NOT NULL,
    declaration_id BYTEA NOT NULL,
    division BIGINT NOT NULL,
    PRIMARY KEY (subject_id, declaration_id, division)
);
CREATE INDEX assisted_applications_division ON assisted_applications (division, declaration_id);
