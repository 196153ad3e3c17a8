CREATE TABLE destination (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    state TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    cursor_segment BIGINT NOT NULL,
    cursor_index BIGINT NOT NULL,
    cursor_at BIGINT NOT NULL,
    again_at BIGINT,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    last_failure TEXT,
    last_success_at BIGINT
);
CREATE INDEX destination_person ON destination (person, made_at);

CREATE TABLE dead_letter (
    destination TEXT NOT NULL REFERENCES destination (id),
    through_segment BIGINT NOT NULL,
    through_index BIGINT NOT NULL,
    before_segment BIGINT NOT NULL,
    before_index BIGINT NOT NULL,
    readings BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    reason TEXT,
    PRIMARY KEY (destination, through_segment, through_index)
);

CREATE TABLE placement (
    person TEXT NOT NULL,
    deployment TEXT NOT NULL,
    placement TEXT NOT NULL,
    destination TEXT REFERENCES destination (id),
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (person, deployment)
);
CREATE INDEX placement_destination ON placement (destination);
