-- Files that belong to complaints, in encrypted pieces. One that has an expire time is still being uploaded.

CREATE TABLE attachments (
    attachment_id BLOB NOT NULL,
    tracking_number TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    upload_size INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    media_type TEXT,
    size INTEGER,
    digest BLOB,
    PRIMARY KEY (attachment_id)
);
CREATE INDEX attachments_case ON attachments (tracking_number, attachment_id);
CREATE INDEX attachments_expiring ON attachments (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE attachment_pieces (
    attachment_id BLOB NOT NULL,
    start_at INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (attachment_id, start_at)
);
