//! The institutions: use cases of the alliance, one module each.
//!
//! Owns members, the register of deployments, licensing, access grants, accounts and sign-in.
//! It acts *on* custody (a licence, a notice, a grant); custody does not know it. Must not know HTML, HTTP or MQTT.
//!
//! Every act asks `authority` whether the actor may, and every act that must be public adds its entry to the record in
//! the same transaction. Start reading at `licensing`.

mod account_facts;
mod accounts;
mod authority;
pub mod cases;
mod certificates;
mod claims;
mod codecs;
mod commons;
mod exports;
mod four_eyes;
pub mod incidents;
mod licensing;
mod onboarding;
mod operator_access;
pub mod orders;
mod own_credentials;
mod passkeys;
mod passwords;
mod recovery_codes;
mod register;
mod rows;
mod rulebook;
mod safety;
mod security_events;
mod sessions;
mod statistics;
mod throttle;
mod views;
mod webhooks;
mod words;

use std::sync::{Arc, Mutex};

use custody::{ActError, Custody, RowError};
use jiff::tz::TimeZone;
use store::Db;

pub use account_facts::AccountFacts;
pub use accounts::{Account, LINK_LIFETIME_MILLIS, LinkToken, SessionToken};
pub use authority::{Action, Actor, Office};
pub use claims::{
    CODE_CHARS, Claim, ClaimCode, Claimable, MAX_CLAIM_MILLIS, MAX_WRONG_CODES, WRONG_CODES_MILLIS,
};
pub use codecs::CodecError;
pub use commons::CommonsActError;
pub use exports::BringBackError;
pub use four_eyes::{
    ActOutcome, AgreeError, Agreed, LicenceDecision, MAX_WAITING_ACTS, OfficeAct, PROPOSAL_MILLIS,
    PROVISIONAL_MILLIS, ProposedAct,
};
pub use licensing::MAX_REASON_CHARS;
pub use onboarding::{Joining, ThingChange};
pub use operator_access::{
    ACCESS_LIFETIME_MILLIS, ACCESS_WAIT_MILLIS, APPROVER_AGE_MILLIS, ApproveError,
    MAX_ACCESS_SHOWN, OperatorAccess,
};
pub use own_credentials::{MAX_OWN_THINGS, OwnThing};
pub use passkeys::{
    AddPasskeyError, Assertion, CHALLENGE_MILLIS, ChallengeFor, MAX_PASSKEY_NAME_CHARS,
    MAX_PASSKEYS, PasskeyError, PasskeyLine, Registration, RelyingParty,
};
pub use passwords::{
    LANES, MAX_HASHING, MAX_NAME_CHARS, MAX_PASSWORD_CHARS, MAX_WAITING, MEMORY_KIB,
    MIN_NAME_CHARS, MIN_PASSWORD_CHARS, Password, PasswordError, PasswordLine, ROUNDS,
    SetPasswordError, SignInName,
};
pub use recovery_codes::{RECOVERY_CODES, RecoveryCode};
pub use register::Member;
pub use rows::MIGRATIONS;
pub use rulebook::Limit;
pub use safety::{Asking, Attempt, Proved, WaysIn};
pub use security_events::{
    EVENT_LIFETIME_MILLIS, EventKind, MAX_EVENTS, OwnKeyAct, SecurityEvent, TRY_WINDOW_MILLIS,
};
pub use sessions::{
    Browser, Device, MAX_SESSIONS, PROOF_MILLIS, SEEN_MILLIS, SESSION_IDLE_MILLIS,
    SESSION_LIFETIME_MILLIS, Session, SignInWay, SignedIn, System,
};
pub use statistics::StatisticActError;
pub use throttle::{MAX_WATCHED, MAX_WRONG_OF_NAME, MAX_WRONG_OF_NETWORK, WRONG_MILLIS};
pub use views::{DeploymentPage, Overview};
pub use webhooks::WebhookActError;

/// The time zone in which the days of clocks begin and end, unless it is said otherwise.
pub const DEFAULT_TIME_ZONE: &str = "Asia/Karachi";

/// The alliance's use cases over one custody and one database. Cheap to clone.
#[derive(Clone)]
pub struct Alliance {
    custody: Custody,
    db: Db,
    safety: Arc<safety::Safety>,
    /// One case is filed at a time, so that numbers follow each other.
    cases: Arc<Mutex<()>>,
    /// Where a day begins and ends.
    time_zone: TimeZone,
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
    /// Somebody uses this account: a second person must agree, and the request waits.
    #[error(
        "somebody uses this account, so a link to it needs a second person: request `{}` {}, and the link can be made from {} until {} with this same command",
        .0.id,
        if .0.approved_at.is_some() { "was agreed to" } else { "waits for an officer who agrees to it at /office/access" },
        .0.ready_at(),
        .0.ends_at()
    )]
    SecondPerson(Box<OperatorAccess>),
    /// Somebody else has to agree first.
    #[error(
        "this takes two officers: it waits as act {0} until another officer agrees at /office/acts"
    )]
    Waits(u64),
    /// Somebody else has to agree.
    #[error("this takes two officers")]
    TakesTwo,
    /// So much waits that no more can be taken.
    #[error(
        "{MAX_WAITING_ACTS} acts wait for a second officer: agree to some or refuse them first"
    )]
    TooManyActs,
    /// A panel decided that the licence rests.
    #[error("a panel suspended this licence: only a panel lifts that")]
    Sanctioned,
    /// A password could not be hashed: there is not enough memory.
    #[error("a password could not be hashed")]
    Hashing,
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
pub enum OpenError {
    /// The database is of another version, or failed.
    #[error("the database could not be brought up to date")]
    Migrate(#[from] store::MigrateError),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness(#[from] getrandom::Error),
}

impl Alliance {
    /// The alliance over what custody has in force.
    ///
    /// # Errors
    /// When the database cannot be brought up to date, or there is no randomness.
    pub fn open(custody: Custody, db: Db) -> Result<Self, OpenError> {
        db.migrate(&rows::MIGRATIONS)?;
        let safety = Arc::new(safety::Safety::new()?);
        Ok(Self {
            custody,
            db,
            safety,
            cases: Arc::default(),
            time_zone: TimeZone::get(DEFAULT_TIME_ZONE).unwrap_or(TimeZone::UTC),
        })
    }

    /// The same alliance, with days that begin and end as in this time zone; as in [`DEFAULT_TIME_ZONE`] otherwise.
    #[must_use]
    pub fn with_time_zone(self, time_zone: TimeZone) -> Self {
        Self { time_zone, ..self }
    }

    /// The data held in trust.
    #[must_use]
    pub fn custody(&self) -> &Custody {
        &self.custody
    }
}
