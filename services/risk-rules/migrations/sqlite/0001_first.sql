-- The schema of risk-rules. A step that was released is never edited: what changes is a step of its own.

CREATE TABLE subjects (
    subject_id BLOB NOT NULL PRIMARY KEY,
    enrolled_at INTEGER,
    roster INTEGER,
    facts BLOB,
    latest_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    colour INTEGER NOT NULL,
    rules INTEGER NOT NULL,
    rule_set INTEGER NOT NULL,
    next_change_at INTEGER,
    cited INTEGER NOT NULL,
    salt BLOB,
    head BLOB,
    division INTEGER,
    CHECK ((colour = 0) = (rules = 0))
) WITHOUT ROWID;
CREATE INDEX subjects_due ON subjects (next_change_at) WHERE next_change_at IS NOT NULL;

CREATE TABLE rosters (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    count INTEGER NOT NULL,
    digest BLOB NOT NULL
);

CREATE TABLE stay_places (
    place INTEGER NOT NULL,
    subject_id BLOB NOT NULL,
    PRIMARY KEY (place, subject_id)
) WITHOUT ROWID;

CREATE TABLE statements (
    subject_id BLOB NOT NULL,
    fact_id BLOB NOT NULL,
    name BLOB NOT NULL,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    kind TEXT,
    attributes BLOB,
    target_id BLOB,
    reason TEXT,
    recorded_at INTEGER NOT NULL,
    superseded_at INTEGER,
    fingerprint BLOB NOT NULL,
    PRIMARY KEY (subject_id, fact_id)
);
CREATE UNIQUE INDEX statements_name ON statements (name);

CREATE TABLE decisions (
    subject_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    decision_id BLOB NOT NULL,
    colour INTEGER NOT NULL,
    citation_count INTEGER NOT NULL,
    citations TEXT,
    rule_set TEXT NOT NULL,
    rule_set_version TEXT NOT NULL,
    evaluated_at INTEGER NOT NULL,
    next_change_at INTEGER,
    entry BLOB NOT NULL,
    PRIMARY KEY (subject_id, version),
    CHECK ((colour = 0) = (citation_count = 0))
);
CREATE INDEX decisions_evaluated ON decisions (evaluated_at);

CREATE TABLE rule_sets (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    version TEXT NOT NULL,
    document TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    active_from INTEGER
);
CREATE UNIQUE INDEX rule_sets_name ON rule_sets (id, version);

CREATE TABLE areas (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    code INTEGER NOT NULL,
    community TEXT,
    level TEXT NOT NULL,
    from_at INTEGER NOT NULL,
    to_at INTEGER,
    recorded_at INTEGER NOT NULL
);

CREATE TABLE notices (
    published_at INTEGER NOT NULL PRIMARY KEY,
    recorded_at INTEGER NOT NULL,
    listed INTEGER NOT NULL,
    needs_placement INTEGER NOT NULL
);

CREATE TABLE unplaced_areas (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    published_at INTEGER NOT NULL,
    place TEXT NOT NULL,
    community TEXT NOT NULL,
    level TEXT NOT NULL,
    reason TEXT NOT NULL,
    ended_at INTEGER,
    placed_at INTEGER,
    placed_by TEXT,
    placed_code INTEGER,
    placed_community TEXT,
    uid BLOB
);
CREATE INDEX unplaced_areas_end ON unplaced_areas (ended_at);
CREATE UNIQUE INDEX unplaced_areas_uid ON unplaced_areas (uid);

CREATE TABLE recomparisons (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    day INTEGER UNIQUE,
    evaluated_at INTEGER NOT NULL,
    roster INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    expected_digest BLOB NOT NULL,
    finished_at INTEGER,
    uid BLOB,
    cancelled_at INTEGER
);
CREATE UNIQUE INDEX recomparisons_uid ON recomparisons (uid);

