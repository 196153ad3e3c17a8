ALTER TABLE choice ADD COLUMN way TEXT NOT NULL DEFAULT 'by-hand';

CREATE TABLE choice_act (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    way TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous_sha256 TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    UNIQUE (person, number)
);

CREATE TABLE choice_event (
    person TEXT NOT NULL,
    number BIGINT NOT NULL,
    position BIGINT NOT NULL,
    deployment TEXT NOT NULL,
    field TEXT NOT NULL,
    purpose TEXT NOT NULL,
    recipient TEXT NOT NULL,
    basis TEXT NOT NULL,
    level_before TEXT NOT NULL,
    way_before TEXT NOT NULL,
    level_after TEXT NOT NULL,
    way_after TEXT NOT NULL,
    notice_version BIGINT NOT NULL,
    notice_sha256 TEXT NOT NULL,
    PRIMARY KEY (person, number, position),
    FOREIGN KEY (person, number) REFERENCES choice_act (person, number)
);
CREATE INDEX choice_event_deployment ON choice_event (person, deployment, number, position);

CREATE TABLE choice_notice (
    deployment TEXT NOT NULL,
    version BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (deployment, version)
);

CREATE TABLE choice_draft (
    person TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE browser_signal (
    person TEXT NOT NULL,
    deployment TEXT NOT NULL,
    notice_version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (person, deployment)
);
