CREATE TABLE webhook (
    id TEXT PRIMARY KEY,
    recipient TEXT NOT NULL,
    purpose TEXT NOT NULL,
    deployment TEXT,
    thing TEXT,
    asks_for TEXT,
    sealed BYTEA NOT NULL,
    made_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    last_failure TEXT,
    last_status BIGINT,
    last_failure_at BIGINT,
    last_success_at BIGINT
);

CREATE TABLE webhook_place (
    webhook TEXT NOT NULL REFERENCES webhook (id),
    deployment TEXT NOT NULL,
    from_at BIGINT NOT NULL,
    until_at BIGINT,
    page TEXT,
    missed_from BIGINT,
    missed_until BIGINT,
    PRIMARY KEY (webhook, deployment)
);
