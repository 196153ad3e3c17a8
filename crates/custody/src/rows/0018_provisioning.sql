CREATE TABLE provisioning_key (
    id TEXT PRIMARY KEY,
    deployment TEXT NOT NULL REFERENCES deployment (id),
    pattern TEXT NOT NULL,
    adapter TEXT,
    token_sha256 BYTEA NOT NULL,
    uses_left BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    made_at BIGINT NOT NULL
);

CREATE TABLE provisioned (
    thing TEXT PRIMARY KEY,
    key_id TEXT NOT NULL REFERENCES provisioning_key (id),
    at BIGINT NOT NULL
);
CREATE INDEX provisioned_key ON provisioned (key_id, at);
