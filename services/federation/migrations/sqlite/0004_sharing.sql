-- Changes shared with partners, in both directions. What was verified for a partner is followed; its changes are cut into batches. What partners
-- tell of their codes is taken in and said of the conversions that were made of these.

CREATE TABLE followed_codes (
    subject_id BLOB NOT NULL,
    partner TEXT NOT NULL,
    reference TEXT NOT NULL,
    followed_until INTEGER NOT NULL,
    changed_at INTEGER,
    PRIMARY KEY (subject_id, partner)
);
CREATE UNIQUE INDEX followed_codes_reference ON followed_codes (reference);
CREATE INDEX followed_codes_changed ON followed_codes (partner, changed_at);
CREATE INDEX followed_codes_until ON followed_codes (followed_until);

CREATE TABLE batches (
    partner TEXT NOT NULL,
    number INTEGER NOT NULL,
    tag BLOB NOT NULL,
    header BLOB NOT NULL,
    body BLOB NOT NULL,
    cut_at INTEGER NOT NULL,
    PRIMARY KEY (partner, number)
);
CREATE UNIQUE INDEX batches_tag ON batches (partner, tag);
CREATE INDEX batches_cut ON batches (cut_at);

CREATE TABLE subscriptions (
    partner TEXT NOT NULL,
    taken_tag BLOB,
    taken_number INTEGER,
    pulled_at INTEGER,
    failure TEXT NOT NULL,
    confirmed_number INTEGER,
    acknowledged_tag BLOB,
    acknowledged_number INTEGER,
    acknowledged_at INTEGER,
    PRIMARY KEY (partner)
);

CREATE TABLE taken_batches (
    partner TEXT NOT NULL,
    number INTEGER NOT NULL,
    tag BLOB NOT NULL,
    key_id TEXT NOT NULL,
    header BLOB NOT NULL,
    taken_at INTEGER NOT NULL,
    PRIMARY KEY (partner, number)
);

CREATE TABLE told_codes (
    partner TEXT NOT NULL,
    reference TEXT NOT NULL,
    outcome TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    told_at INTEGER NOT NULL,
    number INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    PRIMARY KEY (partner, reference)
);
CREATE INDEX told_codes_told ON told_codes (told_at);

CREATE TABLE conversions (
    conversion_id BLOB NOT NULL,
    partner TEXT NOT NULL,
    reference TEXT,
    token_digest BLOB NOT NULL,
    key_id TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    converted_at INTEGER NOT NULL,
    interface TEXT NOT NULL,
    trust_list_version TEXT NOT NULL,
    state TEXT NOT NULL,
    outcome TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (conversion_id)
);
CREATE INDEX conversions_reference ON conversions (partner, reference);
CREATE INDEX conversions_key ON conversions (partner, converted_at);

CREATE TABLE conversion_changes (
    change_id BLOB NOT NULL,
    conversion_id BLOB NOT NULL,
    partner TEXT NOT NULL,
    number INTEGER,
    key_id TEXT,
    state TEXT NOT NULL,
    outcome TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    PRIMARY KEY (change_id)
);
CREATE INDEX conversion_changes_unconfirmed ON conversion_changes (partner, confirmed_at, number);
CREATE INDEX conversion_changes_conversion ON conversion_changes (conversion_id, change_id);
