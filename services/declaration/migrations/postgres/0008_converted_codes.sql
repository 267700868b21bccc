-- Which arrival a conversion of federation belongs to: its origin may change the code later.

CREATE TABLE converted_codes (
    conversion_id BYTEA NOT NULL,
    account BYTEA NOT NULL,
    declaration_id BYTEA NOT NULL,
    PRIMARY KEY (conversion_id)
);
