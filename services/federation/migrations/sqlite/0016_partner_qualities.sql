-- How well partners serve and are served, by hour since 1970.

CREATE TABLE partner_qualities (
    partner TEXT NOT NULL,
    hour INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    throttled INTEGER NOT NULL,
    unreachable INTEGER NOT NULL,
    unbelieved INTEGER NOT NULL,
    accepted_messages INTEGER NOT NULL,
    refused_messages INTEGER NOT NULL,
    refused_codes INTEGER NOT NULL,
    outages INTEGER NOT NULL,
    outage_seconds INTEGER NOT NULL,
    PRIMARY KEY (partner, hour)
);
CREATE INDEX partner_qualities_hour ON partner_qualities (hour);
CREATE INDEX conversion_changes_confirmed ON conversion_changes (partner, confirmed_at);
