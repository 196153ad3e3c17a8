CREATE TABLE erasure (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    from_at BIGINT,
    until_at BIGINT,
    deployment TEXT,
    thing TEXT,
    field TEXT,
    asked_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    strip BYTEA,
    done_at BIGINT,
    vault_id TEXT,
    proof TEXT,
    finished_at BIGINT
);
CREATE INDEX erasure_person ON erasure (person, asked_at);
CREATE TABLE erasure_notice (
    id TEXT PRIMARY KEY,
    erasure TEXT NOT NULL,
    recipient TEXT NOT NULL,
    deployment TEXT NOT NULL,
    thing TEXT NOT NULL,
    fields TEXT NOT NULL,
    purposes TEXT NOT NULL,
    from_at BIGINT,
    until_at BIGINT NOT NULL,
    is_whole BIGINT NOT NULL,
    told_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    fetched_at BIGINT,
    acknowledged_at BIGINT
);
CREATE INDEX erasure_notice_erasure ON erasure_notice (erasure);
CREATE INDEX erasure_notice_recipient ON erasure_notice (recipient, told_at, id);
