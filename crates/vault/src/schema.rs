//! The vault's tables. What the columns of keys hold is described in `keys`, of blocks in `block`.
//!
//! `vault_segment` has a row for every segment file, from before its first record until its file is gone. `is_done = 1` says that all
//! its readings are in committed blocks, and is set in the transaction that inserts them: the file may be deleted, and if a crash
//! comes first it is deleted at the next open. 64-bit ids are stored as signed integers with the same bits.

use store::{MigrationSet, Step};

/// Every step since the first release.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    owner: "vault",
    steps: &[
        Step {
            version: 1,
            name: "keys, segments, blocks",
            sql: FIRST,
        },
        Step {
            version: 2,
            name: "states of keys, secrets, erasures",
            sql: ERASURE,
        },
        Step {
            version: 3,
            name: "files sealed to people's own keys",
            sql: OWN_FILES,
        },
        Step {
            version: 4,
            name: "keys of retention classes",
            sql: CLASSES,
        },
        Step {
            version: 5,
            name: "what a sealed file is",
            sql: OWN_FORMATS,
        },
        Step {
            version: 6,
            name: "erasures that were carried out again",
            sql: REAPPLIED,
        },
    ],
};

const FIRST: &str = "
CREATE TABLE vault_root (
    id BIGINT NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL
);
CREATE TABLE vault_subject_key (
    subject TEXT NOT NULL PRIMARY KEY,
    wrapped BYTEA NOT NULL
);
CREATE TABLE vault_epoch_key (
    key_id BIGINT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL REFERENCES vault_subject_key (subject),
    epoch BIGINT NOT NULL,
    wrapped BYTEA NOT NULL
);
CREATE INDEX vault_epoch_key_subject ON vault_epoch_key (subject, epoch);
CREATE TABLE vault_segment (
    segment_id BIGINT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    is_done BIGINT NOT NULL
);
CREATE TABLE vault_block (
    block_id BIGINT NOT NULL PRIMARY KEY,
    key_id BIGINT NOT NULL REFERENCES vault_epoch_key (key_id),
    retention_days BIGINT NOT NULL,
    segment_number BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    readings BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);
CREATE INDEX vault_block_key ON vault_block (key_id, last_at);
CREATE INDEX vault_block_expiry ON vault_block (expires_at);
";

/// Keys from before are for every class, and nobody knows from the row when the last reading under them goes.
const CLASSES: &str = "
ALTER TABLE vault_epoch_key ADD COLUMN retention_days BIGINT NOT NULL DEFAULT 0;
ALTER TABLE vault_epoch_key ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 9223372036854775807;
CREATE INDEX vault_epoch_key_expiry ON vault_epoch_key (expires_at);
CREATE INDEX vault_block_time ON vault_block (last_at);
";

const ERASURE: &str = "
ALTER TABLE vault_epoch_key ADD COLUMN state BIGINT NOT NULL DEFAULT 0;
ALTER TABLE vault_epoch_key ADD COLUMN mask BYTEA;
CREATE INDEX vault_epoch_key_unfinished ON vault_epoch_key (state) WHERE state > 0;
CREATE TABLE vault_secret (
    name TEXT NOT NULL PRIMARY KEY,
    wrapped BYTEA NOT NULL
);
CREATE TABLE vault_erasure (
    erasure_id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    tombstone BYTEA NOT NULL
);
";

const OWN_FILES: &str = "
CREATE TABLE vault_own_file (
    file_id BIGINT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    deployment TEXT NOT NULL,
    thing TEXT NOT NULL,
    retention_days BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    readings BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    is_whole BIGINT NOT NULL
);
CREATE INDEX vault_own_file_subject ON vault_own_file (subject, epoch);
CREATE INDEX vault_own_file_expiry ON vault_own_file (expires_at);
CREATE INDEX vault_own_file_half ON vault_own_file (is_whole) WHERE is_whole = 0;
CREATE TABLE vault_own_chunk (
    file_id BIGINT NOT NULL REFERENCES vault_own_file (file_id),
    number BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (file_id, number)
);
ALTER TABLE vault_epoch_key ADD COLUMN is_kept BIGINT NOT NULL DEFAULT 0;
CREATE INDEX vault_epoch_key_kept ON vault_epoch_key (is_kept) WHERE is_kept = 1;
";

const OWN_FORMATS: &str = "
ALTER TABLE vault_own_file ADD COLUMN format TEXT NOT NULL DEFAULT 'age';
";

const REAPPLIED: &str = "
CREATE TABLE vault_reapplied (
    erasure_id TEXT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL
);
";
