-- How far this service has read the logs of others.

CREATE TABLE followed (
    producer TEXT NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL,
    cursor TEXT NOT NULL DEFAULT ''
);
