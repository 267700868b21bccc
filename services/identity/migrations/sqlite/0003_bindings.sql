-- Family bindings. The ward's name is erased when a binding ends; the ward is a subject once somebody has consented.

CREATE TABLE bindings (
    binding_id BLOB NOT NULL PRIMARY KEY,
    binder_id BLOB NOT NULL,
    ward_index BLOB NOT NULL,
    ward_key BLOB NOT NULL,
    ward_id BLOB,
    ward_name BLOB,
    relation TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    activated_at INTEGER,
    of_age_at INTEGER,
    ended_at INTEGER,
    end_reason TEXT,
    notice_due_at INTEGER
);
CREATE INDEX bindings_binder ON bindings (binder_id, created_at);
CREATE INDEX bindings_ward ON bindings (ward_id) WHERE ward_id IS NOT NULL;
CREATE INDEX bindings_ward_key ON bindings (ward_key);
CREATE INDEX bindings_pending ON bindings (created_at) WHERE state = 'PENDING_CONSENT';
CREATE INDEX bindings_of_age ON bindings (of_age_at) WHERE state = 'ACTIVE';
CREATE INDEX bindings_ending ON bindings (binding_id) WHERE state = 'ENDING';
CREATE INDEX bindings_notices ON bindings (notice_due_at) WHERE notice_due_at IS NOT NULL;
