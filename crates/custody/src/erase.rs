//! A person has readings erased: all, or of a time, a deployment, a thing, a field.
//!
//! Start reading at `plan` (what would go, shown before), then `act` (it goes), `guard` (nothing of it leaves meanwhile), `told` (those who
//! have received it are told). How the vault erases is its own matter (ADR 0029); who is told what and when is ADR 0031.
//!
//! # What happens, in this order
//! 1. [`crate::Custody::plan_erasure`] says what would go, what would not and why, and who has received it. The plan has a digest.
//! 2. [`crate::Custody::erase`] with that digest writes the erasure down, with what laws want kept as it was shown: one that comes later keeps
//!    nothing of it. From here on recipients get nothing of it: the guard answers at every
//!    exit, what is retained and what windows hold for recipients is erased, and what was decided before is decided again.
//! 3. While the person wants it so ([`Grace`]), it waits, and can be undone.
//! 4. It is begun: the row says so, and from here on it is finished, also after a crash. Windows, exports, dead letters and last values go, and
//!    the vault erases.
//! 5. It is tried: the vault tries what it destroyed, and custody reads what should be gone; the proof says how many readings it looked at.
//! 6. In one transaction: recipients are told, the proof is kept, its hash goes into the public record.
//! 7. [`crate::Custody::tick`] notes when the vault has sealed again what was left beside it; until then that is hidden.
//!
//! # What it reaches
//! | copy | how |
//! |---|---|
//! | the vault: log, blocks, keys, caches, backups | `Vault::erase`; tombstones outside of backups are carried out on what is restored, and custody then does the rest ([`crate::Custody::tick`]) |
//! | deliveries that wait: outboxes, sessions that are offline, streams, pages of the history, batches to webhooks | `Custody::permit` asks the guard; the rules in force get a new number, so what was permitted and not written is asked again |
//! | retained messages, in memory and rows | trimmed at step 2 |
//! | open time windows, in memory and rows | at step 2 those for recipients, at step 4 those for the vault, each whole |
//! | parcels to the person's own endpoint | made before step 4 and not sent: not sent; what arrived is the person's own |
//! | exports | deleted at step 4, one that is being made stops; and again when the vault has erased, for one that was asked for in between |
//! | what a thing said last, for its interlocks | forgotten at step 4 |
//! | recipients | told; their acknowledgement has a time limit ([`ERASURE_NOTICE_DAYS`]) |
//!
//! # What stays
//! What a law or a vital interest wants kept, for those who have it by that law and for nobody else. Choices, receipts of consent and receipts
//! of deliveries: they say what was decided and who received something, not what was measured. Statistics that were released, and what was given to the commons without a name: it was erased from the person when it was given.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{DeploymentId, PurposeId, RecipientId, ThingId, Timestamp};

use crate::act::ActError;
use crate::random_id::random_id;
use crate::rows::RowError;

mod act;
pub(crate) mod body;
pub(crate) mod given;
pub(crate) mod guard;
mod plan;
mod scope;
mod told;

pub use plan::{ErasePart, ErasePlan, ErasedFor, KeptByLaw, MAX_COUNTED_READINGS};
pub(crate) use scope::strip;
pub use scope::{EraseScope, EraseScopeError};

use guard::Guard;

/// The most erasures that a person asks for in a day.
pub const MAX_ERASURES_PER_DAY: i64 = 20;
/// The most erasures that a person sees, the newest first.
pub const MAX_ERASURES_SHOWN: i64 = 50;
/// How many days a recipient has to acknowledge that it has erased too.
pub const ERASURE_NOTICE_DAYS: i64 = 30;
/// The most notices that are listed at once.
pub const MAX_NOTICES_LISTED: u16 = 200;
const DAY_MILLIS: i64 = 86_400_000;

random_id!(
    /// Names an erasure, or what one recipient was told of it. Random: it says nothing.
    EraseId,
    16
);

/// How long a person can undo an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grace {
    /// Not at all: it is done at once.
    None,
    /// A day.
    Day,
    /// Seven days.
    Week,
}

impl Grace {
    /// Every one, in the order in which pages offer them.
    pub const ALL: [Self; 3] = [Self::None, Self::Day, Self::Week];

    /// The word of forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }

    const fn millis(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Day => DAY_MILLIS,
            Self::Week => 7 * DAY_MILLIS,
        }
    }
}

/// How far an erasure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EraseState {
    /// It can be undone; recipients get nothing of it already.
    Waiting,
    /// It is being carried out, and cannot be undone any more.
    AtWork,
    /// Nobody sees it any more, and recipients were told.
    Erased,
}

