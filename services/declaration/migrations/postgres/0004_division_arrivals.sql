-- Arrivals by division of the destination and by those around it, in the order of this service's log.

CREATE TABLE division_arrivals (
    subject_id BYTEA NOT NULL,
    declaration_id BYTEA NOT NULL,
    division BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (subject_id, declaration_id, division)
);
CREATE INDEX division_arrivals_division ON division_arrivals (division, sequence);
