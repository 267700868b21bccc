-- How well partners serve and are served, by hour since 1970.

CREATE TABLE partner_qualities (
    partner TEXT NOT NULL,
    hour BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    answered BIGINT NOT NULL,
    throttled BIGINT NOT NULL,
    unreachable BIGINT NOT NULL,
    unbelieved BIGINT NOT NULL,
    accepted_messages BIGINT NOT NULL,
    refused_messages BIGINT NOT NULL,
    refused_codes BIGINT NOT NULL,
    outages BIGINT NOT NULL,
    outage_seconds BIGINT NOT NULL,
    PRIMARY KEY (partner, hour)
);
CREATE INDEX partner_qualities_hour ON partner_qualities (hour);
CREATE INDEX conversion_changes_confirmed ON conversion_changes (partner, confirmed_at);
