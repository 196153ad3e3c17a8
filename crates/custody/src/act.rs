//! An act: the rules change, in rows, in the record and in force, or not at all.
//!
//! Everything that an act does is one transaction: the rows of the institution that acts, the rows of enforcement, the
//! entries in the record. What will be in force is compiled from the rows *inside* the transaction, so an act that cannot
//! be enforced does not commit. After the commit the new states are swapped in and the delivery gate is passed once: when
//! [`Custody::act`] returns, no message is delivered under the old rules.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use arc_swap::ArcSwap;
use model::{
    Assignment, Choice, DeploymentId, Entry, FieldKind, Grant, Level, Licence, Notice, PersonId,
    RecipientId, ThingId, Timestamp,
};
use record::DirStore;
use rustc_hash::FxHashMap;
use store::{DbError, Tx};

use crate::Custody;
use crate::catalogue::{
    Catalogue, Deployment, DeploymentState, Loaded, LoadedThing, RecipientPeer, ThingPeer,
};
use crate::ledger::{self, Files, LedgerError};
use crate::open::{OpenError, writer};
use crate::rows::thing::ThingRow;
use crate::rows::{self, RowError};
use crate::secret::{Token, TokenHash, subject_text};

/// Why an act did not happen. Nothing has changed, except with [`ActError::Unsettled`].
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The rows failed.
    #[error("the rows failed")]
    Rows(#[from] RowError),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbError),
    /// The record failed.
    #[error("the record could not be written, so the act did not happen")]
    Record(#[from] LedgerError),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness(#[from] getrandom::Error),
    /// What would be in force cannot be enforced.
    #[error("the notice of `{deployment}` cannot be enforced: {reason}")]
    Unenforceable {
        /// The deployment.
        deployment: DeploymentId,
        /// Why not.
        reason: String,
    },
    /// The database lost the connection while it committed. What the rows say is in force and in the record.
    #[error("the database did not say whether the act happened; look it up before trying again")]
    Unsettled,
    /// There is no such deployment.
    #[error("there is no deployment `{0}`")]
    NoDeployment(DeploymentId),
    /// The version of a notice must grow.
    #[error("the next version of the notice of `{deployment}` is {}", published.saturating_add(1))]
    NoticeVersion {
        /// The deployment.
        deployment: DeploymentId,
        /// The version in force; 0 where there is none.
        published: u32,
    },
    /// The identifier is taken, by a thing or a recipient.
    #[error("`{0}` is taken: choose another identifier")]
    Taken(String),
    /// The deployment does not know people by a field.
    #[error("the notice of `{0}` declares no field that identifies people")]
    NoSubjectField(DeploymentId),
}

/// An act in progress. Its methods write rows; what they change is in force when [`Custody::act`] returns.
pub struct Act<'a, 't> {
    tx: &'a mut Tx<'t>,
    custody: &'a Custody,
    now: Timestamp,
    entries: Vec<Entry>,
    touched: BTreeSet<DeploymentId>,
    recipients: Vec<(RecipientId, TokenHash)>,
}

/// What is swapped in after the commit.
#[derive(Default)]
struct Prepared {
    states: Vec<(Loaded, DeploymentState)>,
    recipients: Vec<(RecipientId, TokenHash)>,
    files: Files,
}

/// Carries the caller's error through the store's transaction.
enum Failure<E> {
    Caller(E),
    Act(ActError),
}

impl<E> From<DbError> for Failure<E> {
    fn from(err: DbError) -> Self {
        Self::Act(ActError::Db(err))
    }
}

impl Custody {
    /// Runs one act. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// The caller's error, or an [`ActError`] turned into it. Nothing has changed then, except with
    /// [`ActError::Unsettled`].
    pub fn act<T: Send, E: From<ActError> + Send>(
        &self,
        now: Timestamp,
        run: impl FnOnce(&mut Act<'_, '_>) -> Result<T, E> + Send,
    ) -> Result<T, E> {
        let mut published = writer(&self.inner);
        let outcome = self.inner.db.write(|tx| {
            let mut act = Act {
                tx,
                custody: self,
                now,
                entries: Vec::new(),
                touched: BTreeSet::new(),
                recipients: Vec::new(),
            };
            let value = run(&mut act).map_err(Failure::Caller)?;
            let prepared = act.prepare().map_err(Failure::Act)?;
            Ok((value, prepared))
        });
        let (value, prepared) = match outcome {
            Ok(done) => done,
            Err(Failure::Caller(err)) => return Err(err),
            Err(Failure::Act(ActError::Db(DbError::CommitUnknown { .. }))) => {
                // The act may have been committed. What the rows say now is what must be in force.
                return Err(E::from(self.settle(&mut published)));
            }
            Err(Failure::Act(err)) => return Err(E::from(err)),
        };
        let files = self.put_in_force(prepared);
        self.publish(&mut published, files);
        Ok(value)
    }

    /// Puts in force what the rows say, after a commit whose answer was lost.
    fn settle(&self, published: &mut DirStore) -> ActError {
        if let Err(err) = load_all(self) {
            tracing::error!(error = %err, "what is in force may differ from what is recorded: restart");
        }
        self.inner.is_record_behind.store(true, Ordering::Relaxed);
        self.publish(published, Files::new());
        ActError::Unsettled
    }

    /// Publishes files of the record. What could not be published now is published with the next act or at the next
    /// start; the record itself is committed and served from the rows.
    fn publish(&self, published: &mut DirStore, files: Files) {
        let is_behind = &self.inner.is_record_behind;
        let outcome = if is_behind.load(Ordering::Relaxed) {
            self.inner.db.read(|tx| ledger::catch_up(tx, published))
        } else {
            ledger::publish(published, files)
        };
        is_behind.store(outcome.is_err(), Ordering::Relaxed);
        if let Err(err) = outcome {
            tracing::error!(error = %err, "the record is committed but its directory could not be written");
        }
    }

    /// Swaps in what was prepared. Cannot fail: everything that could has happened inside the transaction.
    fn put_in_force(&self, prepared: Prepared) -> Files {
        let mut catalogue = Catalogue::clone(&self.inner.catalogue.load());
        for (id, token) in prepared.recipients {
            catalogue.recipients.entry(id.clone()).or_insert_with(|| {
                Arc::new(RecipientPeer {
                    pseudonym_key: self.inner.pseudonyms.recipient_key(id.as_str()),
                    id,
                    token,
                })
            });
        }
        let mut appeared = Vec::new();
        for (loaded, state) in prepared.states {
            appeared.extend(self.swap(&mut catalogue, loaded, state));
        }
        self.inner.catalogue.store(Arc::new(catalogue));
        for deployment in appeared {
            self.inner.hub.route_new(&deployment);
        }
        // Whoever was between a permit and a socket under the old rules has finished when this lock is had.
        drop(
            self.inner
                .gate
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        );
        prepared.files
    }

    /// Gives the deployment when it has just appeared.
    fn swap(
        &self,
        catalogue: &mut Catalogue,
        loaded: Loaded,
        state: DeploymentState,
    ) -> Option<Arc<Deployment>> {
        let mut appeared = None;
        let id = loaded.row.id;
        let deployment = match catalogue.deployments.get(&id) {
            Some(deployment) => {
                deployment.state.store(Arc::new(state));
                Arc::clone(deployment)
            }
            None => {
                let deployment = Arc::new(Deployment {
                    id: id.clone(),
                    state: ArcSwap::from_pointee(state),
                    drift: crate::drift::DriftCounter::default(),
                    routes: ArcSwap::default(),
                });
                appeared = Some(Arc::clone(&deployment));
                catalogue.deployments.insert(id, Arc::clone(&deployment));
                deployment
            }
        };
        for thing in loaded.things {
            catalogue.things.entry(thing.id.clone()).or_insert_with(|| {
                Arc::new(ThingPeer {
                    id: thing.id,
                    deployment: Arc::clone(&deployment),
                    token: thing.token,
                })
            });
        }
        appeared
    }
}

/// Puts in force what the rows say, at the start.
pub(crate) fn load_all(custody: &Custody) -> Result<(), OpenError> {
    let (recipients, loaded) = custody.inner.db.read(|tx| {
        let recipients = rows::access::recipients(tx)?;
        let mut loaded = Vec::new();
        for id in rows::deployment::ids(tx)? {
            loaded.extend(load(tx, &id)?);
        }
        Ok::<_, RowError>((recipients, loaded))
    })?;
    let mut prepared = Prepared {
        recipients,
        ..Prepared::default()
    };
    for loaded in loaded {
        let state = DeploymentState::compile(&loaded, custody.inner.next_generation())
            .map_err(|_| OpenError::Notice(loaded.row.id.clone()))?;
        prepared.states.push((loaded, state));
    }
    custody.put_in_force(prepared);
    Ok(())
}

/// Everything that decides about the messages of one deployment.
fn load(tx: &mut Tx<'_>, id: &DeploymentId) -> Result<Option<Loaded>, RowError> {
    let Some(row) = rows::deployment::one(tx, id)? else {
        return Ok(None);
    };
    let mut people: FxHashMap<ThingId, Vec<PersonId>> = FxHashMap::default();
    for (thing, person) in rows::thing::assignments(tx, id)? {
        people.entry(thing).or_default().push(person);
    }
    let mut choices: FxHashMap<PersonId, Vec<Choice>> = FxHashMap::default();
    for choice in rows::person::choices(tx, id)? {
        choices
            .entry(choice.person.clone())
            .or_default()
            .push(choice);
    }
    let things = rows::thing::of(tx, id)?
        .into_iter()
        .map(|it| LoadedThing {
            people: people.remove(&it.id).unwrap_or_default(),
            id: it.id,
            token: it.token,
        })
        .collect();
    Ok(Some(Loaded {
        row,
        things,
        grants: rows::access::grants(tx, id)?,
        choices,
        subjects: rows::thing::subject_tokens(tx, id)?,
    }))
}

impl<'t> Act<'_, 't> {
    /// The transaction, for the rows of the institution that acts.
    pub fn tx(&mut self) -> &mut Tx<'t> {
        self.tx
    }

    /// When the act happens.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Adds an entry to the public record, in this transaction.
    pub fn record(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Puts a notice in force. The first one makes the deployment known, without a licence.
    ///
    /// # Errors
    /// When its version is not the next, or the database fails. Returns the SHA-256 of the file.
    pub fn publish_notice(&mut self, notice: &Notice, source: &str) -> Result<String, ActError> {
        let standing = rows::deployment::one(self.tx, &notice.deployment)?;
        let published = standing.as_ref().map_or(0, |it| it.notice.version);
        if notice.version != published.saturating_add(1) {
            return Err(ActError::NoticeVersion {
                deployment: notice.deployment.clone(),
                published,
            });
        }
        if let Some(standing) = standing {
            self.carry_choices(&standing.notice, notice)?;
        }
        rows::deployment::put_notice(self.tx, notice, source)?;
        self.touched.insert(notice.deployment.clone());
        Ok(crate::secret::document_sha256(source.as_bytes()))
    }

    /// A choice of a coarse level is a choice of what may be known, not of a number: where a new notice numbers the levels
    /// of a field differently, the choice moves to the finest level that shows no more than was chosen, or to off.
    fn carry_choices(&mut self, old: &Notice, new: &Notice) -> Result<(), ActError> {
        for mut choice in rows::person::choices(self.tx, &new.deployment)? {
            let carried = carried(&choice, old, new);
            if carried != choice.level {
                choice.level = carried;
                rows::person::put_choice(self.tx, &choice, self.now)?;
            }
        }
        Ok(())
    }

    /// The licence of a deployment as it stands at the moment of the act.
    ///
    /// # Errors
    /// When there is no such deployment, or the database fails.
    pub fn licence(&mut self, deployment: &DeploymentId) -> Result<Licence, ActError> {
        let row = rows::deployment::one(self.tx, deployment)?
            .ok_or_else(|| ActError::NoDeployment(deployment.clone()))?;
        Ok(Licence {
            state: row.licence.state_at(self.now),
            until: row.licence.until,
        })
    }

    /// Sets the licence of a deployment.
    ///
    /// # Errors
    /// When there is no such deployment, or the database fails.
    pub fn set_licence(
        &mut self,
        deployment: &DeploymentId,
        licence: Licence,
    ) -> Result<(), ActError> {
        if !rows::deployment::set_licence(self.tx, deployment, licence)? {
            return Err(ActError::NoDeployment(deployment.clone()));
        }
        self.touched.insert(deployment.clone());
        Ok(())
    }

    /// Registers a thing of a deployment and makes its credential, which is shown this once.
    ///
    /// # Errors
    /// When the identifier is taken, the deployment is not known, or the database fails.
    pub fn register_thing(
        &mut self,
        thing: &ThingId,
        deployment: &DeploymentId,
    ) -> Result<Token, ActError> {
        if rows::access::has_recipient(self.tx, thing.as_str())?
            || rows::thing::exists(self.tx, thing)?
        {
            return Err(ActError::Taken(thing.to_string()));
        }
        if rows::deployment::notice_version(self.tx, deployment)?.is_none() {
            return Err(ActError::NoDeployment(deployment.clone()));
        }
        let token = Token::random()?;
        let row = ThingRow {
            id: thing.clone(),
            token: token.hash(),
        };
        rows::thing::insert(self.tx, &row, deployment, self.now)?;
        self.touched.insert(deployment.clone());
        Ok(token)
    }

    /// Registers a recipient and makes its credential, which is shown this once.
    ///
    /// # Errors
    /// When the identifier is taken, or the database fails.
    pub fn register_recipient(&mut self, recipient: &RecipientId) -> Result<Token, ActError> {
        let thing = ThingId::parse(recipient.as_str());
        let taken = match thing {
            Ok(thing) => rows::thing::exists(self.tx, &thing)?,
            Err(_) => false,
        };
        if taken || rows::access::has_recipient(self.tx, recipient.as_str())? {
            return Err(ActError::Taken(recipient.to_string()));
        }
        let token = Token::random()?;
        rows::access::insert_recipient(self.tx, recipient, &token.hash(), self.now)?;
        self.recipients.push((recipient.clone(), token.hash()));
        Ok(token)
    }

    /// Gives a recipient purpose-bound access to a deployment.
    ///
    /// # Errors
    /// When the database fails or a party is not known.
    pub fn grant(&mut self, grant: &Grant) -> Result<(), ActError> {
        rows::access::put_grant(self.tx, grant)?;
        self.touched.insert(grant.deployment.clone());
        Ok(())
    }

    /// Says that a thing senses a person.
    ///
    /// # Errors
    /// When the database fails or the thing is not known.
    pub fn assign(&mut self, assignment: &Assignment) -> Result<(), ActError> {
        rows::thing::assign(self.tx, assignment)?;
        self.touched
            .extend(rows::thing::deployment_of(self.tx, &assignment.thing)?);
        Ok(())
    }

    /// Says which person a card number or plate in the messages of a deployment stands for. Only a keyed hash is kept.
    ///
    /// # Errors
    /// When the notice declares no such field, somebody has claimed it before, or the database fails.
    pub fn link_subject(
        &mut self,
        deployment: &DeploymentId,
        text: &str,
        person: &PersonId,
    ) -> Result<(), ActError> {
        let row = rows::deployment::one(self.tx, deployment)?
            .ok_or_else(|| ActError::NoDeployment(deployment.clone()))?;
        if row.notice.subject_field.is_none() {
            return Err(ActError::NoSubjectField(deployment.clone()));
        }
        let field = row
            .notice
            .subject_field
            .as_ref()
            .and_then(|it| row.notice.field(it));
        let text = subject_text(text, field.map_or(FieldKind::Text, |it| it.kind));
        let token = self
            .custody
            .inner
            .pseudonyms
            .subject(deployment.as_str(), &text);
        rows::thing::link_subject(self.tx, deployment, &token, person)?;
        self.touched.insert(deployment.clone());
        Ok(())
    }

    pub(crate) fn put_choice(&mut self, choice: &Choice) -> Result<(), RowError> {
        rows::person::put_choice(self.tx, choice, self.now)?;
        self.touched.insert(choice.deployment.clone());
        Ok(())
    }

    /// The notice in force, as this transaction sees it.
    pub(crate) fn notice(&mut self, deployment: &DeploymentId) -> Result<Option<Notice>, RowError> {
        Ok(rows::deployment::one(self.tx, deployment)?.map(|it| it.notice))
    }

    /// Writes the record and compiles what will be in force.
    fn prepare(self) -> Result<Prepared, ActError> {
        let mut prepared = Prepared {
            recipients: self.recipients,
            ..Prepared::default()
        };
        for id in &self.touched {
            let loaded = load(self.tx, id)?.ok_or_else(|| ActError::NoDeployment(id.clone()))?;
            let generation = self.custody.inner.next_generation();
            let state = DeploymentState::compile(&loaded, generation).map_err(|err| {
                ActError::Unenforceable {
                    deployment: id.clone(),
                    reason: err.to_string(),
                }
            })?;
            prepared.states.push((loaded, state));
        }
        if !self.entries.is_empty() {
            prepared.files = ledger::append(self.tx, &self.custody.inner.signer, &self.entries)?;
        }
        Ok(prepared)
    }
}

/// The level under `new` for a choice that was made under `old`.
fn carried(choice: &Choice, old: &Notice, new: &Notice) -> Level {
    let Some(number) = choice.level.coarse_number() else {
        return choice.level;
    };
    let levels = |notice: &Notice| {
        notice
            .field(&choice.field)
            .map_or_else(Vec::new, |it| it.coarse.clone())
    };
    let Some(chosen) = levels(old).into_iter().nth(usize::from(number) - 1) else {
        return Level::OFF;
    };
    let new = levels(new);
    let numbered = (1_u8..).zip(&new);
    let fitting = numbered
        .filter(|(_, it)| it.is_no_finer_than(&chosen))
        .map(|(number, _)| number);
    fitting.max().and_then(Level::coarse).unwrap_or(Level::OFF)
}
