//! The rows of this crate: SQL stands here and nowhere else, one module per aggregate.

use store::{MigrationSet, Step};

pub(crate) mod access;
pub(crate) mod bridge;
pub(crate) mod cap;
pub(crate) mod certificate;
pub(crate) mod chosen;
pub(crate) mod codec;
pub(crate) mod command;
pub(crate) mod commons;
pub(crate) mod consent;
pub(crate) mod credential;
pub(crate) mod deployment;
pub(crate) mod destination;
pub(crate) mod drift;
pub(crate) mod entry;
pub(crate) mod erasure;
pub(crate) mod export;
pub(crate) mod kept_shorter;
pub(crate) mod lawful_order;
pub(crate) mod notice_version;
pub(crate) mod own_key;
pub(crate) mod person;
pub(crate) mod placement_change;
pub(crate) mod provisioning;
pub(crate) mod receipt;
pub(crate) mod receipt_batch;
pub(crate) mod record_witness;
pub(crate) mod release;
pub(crate) mod restored;
pub(crate) mod retained;
pub(crate) mod sealed;
pub(crate) mod source;
pub(crate) mod thing;
pub(crate) mod transport;
pub(crate) mod webhook;
pub(crate) mod window;

/// Every migration of this crate, in order. Applied ones never change.
pub(crate) const MIGRATIONS: MigrationSet = MigrationSet {
    owner: "custody",
    steps: &[
        Step {
            version: 1,
            name: "first light",
            sql: include_str!("rows/0001_first_light.sql"),
        },
        Step {
            version: 3,
            name: "what is in force in time, and limits",
            sql: include_str!("rows/0003_in_force.sql"),
        },
        Step {
            version: 5,
            name: "sources that are switched",
            sql: include_str!("rows/0005_source.sql"),
        },
        Step {
            version: 6,
            name: "choices are events",
            sql: include_str!("rows/0006_consent.sql"),
        },
        Step {
            version: 7,
            name: "a person's own destinations",
            sql: include_str!("rows/0007_destinations.sql"),
        },
        Step {
            version: 8,
            name: "open time windows",
            sql: include_str!("rows/0008_windows.sql"),
        },
        Step {
            version: 9,
            name: "every version of a notice",
            sql: include_str!("rows/0009_notice_versions.sql"),
        },
        Step {
            version: 10,
            name: "what people changed about where readings go",
            sql: include_str!("rows/0010_placement_changes.sql"),
        },
        Step {
            version: 11,
            name: "native topics, bridges, credentials that are renewed",
            sql: include_str!("rows/0011_ways_in.sql"),
        },
        Step {
            version: 13,
            name: "certificates of things",
            sql: include_str!("rows/0013_certificates.sql"),
        },
        Step {
            version: 14,
            name: "retained messages",
            sql: include_str!("rows/0014_retained.sql"),
        },
        Step {
            version: 15,
            name: "codecs",
            sql: include_str!("rows/0015_codecs.sql"),
        },
        Step {
            version: 16,
            name: "since when grants and limits hold",
            sql: include_str!("rows/0016_history.sql"),
        },
        Step {
            version: 17,
            name: "the log of commands",
            sql: include_str!("rows/0017_commands.sql"),
        },
        Step {
            version: 18,
            name: "keys that bring in the devices of a fleet",
            sql: include_str!("rows/0018_provisioning.sql"),
        },
        Step {
            version: 19,
            name: "webhooks of recipients",
            sql: include_str!("rows/0019_webhooks.sql"),
        },
        Step {
            version: 20,
            name: "exports that people asked for",
            sql: include_str!("rows/0020_exports.sql"),
        },
        Step {
            version: 21,
            name: "statistical data sets, what was asked of them and what it cost whom",
            sql: include_str!("rows/0021_statistics.sql"),
        },
        Step {
            version: 22,
            name: "what people had erased, and what recipients were told",
            sql: include_str!("rows/0022_erasures.sql"),
        },
        Step {
            version: 23,
            name: "open data sets and what people give to them",
            sql: include_str!("rows/0023_commons.sql"),
        },
        Step {
            version: 24,
            name: "keys that people bring, and whose history is sealed to them",
            sql: include_str!("rows/0024_own_keys.sql"),
        },
        Step {
            version: 25,
            name: "what later notices made shorter",
            sql: include_str!("rows/0025_keeping.sql"),
        },
        Step {
            version: 26,
            name: "open data as Parquet",
            sql: include_str!("rows/0026_commons_parquet.sql"),
        },
        Step {
            version: 27,
            name: "why something is erased, and when an export goes",
            sql: include_str!("rows/0027_erase_cause.sql"),
        },
        Step {
            version: 28,
            name: "when the rows came out of a backup",
            sql: include_str!("rows/0028_restored.sql"),
        },
        Step {
            version: 29,
            name: "which erasures a webhook was told of",
            sql: include_str!("rows/0029_webhook_told.sql"),
        },
        Step {
            version: 30,
            name: "sanctions",
            sql: include_str!("rows/0030_sanctions.sql"),
        },
        Step {
            version: 31,
            name: "orders of authorities",
            sql: include_str!("rows/0031_lawful_orders.sql"),
        },
        Step {
            version: 32,
            name: "witnesses of the record",
            sql: include_str!("rows/0032_record_witnesses.sql"),
        },
        Step {
            version: 33,
            name: "receipts that are committed to",
            sql: include_str!("rows/0033_committed_receipts.sql"),
        },
    ],
};

/// A row holds what this version cannot read: the database was changed by hand or by a newer version.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] store::DbError),
    /// A value does not read.
    #[error(
        "table `{table}` holds `{value}`, which this version cannot read; was the database changed by hand?"
    )]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The value; never personal data, these columns hold ids and words.
        value: String,
    },
}

/// Parses a column, naming the table when it does not read.
pub(crate) fn parsed<T>(
    table: &'static str,
    text: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, RowError> {
    parse(text).ok_or_else(|| RowError::Unreadable {
        table,
        value: text.to_owned(),
    })
}
