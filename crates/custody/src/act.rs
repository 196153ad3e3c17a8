//! An act: the rules change, in rows, in the record and in force, or not at all.
//!
//! Everything that an act does is one transaction: the rows of the institution that acts, the rows of enforcement, the
//! entries in the record. What will be in force is derived from what is, and from the rows that were touched, *inside* the
//! transaction, so an act that cannot be enforced does not commit. After the commit the new states are swapped in and the delivery gate is passed once: when
//! [`Custody::act`] returns, no message is delivered under the old rules.

mod error;
mod in_force;
mod sanctions;
mod ways_in;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{
    Assignment, BridgeId, Cap, Choice, DeploymentId, Entry, FieldKind, Grant, Licence, Notice,
    PersonId, PurposeId, RecipientId, Role, ThingId, Timestamp,
};
use record::DirStore;
use store::{DbError, Tx};

use crate::Custody;
use crate::catalogue::load::Touched;
use crate::consent::{self, Way};
use crate::ledger::{self, Files};
use crate::open::writer;
use crate::rows::{self, RowError};
use crate::secret::{SubjectToken, Token, subject_text};

pub use error::ActError;
pub use in_force::InForceError;
pub use ways_in::{Identity, MAX_ADAPTER_BYTES, MAX_BRIDGE_THINGS, MAX_OVERLAP_MILLIS, NewThing};

use in_force::{AllTouched, Link};

/// The most limits of the rulebook.
pub const MAX_CAPS: usize = 256;

/// An act in progress. Its methods write rows; what they change is in force when [`Custody::act`] returns.
pub struct Act<'a, 't> {
    tx: &'a mut Tx<'t>,
    custody: &'a Custody,
    now: Timestamp,
    entries: Vec<Entry>,
    touched: AllTouched,
    certificates: crate::certificate::Touched,
    /// Whether the limits of the rulebook have changed.
    limits: bool,
    recipients: BTreeSet<RecipientId>,
    bridges: BTreeSet<BridgeId>,
    links: Vec<Link>,
    /// How many names bridges have, as far as this act had to know.
    link_counts: BTreeMap<BridgeId, i64>,
    /// What was asked for stood already.
    leaves_all: bool,
    /// Whether something is kept for less long than it was promised.
    shortens: bool,
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
                touched: AllTouched::new(),
                certificates: crate::certificate::Touched::default(),
                limits: false,
                recipients: BTreeSet::new(),
                bridges: BTreeSet::new(),
                links: Vec::new(),
                link_counts: BTreeMap::new(),
                leaves_all: false,
                shortens: false,
            };
            let value = run(&mut act).map_err(Failure::Caller)?;
            let shortens = act.shortens;
            let prepared = act.prepare().map_err(Failure::Act)?;
            Ok((value, prepared, shortens))
        });
        let (value, prepared, shortens) = match outcome {
            Ok(done) => done,
            Err(Failure::Caller(err)) => return Err(err),
            Err(Failure::Act(ActError::Db(DbError::CommitUnknown { .. }))) => {
                // The act may have been committed. What the rows say now is what must be in force.
                return Err(E::from(self.settle(&mut published)));
            }
            Err(Failure::Act(err)) => return Err(E::from(err)),
        };
        let files = self.put_in_force(prepared);
        if shortens {
            self.inner.promises.say_more();
        }
        self.refresh_promises();
        self.publish(&mut published, files);
        Ok(value)
    }

    /// Puts in force what the rows say, after a commit whose answer was lost.
    fn settle(&self, published: &mut DirStore) -> ActError {
        if let Err(err) = self.load_all() {
            tracing::error!(error = %err, "what is in force may differ from what is recorded: restart");
        }
        self.inner.promises.say_more();
        self.refresh_promises();
        self.inner.is_record_behind.store(true, Ordering::Relaxed);
        self.publish(published, Files::new());
        ActError::Unsettled
    }

    /// Publishes files of the record. What could not be published now is published with the next act or at the next
    /// start; the record itself is committed and served from the rows.
    pub(crate) fn publish(&self, published: &mut DirStore, files: Files) {
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
}

