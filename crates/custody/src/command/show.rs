//! What is shown of commands: to who asked, to the people whom the thing senses, and to everybody.

use model::{
    CommandName, DeploymentId, PersonId, PurposeId, RecipientId, Subject, ThingId, Timestamp,
};

use super::order::OrderRow;
use super::{CommandId, CommandOutcome, Order};
use crate::Custody;
use crate::catalogue::RecipientPeer;
use crate::rows::{self, RowError};
use crate::source::PublicCount;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandEvent {
    /// Its number.
    pub id: CommandId,
    /// At which deployment.
    pub deployment: DeploymentId,
    /// Which thing.
    pub thing: ThingId,
    /// What.
    pub command: CommandName,
    /// Who asked for it.
    pub recipient: RecipientId,
    /// For which purpose.
    pub purpose: PurposeId,
    /// The arguments as a JSON object: numbers, truth values and words of the notice.
    pub arguments: String,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When it is dead, if it was not handed over.
    pub expires_at: Timestamp,
    /// What became of it.
    pub outcome: CommandOutcome,
    /// Since when.
    pub outcome_at: Timestamp,
    /// When it was handed over.
    pub sent_at: Option<Timestamp>,
}

/// Which part of the log is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct CommandsWanted<'a> {
    /// Of this deployment only.
    pub deployment: Option<&'a DeploymentId>,
    /// Of this thing only.
    pub thing: Option<&'a ThingId>,
    /// Behind this one.
    pub after: Option<CommandId>,
    /// At most so many.
    pub limit: u32,
}

/// How many commands there were at a deployment, as long as the log goes back: public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandCounts {
    /// Commands that were handed to things.
    pub sent: PublicCount,
    /// Commands that were refused.
    pub refused: PublicCount,
}

impl CommandEvent {
    fn new(row: OrderRow, outcome: CommandOutcome) -> Self {
        Self {
            id: row.id,
            deployment: row.deployment,
            thing: row.thing,
            command: row.command,
            recipient: row.recipient,
            purpose: row.purpose,
            arguments: row.arguments,
            asked_at: row.asked_at,
            expires_at: row.expires_at,
            outcome,
            outcome_at: row.progress.at,
            sent_at: row.progress.sent_at,
        }
    }

    /// For its recipient, who is not told what it may not know.
    pub(super) fn told(row: OrderRow) -> Self {
        let outcome = row.progress.told();
        let outcome_at = row.progress.told_at();
        Self {
            outcome_at,
            ..Self::new(row, outcome)
        }
    }
}

impl Custody {
    /// How a command of a recipient stands; nothing where it asked for none of this number. Blocks on the database: not for an
    /// async worker.
    ///
    /// # Errors
    /// When the database fails.
    pub fn command_status(
        &self,
        recipient: &RecipientPeer,
        id: CommandId,
        now: Timestamp,
    ) -> Result<Option<CommandEvent>, RowError> {
        let row = match self.inner.orders.get(id) {
            Some(order) => Some(looked_at(&order, now)),
            None => self.inner.db.read(|tx| rows::command::get(tx, id))?,
        };
        let theirs = row.filter(|it| it.recipient == recipient.id);
        Ok(theirs.map(CommandEvent::told))
    }

    /// The commands of a recipient, the newest first; at most `limit`. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// When the database fails.
    pub fn commands_of(
        &self,
        recipient: &RecipientPeer,
        limit: u16,
        now: Timestamp,
    ) -> Result<Vec<CommandEvent>, RowError> {
        let rows = self
            .inner
            .db
            .read(|tx| rows::command::of(tx, &recipient.id, limit))?;
        let rows = self.fresh(rows, now);
        Ok(rows.into_iter().map(CommandEvent::told).collect())
    }

    /// What was done with the things that sensed a person at a deployment when it was asked for, the newest first; at most
    /// `limit`. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// When the database fails.
    pub fn commands_about(
        &self,
        person: &PersonId,
        deployment: &DeploymentId,
        limit: u16,
        now: Timestamp,
    ) -> Result<Vec<CommandEvent>, RowError> {
        let subject = Subject::Person(person.clone());
        let rows = self
            .inner
            .db
            .read(|tx| rows::command::about(tx, &subject, deployment, limit))?;
        let rows = self.fresh(rows, now);
        let event = |it: OrderRow| {
            let outcome = it.progress.outcome;
            CommandEvent::new(it, outcome)
        };
        Ok(rows.into_iter().map(event).collect())
    }

    /// The log for who runs the server, the newest first, with everything that it says; and how many there are in all.
    /// Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// When the database fails.
    pub fn commands_logged(
        &self,
        wanted: &CommandsWanted<'_>,
        now: Timestamp,
    ) -> Result<(Vec<CommandEvent>, u64), RowError> {
        let (rows, all) = self.inner.db.read(|tx| rows::command::logged(tx, wanted))?;
        let rows = self.fresh(rows, now);
        let event = |it: OrderRow| {
            let outcome = it.progress.outcome;
            CommandEvent::new(it, outcome)
        };
        Ok((rows.into_iter().map(event).collect(), all))
    }

    /// How many commands there were at a deployment; `None` where its notice has none. Blocks on the database: not for an async
    /// worker.
    ///
    /// # Errors
    /// When the database fails.
    pub fn command_counts(
        &self,
        deployment: &DeploymentId,
    ) -> Result<Option<CommandCounts>, RowError> {
        let catalogue = self.inner.catalogue.load();
        let found = catalogue.deployments.get(deployment);
        if found.is_none_or(|it| it.state.load().notice.commands.is_empty()) {
            return Ok(None);
        }
        let (sent, refused) = self
            .inner
            .db
            .read(|tx| rows::command::counts(tx, deployment))?;
        Ok(Some(CommandCounts {
            sent: PublicCount::of(sent),
            refused: PublicCount::of(refused),
        }))
    }

    /// Lines of the log, as they stand now where the log is a moment behind.
    fn fresh(&self, rows: Vec<OrderRow>, now: Timestamp) -> Vec<OrderRow> {
        let orders = self.inner.orders.all();
        let fresh = |it: OrderRow| match orders.get(&it.id) {
            Some(order) => looked_at(order, now),
            None => it,
        };
        rows.into_iter().map(fresh).collect()
    }
}

/// A command that is under way, to the millisecond.
fn looked_at(order: &Order, now: Timestamp) -> OrderRow {
    order.look(now);
    order.row(order.progress(), Vec::new())
}
