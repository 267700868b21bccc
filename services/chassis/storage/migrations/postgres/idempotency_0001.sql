-- Answers of requests that may be sent again, for a day.

CREATE TABLE idempotency (
    scope BYTEA NOT NULL,
    fingerprint BYTEA NOT NULL,
    answer BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (scope)
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);
