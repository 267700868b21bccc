-- Messages of partners: nonces while a message could be sent again, requests counted for the quotas, and the record of what crossed the border,
-- append-only and chained.

CREATE TABLE message_nonces (
    partner TEXT NOT NULL,
    nonce BLOB NOT NULL,
    forgettable_at INTEGER NOT NULL,
    PRIMARY KEY (partner, nonce)
);
CREATE INDEX message_nonces_forgettable ON message_nonces (forgettable_at);

CREATE TABLE partner_usage (
    partner TEXT NOT NULL,
    minute INTEGER NOT NULL,
    minute_requests INTEGER NOT NULL,
    day INTEGER NOT NULL,
    day_requests INTEGER NOT NULL,
    PRIMARY KEY (partner)
);

CREATE TABLE message_records (
    sequence INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    partner TEXT NOT NULL,
    is_answer INTEGER NOT NULL,
    header BLOB NOT NULL,
    outcome TEXT NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (sequence)
);
