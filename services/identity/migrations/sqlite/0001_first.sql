-- The schema of identity. A step that was released is never edited: what changes is a step of its own.

CREATE TABLE people (
    subject_id BLOB NOT NULL PRIMARY KEY,
    document_index BLOB NOT NULL UNIQUE,
    full_name BLOB,
    document BLOB,
    mobile BLOB,
    nationality BLOB,
    home BLOB,
    registered_at INTEGER,
    confirmed_at INTEGER,
    published_division INTEGER
);
CREATE INDEX people_unconfirmed ON people (registered_at) WHERE registered_at IS NOT NULL AND confirmed_at IS NULL;

CREATE TABLE accounts (
    account_id TEXT NOT NULL PRIMARY KEY,
    subject_id BLOB,
    roles TEXT NOT NULL,
    division INTEGER,
    feed_source TEXT,
    feed_kinds TEXT,
    feed_divisions TEXT,
    disabled BOOLEAN NOT NULL DEFAULT FALSE,
    version INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX accounts_subject ON accounts (subject_id);
CREATE INDEX accounts_feed ON accounts (feed_source) WHERE feed_source IS NOT NULL;

CREATE TABLE merges (
    from_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    into_id BLOB NOT NULL,
    merged_at INTEGER NOT NULL,
    merged_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    unmerged_at INTEGER,
    unmerged_by TEXT,
    unmerge_reason TEXT,
    PRIMARY KEY (from_id, version)
);
CREATE INDEX merges_into ON merges (into_id);

CREATE TABLE account_changes (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    action TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX account_changes_account ON account_changes (account_id);
