//! Who may send and as what: bridges, native topics, dialects, credentials that are renewed or end.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Assignment, BridgeId, DeploymentId, PersonId, RecipientId, ThingId, Timestamp};

use super::in_force::Link;
use super::{Act, ActError};
use crate::NativeTopic;
use crate::catalogue::check_device_name;
use crate::rows;
use crate::rows::bridge::BridgeRow;
use crate::rows::credential::{self, CredentialRow};
use crate::rows::thing::ThingRow;
use crate::secret::Token;

/// The most names of things that a bridge has.
pub const MAX_BRIDGE_THINGS: i64 = 100_000;
/// The longest word of a dialect, in bytes.
pub const MAX_ADAPTER_BYTES: usize = 32;
/// How long a credential may go on beside the one that replaces it, in milliseconds: ninety days.
pub const MAX_OVERLAP_MILLIS: i64 = 90 * 86_400_000;

/// What has a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A thing.
    Thing(ThingId),
    /// A bridge.
    Bridge(BridgeId),
    /// A recipient.
    Recipient(RecipientId),
}

impl Identity {
    /// Its identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Thing(id) => id.as_str(),
            Self::Bridge(id) => id.as_str(),
            Self::Recipient(id) => id.as_str(),
        }
    }

    const fn table(&self) -> credential::Table {
        match self {
            Self::Thing(_) => credential::Table::Thing,
            Self::Bridge(_) => credential::Table::Bridge,
            Self::Recipient(_) => credential::Table::Recipient,
        }
    }
}

/// A thing to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewThing {
    /// Its identifier.
    pub id: ThingId,
    /// Its native topic.
    pub topic: Option<NativeTopic>,
    /// The word of its dialect; nothing is plain.
    pub adapter: Option<Arc<str>>,
}

impl NewThing {
    /// A thing that sends plain messages and has no native topic.
    #[must_use]
    pub const fn plain(id: ThingId) -> Self {
        Self {
            id,
            topic: None,
            adapter: None,
        }
    }
}

impl Act<'_, '_> {
    /// Registers a thing of a deployment with its topic and dialect, and makes its credential, which is shown this once.
    ///
    /// # Errors
    /// When the identifier or the topic is taken, the deployment is not known, or the database fails.
    pub fn register_new_thing(
        &mut self,
        thing: &NewThing,
        deployment: &DeploymentId,
    ) -> Result<Token, ActError> {
        self.must_be_free(thing.id.as_str())?;
        self.must_be_known(deployment)?;
        if let Some(topic) = &thing.topic {
            self.topic_must_be_free(deployment, topic, &thing.id)?;
        }
        let token = Token::random()?;
        let row = ThingRow {
            topic: thing.topic.clone(),
            adapter: thing.adapter.as_deref().map(adapter).transpose()?,
            ..ThingRow::new(thing.id.clone(), CredentialRow::new(token.hash()))
        };
        rows::thing::insert(self.tx, &row, deployment, self.now)?;
        self.touch(deployment).things.push(row);
        Ok(token)
    }

    /// Registers a bridge of a deployment and makes its credential, which is shown this once.
    ///
    /// # Errors
    /// When the identifier is taken, the word of the dialect is none, the deployment is not known, or the database fails.
    pub fn register_bridge(
        &mut self,
        bridge: &BridgeId,
        deployment: &DeploymentId,
        word: &str,
    ) -> Result<Token, ActError> {
        self.must_be_free(bridge.as_str())?;
        self.must_be_known(deployment)?;
        let token = Token::random()?;
        let row = BridgeRow {
            id: bridge.clone(),
            deployment: deployment.clone(),
            adapter: adapter(word)?,
            receives_as: None,
            credential: CredentialRow::new(token.hash()),
        };
        rows::bridge::insert(self.tx, &row, self.now)?;
        self.bridges.insert(bridge.clone());
        Ok(token)
    }

    /// Says which thing a bridge means by a name, in place of what it meant before.
    ///
    /// # Errors
    /// When one is not known, the thing is of another deployment, the name is none, the bridge has
    /// [`MAX_BRIDGE_THINGS`], or the database fails.
    pub fn bridge_speaks_for(
        &mut self,
        bridge: &BridgeId,
        name: &str,
        thing: &ThingId,
    ) -> Result<(), ActError> {
        let name = check_device_name(name).ok_or(ActError::DeviceName)?;
        let row = self.bridge(bridge)?;
        if self.deployment_of(thing)? != row.deployment {
            return Err(ActError::OtherDeployment {
                thing: thing.clone(),
                bridge: bridge.clone(),
            });
        }
        let count = match self.link_counts.get(bridge) {
            Some(count) => *count,
            None => rows::bridge::link_count(self.tx, bridge)?,
        };
        if count >= MAX_BRIDGE_THINGS {
            return Err(ActError::BridgeFull(bridge.clone()));
        }
        // A name that is linked anew is counted twice, for this act only.
        self.link_counts.insert(bridge.clone(), count + 1);
        rows::bridge::put_link(self.tx, bridge, name, thing)?;
        self.links.push(Link {
            bridge: bridge.clone(),
            name: Arc::from(name),
            thing: Some(thing.clone()),
        });
        Ok(())
    }

