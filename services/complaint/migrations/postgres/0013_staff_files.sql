-- Files that staff add to cases.

ALTER TABLE attachments ADD COLUMN by_staff BOOLEAN NOT NULL DEFAULT FALSE;
