-- In which county people live, as identity publishes it.

CREATE TABLE homes (
    subject_id BYTEA NOT NULL PRIMARY KEY,
    division BIGINT NOT NULL
);
