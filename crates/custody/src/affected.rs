//! Whom a breach may have reached: computed from receipts and from keys, not from anybody's memory.
//!
//! - What a recipient lost: everybody about whom it received something in the time, with the fields; from receipts.
//! - What a deployment or the server lost: everybody whom the things sensed in the time and whose readings of these days can be opened
//!   still; from keys. Whose keys were destroyed has nothing there any more. Whose readings lie sealed to keys of their own are counted
//!   apart: nobody can open them without those.

use std::collections::{BTreeMap, BTreeSet};

use model::{DeploymentId, PersonId, RecipientId, Subject, Timestamp};

use crate::Custody;
use crate::receipts::HOUR_MILLIS;
use crate::rows::{self, RowError};

/// Where something got out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// A recipient lost what it had received.
    Recipient(RecipientId),
    /// What is kept of a deployment.
    Deployment(DeploymentId),
    /// Everything that is kept here.
    Server,
}

/// Somebody whom it may have reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffectedPerson {
    /// Who.
    pub person: PersonId,
    /// The fields that a recipient had; where readings were exposed they are not known from keys, and this is empty.
    pub fields: Vec<String>,
    /// How many messages a recipient had, or of how many days readings can be opened.
    pub count: u64,
}

/// Whom a breach may have reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    /// They, by their identifier.
    pub people: Vec<AffectedPerson>,
    /// How many people have readings of this time that only they can open.
    pub sealed: u64,
}

impl Custody {
    /// Whom a breach may have reached between two moments. Blocks on the database.
    ///
    /// # Errors
    /// When the database fails.
    pub fn affected(
        &self,
        exposure: &Exposure,
        (from, until): (Timestamp, Timestamp),
    ) -> Result<Affected, RowError> {
        match exposure {
            Exposure::Recipient(recipient) => self.by_receipts(recipient, from, until),
            Exposure::Deployment(id) => {
                let sensed = self.sensed_at(id, from, until);
                self.by_keys(Some(&sensed), from, until)
            }
            Exposure::Server => self.by_keys(None, from, until),
        }
    }

    fn by_receipts(
        &self,
        recipient: &RecipientId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Affected, RowError> {
        let hours = (
            from.as_millis().div_euclid(HOUR_MILLIS),
            until.as_millis().div_euclid(HOUR_MILLIS),
        );
        let had = self
            .inner
            .db
            .read(|tx| rows::receipt::had_by(tx, recipient, hours))?;
        let mut people: BTreeMap<PersonId, (BTreeSet<String>, u64)> = BTreeMap::new();
        for (person, fields, messages) in had {
            let known = people.entry(person).or_default();
            known.0.extend(fields);
            known.1 += messages;
        }
        let person =
            |(person, (fields, count)): (PersonId, (BTreeSet<String>, u64))| AffectedPerson {
                person,
                fields: fields.into_iter().collect(),
                count,
            };
        Ok(Affected {
            people: people.into_iter().map(person).collect(),
            sealed: 0,
        })
    }

    /// Everybody whom something of a deployment sensed, or whom its messages may name.
    fn sensed_at(&self, id: &DeploymentId, from: Timestamp, until: Timestamp) -> BTreeSet<Subject> {
        let catalogue = self.inner.catalogue.load();
        let mut sensed = BTreeSet::new();
        let Some(deployment) = catalogue.deployments.get(id) else {
            return sensed;
        };
        let state = deployment.state.load();
        for thing in catalogue.things.values() {
            if std::sync::Arc::ptr_eq(&thing.deployment, deployment) {
                sensed.extend(state.sensed_between(thing.number, from, until));
            }
        }
        for bound in state.named() {
            sensed.extend(bound.people.iter().map(|it| it.subject.clone()));
        }
        sensed
    }

    fn by_keys(
        &self,
        among: Option<&BTreeSet<Subject>>,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Affected, RowError> {
        let last = until.plus_millis(-1).max(from);
        let kept = self.inner.vault.keys_between(from.day(), last.day())?;
        let is_meant = |it: &Subject| among.is_none_or(|among| among.contains(it));
        let mut affected = Affected::default();
        for (subject, days) in kept.opened {
            if let Subject::Person(person) = &subject
                && is_meant(&subject)
            {
                affected.people.push(AffectedPerson {
                    person: person.clone(),
                    fields: Vec::new(),
                    count: days,
                });
            }
        }
        let sealed = kept.sealed.iter();
        let sealed = sealed.filter(|it| matches!(it, Subject::Person(_)) && is_meant(it));
        affected.sealed = u64::try_from(sealed.count()).unwrap_or(u64::MAX);
        affected.people.sort_by(|a, b| a.person.cmp(&b.person));
        Ok(affected)
    }
}
