CREATE TABLE suspended_field (
    deployment TEXT NOT NULL REFERENCES deployment (id),
    field TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (deployment, field)
);
ALTER TABLE thing ADD COLUMN quarantined_at BIGINT;
