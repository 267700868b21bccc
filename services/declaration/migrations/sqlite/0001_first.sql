-- The schema of declaration. A step that was released is never edited: what changes is a step of its own.

CREATE TABLE declarations (
    subject_id BLOB NOT NULL,
    declaration_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    account BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    commitment_version TEXT NOT NULL,
    statements BLOB NOT NULL,
    normalisations TEXT NOT NULL,
    abroad_days TEXT NOT NULL,
    provenance TEXT,
    in_force_at INTEGER,
    PRIMARY KEY (subject_id, declaration_id)
);

CREATE TABLE pulls (
    source TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    cursor TEXT NOT NULL,
    cursor_at INTEGER,
    last_attempt_at INTEGER,
    last_success_at INTEGER,
    next_due_at INTEGER NOT NULL,
    overdue_at INTEGER,
    error TEXT,
    error_zh TEXT NOT NULL,
    error_en TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    page_accepted INTEGER NOT NULL,
    page_unchanged INTEGER NOT NULL,
    page_refused INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER NOT NULL
);

CREATE TABLE pull_refusals (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    after TEXT NOT NULL,
    row INTEGER NOT NULL,
    field TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX pull_refusals_source ON pull_refusals (source, number);

CREATE TABLE fact_imports (
    import_id BLOB NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    mode TEXT NOT NULL,
    state TEXT NOT NULL,
    next_row INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    redecided INTEGER NOT NULL,
    pending BLOB,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
);
CREATE INDEX fact_imports_source ON fact_imports (source, import_id);
CREATE INDEX fact_imports_created ON fact_imports (created_at);

CREATE TABLE fact_import_errors (
    import_id BLOB NOT NULL,
    row INTEGER NOT NULL,
    nth INTEGER NOT NULL,
    field TEXT NOT NULL,
    reason TEXT NOT NULL,
    zh TEXT NOT NULL,
    en TEXT NOT NULL,
    PRIMARY KEY (import_id, row, nth)
);

CREATE TABLE fact_import_rows (
    import_id BLOB NOT NULL,
    row INTEGER NOT NULL,
    statement BLOB NOT NULL,
    PRIMARY KEY (import_id, row)
);