impl<'t> Act<'_, 't> {
    /// The transaction, for the rows of the institution that acts.
    pub fn tx(&mut self) -> &mut Tx<'t> {
        self.tx
    }

    pub(crate) fn custody(&self) -> &Custody {
        self.custody
    }

    /// What changes in who is trusted to certify things.
    pub(crate) fn touch_certificates(&mut self) -> &mut crate::certificate::Touched {
        &mut self.certificates
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
        // What is in the rows is read leniently; what comes into them is not.
        if Notice::parse(source).as_ref() != Ok(notice) {
            return Err(ActError::Unenforceable {
                deployment: notice.deployment.clone(),
                reason: "its text has problems or says something else, see `amanat notice check`"
                    .to_owned(),
            });
        }
        let standing = rows::deployment::one(self.tx, &notice.deployment)?;
        let published = standing.as_ref().map_or(0, |it| it.notice.version);
        if notice.version != published.saturating_add(1) {
            return Err(ActError::NoticeVersion {
                deployment: notice.deployment.clone(),
                published,
            });
        }
        if let Some(standing) = standing {
            crate::models::check(&standing.notice, notice, self.now)?;
            consent::carry_over(self.tx, &standing.notice, notice, source, self.now)?;
            let noted = crate::keeping::note_shorter(self.tx, &standing.notice, notice, self.now)?;
            self.shortens |= noted;
        }
        rows::deployment::put_notice(self.tx, notice, source)?;
        rows::notice_version::insert(self.tx, notice, source, self.now)?;
        if notice.subject_field.is_none() {
            rows::commons::count_homes(self.tx, &notice.deployment)?;
        }
        self.touch(&notice.deployment).whole = true;
        Ok(crate::secret::document_sha256(source.as_bytes()))
    }

    /// The licence of a deployment as it stands at the moment of the act.
    ///
    /// # Errors
    /// When there is no such deployment, or the database fails.
    pub fn licence(&mut self, deployment: &DeploymentId) -> Result<Licence, ActError> {
        let (licence, _) = rows::deployment::licence(self.tx, deployment)?
            .ok_or_else(|| ActError::NoDeployment(deployment.clone()))?;
        Ok(Licence {
            state: licence.state_at(self.now),
            until: licence.until,
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
        self.touch(deployment).licence = true;
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
        self.register_new_thing(&NewThing::plain(thing.clone()), deployment)
    }

    /// Registers a recipient and makes its credential, which is shown this once.
    ///
    /// # Errors
    /// When the identifier is taken, or the database fails.
    pub fn register_recipient(&mut self, recipient: &RecipientId) -> Result<Token, ActError> {
        self.must_be_free(recipient.as_str())?;
        let token = Token::random()?;
        rows::access::insert_recipient(self.tx, recipient, &token.hash(), self.now)?;
        self.recipients.insert(recipient.clone());
        Ok(token)
    }

    /// Gives a recipient purpose-bound access to a deployment.
    ///
    /// # Errors
    /// When the database fails or a party is not known.
    pub fn grant(&mut self, grant: &Grant) -> Result<(), ActError> {
        rows::access::put_grant(self.tx, grant, self.now)?;
        self.touch(&grant.deployment).grants = true;
        Ok(())
    }

    /// Ends the access of a recipient for one purpose, now or at a moment to come.
    ///
    /// # Errors
    /// When the moment lies in the past, there is no such access then, or the database fails.
    pub fn end_grant(
        &mut self,
        recipient: &RecipientId,
        purpose: &PurposeId,
        deployment: &DeploymentId,
        at: Timestamp,
    ) -> Result<(), ActError> {
        if at < self.now {
            return Err(ActError::Past);
        }
        let all = rows::access::grants(self.tx, deployment)?;
        let lasts = |it: &&Grant| it.valid_until.is_none_or(|end| at < end);
        let grant = all
            .into_iter()
            .find(|it| it.recipient == *recipient && it.purpose == *purpose)
            .filter(|it| lasts(&it))
            .ok_or_else(|| ActError::NotGranted {
                recipient: recipient.clone(),
                purpose: purpose.clone(),
                deployment: deployment.clone(),
            })?;
        let ended = Grant {
            valid_until: Some(at),
            ..grant
        };
        rows::access::put_grant(self.tx, &ended, self.now)?;
        self.touch(deployment).grants = true;
        Ok(())
    }

    /// Says that a thing senses a person, in one role and for a time; a person may have several roles. An assignment
    /// that begins at the same moment in the same role gets the new end.
    ///
    /// # Errors
    /// When it ends before it begins, the thing is not known, or the database fails.
    pub fn assign(&mut self, assignment: &Assignment) -> Result<(), ActError> {
        if assignment
            .valid_until
            .is_some_and(|it| it <= assignment.valid_from)
        {
            return Err(ActError::NoTime);
        }
        let deployment = self.deployment_of(&assignment.thing)?;
        rows::thing::assign(self.tx, assignment)?;
        let touched = self.touch(&deployment);
        touched.assigned.insert(assignment.thing.clone());
        Ok(())
    }

    /// Says from when on a thing does not sense a person in this role any more. What was assigned for later is
    /// forgotten.
    ///
    /// # Errors
    /// When the moment lies in the past, nothing is assigned then or later, the thing is not known, or the database fails.
    pub fn end_assignment(
        &mut self,
        thing: &ThingId,
        person: &PersonId,
        role: Role,
        at: Timestamp,
    ) -> Result<(), ActError> {
        if at < self.now {
            return Err(ActError::Past);
        }
        let deployment = self.deployment_of(thing)?;
        if !rows::thing::end_assignment(self.tx, thing, person, role, at)? {
            return Err(ActError::NotAssigned(thing.clone()));
        }
        self.touch(&deployment).assigned.insert(thing.clone());
        Ok(())
    }

    fn deployment_of(&mut self, thing: &ThingId) -> Result<DeploymentId, ActError> {
        let deployment = rows::thing::deployment_of(self.tx, thing)?;
        deployment.ok_or_else(|| ActError::NoThing(thing.clone()))
    }

    /// Puts these limits of the rulebook in place of all before, at every deployment.
    ///
    /// # Errors
    /// When there are more than [`MAX_CAPS`], or the database fails.
    pub fn set_caps(&mut self, caps: &[Cap]) -> Result<(), ActError> {
        if caps.len() > MAX_CAPS {
            return Err(ActError::TooManyCaps);
        }
        rows::cap::replace(self.tx, caps, self.now)?;
        self.limits = true;
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
        let token = self
            .subject_token(deployment, text)?
            .ok_or_else(|| ActError::NoSubjectField(deployment.clone()))?;
        rows::thing::link_subject(self.tx, deployment, &token, person)?;
        let touched = self.touch(deployment);
        touched.linked.push((token, person.clone()));
        Ok(())
    }

    /// What stands for a person whom messages name so; `None` where they name nobody.
    pub(crate) fn subject_token(
        &mut self,
        deployment: &DeploymentId,
        text: &str,
    ) -> Result<Option<SubjectToken>, ActError> {
        let row = rows::deployment::one(self.tx, deployment)?
            .ok_or_else(|| ActError::NoDeployment(deployment.clone()))?;
        let Some(pointer) = &row.notice.subject_field else {
            return Ok(None);
        };
        let kind = row
            .notice
            .field(pointer)
            .map_or(FieldKind::Text, |it| it.kind);
        let text = subject_text(text, kind);
        let pseudonyms = &self.custody.inner.pseudonyms;
        Ok(Some(pseudonyms.subject(deployment.as_str(), &text)))
    }

    /// Everything of a deployment is derived anew.
    pub(crate) fn touch_rules(&mut self, deployment: &DeploymentId) {
        self.touch(deployment).whole = true;
    }

    pub(crate) fn put_choice(&mut self, choice: &Choice, way: Way) -> Result<(), RowError> {
        rows::person::put_choice(self.tx, choice, way, self.now)?;
        self.touch_choices(&choice.person, &choice.deployment);
        Ok(())
    }

    pub(crate) fn drop_choice(&mut self, choice: &Choice) -> Result<(), RowError> {
        rows::person::drop_choice(self.tx, choice)?;
        self.touch_choices(&choice.person, &choice.deployment);
        Ok(())
    }

    /// Whether anything of a deployment is about this person, was or will be.
    #[must_use]
    pub fn concerns(&self, person: &PersonId, deployment: &DeploymentId) -> bool {
        self.custody.concerns(person, deployment)
    }

    /// The choices of a person at a deployment have changed in the rows.
    pub(crate) fn touch_choices(&mut self, person: &PersonId, deployment: &DeploymentId) {
        self.touch(deployment).people.insert(person.clone());
    }

    fn touch(&mut self, deployment: &DeploymentId) -> &mut Touched {
        self.touched.entry(deployment.clone()).or_default()
    }

    /// What was asked for stands already. An act of which nothing else is known changes no rules, so streams that are behind go
    /// on: nobody can end them by repeating a choice.
    pub(crate) fn leave_all(&mut self) {
        self.leaves_all = true;
    }

    /// The notice in force, as this transaction sees it.
    pub(crate) fn notice(
        &mut self,
        deployment: &DeploymentId,
    ) -> Result<Option<Arc<Notice>>, RowError> {
        let is_new = self.touched.get(deployment).is_some_and(|it| it.whole);
        let catalogue = self.custody.inner.catalogue.load();
        match catalogue.deployments.get(deployment).filter(|_| !is_new) {
            Some(standing) => Ok(Some(Arc::clone(&standing.state.load().notice))),
            None => Ok(rows::deployment::one(self.tx, deployment)?.map(|it| Arc::new(it.notice))),
        }
    }
}
