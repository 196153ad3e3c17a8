CREATE TABLE source_state (
    thing TEXT NOT NULL REFERENCES thing (id),
    switch TEXT NOT NULL,
    wanted TEXT NOT NULL,
    wanted_at BIGINT NOT NULL,
    told TEXT,
    told_at BIGINT,
    received_at BIGINT,
    attempts BIGINT NOT NULL,
    step TEXT NOT NULL,
    due_at BIGINT,
    outcome TEXT NOT NULL,
    outcome_at BIGINT,
    PRIMARY KEY (thing, switch)
);

CREATE TABLE source_event (
    subject TEXT NOT NULL,
    id BIGINT NOT NULL,
    deployment TEXT NOT NULL,
    thing TEXT NOT NULL,
    switch TEXT NOT NULL,
    at BIGINT NOT NULL,
    what TEXT NOT NULL,
    setting TEXT NOT NULL,
    PRIMARY KEY (subject, id)
);
CREATE INDEX source_event_at ON source_event (at);
