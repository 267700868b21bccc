-- The outcome of an accountability case is signed by two persons, and what is overdue is raised to the divisions above.

ALTER TABLE accountability_cases ADD COLUMN proposed_by TEXT;
ALTER TABLE accountability_cases ADD COLUMN proposed_at BIGINT;
ALTER TABLE accountability_cases ADD COLUMN raise_at BIGINT;
ALTER TABLE accountability_cases ADD COLUMN escalations TEXT NOT NULL DEFAULT '';
UPDATE accountability_cases SET raise_at = due_at WHERE state = 'OPEN';
DROP INDEX accountability_cases_place;
CREATE UNIQUE INDEX accountability_cases_place ON accountability_cases (place_id)
    WHERE state IN ('QUEUED', 'OPEN', 'PROPOSED');
CREATE INDEX accountability_cases_raising ON accountability_cases (raise_at, accountability_case_id)
    WHERE raise_at IS NOT NULL;
