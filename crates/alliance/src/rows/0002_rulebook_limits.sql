CREATE TABLE rulebook_limit (
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    purpose TEXT NOT NULL,
    most TEXT NOT NULL,
    reason TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (kind, target, purpose)
);
