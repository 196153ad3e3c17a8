//! An order as the office writes it, and as rows keep it.

use custody::OrderData;
use model::{Chamber, DeploymentId, PersonId, Pointer, RecipientId, Timestamp};

use crate::words::words;

words! {
    /// How far an order has come.
    OrderState {
        /// It waits for two chambers.
        Waiting = "waiting",
        /// It is carried out.
        Standing = "standing",
        /// It was refused.
        Refused = "refused",
        /// Nobody agreed in time.
        Lapsed = "lapsed",
        /// Its time was over.
        Expired = "expired",
        /// It was ended before.
        Ended = "ended",
    }
}

impl OrderState {
    /// Whether two chambers agreed to it.
    #[must_use]
    pub const fn was_approved(self) -> bool {
        matches!(self, Self::Standing | Self::Expired | Self::Ended)
    }
}

/// What a delegate said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderVote {
    /// Who.
    pub account: PersonId,
    /// Of which chamber.
    pub chamber: Chamber,
    /// What.
    pub agrees: bool,
    /// Why; may be empty where somebody agrees.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// An order as the office and the delegates see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFile {
    /// Its number.
    pub number: u64,
    /// Who asks.
    pub authority: String,
    /// By which law.
    pub statute: String,
    /// By which section of it.
    pub section: String,
    /// At which deployment.
    pub deployment: DeploymentId,
    /// As which recipient.
    pub recipient: RecipientId,
    /// What for.
    pub data: OrderData,
    /// Which fields; none for traffic.
    pub fields: Vec<Pointer>,
    /// About whom.
    pub people: Vec<PersonId>,
    /// The first moment of the past that it reaches.
    pub from: Timestamp,
    /// When it is over.
    pub until: Timestamp,
    /// Until when it is a secret.
    pub embargo_until: Option<Timestamp>,
    /// SHA-256 of the document, hexadecimal.
    pub document_sha256: String,
    /// Which officer filed it.
    pub filed_by: PersonId,
    /// When.
    pub filed_at: Timestamp,
    /// How far it has come.
    pub state: OrderState,
    /// When it was agreed to, refused or forgotten.
    pub decided_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it was ended before its time.
    pub end_reason: Option<String>,
    /// When everybody learnt of it.
    pub disclosed_at: Option<Timestamp>,
    /// Who said what.
    pub votes: Vec<OrderVote>,
}

impl OrderFile {
    /// Whether where and about whom it is may be said.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state.was_approved() && self.embargo_until.is_none_or(|it| it <= now)
    }
}

/// An order as an officer writes it.
#[derive(Debug, Clone, Default)]
pub struct OrderDraft {
    /// Who asks.
    pub authority: String,
    /// By which law.
    pub statute: String,
    /// By which section.
    pub section: String,
    /// At which deployment.
    pub deployment: String,
    /// As which recipient; registered before.
    pub recipient: String,
    /// What for; nothing where it is none of the two words.
    pub data: Option<OrderData>,
    /// Fields, one a line.
    pub fields: String,
    /// People, one a line: an account, or how messages name somebody.
    pub people: String,
    /// The first day of the past, as `2026-11-24`; today where nothing is said.
    pub from: String,
    /// The last day.
    pub until: String,
    /// The last day of an embargo; none where nothing is said.
    pub embargo: String,
    /// SHA-256 of the document, hexadecimal.
    pub document_sha256: String,
}
