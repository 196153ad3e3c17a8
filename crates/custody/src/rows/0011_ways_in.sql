ALTER TABLE thing ADD COLUMN topic TEXT;
ALTER TABLE thing ADD COLUMN adapter TEXT;
ALTER TABLE thing ADD COLUMN receives_as TEXT;
ALTER TABLE thing ADD COLUMN former_sha256 BYTEA;
ALTER TABLE thing ADD COLUMN former_until BIGINT;
ALTER TABLE thing ADD COLUMN revoked_at BIGINT;
ALTER TABLE thing ADD COLUMN removed_at BIGINT;
CREATE UNIQUE INDEX thing_topic ON thing (deployment, topic);

ALTER TABLE recipient ADD COLUMN former_sha256 BYTEA;
ALTER TABLE recipient ADD COLUMN former_until BIGINT;
ALTER TABLE recipient ADD COLUMN revoked_at BIGINT;

CREATE TABLE bridge (
    id TEXT PRIMARY KEY,
    deployment TEXT NOT NULL REFERENCES deployment (id),
    adapter TEXT NOT NULL,
    receives_as TEXT,
    token_sha256 BYTEA NOT NULL,
    former_sha256 BYTEA,
    former_until BIGINT,
    revoked_at BIGINT,
    registered_at BIGINT NOT NULL
);
CREATE INDEX bridge_deployment ON bridge (deployment);

CREATE TABLE bridge_thing (
    bridge TEXT NOT NULL REFERENCES bridge (id),
    name TEXT NOT NULL,
    thing TEXT NOT NULL REFERENCES thing (id),
    PRIMARY KEY (bridge, name)
);
CREATE INDEX bridge_thing_thing ON bridge_thing (thing);
