-- What people let other provinces' code systems have.

CREATE TABLE partner_consents (
    consent_id BYTEA NOT NULL PRIMARY KEY,
    subject_id BYTEA NOT NULL,
    partner TEXT NOT NULL,
    uses TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE UNIQUE INDEX partner_consents_person ON partner_consents (subject_id, partner) WHERE ended_at IS NULL;
CREATE INDEX partner_consents_subject ON partner_consents (subject_id, consent_id);