    /// A bridge means no thing by a name any more.
    ///
    /// # Errors
    /// When the bridge or the name is not known, or the database fails.
    pub fn bridge_forgets(&mut self, bridge: &BridgeId, name: &str) -> Result<(), ActError> {
        self.bridge(bridge)?;
        if !rows::bridge::remove_link(self.tx, bridge, name)? {
            return Err(ActError::NotLinked(bridge.clone()));
        }
        self.links.push(Link {
            bridge: bridge.clone(),
            name: Arc::from(name),
            thing: None,
        });
        Ok(())
    }

    /// Sets the native topic of a thing; nothing: it has none.
    ///
    /// # Errors
    /// When another thing of the deployment has the topic, the thing is not known, or the database fails.
    pub fn set_topic(
        &mut self,
        thing: &ThingId,
        topic: Option<&NativeTopic>,
    ) -> Result<(), ActError> {
        let deployment = self.deployment_of(thing)?;
        if let Some(topic) = topic {
            self.topic_must_be_free(&deployment, topic, thing)?;
        }
        self.change_thing(thing, &deployment, |row| {
            row.topic = topic.cloned();
        })
    }

    /// Sets the dialect in which a thing speaks on its own connection; nothing is plain.
    ///
    /// # Errors
    /// When the word is none, the thing is not known, or the database fails.
    pub fn set_adapter(&mut self, thing: &ThingId, word: Option<&str>) -> Result<(), ActError> {
        let deployment = self.deployment_of(thing)?;
        let adapter = word.map(adapter).transpose()?;
        self.change_thing(thing, &deployment, |row| row.adapter = adapter)
    }

    /// Sets the dialect of a bridge.
    ///
    /// # Errors
    /// When the word is none, the bridge is not known, or the database fails.
    pub fn set_bridge_adapter(&mut self, bridge: &BridgeId, word: &str) -> Result<(), ActError> {
        self.bridge(bridge)?;
        rows::bridge::set_adapter(self.tx, bridge, &adapter(word)?)?;
        self.bridges.insert(bridge.clone());
        Ok(())
    }

    /// Ties who publishes to a recipient, so that both go over one connection under the publisher's credential; nothing
    /// unties them.
    ///
    /// # Errors
    /// When one is not known, the publisher is a recipient, or the database fails.
    pub fn tie(
        &mut self,
        publisher: &Identity,
        recipient: Option<&RecipientId>,
    ) -> Result<(), ActError> {
        if let Some(recipient) = recipient
            && !rows::access::has_recipient(self.tx, recipient.as_str())?
        {
            return Err(ActError::NoRecipient(recipient.clone()));
        }
        match publisher {
            Identity::Thing(thing) => {
                let deployment = self.deployment_of(thing)?;
                self.change_thing(thing, &deployment, |row| {
                    row.receives_as = recipient.cloned();
                })
            }
            Identity::Bridge(bridge) => {
                self.bridge(bridge)?;
                rows::bridge::set_receives_as(self.tx, bridge, recipient)?;
                self.bridges.insert(bridge.clone());
                Ok(())
            }
            Identity::Recipient(_) => Err(ActError::NoPublisher(publisher.as_str().to_owned())),
        }
    }

    /// Removes a thing: nothing of it is taken any more, it senses nobody from now on, bridges do not speak for it, and its
    /// identifier stays taken, so that nobody else's readings are ever counted as its own.
    ///
    /// # Errors
    /// When the thing is not known, or the database fails.
    pub fn remove_thing(&mut self, thing: &ThingId) -> Result<(), ActError> {
        let deployment = self.deployment_of(thing)?;
        let now = self.now;
        rows::thing::end_assignments(self.tx, thing, now)?;
        for (bridge, name) in rows::bridge::remove_links_of(self.tx, thing)? {
            self.links.push(Link {
                bridge,
                name,
                thing: None,
            });
        }
        self.change_thing(thing, &deployment, |row| {
            row.removed_at = Some(now);
            (row.topic, row.receives_as) = (None, None);
        })?;
        self.end_certificates(thing)?;
        self.touch(&deployment).assigned.insert(thing.clone());
        Ok(())
    }

    /// From now on a thing does not sense a person any more, in whatever role; without a person: nobody. What was recorded
    /// stays theirs, and what was assigned for later is forgotten. Gives how many people it was.
    ///
    /// # Errors
    /// When the person is not assigned, the thing is not known, or the database fails.
    pub fn release(
        &mut self,
        thing: &ThingId,
        person: Option<&PersonId>,
    ) -> Result<usize, ActError> {
        let deployment = self.deployment_of(thing)?;
        let all = rows::thing::assignments_of(self.tx, thing)?;
        let goes_on = |it: &&Assignment| it.valid_until.is_none_or(|end| end > self.now);
        let theirs = |it: &&Assignment| person.is_none_or(|one| it.person == *one);
        let mut people = BTreeSet::new();
        for it in all.iter().filter(goes_on).filter(theirs) {
            rows::thing::end_assignment(self.tx, thing, &it.person, it.role, self.now)?;
            people.insert(&it.person);
        }
        if people.is_empty() && person.is_some() {
            return Err(ActError::NotAssigned(thing.clone()));
        }
        self.touch(&deployment).assigned.insert(thing.clone());
        Ok(people.len())
    }

