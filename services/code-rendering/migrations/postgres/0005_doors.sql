-- Registered doors, their devices and credentials, and the yellow and red codes that they reported. A green code has no row here.

CREATE TABLE checkpoints (
    checkpoint_id BYTEA NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    division BIGINT NOT NULL,
    place_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    heard_at BIGINT,
    ended_at BIGINT
);

CREATE INDEX checkpoints_division ON checkpoints (division, checkpoint_id);

CREATE TABLE checkpoint_devices (
    device_id BYTEA NOT NULL PRIMARY KEY,
    checkpoint_id BYTEA NOT NULL,
    label TEXT NOT NULL,
    generation BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    heard_at BIGINT,
    ended_at BIGINT,
    end_reason TEXT
);

CREATE INDEX checkpoint_devices_checkpoint ON checkpoint_devices (checkpoint_id, device_id);

-- The credentials that a device may use: the one that it used last, and those that were issued for it.
CREATE TABLE device_credentials (
    device_id BYTEA NOT NULL,
    generation BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    used BOOLEAN NOT NULL,
    PRIMARY KEY (device_id, generation)
);

CREATE TABLE door_reports (
    subject_id BYTEA NOT NULL,
    report_id BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    checkpoint_id BYTEA NOT NULL,
    division BIGINT NOT NULL,
    state TEXT NOT NULL,
    colour INTEGER NOT NULL,
    scan_day INTEGER NOT NULL,
    scanned_at BIGINT NOT NULL,
    last_scanned_at BIGINT NOT NULL,
    scan_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    acknowledger TEXT,
    closed_at BIGINT,
    closer TEXT,
    outcome TEXT,
    PRIMARY KEY (subject_id, report_id)
);

CREATE UNIQUE INDEX door_reports_of_day ON door_reports (subject_id, checkpoint_id, scan_day) WHERE state <> 'CLOSED';
CREATE INDEX door_reports_id ON door_reports (report_id);
CREATE INDEX door_reports_sequence ON door_reports (sequence);
CREATE INDEX door_reports_division ON door_reports (division, report_id);
CREATE INDEX door_reports_checkpoint ON door_reports (checkpoint_id, report_id);
CREATE INDEX door_reports_due ON door_reports (due_at) WHERE state = 'OPEN';

-- One row: the sequence of the last change of a report, and which database this is. Locking it gives changes their numbers in the order of
-- their commits.
CREATE TABLE door_report_head (
    number BIGINT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL,
    log_id BYTEA
);

INSERT INTO door_report_head (number, sequence) VALUES (1, 0);
