//! The institutions: use cases of the alliance, one module each.
//!
//! Owns members, the register of deployments, licensing, access grants, accounts and sign-in.
//! It acts *on* custody (a licence, a notice, a grant); custody does not know it. Must not know HTML, HTTP or MQTT.
//!
//! Every act asks `authority` whether the actor may, and every act that must be public adds its entry to the record in
//! the same transaction. Start reading at `licensing`.

mod accounts;
mod authority;
mod certificates;
mod claims;
mod codecs;
mod licensing;
mod onboarding;
mod register;
mod rows;
mod rulebook;
mod views;

use custody::{ActError, Custody, RowError};
use store::Db;

pub use accounts::{
    Account, LINK_LIFETIME_MILLIS, LinkToken, SESSION_LIFETIME_MILLIS, SessionToken,
};
pub use authority::{Action, Actor, Office};
pub use claims::{
    CODE_CHARS, Claim, ClaimCode, Claimable, MAX_CLAIM_MILLIS, MAX_WRONG_CODES, WRONG_CODES_MILLIS,
};
pub use codecs::CodecError;
pub use licensing::MAX_REASON_CHARS;
pub use onboarding::{Joining, ThingChange};
pub use register::Member;
pub use rulebook::Limit;
pub use views::{DeploymentPage, Overview};

/// The alliance's use cases over one custody and one database. Cheap to clone.
#[derive(Clone)]
pub struct Alliance {
    custody: Custody,
    db: Db,
}

/// Why an act of the alliance did not happen. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum AllianceError {
    /// The actor may not do this.
    #[error("{actor} may not {action}")]
    Forbidden {
        /// Who asked: an office, never a person's name.
        actor: &'static str,
        /// What for.
        action: Action,
    },
    /// There is no such thing, deployment, member or account.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Its identifier.
        id: String,
    },
    /// The licence is not in a state from which this act is possible.
    #[error("the licence {}", licence_words(*found, *wanted))]
    LicenceState {
        /// The state found.
        found: model::LicenceState,
        /// The state asked for.
        wanted: model::LicenceState,
    },
    /// A reason is missing or too long. It is public: it must not name people.
    #[error(
        "give a reason of 1 to {MAX_REASON_CHARS} characters; it stands in the public record, so name no person"
    )]
    Reason,
    /// A limit at which everything passes.
    #[error("a limit must let less pass than everything")]
    NoLimit,
    /// A claim code that would work at no moment, or for too long.
    #[error("a claim code ends between now and {} days from now", claims::MAX_CLAIM_MILLIS / 86_400_000)]
    ClaimEnd,
    /// A notice has problems.
    #[error("the notice cannot be published")]
    Notice(#[from] model::NoticeError),
    /// Custody refused or failed.
    #[error(transparent)]
    Act(#[from] ActError),
    /// An act on certificates was refused or failed.
    #[error(transparent)]
    Certificate(custody::CertificateError),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness(#[from] getrandom::Error),
}

fn licence_words(found: model::LicenceState, wanted: model::LicenceState) -> String {
    match (found, wanted) {
        (found, wanted) if found == wanted => format!("is {found} already"),
        (model::LicenceState::None, _) => "is not there yet: issue it first".to_owned(),
        _ => format!("is {found}, so it cannot be made {wanted}"),
    }
}

impl From<store::DbError> for AllianceError {
    fn from(err: store::DbError) -> Self {
        Self::Act(ActError::Db(err))
    }
}

impl From<RowError> for AllianceError {
    fn from(err: RowError) -> Self {
        Self::Act(ActError::Rows(err))
    }
}

/// Why the alliance did not open.
#[derive(Debug, thiserror::Error)]
#[error("the database could not be brought up to date")]
pub struct OpenError(#[from] store::MigrateError);

impl Alliance {
    /// The alliance over what custody has in force.
    ///
    /// # Errors
    /// When the database cannot be brought up to date.
    pub fn open(custody: Custody, db: Db) -> Result<Self, OpenError> {
        db.migrate(&rows::MIGRATIONS)?;
        Ok(Self { custody, db })
    }

    /// The data held in trust.
    #[must_use]
    pub fn custody(&self) -> &Custody {
        &self.custody
    }
}
