CREATE TABLE export_job (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    deployment TEXT,
    formats TEXT NOT NULL,
    state TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    ended_at BIGINT,
    bytes BIGINT,
    sealed_key BYTEA
);
CREATE INDEX export_job_person ON export_job (person);
CREATE INDEX export_job_state ON export_job (state, asked_at);
