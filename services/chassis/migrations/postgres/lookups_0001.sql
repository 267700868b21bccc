-- Lookups that are written down and not yet delivered to identity.

CREATE TABLE lookups_to_deliver (
    lookup_id bytea NOT NULL PRIMARY KEY,
    content bytea NOT NULL
);
