-- How far this service has read the logs of others.

CREATE TABLE followed (
    producer TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    cursor TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (producer)
);
