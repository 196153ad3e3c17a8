//! Recipients that are told what becomes of their commands while they listen.
//!
//! What is told is what [`crate::Custody::command_status`] tells, no more. It is told as it happens and not kept: who did not
//! listen asks how a command stands.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use model::RecipientId;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use tokio::sync::mpsc;

use super::CommandEvent;
use crate::Custody;
use crate::catalogue::RecipientPeer;

/// How many outcomes may wait for one connection; those beyond are not told.
pub const MAX_WAITING_OUTCOMES: usize = 256;

/// Who listens.
#[derive(Default)]
pub(crate) struct Reports {
    by_recipient: Mutex<FxHashMap<RecipientId, Ears>>,
}

/// The connections of one recipient, by number.
type Ears = SmallVec<[(u64, mpsc::Sender<CommandEvent>); 1]>;

impl Reports {
    /// Tells a recipient what became of its command, if it listens.
    pub(super) fn report(&self, recipient: &RecipientId, event: impl FnOnce() -> CommandEvent) {
        let ears = self
            .by_recipient
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(ears) = ears.get(recipient) else {
            return;
        };
        let event = event();
        for (_, ear) in ears {
            // Who does not keep up asks how it stands.
            let _ = ear.try_send(event.clone());
        }
    }
}

/// A connection on which a recipient is told what becomes of its commands. Dropping it ends that.
pub struct OutcomeListener {
    reports: Arc<Reports>,
    recipient: RecipientId,
    number: u64,
    receiver: mpsc::Receiver<CommandEvent>,
}

impl Custody {
    /// A recipient listens for what becomes of its commands, however it asked for them.
    #[must_use]
    pub fn hear_outcomes(&self, recipient: &RecipientPeer) -> OutcomeListener {
        let (sender, receiver) = mpsc::channel(MAX_WAITING_OUTCOMES);
        let reports = Arc::clone(self.inner.orders.reports());
        let number = self.inner.source.next_number();
        let mut ears = reports
            .by_recipient
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        ears.entry(recipient.id.clone())
            .or_default()
            .push((number, sender));
        drop(ears);
        OutcomeListener {
            reports,
            recipient: recipient.id.clone(),
            number,
            receiver,
        }
    }
}

impl OutcomeListener {
    /// The next outcome, when there is one; the task is woken then.
    pub fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<CommandEvent> {
        match self.receiver.poll_recv(cx) {
            Poll::Ready(Some(event)) => Poll::Ready(event),
            // The other side is held as long as this is there.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

impl std::fmt::Debug for OutcomeListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OutcomeListener({})", self.recipient)
    }
}

impl Drop for OutcomeListener {
    fn drop(&mut self) {
        let mut ears = self
            .reports
            .by_recipient
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = ears.get_mut(&self.recipient) {
            mine.retain(|it| it.0 != self.number);
            if mine.is_empty() {
                ears.remove(&self.recipient);
            }
        }
    }
}
