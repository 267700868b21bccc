-- Applications that an organisation makes for its people at once. A row waits encrypted until it is registered.

CREATE TABLE application_imports (
    import_id BLOB NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    organisation TEXT NOT NULL,
    division INTEGER NOT NULL,
    state TEXT NOT NULL,
    next_row INTEGER NOT NULL,
    registered INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    lease_owner BLOB,
    lease_until INTEGER NOT NULL
);
CREATE INDEX application_imports_account ON application_imports (account, import_id);
CREATE INDEX application_imports_created ON application_imports (created_at);
CREATE INDEX application_imports_running ON application_imports (lease_until) WHERE (state = 'running');

CREATE TABLE application_import_rows (
    import_id BLOB NOT NULL,
    row INTEGER NOT NULL,
    state TEXT NOT NULL,
    person BLOB,
    errors TEXT,
    PRIMARY KEY (import_id, row)
);
CREATE INDEX application_import_rows_state ON application_import_rows (import_id, state, row);
