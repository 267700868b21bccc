-- Who an account has proved to be: what its channel verified, one-time codes, and registrations that wait for a proof.

CREATE TABLE account_identities (
    account_id TEXT NOT NULL PRIMARY KEY,
    document_index BLOB NOT NULL,
    full_name BLOB NOT NULL,
    mobile_index BLOB,
    verified_at INTEGER NOT NULL
);

CREATE TABLE one_time_codes (
    code_id BLOB NOT NULL PRIMARY KEY,
    mobile_index BLOB NOT NULL,
    account BLOB NOT NULL,
    purpose TEXT NOT NULL,
    digits BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    proved_at INTEGER
);
CREATE INDEX one_time_codes_mobile ON one_time_codes (mobile_index, created_at);
CREATE INDEX one_time_codes_account ON one_time_codes (account, created_at);
CREATE INDEX one_time_codes_created ON one_time_codes (created_at);

CREATE TABLE registrations (
    registration_id BLOB NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    document_index BLOB NOT NULL,
    full_name BLOB,
    document BLOB,
    mobile BLOB,
    nationality BLOB,
    home BLOB,
    mobile_index BLOB NOT NULL,
    mobile_proved BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    next_check_at INTEGER,
    ended_at INTEGER
);
CREATE INDEX registrations_account ON registrations (account_id);
CREATE INDEX registrations_due ON registrations (next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX registrations_created ON registrations (created_at) WHERE ended_at IS NULL;

ALTER TABLE people ADD COLUMN mobile_index BLOB;
