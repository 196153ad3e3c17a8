//! Cases: something is wrong, somebody answers for it, and if that is not enough a panel decides.
//!
//! A case is its history (`stage`): where it stands, who may do what next and until when follows from it. Who complained is in no
//! row by name: a mark finds their cases again, and a receipt code opens a case for who has no account. What is written in a case is
//! sealed; only its parties read it. A protected reporter's case goes to the panel at once, and the accountable member does not see
//! it before it is decided.

use std::collections::BTreeSet;

use custody::{ActError, RowError};
use data_encoding::BASE32_NOPAD;
use model::{Chamber, DeploymentId, MemberId, PersonId, Pointer, ThingId, Timestamp};
use store::Tx;

use crate::accounts::Account;
use crate::authority::{Action, Actor, Office};
use crate::rows::case as rows;
use crate::words::words;
use crate::{Alliance, AllianceError};

mod calendar;
mod clocks;
mod file;
mod findings;
mod holidays;
mod panel;
mod photo;
mod sanction;
mod see;
mod stage;
mod tend;
mod write;

pub use calendar::{Calendar, DayKind, DayLine, Days, Deadline, MAX_CLOCK_DAYS, Pause};
pub use clocks::{CaseClock, ClockKind};
pub use file::{Complaint, FiledCase, MAX_CASES_A_DAY, MAX_CONTACT_CHARS, MAX_PHOTOS};
pub use findings::MAX_FINDING_DAYS;
pub use holidays::{Holiday, MAX_HOLIDAYS};
pub use panel::{DecisionDraft, MIN_SEATS, Outcome, ProposedDecision, Seat};
pub use photo::{MAX_PHOTO_BYTES, MAX_PHOTO_PIXELS, PhotoError};
pub use sanction::{MAX_SANCTION_TARGETS, Sanction, SanctionKind};
pub use see::{CaseLine, CaseRole, CaseView, CaseViewer, CasesInTheOpen, KeptTimes, StepView};
pub use stage::{EventKind, Side, Stage, Standing, Step};

/// The longest text in a case, in characters.
pub const MAX_CASE_TEXT_CHARS: usize = 4_000;
/// The most steps that a case has.
pub const MAX_STEPS: usize = 200;
/// The most cases that are listed at once.
pub const MAX_CASES_LISTED: u16 = 50;

words! {
    /// What is wrong.
    CaseKind {
        /// More is recorded than was declared or chosen.
        Recording = "recording",
        /// Somebody received what they should not have.
        Sharing = "sharing",
        /// What is recorded is wrong.
        WrongData = "wrong-data",
        /// Somebody cannot see, take along or erase what is about them.
        Access = "access",
        /// A program decided about somebody.
        Automated = "automated",
        /// A device is broken, in the way or dangerous.
        Device = "device",
        /// Something is not secure.
        Security = "security",
        /// What a deployment sends is not what it declared: found by the gateway.
        Drift = "drift",
        /// Something else.
        Other = "other",
    }
}

words! {
    /// What harm it does.
    Harm {
        /// None yet.
        None = "none",
        /// Somebody is bothered, or their home is looked into.
        Privacy = "privacy",
        /// Somebody lost money or was refused something.
        Money = "money",
        /// Somebody was treated worse than others.
        Unfair = "unfair",
        /// Life or safety are in danger: the time for an answer is shorter.
        Safety = "safety",
    }
}

/// What is known of a case without its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFile {
    /// Its number.
    pub number: u64,
    /// What is wrong.
    pub kind: CaseKind,
    /// What harm it does.
    pub harm: Harm,
    /// Where, if it is about a deployment.
    pub deployment: Option<DeploymentId>,
    /// Who answers for it; the alliance's own office where nobody is named.
    pub accountable: Option<MemberId>,
    /// How far it has come.
    pub stage: Stage,
    /// Whether who complained is protected.
    pub is_protected: bool,
    /// When it was filed.
    pub filed_at: Timestamp,
    /// Whether it was acknowledged in time, once that is known.
    pub acknowledged_in_time: Option<bool>,
    /// Whether it was answered in time, once that is known.
    pub answered_in_time: Option<bool>,
}

