ALTER TABLE account ADD COLUMN signed_in_at BIGINT;
ALTER TABLE account ADD COLUMN made_up BIGINT NOT NULL DEFAULT 0;

ALTER TABLE session ADD COLUMN way TEXT NOT NULL DEFAULT 'link';
ALTER TABLE session ADD COLUMN device TEXT NOT NULL DEFAULT 'other/other';
ALTER TABLE session ADD COLUMN started_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN proved_at BIGINT NOT NULL DEFAULT 0;
UPDATE session SET started_at = expires_at - 2592000000, seen_at = expires_at - 2592000000;
UPDATE account SET signed_in_at = (SELECT MIN(started_at) FROM session WHERE session.account = account.id);

CREATE TABLE account_password (
    account TEXT PRIMARY KEY REFERENCES account (id),
    name TEXT NOT NULL UNIQUE,
    method TEXT NOT NULL,
    salt BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    set_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE recovery_code (
    code_sha256 BYTEA PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id),
    made_at BIGINT NOT NULL
);
CREATE INDEX recovery_code_account ON recovery_code (account);

CREATE TABLE passkey (
    credential BYTEA PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id),
    name TEXT NOT NULL,
    public_key BYTEA NOT NULL,
    sign_count BIGINT NOT NULL,
    added_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX passkey_account ON passkey (account);

CREATE TABLE security_event (
    account TEXT NOT NULL REFERENCES account (id),
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    device TEXT NOT NULL,
    times BIGINT NOT NULL
);
CREATE INDEX security_event_account ON security_event (account, at);

CREATE TABLE operator_access (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id),
    asked_at BIGINT NOT NULL,
    approved_by TEXT,
    approved_at BIGINT,
    ended_at BIGINT,
    used_at BIGINT
);
CREATE INDEX operator_access_account ON operator_access (account, asked_at);
