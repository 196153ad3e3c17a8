ALTER TABLE receipt RENAME TO receipt_before;
CREATE TABLE receipt (
    subject TEXT NOT NULL,
    recipient TEXT NOT NULL,
    purpose TEXT NOT NULL,
    deployment TEXT NOT NULL,
    thing TEXT NOT NULL,
    hour BIGINT NOT NULL,
    part BIGINT NOT NULL,
    fields TEXT NOT NULL,
    exact TEXT NOT NULL,
    deliveries BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    batch BIGINT,
    place BIGINT,
    PRIMARY KEY (subject, hour, recipient, purpose, deployment, thing, part)
);
-- Before, it was not counted which fields were made coarse: what is not known counts as the most.
INSERT INTO receipt (subject, recipient, purpose, deployment, thing, hour, part, fields, exact, deliveries, last_at)
SELECT subject, recipient, purpose, deployment, thing, hour, 0, fields, fields, deliveries, last_at FROM receipt_before;
DROP TABLE receipt_before;
CREATE INDEX receipt_open ON receipt (hour) WHERE batch IS NULL;

CREATE TABLE receipt_key (
    subject TEXT PRIMARY KEY,
    sealed BYTEA NOT NULL
);

CREATE TABLE receipt_batch (
    number BIGINT PRIMARY KEY,
    committed_at BIGINT NOT NULL,
    leaves BYTEA NOT NULL,
    decoys BYTEA NOT NULL
);