CREATE TABLE recomparison_parts (
    run INTEGER NOT NULL,
    part INTEGER NOT NULL,
    from_key BLOB,
    until_key BLOB,
    lease_owner TEXT,
    lease_until INTEGER NOT NULL,
    done_at INTEGER,
    seen INTEGER NOT NULL,
    seen_digest BLOB NOT NULL,
    green INTEGER NOT NULL,
    yellow INTEGER NOT NULL,
    red INTEGER NOT NULL,
    PRIMARY KEY (run, part)
);

CREATE TABLE recomparison_findings (
    run INTEGER NOT NULL,
    subject_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    colour_before INTEGER NOT NULL,
    colour_after INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (run, subject_id)
);

CREATE TABLE day_seals (
    day INTEGER NOT NULL PRIMARY KEY,
    sealed_at INTEGER NOT NULL,
    decisions INTEGER NOT NULL,
    buckets BLOB NOT NULL,
    root BLOB NOT NULL,
    proof BLOB NOT NULL
);

CREATE TABLE rule_changes (
    number INTEGER NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    author TEXT NOT NULL,
    approver TEXT,
    effective_from INTEGER NOT NULL,
    announced_at INTEGER NOT NULL,
    approved_at INTEGER,
    expected_changes INTEGER NOT NULL,
    cases TEXT NOT NULL,
    preview_asked_at INTEGER,
    preview TEXT,
    guard TEXT,
    run INTEGER,
    lease_owner TEXT,
    lease_until INTEGER NOT NULL,
    closer TEXT,
    closed_at INTEGER
);

CREATE TABLE key_areas (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    code INTEGER NOT NULL,
    from_at INTEGER NOT NULL,
    to_at INTEGER,
    legal_basis TEXT NOT NULL,
    proposed_by TEXT NOT NULL,
    proposed_at INTEGER NOT NULL,
    approved_by TEXT,
    approved_at INTEGER,
    uid BLOB,
    closed_as TEXT,
    closed_by TEXT,
    closed_at INTEGER
);
CREATE UNIQUE INDEX key_areas_uid ON key_areas (uid);

CREATE TABLE designations (
    id BLOB NOT NULL PRIMARY KEY,
    subject_id BLOB NOT NULL,
    level TEXT NOT NULL,
    from_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    legal_basis TEXT NOT NULL,
    division INTEGER NOT NULL,
    proposed_by TEXT NOT NULL,
    proposed_at INTEGER NOT NULL,
    approved_by TEXT,
    approved_at INTEGER,
    closed_at INTEGER,
    closed_as TEXT,
    closed_by TEXT,
    CHECK (approved_by IS NULL OR approved_by <> proposed_by)
);
CREATE INDEX designations_division ON designations (division, id);

CREATE TABLE merges (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    subject_id BLOB NOT NULL,
    into_id BLOB,
    version INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX merges_subject ON merges (subject_id, version);
CREATE INDEX merges_into ON merges (into_id);

-- Rollbacks.
CREATE TABLE rollbacks (
    id BLOB NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    from_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    divisions TEXT NOT NULL,
    preview TEXT NOT NULL,
    state TEXT NOT NULL,
    proposed_by TEXT NOT NULL,
    proposed_at INTEGER NOT NULL,
    approved_by TEXT,
    approved_at INTEGER,
    closed_by TEXT,
    closed_at INTEGER,
    after BLOB,
    subjects INTEGER NOT NULL,
    retracted INTEGER NOT NULL,
    restated INTEGER NOT NULL,
    redecided INTEGER NOT NULL,
    CHECK (approved_by IS NULL OR approved_by <> proposed_by)
);
CREATE INDEX rollbacks_state ON rollbacks (state);

-- Checks of history.
CREATE TABLE history_verifications (
    id BLOB NOT NULL PRIMARY KEY,
    subject_id BLOB,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    cancelled_at INTEGER,
    after BLOB,
    subjects INTEGER NOT NULL,
    intact INTEGER NOT NULL,
    erased INTEGER NOT NULL,
    broken INTEGER NOT NULL,
    breaks TEXT NOT NULL
);

-- Whose decisions are to be brought into force.
CREATE TABLE operation_subjects (
    operation_id BLOB NOT NULL,
    subject_id BLOB NOT NULL,
    PRIMARY KEY (operation_id, subject_id)
);
