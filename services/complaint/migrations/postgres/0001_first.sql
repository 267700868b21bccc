-- The schema of complaint. A step that was released is never edited: what changes is a step of its own.

CREATE TABLE complaints (
    tracking_number TEXT NOT NULL,
    account BYTEA NOT NULL,
    category TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    text BYTEA NOT NULL,
    PRIMARY KEY (tracking_number)
);
CREATE INDEX complaints_account ON complaints (account, created_at DESC, tracking_number);
