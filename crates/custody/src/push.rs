//! Webhooks of recipients: their history, sent to them by itself.
//!
//! Start reading at `book` (what is registered), then `turn` (what is due, and how it went).
//!
//! # What a webhook gets
//! Exactly what [`Custody::history`](crate::Custody::history) gives its recipient for its purpose: stored readings, decided by what held
//! when they came in and by what holds now (ADR 0024). Nothing of it is kept between two tries. A try reads the vault again and asks
//! [`Custody::permit`](crate::Custody::permit) again, so what was erased, turned off or withdrawn meanwhile does not leave late.
//!
//! # Up to where it has got
//! For each deployment there is a place: a moment up to which everything was sent. From there to a moment that is settled (see
//! `horizon`) the history is read page by page; a page that the receiver took moves the place, in its row too. A crash in between sends
//! the page again. So a receiver gets everything at least once.
//!
//! # Erasures
//! What a recipient is told of erasures goes to each of its webhooks, before any reading, until one takes it or it is acknowledged.
//!
//! # What ends
//! A place is never older than [`MAX_PUSH_AGE_MILLIS`]: what came in before that and was not taken is left out. The receiver is told
//! from when to when, with the next batch it takes, and can ask for it as history. A receiver that answers 410 (Gone) gets nothing until
//! somebody tests it with success. A place ends with its grant.

mod book;
mod hook;
mod horizon;
mod sealed;
mod turn;

use model::Timestamp;

use crate::destination::FailureClass;
use crate::random_id::random_id;

pub use book::{NewWebhook, WebhookError, WebhookView};
pub(crate) use hook::{HookState, Place, Pushes};
pub use turn::{Push, PushContents, PushError, PushPage, PushRoom, PushTurn};

/// The most webhooks of a recipient.
pub const MAX_WEBHOOKS_PER_RECIPIENT: usize = 8;
/// The most webhooks of all recipients together.
pub const MAX_WEBHOOKS: usize = 1_000;
/// The most batches under way at once to the webhooks of one recipient.
pub const MAX_PUSHES_PER_RECIPIENT: usize = 4;
/// The most readings of a batch.
pub const MAX_PUSH_READINGS: u16 = crate::history::MAX_HISTORY_READINGS;
/// The most erasures of a batch.
pub const MAX_PUSH_ERASURES: u16 = 50;
/// A batch gets no further reading when what is stored of it has so many bytes.
pub const MAX_PUSH_BYTES: usize = 256 * 1024;
/// What was not taken for so long is left out.
pub const MAX_PUSH_AGE_MILLIS: i64 = 86_400_000;
/// How long a message may take from its arrival to the vault before a webhook can miss it.
pub const PUSH_SLACK_MILLIS: i64 = 2_000;

random_id!(
    /// A webhook: random, it says nothing about the recipient.
    WebhookId,
    10
);

/// How a webhook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookState {
    /// The last batch was taken, or there was none yet.
    Working,
    /// The last batch was not taken; it is tried again.
    Failing,
    /// The receiver said that it is gone: nothing is sent until a test succeeds.
    Disabled,
}

impl WebhookState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Working, Self::Failing, Self::Disabled];

    /// The word that rows and commands use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Failing => "failing",
            Self::Disabled => "disabled",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// What went wrong with a try: nothing of what the receiver said but its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushFailure {
    /// What it was.
    pub class: FailureClass,
    /// The status of the answer, where there was one.
    pub status: Option<u16>,
    /// When the receiver wants to be asked again, in seconds from now, where it said so.
    pub retry_after_seconds: Option<u32>,
}

impl PushFailure {
    /// A failure before there was an answer.
    #[must_use]
    pub const fn before_answer(class: FailureClass) -> Self {
        Self {
            class,
            status: None,
            retry_after_seconds: None,
        }
    }

    /// Whether the receiver does not want to be asked any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.status == Some(410)
    }

    /// Whether the same again would most likely fail the same way: a wrong address or certificate, a redirect, an answer of the
    /// class 4xx that does not ask to try again. Somebody has to change something first.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self.status {
            Some(408 | 425 | 429) => false,
            Some(status) => (300..500).contains(&status),
            None => matches!(
                self.class,
                FailureClass::Name | FailureClass::Address | FailureClass::Port | FailureClass::Tls
            ),
        }
    }
}

/// What went wrong, as a row and a list have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastFailure {
    /// What it was.
    pub class: FailureClass,
    /// The status of the answer, where there was one.
    pub status: Option<u16>,
    /// When.
    pub at: Timestamp,
}
