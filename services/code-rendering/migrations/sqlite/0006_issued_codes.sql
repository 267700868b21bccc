-- Every code whose token is stored until it expires: on paper, and bound to a device.

ALTER TABLE paper_codes RENAME TO issued_codes;
ALTER TABLE issued_codes RENAME COLUMN paper_code_id TO code_id;
ALTER TABLE issued_codes ADD COLUMN kind TEXT NOT NULL DEFAULT 'PAPER';

DROP INDEX paper_codes_token;
CREATE INDEX issued_codes_token ON issued_codes (token_id);
