CREATE TABLE commons_set (
    id TEXT PRIMARY KEY,
    deployment TEXT NOT NULL,
    document TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    names_people BIGINT NOT NULL,
    declared_at BIGINT NOT NULL
);
CREATE TABLE commons_batch (
    id TEXT PRIMARY KEY,
    data_set TEXT NOT NULL REFERENCES commons_set (id),
    sealed_key BYTEA NOT NULL,
    begun_at BIGINT NOT NULL,
    tried_at BIGINT NOT NULL,
    tried_homes BIGINT NOT NULL
);
CREATE UNIQUE INDEX commons_batch_set ON commons_batch (data_set);
CREATE TABLE commons_gift (
    id TEXT PRIMARY KEY,
    batch TEXT NOT NULL REFERENCES commons_batch (id),
    giver BYTEA NOT NULL,
    row_count BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    is_ready BIGINT NOT NULL,
    gone_at BIGINT NOT NULL
);
CREATE INDEX commons_gift_giver ON commons_gift (batch, giver);
CREATE TABLE commons_unlinking (
    gift TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    deployment TEXT NOT NULL,
    thing TEXT,
    begins_at BIGINT,
    ends_at BIGINT NOT NULL
);
CREATE INDEX commons_unlinking_person ON commons_unlinking (person);
CREATE TABLE commons_release (
    data_set TEXT NOT NULL REFERENCES commons_set (id),
    number BIGINT NOT NULL,
    decided_at BIGINT NOT NULL,
    facts TEXT NOT NULL,
    csv BYTEA,
    PRIMARY KEY (data_set, number)
);
CREATE TABLE commons_used (
    id TEXT PRIMARY KEY
);
