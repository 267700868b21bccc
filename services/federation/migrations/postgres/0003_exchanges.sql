-- Messages of partners: nonces while a message could be sent again, requests counted for the quotas, and the record of what crossed the border,
-- append-only and chained.

CREATE TABLE message_nonces (
    partner TEXT NOT NULL,
    nonce BYTEA NOT NULL,
    forgettable_at BIGINT NOT NULL,
    PRIMARY KEY (partner, nonce)
);
CREATE INDEX message_nonces_forgettable ON message_nonces (forgettable_at);

CREATE TABLE partner_usage (
    partner TEXT NOT NULL,
    minute BIGINT NOT NULL,
    minute_requests BIGINT NOT NULL,
    day BIGINT NOT NULL,
    day_requests BIGINT NOT NULL,
    PRIMARY KEY (partner)
);

CREATE TABLE message_records (
    sequence BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    partner TEXT NOT NULL,
    is_answer BIGINT NOT NULL,
    header BYTEA NOT NULL,
    outcome TEXT NOT NULL,
    entry BYTEA NOT NULL,
    PRIMARY KEY (sequence)
);
