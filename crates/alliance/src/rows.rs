//! The rows of the institutions: SQL stands here and nowhere else, one module per aggregate.

use store::{MigrationSet, Step};

pub(crate) mod account;
pub(crate) mod case;
pub(crate) mod claim;
pub(crate) mod finding_rule;
pub(crate) mod holiday;
pub(crate) mod incident;
pub(crate) mod limit;
pub(crate) mod member;
mod numbered;
pub(crate) mod office_act;
pub(crate) mod operator_access;
pub(crate) mod order;
pub(crate) mod passkey;
pub(crate) mod password;
pub(crate) mod recovery_code;
pub(crate) mod sanction;
pub(crate) mod security_event;
pub(crate) mod session;

/// Every migration of this crate, in order. Applied ones never change.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    owner: "alliance",
    steps: &[
        Step {
            version: 1,
            name: "first light",
            sql: include_str!("rows/0001_first_light.sql"),
        },
        Step {
            version: 2,
            name: "limits of the rulebook",
            sql: include_str!("rows/0002_rulebook_limits.sql"),
        },
        Step {
            version: 3,
            name: "claim codes",
            sql: include_str!("rows/0003_claims.sql"),
        },
        Step {
            version: 4,
            name: "safety of accounts",
            sql: include_str!("rows/0004_account_safety.sql"),
        },
        Step {
            version: 5,
            name: "cases",
            sql: include_str!("rows/0005_cases.sql"),
        },
        Step {
            version: 6,
            name: "acts of the office",
            sql: include_str!("rows/0006_office_acts.sql"),
        },
        Step {
            version: 7,
            name: "orders of authorities",
            sql: include_str!("rows/0007_orders.sql"),
        },
        Step {
            version: 8,
            name: "incidents",
            sql: include_str!("rows/0008_incidents.sql"),
        },
    ],
};
