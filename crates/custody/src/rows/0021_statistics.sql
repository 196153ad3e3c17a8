CREATE TABLE statistic (
    id TEXT PRIMARY KEY,
    deployment TEXT NOT NULL,
    document TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    declared_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE TABLE statistic_release (
    number BIGINT PRIMARY KEY,
    statistic TEXT NOT NULL REFERENCES statistic (id),
    period_from BIGINT NOT NULL,
    measure TEXT NOT NULL,
    epsilon BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    asked_by TEXT NOT NULL,
    released_at BIGINT,
    document TEXT,
    UNIQUE (statistic, period_from, measure)
);
CREATE TABLE statistic_spend (
    person TEXT NOT NULL,
    number BIGINT NOT NULL REFERENCES statistic_release (number),
    epsilon BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (person, number)
);
CREATE INDEX statistic_spend_at ON statistic_spend (at);
