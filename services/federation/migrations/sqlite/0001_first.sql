-- The schema of federation. A step that was released is never edited: what changes is a step of its own.

CREATE TABLE verifications (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    verified_at INTEGER NOT NULL,
    province TEXT,
    trust_list_version TEXT NOT NULL,
    outcome TEXT NOT NULL,
    key_id TEXT
);
