CREATE TABLE office_act (
    id BIGINT PRIMARY KEY,
    act TEXT NOT NULL,
    deployment TEXT,
    proposed_by TEXT,
    proposed_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    is_provisional BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    ended_at BIGINT,
    ended_by TEXT
);
CREATE INDEX office_act_outcome ON office_act (outcome, id);
