-- Long-running work, for whoever asks how far it is.

CREATE TABLE operations (
    id BYTEA NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    target TEXT NOT NULL,
    account TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    done BIGINT NOT NULL,
    total BIGINT,
    error TEXT,
    error_zh TEXT,
    error_en TEXT,
    PRIMARY KEY (id)
);
CREATE INDEX operations_account ON operations (account, id);
CREATE INDEX operations_state ON operations (kind, state);
CREATE INDEX operations_target ON operations (target, kind);
