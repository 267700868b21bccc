-- Who an account has proved to be: what its channel verified, one-time codes, and registrations that wait for a proof.

CREATE TABLE account_identities (
    account_id TEXT NOT NULL PRIMARY KEY,
    document_index BYTEA NOT NULL,
    full_name BYTEA NOT NULL,
    mobile_index BYTEA,
    verified_at BIGINT NOT NULL
);

CREATE TABLE one_time_codes (
    code_id BYTEA NOT NULL PRIMARY KEY,
    mobile_index BYTEA NOT NULL,
    account BYTEA NOT NULL,
    purpose TEXT NOT NULL,
    digits BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    proved_at BIGINT
);
CREATE INDEX one_time_codes_mobile ON one_time_codes (mobile_index, created_at);
CREATE INDEX one_time_codes_account ON one_time_codes (account, created_at);
CREATE INDEX one_time_codes_created ON one_time_codes (created_at);

CREATE TABLE registrations (
    registration_id BYTEA NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    document_index BYTEA NOT NULL,
    full_name BYTEA,
    document BYTEA,
    mobile BYTEA,
    nationality BYTEA,
    home BYTEA,
    mobile_index BYTEA NOT NULL,
    mobile_proved BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    next_check_at BIGINT,
    ended_at BIGINT
);
CREATE INDEX registrations_account ON registrations (account_id);
CREATE INDEX registrations_due ON registrations (next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX registrations_created ON registrations (created_at) WHERE ended_at IS NULL;

ALTER TABLE people ADD COLUMN mobile_index BYTEA;
