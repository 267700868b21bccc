-- Members of staff who signed in at devices. The hash of a code is kept so that it is used once.

CREATE TABLE staff_sign_ins (
    sign_in_id BYTEA NOT NULL PRIMARY KEY,
    device_id BYTEA NOT NULL,
    checkpoint_id BYTEA NOT NULL,
    account TEXT NOT NULL,
    code_hash BYTEA NOT NULL,
    started_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);

CREATE UNIQUE INDEX staff_sign_ins_code ON staff_sign_ins (code_hash);
CREATE INDEX staff_sign_ins_device ON staff_sign_ins (device_id, started_at);
CREATE INDEX staff_sign_ins_expires ON staff_sign_ins (expires_at);

-- The account of the member of staff who was signed in at the last scan.
ALTER TABLE door_reports ADD COLUMN staff TEXT;

-- Closed reports are deleted by their age.
CREATE INDEX door_reports_closed ON door_reports (closed_at) WHERE state = 'CLOSED';
