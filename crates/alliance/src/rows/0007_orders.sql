CREATE TABLE order_file (
    number BIGINT PRIMARY KEY,
    authority TEXT NOT NULL,
    statute TEXT NOT NULL,
    section TEXT NOT NULL,
    deployment TEXT NOT NULL,
    recipient TEXT NOT NULL,
    data TEXT NOT NULL,
    fields TEXT NOT NULL,
    people TEXT NOT NULL,
    range_from BIGINT NOT NULL,
    until BIGINT NOT NULL,
    embargo_until BIGINT,
    document_sha256 TEXT NOT NULL,
    filed_by TEXT NOT NULL,
    filed_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    decided_at BIGINT,
    ended_at BIGINT,
    end_reason TEXT,
    disclosed_at BIGINT
);
CREATE INDEX order_file_state ON order_file (state, number);

CREATE TABLE order_vote (
    number BIGINT NOT NULL REFERENCES order_file (number),
    account TEXT NOT NULL,
    chamber TEXT NOT NULL,
    agrees BIGINT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (number, account)
);
