-- Electronic health cards: the institutions and terminals that read them, the cards, what was read and used, and patients.

CREATE TABLE medical_institutions (
    institution_id BLOB NOT NULL PRIMARY KEY,
    code TEXT NOT NULL,
    title TEXT NOT NULL,
    division INTEGER NOT NULL,
    account TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER
);
CREATE UNIQUE INDEX medical_institutions_code ON medical_institutions (code) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX medical_institutions_account ON medical_institutions (account) WHERE ended_at IS NULL;
CREATE INDEX medical_institutions_division ON medical_institutions (division);

CREATE TABLE medical_terminals (
    terminal_id BLOB NOT NULL PRIMARY KEY,
    institution_id BLOB NOT NULL,
    code TEXT NOT NULL,
    kind TEXT NOT NULL,
    steps TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER
);
CREATE UNIQUE INDEX medical_terminals_code ON medical_terminals (institution_id, code) WHERE ended_at IS NULL;

CREATE TABLE health_cards (
    subject_id BLOB NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    card_index BLOB,
    card_number BLOB,
    created_at INTEGER NOT NULL,
    activated_at INTEGER,
    suspended_at INTEGER,
    due_at INTEGER
);
CREATE UNIQUE INDEX health_cards_index ON health_cards (card_index) WHERE card_index IS NOT NULL;
CREATE INDEX health_cards_due ON health_cards (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE health_card_reads (
    read_id BLOB NOT NULL PRIMARY KEY,
    subject_id BLOB NOT NULL,
    institution_id BLOB NOT NULL,
    terminal_id BLOB NOT NULL,
    code_kind TEXT NOT NULL,
    read_at INTEGER NOT NULL
);

CREATE TABLE health_card_uses (
    subject_id BLOB NOT NULL,
    use_id BLOB NOT NULL,
    institution_id BLOB NOT NULL,
    terminal_id BLOB NOT NULL,
    content BLOB NOT NULL,
    used_at INTEGER NOT NULL,
    due_at INTEGER,
    reported_at INTEGER,
    PRIMARY KEY (subject_id, use_id)
);
CREATE INDEX health_card_uses_due ON health_card_uses (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE patient_bindings (
    binding_id BLOB NOT NULL PRIMARY KEY,
    subject_id BLOB NOT NULL,
    institution_id BLOB NOT NULL,
    patient_index BLOB NOT NULL,
    patient_number BLOB,
    created_at INTEGER NOT NULL,
    ended_at INTEGER
);
CREATE UNIQUE INDEX patient_bindings_number ON patient_bindings (institution_id, patient_index) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX patient_bindings_person ON patient_bindings (institution_id, subject_id) WHERE ended_at IS NULL;
CREATE INDEX patient_bindings_subject ON patient_bindings (subject_id, binding_id);
