-- Files that belong to complaints, in encrypted pieces. One that has an expire time is still being uploaded.

CREATE TABLE attachments (
    attachment_id BYTEA NOT NULL,
    tracking_number TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    upload_size BIGINT NOT NULL,
    next_offset BIGINT NOT NULL,
    media_type TEXT,
    size BIGINT,
    digest BYTEA,
    PRIMARY KEY (attachment_id)
);
CREATE INDEX attachments_case ON attachments (tracking_number, attachment_id);
CREATE INDEX attachments_expiring ON attachments (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE attachment_pieces (
    attachment_id BYTEA NOT NULL,
    start_at BIGINT NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (attachment_id, start_at)
);
