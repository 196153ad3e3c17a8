//! Commands that the recipient at the other end asks for, and what it is told of them: the side of custody.
//!
//! The log of commands is on a disk, so custody is asked apart from the tasks that move bytes. Until it has answered the
//! connection is not read, and the packet that asked comes again then, as with codecs.

use std::sync::Arc;
use std::task::{Context, Poll};

use custody::{
    CommandEvent, CommandId, CommandRefusal, CommandRequest, Custody, OutcomeListener,
    RecipientPeer,
};
use model::Timestamp;
use tokio::task::JoinSet;

/// What custody said to a command.
pub(super) type Answered = Result<CommandId, CommandRefusal>;

/// The commands of one connection.
#[derive(Default)]
pub(super) struct Orders {
    /// At most one.
    asking: JoinSet<Answered>,
    answered: Option<Answered>,
    outcomes: Option<OutcomeListener>,
}

impl Orders {
    /// Asks custody; what it said is there when the same packet comes again.
    pub(super) fn ask(
        &mut self,
        custody: &Custody,
        recipient: &Arc<RecipientPeer>,
        request: &CommandRequest,
        now: Timestamp,
    ) -> Option<Answered> {
        if let Some(answered) = self.answered.take() {
            return Some(answered);
        }
        let (custody, recipient) = (custody.clone(), Arc::clone(recipient));
        let request = request.clone();
        self.asking
            .spawn_blocking(move || custody.command(&recipient, &request, now));
        None
    }

    /// Whether custody is being asked.
    pub(super) fn is_asking(&self) -> bool {
        !self.asking.is_empty()
    }

    /// Ready when custody is not being asked, or has answered.
    pub(super) fn poll_answered(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.asking.is_empty() {
            return Poll::Ready(());
        }
        let Poll::Ready(done) = self.asking.poll_join_next(cx) else {
            return Poll::Pending;
        };
        let said = done.and_then(Result::ok);
        self.answered = Some(said.unwrap_or(Err(CommandRefusal::Unavailable(None))));
        Poll::Ready(())
    }

    /// Tells of outcomes from now on, or not any more.
    pub(super) fn hear(&mut self, custody: &Custody, recipient: Option<&RecipientPeer>) {
        match recipient {
            Some(recipient) if self.outcomes.is_none() => {
                self.outcomes = Some(custody.hear_outcomes(recipient));
            }
            Some(_) => {}
            None => self.outcomes = None,
        }
    }

    /// The next outcome. None is told while custody is being asked: of the command that it is asked about, it would come
    /// before the session knows its number.
    pub(super) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<CommandEvent> {
        if self.is_asking() || self.answered.is_some() {
            return Poll::Pending;
        }
        match &mut self.outcomes {
            Some(outcomes) => outcomes.poll_outcome(cx),
            None => Poll::Pending,
        }
    }
}
