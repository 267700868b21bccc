-- A copy of identity's family bindings: who may show whose code. An ended one stays, so that an older version cannot bring it back.

CREATE TABLE bindings (
    binder_id BLOB NOT NULL,
    ward_id BLOB NOT NULL,
    binding_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    active BOOLEAN NOT NULL,
    PRIMARY KEY (binder_id, ward_id, binding_id)
);
