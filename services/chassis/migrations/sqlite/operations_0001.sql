-- Long-running work, for whoever asks how far it is.

CREATE TABLE operations (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    target TEXT NOT NULL,
    account TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    done INTEGER NOT NULL,
    total INTEGER,
    error TEXT,
    error_zh TEXT,
    error_en TEXT
);
CREATE INDEX operations_state ON operations (kind, state);
CREATE INDEX operations_account ON operations (account, id);
CREATE INDEX operations_target ON operations (target, kind);
