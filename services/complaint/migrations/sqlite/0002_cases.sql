-- Complaints become cases: state, who must answer, clocks, log. A complaint that was filed before has no clocks; a worker starts them.

ALTER TABLE complaints ADD COLUMN kind TEXT NOT NULL DEFAULT 'feedback';
ALTER TABLE complaints ADD COLUMN intake TEXT NOT NULL DEFAULT 'menu';
ALTER TABLE complaints ADD COLUMN about BLOB;
ALTER TABLE complaints ADD COLUMN in_two_provinces BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE complaints ADD COLUMN state TEXT NOT NULL DEFAULT 'FILED';
ALTER TABLE complaints ADD COLUMN filed_for INTEGER NOT NULL DEFAULT 370000;
ALTER TABLE complaints ADD COLUMN division INTEGER NOT NULL DEFAULT 370000;
ALTER TABLE complaints ADD COLUMN escalated_to INTEGER;
ALTER TABLE complaints ADD COLUMN assignee TEXT;
ALTER TABLE complaints ADD COLUMN assigned_at INTEGER;
ALTER TABLE complaints ADD COLUMN waiting_for TEXT;
ALTER TABLE complaints ADD COLUMN merged_into TEXT;
ALTER TABLE complaints ADD COLUMN extended_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE complaints ADD COLUMN contacted BOOLEAN;
ALTER TABLE complaints ADD COLUMN solved BOOLEAN;
ALTER TABLE complaints ADD COLUMN satisfied BOOLEAN;
ALTER TABLE complaints ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE complaints ADD COLUMN due_at INTEGER NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE complaints ADD COLUMN next_firing_at INTEGER;
ALTER TABLE complaints ADD COLUMN entered_by TEXT;
ALTER TABLE complaints ADD COLUMN hotline_number TEXT;
ALTER TABLE complaints ADD COLUMN content_hash BLOB;
ALTER TABLE complaints ADD COLUMN is_secret BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE complaints ADD COLUMN caller_name BLOB;
ALTER TABLE complaints ADD COLUMN caller_mobile BLOB;
ALTER TABLE complaints ADD COLUMN caller_name_hash BLOB;
ALTER TABLE complaints ADD COLUMN caller_mobile_hash BLOB;
CREATE INDEX complaints_queue ON complaints (division, due_at, tracking_number);
CREATE INDEX complaints_assignee ON complaints (assignee, due_at, tracking_number) WHERE assignee IS NOT NULL;
CREATE INDEX complaints_entered ON complaints (entered_by, due_at, tracking_number) WHERE entered_by IS NOT NULL;
CREATE INDEX complaints_firing ON complaints (next_firing_at) WHERE next_firing_at IS NOT NULL;
CREATE INDEX complaints_without_clocks ON complaints (tracking_number) WHERE version = 0;
CREATE INDEX complaints_caller_name ON complaints (caller_name_hash) WHERE caller_name_hash IS NOT NULL;
CREATE INDEX complaints_caller_mobile ON complaints (caller_mobile_hash) WHERE caller_mobile_hash IS NOT NULL;
CREATE UNIQUE INDEX complaints_hotline ON complaints (hotline_number) WHERE hotline_number IS NOT NULL;

CREATE TABLE case_clocks (
    tracking_number TEXT NOT NULL,
    kind TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    warn_at INTEGER,
    due_at INTEGER NOT NULL,
    raise_again_at INTEGER NOT NULL,
    stage TEXT NOT NULL,
    stopped_at INTEGER,
    PRIMARY KEY (tracking_number, kind)
);

CREATE TABLE case_events (
    tracking_number TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    event TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    from_state TEXT,
    to_state TEXT NOT NULL,
    division INTEGER,
    clock TEXT,
    planned_at INTEGER,
    is_shown BOOLEAN NOT NULL,
    text BLOB,
    PRIMARY KEY (tracking_number, sequence)
);
