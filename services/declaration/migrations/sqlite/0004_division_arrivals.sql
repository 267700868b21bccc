-- Arrivals by division of the destination and by those around it, in the order of this service's log.

CREATE TABLE division_arrivals (
    subject_id BLOB NOT NULL,
    declaration_id BLOB NOT NULL,
    division INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (subject_id, declaration_id, division)
);
CREATE INDEX division_arrivals_division ON division_arrivals (division, sequence);
