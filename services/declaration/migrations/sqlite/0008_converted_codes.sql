-- Which arrival a conversion of federation belongs to: its origin may change the code later.

CREATE TABLE converted_codes (
    conversion_id BLOB NOT NULL,
    account BLOB NOT NULL,
    declaration_id BLOB NOT NULL,
    PRIMARY KEY (conversion_id)
);
