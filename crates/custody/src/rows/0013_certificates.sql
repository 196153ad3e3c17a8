-- The authority that certifies devices: its certificate (DER) and its key, sealed under the root key.
CREATE TABLE device_authority (
    id TEXT PRIMARY KEY,
    certificate BYTEA NOT NULL,
    sealed_key BYTEA NOT NULL,
    begun_at BIGINT NOT NULL
);

-- Certificates of things: those that are not over. The serial is lower-case hex.
CREATE TABLE device_certificate (
    serial TEXT PRIMARY KEY,
    issued_by TEXT NOT NULL REFERENCES device_authority (id),
    thing TEXT NOT NULL REFERENCES thing (id) ON DELETE CASCADE,
    key_sha256 BYTEA NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX device_certificate_by_thing ON device_certificate (thing);
CREATE INDEX device_certificate_by_key ON device_certificate (key_sha256);

-- Authorities of makers, each trusted for one deployment and one form of name.
CREATE TABLE maker_authority (
    id TEXT NOT NULL,
    deployment TEXT NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    certificate BYTEA NOT NULL,
    pattern TEXT NOT NULL,
    trusted_at BIGINT NOT NULL,
    PRIMARY KEY (id, deployment)
);

-- Certificates of makers that count no more here.
CREATE TABLE maker_certificate_revoked (
    authority TEXT NOT NULL,
    serial TEXT NOT NULL,
    revoked_at BIGINT NOT NULL,
    PRIMARY KEY (authority, serial)
);

-- How each thing came in last: "encrypted", "local" (from this machine) or "plain".
CREATE TABLE thing_transport (
    thing TEXT PRIMARY KEY REFERENCES thing (id) ON DELETE CASCADE,
    transport TEXT NOT NULL,
    seen_at BIGINT NOT NULL
);
