CREATE TABLE own_key (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    public_key TEXT NOT NULL,
    is_recovery BIGINT NOT NULL,
    added_at BIGINT NOT NULL,
    proved_at BIGINT,
    retired_at BIGINT,
    word_sha256 BYTEA NOT NULL,
    challenge TEXT NOT NULL,
    tries BIGINT NOT NULL
);
CREATE INDEX own_key_person ON own_key (person);
CREATE TABLE own_seal (
    person TEXT PRIMARY KEY,
    since_day BIGINT NOT NULL,
    begun_at BIGINT NOT NULL
);
