-- A case follows a report of a door up, once.

ALTER TABLE complaints ADD COLUMN door_report_id BYTEA;
CREATE UNIQUE INDEX complaints_door_report ON complaints (door_report_id) WHERE door_report_id IS NOT NULL;
