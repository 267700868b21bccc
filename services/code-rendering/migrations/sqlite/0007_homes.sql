-- In which county people live, as identity publishes it.

CREATE TABLE homes (
    subject_id BLOB NOT NULL PRIMARY KEY,
    division INTEGER NOT NULL
);
