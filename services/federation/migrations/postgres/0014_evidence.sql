-- Signed heads of the record of messages: each says which entry the record of a number has. And the way to the records of one partner.

CREATE TABLE message_heads (
    sequence BIGINT NOT NULL,
    document BYTEA NOT NULL,
    PRIMARY KEY (sequence)
);
CREATE INDEX message_records_partner ON message_records (partner, recorded_at);
