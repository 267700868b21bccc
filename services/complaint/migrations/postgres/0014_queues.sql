-- A queue has first what is due first: of a county, a city, or the whole province. A division is six digits, or a street's nine.

DROP INDEX complaints_queue;
CREATE INDEX complaints_due ON complaints (due_at, tracking_number);
CREATE INDEX complaints_due_county ON complaints
    ((CASE WHEN division > 999999 THEN division / 1000 ELSE division END), due_at, tracking_number);
CREATE INDEX complaints_due_city ON complaints
    ((CASE WHEN division > 999999 THEN division / 100000 ELSE division / 100 END), due_at, tracking_number);
