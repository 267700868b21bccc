-- The schema of complaint. A step that was released is never edited: what changes is a step of its own.

CREATE TABLE complaints (
    tracking_number TEXT NOT NULL PRIMARY KEY,
    account BLOB NOT NULL,
    category TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    text BLOB NOT NULL
);
CREATE INDEX complaints_account ON complaints (account, created_at DESC, tracking_number);
