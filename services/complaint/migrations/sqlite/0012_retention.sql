-- Files are kept for some time after their case was closed.

ALTER TABLE attachments ADD COLUMN closed_at INTEGER;
UPDATE attachments SET closed_at = (
    SELECT MAX(created_at) FROM case_events WHERE case_events.tracking_number = attachments.tracking_number
) WHERE tracking_number IN (SELECT tracking_number FROM complaints WHERE state = 'CLOSED');
CREATE INDEX attachments_closed ON attachments (tracking_number, closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX complaints_merged_into ON complaints (merged_into) WHERE merged_into IS NOT NULL;
