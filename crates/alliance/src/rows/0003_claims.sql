CREATE TABLE claim_code (
    code_sha256 BYTEA PRIMARY KEY,
    thing TEXT NOT NULL,
    deployment TEXT NOT NULL,
    role TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX claim_code_thing ON claim_code (thing);

CREATE TABLE claim_wrong (
    account TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX claim_wrong_account ON claim_wrong (account, at);
