-- What people let other provinces' code systems have.

CREATE TABLE partner_consents (
    consent_id BLOB NOT NULL PRIMARY KEY,
    subject_id BLOB NOT NULL,
    partner TEXT NOT NULL,
    uses TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER
);
CREATE UNIQUE INDEX partner_consents_person ON partner_consents (subject_id, partner) WHERE ended_at IS NULL;
CREATE INDEX partner_consents_subject ON partner_consents (subject_id, consent_id);
