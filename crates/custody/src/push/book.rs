//! What is registered: webhooks are added, listed, tested, given other keys and removed, by whoever manages access.

use std::collections::BTreeMap;

use model::{DeploymentId, PurposeId, RecipientId, ThingId, Timestamp};

use super::hook::{Hook, HookState, Place};
use super::sealed::Target;
use super::{LastFailure, MAX_WEBHOOKS, MAX_WEBHOOKS_PER_RECIPIENT, WebhookId, WebhookState};
use crate::Custody;
use crate::act::MAX_OVERLAP_MILLIS;
use crate::condition::{Condition, ConditionError};
use crate::destination::{Secret, WebAddress};
use crate::rows::RowError;
use crate::rows::webhook::{self as table, WebhookRow};

/// A webhook that somebody wants.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Whose.
    pub recipient: RecipientId,
    /// Where it is.
    pub address: WebAddress,
    /// Why the recipient receives.
    pub purpose: PurposeId,
    /// From one deployment, or from every one where it has a grant.
    pub deployment: Option<DeploymentId>,
    /// From one thing, or from all.
    pub thing: Option<ThingId>,
    /// What must hold of a payload as the recipient would get it, as it is written.
    pub condition: Option<String>,
}

/// Why a webhook was not added or changed.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// No such webhook.
    #[error("there is no webhook `{0}`")]
    NotFound(String),
    /// No such recipient.
    #[error("there is no recipient `{0}`: add it first")]
    NoRecipient(RecipientId),
    /// No grant of the recipient names the purpose there.
    #[error("`{recipient}` has no grant for the purpose `{purpose}` there: grant it first")]
    NotGranted {
        /// Whose webhook.
        recipient: RecipientId,
        /// For what.
        purpose: PurposeId,
    },
    /// Its messages name people.
    #[error(
        "messages of `{0}` name people, and stored readings do not say whom: a webhook would get nothing, use MQTT or a stream"
    )]
    NamesPeople(DeploymentId),
    /// The thing is not one of the deployment.
    #[error("there is no thing `{0}` where the webhook would get something")]
    NoThing(ThingId),
    /// The condition cannot be read.
    #[error("the condition: {0}")]
    Condition(#[source] ConditionError),
    /// The recipient has as many as it may.
    #[error("a recipient has at most {MAX_WEBHOOKS_PER_RECIPIENT} webhooks: remove one first")]
    TooMany,
    /// All recipients have as many as they may.
    #[error("there are {MAX_WEBHOOKS} webhooks already: remove one first")]
    Full,
    /// The former key would hold for too long.
    #[error("the former key can hold for at most {} days more", MAX_OVERLAP_MILLIS / 86_400_000)]
    Overlap,
    /// Nothing is sent by this process.
    #[error("no server runs that could send: start `amanat serve`, then test again")]
    NotSending,
    /// The address does not open.
    #[error(
        "the address of the webhook `{0}` does not open: is this the right root key? Remove it and add it again"
    )]
    Sealed(WebhookId),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness(#[from] getrandom::Error),
    /// The rows.
    #[error("the webhooks could not be read or written")]
    Rows(#[from] RowError),
    /// The database.
    #[error("the webhooks could not be read or written")]
    Db(#[from] store::DbError),
}

/// A webhook, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookView {
    /// The webhook.
    pub id: WebhookId,
    /// Whose.
    pub recipient: RecipientId,
    /// For what.
    pub purpose: PurposeId,
    /// From one deployment, or from all.
    pub deployment: Option<DeploymentId>,
    /// From one thing, or from all.
    pub thing: Option<ThingId>,
    /// What must hold.
    pub condition: Option<String>,
    /// Scheme, host and port; `None` where the address does not open any more. Nothing can be sent there then.
    pub origin: Option<String>,
    /// How it stands.
    pub state: WebhookState,
    /// When it was added.
    pub made_at: Timestamp,
    /// How many tries in a row failed.
    pub attempts: u32,
    /// When it is tried again, where it is failing.
    pub next_attempt_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_failure: Option<LastFailure>,
    /// When a batch or a test was last taken.
    pub last_success_at: Option<Timestamp>,
    /// Since when something may wait; nothing where all was sent.
    pub waits_since: Option<Timestamp>,
    /// What was left out and the receiver was not told yet: from the first moment to the last, of all deployments.
    pub missed: Option<(Timestamp, Timestamp)>,
    /// Whether a test is asked for and not over.
    pub is_tested: bool,
    /// What the last test of this process said, and when.
    pub tested: Option<(Timestamp, Result<(), LastFailure>)>,
}

impl Custody {
    /// Adds a webhook, which gets what comes in from now on. Its signing key is shown this once. Blocks on the database.
    ///
    /// # Errors
    /// See [`WebhookError`]; nothing has changed then.
    pub fn add_webhook(
        &self,
        wanted: &NewWebhook,
        now: Timestamp,
    ) -> Result<(WebhookId, Secret), WebhookError> {
        let condition = wanted
            .condition
            .as_deref()
            .map(str::parse::<Condition>)
            .transpose()
            .map_err(WebhookError::Condition)?;
        let deployments = self.places_for(wanted, now)?;
        let id = WebhookId::random()?;
        let (target, key) = Target::new(wanted.address.clone())?;
        let sealed = target.seal(&self.inner.pushes.safe, &id, &wanted.recipient);
        let row = WebhookRow {
            sealed: sealed.map_err(|_| WebhookError::Sealed(id.clone()))?,
            id: id.clone(),
            recipient: wanted.recipient.clone(),
            purpose: wanted.purpose.clone(),
            deployment: wanted.deployment.clone(),
            thing: wanted.thing.clone(),
            condition: wanted.condition.clone(),
            made_at: now,
            stands: HookState {
                state: WebhookState::Working,
                attempts: 0,
                next_attempt_at: Timestamp::EPOCH,
                last_failure: None,
                last_success_at: None,
            },
        };
        let places: BTreeMap<_, _> = deployments
            .into_iter()
            .map(|it| (it, Place::at(now)))
            .collect();
        self.inner.db.write(|tx| {
            let (all, theirs) = table::counts(tx, &wanted.recipient)?;
            let is_full = |count: i64, most| usize::try_from(count).is_ok_and(|it| it >= most);
            if is_full(theirs, MAX_WEBHOOKS_PER_RECIPIENT) {
                return Err(WebhookError::TooMany);
            }
            if is_full(all, MAX_WEBHOOKS) {
                return Err(WebhookError::Full);
            }
            table::insert(tx, &row)?;
            for (deployment, place) in &places {
                table::put_place(tx, &id, deployment, place)?;
            }
            Ok(())
        })?;
        self.inner.pushes.insert(Hook::new(&row, condition, places));
        Ok((id, key))
    }

    /// The deployments of which a new webhook would get something now.
    fn places_for(
        &self,
        wanted: &NewWebhook,
        now: Timestamp,
    ) -> Result<Vec<DeploymentId>, WebhookError> {
        let catalogue = self.inner.catalogue.load();
        if catalogue.recipients.get(&wanted.recipient).is_none() {
            return Err(WebhookError::NoRecipient(wanted.recipient.clone()));
        }
        let mut granted = self.granted(&wanted.recipient, &wanted.purpose, now);
        if let Some(deployment) = &wanted.deployment {
            granted.retain(|(it, _)| it == deployment);
        }
        if granted.is_empty() {
            return Err(WebhookError::NotGranted {
                recipient: wanted.recipient.clone(),
                purpose: wanted.purpose.clone(),
            });
        }
        if let (Some((deployment, true)), Some(_)) = (granted.first(), &wanted.deployment) {
            return Err(WebhookError::NamesPeople(deployment.clone()));
        }
        if let Some(thing) = &wanted.thing {
            let peer = catalogue.things.get(thing);
            let of = peer.map(|it| &it.deployment.id);
            if !granted.iter().any(|(it, _)| Some(it) == of) {
                return Err(WebhookError::NoThing(thing.clone()));
            }
        }
        Ok(granted.into_iter().map(|it| it.0).collect())
    }

    /// Where a recipient has a grant for a purpose, and whether messages name people there: of these there is no history.
    pub(super) fn granted(
        &self,
        recipient: &RecipientId,
        purpose: &PurposeId,
        now: Timestamp,
    ) -> Vec<(DeploymentId, bool)> {
        let catalogue = self.inner.catalogue.load();
        let mut granted = Vec::new();
        for deployment in catalogue.deployments.values() {
            let state = deployment.state.load();
            if state.has_grant(recipient, purpose, now) {
                let names_people = state.schema.subject_field().is_some();
                granted.push((deployment.id.clone(), names_people));
            }
        }
        granted
    }

    /// Every webhook, or those of one recipient, in the order in which they were added. Blocks on the database.
    ///
    /// # Errors
    /// When the database fails.
    pub fn webhooks(
        &self,
        recipient: Option<&RecipientId>,
    ) -> Result<Vec<WebhookView>, WebhookError> {
        let rows = self.inner.db.read(table::all)?;
        let wanted = rows
            .iter()
            .filter(|it| recipient.is_none_or(|wanted| it.recipient == *wanted));
        Ok(wanted.map(|it| self.webhook_view(it)).collect())
    }

    fn webhook_view(&self, row: &WebhookRow) -> WebhookView {
        let pushes = &self.inner.pushes;
        // One that does not open hides none of the others.
        let target = Target::open(&pushes.safe, &row.id, &row.recipient, &row.sealed);
        let mut view = WebhookView {
            id: row.id.clone(),
            recipient: row.recipient.clone(),
            purpose: row.purpose.clone(),
            deployment: row.deployment.clone(),
            thing: row.thing.clone(),
            condition: row.condition.clone(),
            origin: target
                .ok()
                .map(|it| format!("https://{}", it.address.authority())),
            state: row.stands.state,
            made_at: row.made_at,
            attempts: row.stands.attempts,
            next_attempt_at: None,
            last_failure: row.stands.last_failure,
            last_success_at: row.stands.last_success_at,
            waits_since: None,
            missed: None,
            is_tested: false,
            tested: None,
        };
        if let Some(hook) = pushes.one(&row.id) {
            let running = hook.lock();
            let stands = running.stands;
            view.state = stands.state;
            view.attempts = stands.attempts;
            view.last_failure = stands.last_failure;
            view.last_success_at = stands.last_success_at;
            let fails = stands.state == WebhookState::Failing;
            view.next_attempt_at = fails.then_some(stands.next_attempt_at);
            if stands.state != WebhookState::Working || running.is_under_way {
                view.waits_since = running.places.values().map(|it| it.from).min();
            }
            let missed = running.places.values().filter_map(|it| it.missed);
            view.missed = missed.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
            view.is_tested = running.wants_test;
            view.tested = running.tested;
        }
        view
    }

    /// Gives a webhook another signing key, shown this once; requests are signed with the former one too until a moment. Blocks on
    /// the database.
    ///
    /// # Errors
    /// See [`WebhookError`]; nothing has changed then.
    pub fn rotate_webhook(
        &self,
        id: &WebhookId,
        former_until: Timestamp,
        now: Timestamp,
    ) -> Result<Secret, WebhookError> {
        if former_until.as_millis().saturating_sub(now.as_millis()) > MAX_OVERLAP_MILLIS {
            return Err(WebhookError::Overlap);
        }
        let safe = &self.inner.pushes.safe;
        self.inner.db.write(|tx| {
            let row = table::one(tx, id)?;
            let row = row.ok_or_else(|| WebhookError::NotFound(id.to_string()))?;
            let sealed = |_| WebhookError::Sealed(id.clone());
            let mut target = Target::open(safe, id, &row.recipient, &row.sealed).map_err(sealed)?;
            let key = target.rotate(former_until, now)?;
            let shut = target.seal(safe, id, &row.recipient).map_err(sealed)?;
            table::put_sealed(tx, id, &shut)?;
            Ok(key)
        })
    }

    /// Removes a webhook. A batch that is under way may still arrive. Blocks on the database.
    ///
    /// # Errors
    /// When there is no such webhook, or the database fails.
    pub fn remove_webhook(&self, id: &WebhookId) -> Result<(), WebhookError> {
        let was_there = self.inner.db.write(|tx| table::delete(tx, id))?;
        self.inner.pushes.remove(id);
        match was_there {
            true => Ok(()),
            false => Err(WebhookError::NotFound(id.to_string())),
        }
    }

    /// Asks for a test: a signed request without a reading, at once. [`Custody::webhooks`] says what came of it. One that succeeds
    /// puts a webhook to work again that was disabled.
    ///
    /// # Errors
    /// When there is no such webhook, or this process sends nothing.
    pub fn test_webhook(&self, id: &WebhookId) -> Result<(), WebhookError> {
        let pushes = &self.inner.pushes;
        let hook = pushes
            .one(id)
            .ok_or_else(|| WebhookError::NotFound(id.to_string()))?;
        if !self.is_sending() {
            return Err(WebhookError::NotSending);
        }
        let mut running = hook.lock();
        running.wants_test = true;
        running.tested = None;
        Ok(())
    }

    /// What the last test of this process said, once it is over; nothing before, nor where there is no such webhook. Fast.
    #[must_use]
    pub fn webhook_tested(&self, id: &WebhookId) -> Option<Result<(), LastFailure>> {
        let hook = self.inner.pushes.one(id)?;
        let tested = hook.lock().tested;
        tested.map(|it| it.1)
    }

    /// Reads what is registered, at the start.
    pub(crate) fn load_webhooks(&self) -> Result<(), RowError> {
        let (rows, mut places) = self
            .inner
            .db
            .read(|tx| Ok::<_, RowError>((table::all(tx)?, table::places(tx)?)))?;
        for row in &rows {
            let condition = row.condition.as_deref().map(str::parse::<Condition>);
            let condition = condition.transpose().map_err(|_| RowError::Unreadable {
                table: "webhook",
                value: "a condition".to_owned(),
            })?;
            let places = places.remove(&row.id).unwrap_or_default();
            self.inner.pushes.insert(Hook::new(row, condition, places));
        }
        Ok(())
    }
}
