-- Numbers for everybody are counted from the log: it says how an appeal was decided, and is found by time. Of decisions that were made
-- before, only the last of each case is known.

ALTER TABLE case_events ADD COLUMN verdict TEXT;
UPDATE case_events SET verdict = (
    SELECT complaints.verdict FROM complaints WHERE complaints.tracking_number = case_events.tracking_number
) WHERE event = 'decide' AND sequence = (
    SELECT MAX(last.sequence) FROM case_events AS last
    WHERE last.tracking_number = case_events.tracking_number AND last.event = 'decide'
);
CREATE INDEX case_events_time ON case_events (created_at, tracking_number);
