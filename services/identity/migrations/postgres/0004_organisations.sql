-- The account of the organisation that stated a person whom no account has been linked to yet.

ALTER TABLE people ADD COLUMN registered_by TEXT;
