CREATE TABLE member (
    id TEXT PRIMARY KEY,
    chamber TEXT NOT NULL,
    name_en TEXT NOT NULL,
    name_ur TEXT NOT NULL,
    about_en TEXT NOT NULL,
    about_ur TEXT NOT NULL,
    joined_at BIGINT NOT NULL
);

CREATE TABLE account (
    id TEXT PRIMARY KEY,
    office TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE one_time_link (
    token_sha256 BYTEA PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id),
    expires_at BIGINT NOT NULL
);

CREATE TABLE session (
    token_sha256 BYTEA PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id),
    expires_at BIGINT NOT NULL
);
CREATE INDEX session_account ON session (account);