/// Why something about a case did not happen. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// There is no such case, or it is not for the eyes of who asks.
    #[error("there is no such case")]
    NotFound,
    /// What somebody wants cannot happen at this point.
    #[error("this cannot be done now: the case is `{0}`")]
    NotNow(Stage),
    /// Nobody acts on an own case.
    #[error("nobody acts on a case that they filed themselves, or whose party they are")]
    OwnCase,
    /// A text is missing or too long.
    #[error("write 1 to {MAX_CASE_TEXT_CHARS} characters")]
    Text,
    /// A way to reach somebody is too long.
    #[error("a way to reach you has at most {MAX_CONTACT_CHARS} characters")]
    Contact,
    /// Too many photos.
    #[error("a case has at most {MAX_PHOTOS} photos")]
    Photos,
    /// A photo cannot be taken.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// So many cases were filed today that no more can be taken.
    #[error(
        "{MAX_CASES_A_DAY} cases were filed in a day, so no more are taken for now; try again tomorrow"
    )]
    TooMany,
    /// The case has too long a history.
    #[error("a case has at most {MAX_STEPS} steps")]
    Steps,
    /// The panel is not complete.
    #[error("a panel decides with at least {MIN_SEATS} members of different chambers")]
    NoPanel,
    /// What is to be suspended or quarantined is missing, too much, or not there.
    #[error(
        "say what the sanction is about: fields or things of the deployment, at most {MAX_SANCTION_TARGETS}, or the condition in words"
    )]
    Target,
    /// Too many days.
    #[error("the rulebook waits at most {MAX_FINDING_DAYS} days")]
    Days,
    /// A table of holidays is full.
    #[error("at most {MAX_HOLIDAYS} days off are kept")]
    Holidays,
    /// Something else.
    #[error(transparent)]
    Alliance(#[from] AllianceError),
}

impl From<ActError> for CaseError {
    fn from(err: ActError) -> Self {
        Self::Alliance(err.into())
    }
}

impl From<RowError> for CaseError {
    fn from(err: RowError) -> Self {
        Self::Alliance(err.into())
    }
}

impl From<store::DbError> for CaseError {
    fn from(err: store::DbError) -> Self {
        Self::Alliance(err.into())
    }
}

/// Opens a case for who filed it without an account, or from another device. Shown once; rows hold its hash.
pub struct CaseCode(String);

impl CaseCode {
    const LENGTH: usize = 20;

    fn random() -> Result<Self, AllianceError> {
        let mut bytes = [0; 13];
        getrandom::fill(&mut bytes)?;
        let mut text = BASE32_NOPAD.encode(&bytes);
        text.truncate(Self::LENGTH);
        Ok(Self(text))
    }

    /// Takes what somebody typed: letters of either case, with or without the dashes. `None` when it cannot be a code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 4 * Self::LENGTH {
            return None;
        }
        let plain = text.chars().filter(|it| !it.is_whitespace() && *it != '-');
        let plain: String = plain.map(|it| it.to_ascii_uppercase()).collect();
        // What a person mistakes for a letter is read as the letter.
        let plain = plain.replace('0', "O").replace('1', "I").replace('8', "B");
        let is_base32 = plain
            .bytes()
            .all(|it| it.is_ascii_uppercase() || (b'2'..=b'7').contains(&it));
        (plain.len() == Self::LENGTH && is_base32).then_some(Self(plain))
    }

    /// The secret itself, in groups of five. Never log it.
    #[must_use]
    pub fn expose_secret(&self) -> String {
        let groups = self.0.as_bytes().chunks(5).map(String::from_utf8_lossy);
        groups.collect::<Vec<_>>().join("-")
    }

    fn sha256(&self) -> [u8; 32] {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.0.as_bytes());
        let mut hash = [0; 32];
        for (to, from) in hash.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        hash
    }
}

impl std::fmt::Debug for CaseCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CaseCode(…)")
    }
}

fn text_of(text: &str) -> Result<&str, CaseError> {
    let text = text.trim();
    let fits = (1..=MAX_CASE_TEXT_CHARS).contains(&text.chars().count());
    fits.then_some(text).ok_or(CaseError::Text)
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    hash
}
