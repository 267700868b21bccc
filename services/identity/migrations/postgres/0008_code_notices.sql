-- Who is still to be told that their code has changed.

CREATE TABLE code_notices (
    subject_id BYTEA NOT NULL PRIMARY KEY,
    due_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX code_notices_due ON code_notices (due_at);
