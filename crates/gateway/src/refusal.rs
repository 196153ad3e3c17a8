//! Why a message was not taken: custody's answer in the words of the protocols.

use custody::IngestError;

use crate::Counter;

/// What kind of refusal it is; the protocols branch on this and on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    Unlicensed,
    Quarantined,
    Unregistered,
    Malformed,
    /// Malformed or too large, of who speaks a dialect. Its software cannot be told what to do better, so where the protocol
    /// has no word for a refusal it is acknowledged and not kept: a connection that was closed would come back with the same.
    Unreadable,
    TooLarge,
    TooFast,
    Unavailable,
}

/// A refused message: nothing of it was kept or delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: RefusalKind,
    /// One sentence for whoever sent it, without a byte of the payload.
    pub(crate) text: String,
}

impl RefusalKind {
    /// What is counted.
    pub(crate) fn counter(self) -> Counter {
        match self {
            Self::Unlicensed => Counter::PublishesUnlicensed,
            Self::Quarantined => Counter::PublishesQuarantined,
            Self::Unregistered => Counter::PublishesNotAllowed,
            Self::Malformed | Self::Unreadable => Counter::PublishesMalformed,
            Self::TooLarge => Counter::PublishesTooLarge,
            Self::TooFast => Counter::PublishesTooFast,
            Self::Unavailable => Counter::PublishesUnavailable,
        }
    }
}

impl From<&IngestError> for Refusal {
    fn from(error: &IngestError) -> Self {
        let kind = match error {
            IngestError::Unlicensed(_) => RefusalKind::Unlicensed,
            IngestError::Quarantined => RefusalKind::Quarantined,
            IngestError::Unregistered => RefusalKind::Unregistered,
            IngestError::Malformed(_) | IngestError::NobodyNamed => RefusalKind::Malformed,
            IngestError::TooLarge => RefusalKind::TooLarge,
            IngestError::Unavailable(_) => RefusalKind::Unavailable,
        };
        Self {
            kind,
            text: error.to_string(),
        }
    }
}
