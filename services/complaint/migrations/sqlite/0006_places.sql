-- Places held to account: the register of places, what each complaint about a place counts for, and the cases that are opened.

CREATE TABLE places (
    place_id BLOB NOT NULL,
    division INTEGER NOT NULL,
    kind TEXT NOT NULL,
    display_name TEXT NOT NULL,
    merged_into BLOB,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (place_id)
);
CREATE INDEX places_division ON places (division, place_id) WHERE merged_into IS NULL;

CREATE TABLE place_names (
    division INTEGER NOT NULL,
    normal_name TEXT NOT NULL,
    place_id BLOB NOT NULL,
    spelling TEXT NOT NULL,
    PRIMARY KEY (division, normal_name)
);
CREATE INDEX place_names_place ON place_names (place_id, normal_name);

CREATE TABLE place_voices (
    tracking_number TEXT NOT NULL,
    place_id BLOB,
    division INTEGER NOT NULL,
    issue TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    name_hash BLOB,
    head_hash BLOB,
    person BLOB,
    network BLOB,
    is_new BOOLEAN NOT NULL,
    finding TEXT,
    is_settled BOOLEAN NOT NULL,
    is_dismissed BOOLEAN NOT NULL,
    is_weighed BOOLEAN NOT NULL,
    PRIMARY KEY (tracking_number)
);
CREATE INDEX place_voices_place ON place_voices (place_id, created_at, tracking_number) WHERE place_id IS NOT NULL;
CREATE INDEX place_voices_unweighed ON place_voices (place_id) WHERE NOT is_weighed AND place_id IS NOT NULL;
CREATE INDEX place_voices_division ON place_voices (division, created_at, tracking_number);
CREATE INDEX place_voices_unmatched ON place_voices (division, created_at, tracking_number) WHERE place_id IS NULL;
CREATE INDEX place_voices_network ON place_voices (created_at) WHERE network IS NOT NULL;

-- What was filed before is matched by staff. The keyed hash of the account stands for the person.
INSERT INTO place_voices
    (tracking_number, division, issue, created_at, person, is_new, is_settled, is_dismissed, is_weighed)
SELECT tracking_number, filed_for, category, created_at,
    CASE WHEN LENGTH(account) = 0 THEN NULL ELSE account END, FALSE, FALSE, FALSE, FALSE
FROM complaints WHERE kind = 'place';

CREATE TABLE accountability_cases (
    accountability_case_id BLOB NOT NULL,
    place_id BLOB NOT NULL,
    division INTEGER NOT NULL,
    kind TEXT NOT NULL,
    responsible_body TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    rules_version INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    signals TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    opened_at INTEGER,
    opened_by TEXT,
    due_at INTEGER,
    owner TEXT,
    outcome TEXT,
    summary TEXT,
    closed_at INTEGER,
    closed_by TEXT,
    version INTEGER NOT NULL,
    PRIMARY KEY (accountability_case_id)
);
CREATE UNIQUE INDEX accountability_cases_place ON accountability_cases (place_id) WHERE state IN ('QUEUED', 'OPEN');
CREATE INDEX accountability_cases_of_place ON accountability_cases (place_id);
CREATE INDEX accountability_cases_published ON accountability_cases (accountability_case_id) WHERE state = 'PUBLISHED';
CREATE INDEX accountability_cases_division ON accountability_cases (division, accountability_case_id);

-- The log of a complaint about a place says what was found.
ALTER TABLE case_events ADD COLUMN finding TEXT;
