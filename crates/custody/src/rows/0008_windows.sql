CREATE TABLE window_state (
    id BYTEA PRIMARY KEY,
    deployment TEXT NOT NULL,
    sealed BYTEA NOT NULL
);

CREATE TABLE window_run (
    one BIGINT PRIMARY KEY,
    clean BIGINT NOT NULL
);
