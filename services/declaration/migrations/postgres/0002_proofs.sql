-- Declarations of accounts that have not proved yet to be the person: their subject is the id of the registration until then.

ALTER TABLE declarations ADD COLUMN waiting_for TEXT;
ALTER TABLE declarations ADD COLUMN refused_at BIGINT;
CREATE INDEX declarations_account ON declarations (account, declaration_id);
