ALTER TABLE account ADD COLUMN member TEXT;

CREATE TABLE holiday (
    day TEXT PRIMARY KEY,
    name_en TEXT NOT NULL,
    name_ur TEXT NOT NULL
);

CREATE TABLE case_file (
    number BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    harm TEXT NOT NULL,
    deployment TEXT,
    accountable TEXT,
    stage TEXT NOT NULL,
    is_protected BIGINT NOT NULL,
    filed_at BIGINT NOT NULL,
    code_sha256 BYTEA NOT NULL UNIQUE,
    complainant BYTEA,
    contact BYTEA,
    acknowledged_in_time BIGINT,
    answered_in_time BIGINT
);
CREATE INDEX case_file_stage ON case_file (stage, number);
CREATE INDEX case_file_accountable ON case_file (accountable, number);
CREATE INDEX case_file_complainant ON case_file (complainant, number);
CREATE INDEX case_file_deployment ON case_file (deployment, number);

CREATE TABLE case_step (
    number BIGINT NOT NULL REFERENCES case_file (number),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    side TEXT NOT NULL,
    kind TEXT NOT NULL,
    body BYTEA,
    PRIMARY KEY (number, seq)
);

CREATE TABLE case_photo (
    number BIGINT NOT NULL REFERENCES case_file (number),
    nth BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (number, nth)
);

CREATE TABLE case_draw (
    number BIGINT NOT NULL REFERENCES case_file (number),
    round BIGINT NOT NULL,
    seed BYTEA NOT NULL,
    PRIMARY KEY (number, round)
);

CREATE TABLE case_seat (
    number BIGINT NOT NULL REFERENCES case_file (number),
    round BIGINT NOT NULL,
    account TEXT NOT NULL,
    chamber TEXT NOT NULL,
    is_dismissed BIGINT NOT NULL,
    PRIMARY KEY (number, round, account)
);
CREATE INDEX case_seat_account ON case_seat (account, number);

CREATE TABLE case_decision (
    number BIGINT NOT NULL REFERENCES case_file (number),
    round BIGINT NOT NULL,
    id BIGINT NOT NULL,
    author TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reasons TEXT NOT NULL,
    sanction TEXT NOT NULL,
    target TEXT NOT NULL,
    at BIGINT NOT NULL,
    decided_at BIGINT,
    PRIMARY KEY (number, round, id)
);

CREATE TABLE case_vote (
    number BIGINT NOT NULL,
    round BIGINT NOT NULL,
    id BIGINT NOT NULL,
    account TEXT NOT NULL,
    agrees BIGINT NOT NULL,
    PRIMARY KEY (number, round, id, account)
);

CREATE TABLE sanction (
    id BIGINT PRIMARY KEY,
    number BIGINT NOT NULL REFERENCES case_file (number),
    deployment TEXT NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    imposed_at BIGINT NOT NULL,
    cured_at BIGINT,
    lift_asked_by TEXT,
    lifted_at BIGINT
);
CREATE INDEX sanction_deployment ON sanction (deployment, id);
CREATE INDEX sanction_number ON sanction (number, id);

CREATE TABLE finding_rule (
    kind TEXT PRIMARY KEY,
    days BIGINT
);
