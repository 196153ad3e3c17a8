CREATE TABLE deployment (
    id TEXT PRIMARY KEY,
    licence TEXT NOT NULL,
    licence_until BIGINT,
    quarantined BIGINT NOT NULL,
    notice_version BIGINT NOT NULL,
    notice TEXT NOT NULL
);

CREATE TABLE thing (
    id TEXT PRIMARY KEY,
    deployment TEXT NOT NULL REFERENCES deployment (id),
    token_sha256 BYTEA NOT NULL,
    registered_at BIGINT NOT NULL
);
CREATE INDEX thing_deployment ON thing (deployment);

CREATE TABLE recipient (
    id TEXT PRIMARY KEY,
    token_sha256 BYTEA NOT NULL,
    registered_at BIGINT NOT NULL
);

CREATE TABLE access_grant (
    recipient TEXT NOT NULL REFERENCES recipient (id),
    purpose TEXT NOT NULL,
    deployment TEXT NOT NULL REFERENCES deployment (id),
    valid_from BIGINT NOT NULL,
    valid_until BIGINT,
    PRIMARY KEY (recipient, purpose, deployment)
);

CREATE TABLE assignment (
    thing TEXT NOT NULL REFERENCES thing (id),
    person TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (thing, person)
);
CREATE INDEX assignment_person ON assignment (person);

CREATE TABLE subject_token (
    deployment TEXT NOT NULL REFERENCES deployment (id),
    token BYTEA NOT NULL,
    person TEXT NOT NULL,
    PRIMARY KEY (deployment, token)
);
CREATE INDEX subject_token_person ON subject_token (person);

CREATE TABLE choice (
    person TEXT NOT NULL,
    deployment TEXT NOT NULL REFERENCES deployment (id),
    field TEXT NOT NULL,
    purpose TEXT NOT NULL,
    recipient TEXT NOT NULL,
    level TEXT NOT NULL,
    chosen_at BIGINT NOT NULL,
    PRIMARY KEY (person, deployment, field, purpose, recipient)
);

CREATE TABLE receipt (
    subject TEXT NOT NULL,
    recipient TEXT NOT NULL,
    purpose TEXT NOT NULL,
    deployment TEXT NOT NULL,
    thing TEXT NOT NULL,
    hour BIGINT NOT NULL,
    fields TEXT NOT NULL,
    deliveries BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (subject, hour, recipient, purpose, deployment, thing)
);

CREATE TABLE drift (
    deployment TEXT NOT NULL REFERENCES deployment (id),
    pointer TEXT NOT NULL,
    reason TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (deployment, pointer, reason)
);

CREATE TABLE record_entry (
    position BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    about TEXT NOT NULL,
    acted_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    document_sha256 TEXT
);
CREATE INDEX record_entry_about ON record_entry (about, position);

CREATE TABLE record_file (
    path TEXT PRIMARY KEY,
    body BYTEA NOT NULL
);
