-- How many documents or names that differ were shown at counters for a registration that waits.

ALTER TABLE registrations ADD COLUMN wrong_documents INTEGER NOT NULL DEFAULT 0;
