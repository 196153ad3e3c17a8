CREATE TABLE command_log (
    id TEXT PRIMARY KEY,
    deployment TEXT NOT NULL,
    thing TEXT NOT NULL,
    command TEXT NOT NULL,
    recipient TEXT NOT NULL,
    purpose TEXT NOT NULL,
    arguments TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    outcome_at BIGINT NOT NULL,
    interlock BIGINT,
    is_hidden BIGINT NOT NULL,
    sent_at BIGINT,
    acknowledged_at BIGINT,
    confirmed_at BIGINT
);
CREATE INDEX command_log_recipient ON command_log (recipient, asked_at);
CREATE INDEX command_log_deployment ON command_log (deployment, asked_at);
CREATE INDEX command_log_at ON command_log (asked_at);

CREATE TABLE command_about (
    subject TEXT NOT NULL,
    id TEXT NOT NULL REFERENCES command_log (id) ON DELETE CASCADE,
    PRIMARY KEY (subject, id)
);
CREATE INDEX command_about_id ON command_about (id);
