-- What a key signs: `TOKENS`, or `LISTS` for the key list and the revocation list.

ALTER TABLE signing_keys ADD COLUMN signs TEXT NOT NULL DEFAULT 'TOKENS';