impl EraseState {
    const ALL: [Self; 3] = [Self::Waiting, Self::AtWork, Self::Erased];

    /// The word of rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::AtWork => "at-work",
            Self::Erased => "erased",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// Why readings go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EraseCause {
    /// The person asked for it.
    #[default]
    Asked,
    /// The person gave them to the commons without a name; to which data set is not kept.
    Given,
}

impl EraseCause {
    /// The word of rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Given => "given",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all = [Self::Asked, Self::Given];
        all.into_iter().find(|it| it.as_str() == text)
    }
}

/// An erasure, as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureView {
    /// Its name.
    pub id: EraseId,
    /// What was asked for.
    pub scope: EraseScope,
    /// Why.
    pub cause: EraseCause,
    /// When.
    pub asked_at: Timestamp,
    /// When it is carried out.
    pub due_at: Timestamp,
    /// How far it is.
    pub state: EraseState,
    /// When nobody saw it any more.
    pub erased_at: Option<Timestamp>,
    /// When nothing of it lay anywhere any more; until then what lies beside it is being sealed again.
    pub finished_at: Option<Timestamp>,
    /// The proof, and the position in the public record of the entry that has its hash.
    pub proof: Option<(String, Option<u64>)>,
    /// What recipients were told.
    pub notices: Vec<ErasureNotice>,
}

/// What one recipient was told of an erasure: of one thing, nothing that it does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureNotice {
    /// Its name.
    pub id: EraseId,
    /// Who was told.
    pub recipient: RecipientId,
    /// Of which deployment.
    pub deployment: DeploymentId,
    /// Of which thing.
    pub thing: ThingId,
    /// JSON Pointers of the fields that it got of this and has to erase.
    pub fields: Vec<String>,
    /// For which purposes it got them.
    pub purposes: Vec<PurposeId>,
    /// Readings from this moment on; from the first where there is none.
    pub from: Option<Timestamp>,
    /// Readings up to and without this moment.
    pub until: Timestamp,
    /// Whether messages of the thing are about this person alone. Where they name people, or sense several, the recipient cannot tell whose
    /// readings these are, and has to erase what it has of the thing in this time.
    pub is_whole: bool,
    /// When it was told.
    pub told_at: Timestamp,
    /// Until when it has to acknowledge.
    pub due_at: Timestamp,
    /// When it got it: it asked for it, or one of its webhooks took it.
    pub fetched_at: Option<Timestamp>,
    /// When it said that it has erased too.
    pub acknowledged_at: Option<Timestamp>,
}

impl ErasureNotice {
    /// Whether it should have been acknowledged by now.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.acknowledged_at.is_none() && now >= self.due_at
    }
}

/// Why readings were not erased, or a plan not made.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// What would go is not what was shown any more.
    #[error("what would be erased is not what was shown: look at it again")]
    Stale,
    /// Nothing of it is there.
    #[error("there is nothing to erase")]
    Nothing,
    /// The person asked for as many as they may in a day.
    #[error("at most {MAX_ERASURES_PER_DAY} erasures a day: ask again tomorrow")]
    TooMany,
    /// What laws want kept is too much to be told to the vault at once.
    #[error("too many places at once: erase one place after the other")]
    TooMuch,
    /// The vault.
    #[error("the vault could not erase: it is tried again")]
    Vault(#[source] vault::EraseError),
    /// Something is still there.
    #[error(
        "after the erasure a reading of it could still be read: this is a bug, please report it"
    )]
    StillThere,
    /// The readings.
    #[error("the readings could not be opened")]
    Read(#[from] vault::ReadError),
    /// The rows.
    #[error("the database could not be read or written")]
    Rows(#[from] RowError),
    /// The database.
    #[error("the database could not be read or written")]
    Db(#[from] store::DbError),
    /// The act.
    #[error("the erasure could not be written down")]
    Act(#[from] ActError),
    /// What waits for the commons.
    #[error("what was given and not published could not be deleted yet: it is tried again")]
    Gifts(#[source] Box<crate::GiveError>),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness(#[from] getrandom::Error),
}

/// What erasures need between calls.
#[derive(Default)]
pub(crate) struct Erasing {
    pub(crate) guard: Guard,
    /// One is carried out at a time.
    one_at_a_time: Mutex<()>,
    /// Those that are not finished, and when there is something to do about each.
    open: Mutex<BTreeMap<EraseId, Timestamp>>,
}

impl Erasing {
    /// Whoever also takes the turn of the commons takes this first.
    pub(crate) fn one_at_a_time(&self) -> MutexGuard<'_, ()> {
        self.one_at_a_time
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<EraseId, Timestamp>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
