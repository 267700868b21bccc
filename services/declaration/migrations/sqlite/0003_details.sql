-- What a declaration keeps beside its statements, as JSON, encrypted: the answers of a daily report. The commitment as it was accepted.
-- Applications that take the place of others.

ALTER TABLE declarations ADD COLUMN details BLOB;
ALTER TABLE declarations ADD COLUMN commitment_digest TEXT;
ALTER TABLE declarations ADD COLUMN replaces BLOB;
ALTER TABLE declarations ADD COLUMN replaced_by BLOB;
