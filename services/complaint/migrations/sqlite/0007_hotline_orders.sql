-- Orders of the hotline in bulk: the city's own number, and what the hotline knows of the caller.

ALTER TABLE complaints ADD COLUMN city_number TEXT;
ALTER TABLE complaints ADD COLUMN is_repeat BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE complaints ADD COLUMN called_at INTEGER;