    /// Makes a new credential, which is shown this once. The one before is taken until `former_until`, so that devices can
    /// be changed one after the other; not when it was revoked.
    ///
    /// # Errors
    /// When the overlap is longer than [`MAX_OVERLAP_MILLIS`], there is no such identity, or the database fails.
    pub fn renew_token(
        &mut self,
        identity: &Identity,
        former_until: Timestamp,
    ) -> Result<Token, ActError> {
        if former_until > self.now.plus_millis(MAX_OVERLAP_MILLIS) {
            return Err(ActError::Overlap);
        }
        self.touch_identity(identity)?;
        let token = Token::random()?;
        let (table, id) = (identity.table(), identity.as_str());
        rows::credential::renew(self.tx, table, id, &token.hash(), former_until)?;
        Ok(token)
    }

    /// Nothing opens the identity any more, and who is connected is refused from the next message on, until a new
    /// credential is made. Certificates that we issued for a thing end for good: a new token does not bring them back. Those
    /// of a maker hold again then, unless they are revoked one by one.
    ///
    /// # Errors
    /// When there is no such identity, or the database fails.
    pub fn revoke(&mut self, identity: &Identity) -> Result<(), ActError> {
        self.touch_identity(identity)?;
        rows::credential::revoke(self.tx, identity.table(), identity.as_str(), self.now)?;
        match identity {
            Identity::Thing(thing) => self.end_certificates(thing),
            Identity::Bridge(_) | Identity::Recipient(_) => Ok(()),
        }
    }

    /// Ends the certificates that we issued for a thing.
    fn end_certificates(&mut self, thing: &ThingId) -> Result<(), ActError> {
        rows::certificate::revoke_oldest(self.tx, thing, 0, self.now)?;
        self.touch_certificates().things.insert(thing.clone());
        Ok(())
    }

    /// What the rows say of an identity is read again when the act comes into force.
    fn touch_identity(&mut self, identity: &Identity) -> Result<(), ActError> {
        match identity {
            Identity::Thing(thing) => {
                let deployment = self.deployment_of(thing)?;
                self.touch(&deployment).changed.insert(thing.clone());
            }
            Identity::Bridge(bridge) => {
                self.bridge(bridge)?;
                self.bridges.insert(bridge.clone());
            }
            Identity::Recipient(recipient) => {
                if !rows::access::has_recipient(self.tx, recipient.as_str())? {
                    return Err(ActError::NoRecipient(recipient.clone()));
                }
                self.recipients.insert(recipient.clone());
            }
        }
        Ok(())
    }

    pub(super) fn change_thing(
        &mut self,
        thing: &ThingId,
        deployment: &DeploymentId,
        change: impl FnOnce(&mut ThingRow),
    ) -> Result<(), ActError> {
        let mut row =
            rows::thing::one(self.tx, thing)?.ok_or_else(|| ActError::NoThing(thing.clone()))?;
        change(&mut row);
        rows::thing::update(self.tx, &row)?;
        self.touch(deployment).changed.insert(thing.clone());
        Ok(())
    }

    fn bridge(&mut self, bridge: &BridgeId) -> Result<BridgeRow, ActError> {
        rows::bridge::one(self.tx, bridge)?.ok_or_else(|| ActError::NoBridge(bridge.clone()))
    }

    /// Things, bridges and recipients are user names: no two have the same.
    pub(super) fn must_be_free(&mut self, id: &str) -> Result<(), ActError> {
        let taken = rows::thing::is_taken(self.tx, id)?
            || rows::bridge::exists(self.tx, id)?
            || rows::access::has_recipient(self.tx, id)?;
        if taken {
            return Err(ActError::Taken(id.to_owned()));
        }
        Ok(())
    }

    fn must_be_known(&mut self, deployment: &DeploymentId) -> Result<(), ActError> {
        match rows::deployment::notice_version(self.tx, deployment)? {
            Some(_) => Ok(()),
            None => Err(ActError::NoDeployment(deployment.clone())),
        }
    }

    fn topic_must_be_free(
        &mut self,
        deployment: &DeploymentId,
        topic: &NativeTopic,
        thing: &ThingId,
    ) -> Result<(), ActError> {
        match rows::thing::with_topic(self.tx, deployment, topic.as_str())? {
            Some(other) if other != *thing => Err(ActError::TopicTaken {
                topic: topic.clone(),
                thing: other,
            }),
            _ => Ok(()),
        }
    }
}

/// The word of a dialect, as rows keep it: a way in knows what it means.
fn adapter(word: &str) -> Result<Arc<str>, ActError> {
    let fits = (1..=MAX_ADAPTER_BYTES).contains(&word.len());
    let is_word = |it: char| matches!(it, 'a'..='z' | '0'..='9' | '-');
    if fits && word.chars().all(is_word) {
        Ok(Arc::from(word))
    } else {
        Err(ActError::AdapterWord)
    }
}
