-- Arrivals that wait for a step after their acknowledgement: the step as JSON, encrypted, when it is tried again, and why an arrival was
-- refused in the end.

ALTER TABLE declarations ADD COLUMN pending_step BYTEA;
ALTER TABLE declarations ADD COLUMN next_check_at BIGINT;
ALTER TABLE declarations ADD COLUMN refusal TEXT;
CREATE INDEX declarations_next_check ON declarations (next_check_at) WHERE (next_check_at IS NOT NULL);
