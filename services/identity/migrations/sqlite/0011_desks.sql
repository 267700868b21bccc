-- The kinds of complaints that staff work on; NULL: all.

ALTER TABLE accounts ADD COLUMN desks TEXT;
