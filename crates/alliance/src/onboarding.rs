//! Bringing devices in: things with their topics and dialects, bridges, and credentials over time.
//!
//! These acts concern the deployment and its operator; none of them changes what may pass, so none stands in the public
//! record. What may pass is decided by notices, grants and licences, which do.

use std::sync::Arc;

use custody::{Identity, NativeTopic, NewThing, ProvisioningKey, Token};
use model::{BridgeId, DeploymentId, RecipientId, ThingId, Timestamp};

use crate::authority::{Action, Actor};
use crate::{Alliance, AllianceError};

/// A thing that is to come in, and how bridges call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joining {
    /// The thing.
    pub thing: NewThing,
    /// The bridges that speak for it, each with its name for it.
    pub names: Vec<(BridgeId, String)>,
}

/// What is to change of a thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThingChange {
    /// Another native topic, or none.
    pub topic: Option<Option<NativeTopic>>,
    /// Another dialect, or plain.
    pub adapter: Option<Option<Arc<str>>>,
}

impl Alliance {
    /// Registers things of one deployment, with their topics, dialects and names at bridges, all or none; credentials in the
    /// order of the things, shown this once.
    ///
    /// # Errors
    /// When the actor may not, an identifier or topic is taken, something named is not known or of another deployment, or the
    /// database fails.
    pub fn bring_in(
        &self,
        by: &Actor,
        joining: &[Joining],
        deployment: &DeploymentId,
        now: Timestamp,
    ) -> Result<Vec<Token>, AllianceError> {
        by.must(Action::ManageDeployment)?;
        self.custody.act(now, |act| {
            let mut tokens = Vec::with_capacity(joining.len());
            for it in joining {
                tokens.push(act.register_new_thing(&it.thing, deployment)?);
                for (bridge, name) in &it.names {
                    act.bridge_speaks_for(bridge, name, &it.thing.id)?;
                }
            }
            Ok(tokens)
        })
    }

    /// Changes the topic or the dialect of a thing, in force at once.
    ///
    /// # Errors
    /// When the actor may not, another thing of the deployment has the topic, the thing is not known, or the database fails.
    pub fn change_thing(
        &self,
        by: &Actor,
        thing: &ThingId,
        change: &ThingChange,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        by.must(Action::ManageDeployment)?;
        self.custody.act(now, |act| {
            if let Some(topic) = &change.topic {
                act.set_topic(thing, topic.as_ref())?;
            }
            if let Some(adapter) = &change.adapter {
                act.set_adapter(thing, adapter.as_deref())?;
            }
            Ok(())
        })
    }

    /// Removes a thing for good; its identifier stays taken. Claim codes for it end.
    ///
    /// # Errors
    /// When the actor may not, the thing is not known, or the database fails.
    pub fn remove_thing(
        &self,
        by: &Actor,
        thing: &ThingId,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        by.must(Action::ManageDeployment)?;
        self.custody.act(now, |act| {
            act.remove_thing(thing)?;
            crate::rows::claim::remove_of(act.tx(), thing)?;
            Ok(())
        })
    }

    /// Registers a bridge; its credential is shown this once.
    ///
    /// # Errors
    /// When the actor may not, the identifier is taken, the deployment is not known, or the database fails.
    pub fn register_bridge(
        &self,
        by: &Actor,
        bridge: &BridgeId,
        deployment: &DeploymentId,
        adapter: &str,
        now: Timestamp,
    ) -> Result<Token, AllianceError> {
        by.must(Action::ManageDeployment)?;
        self.custody.act(now, |act| {
            Ok(act.register_bridge(bridge, deployment, adapter)?)
        })
    }

    /// Says which thing a bridge means by a name; nothing: no thing any more.
    ///
    /// # Errors
    /// When the actor may not, one is not known, the thing is of another deployment, or the database fails.
    pub fn link(
        &self,
        by: &Actor,
        bridge: &BridgeId,
        name: &str,
        thing: Option<&ThingId>,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        by.must(Action::ManageDeployment)?;
        self.custody.act(now, |act| match thing {
            Some(thing) => Ok(act.bridge_speaks_for(bridge, name, thing)?),
            None => Ok(act.bridge_forgets(bridge, name)?),
        })
    }

    /// Lets a thing or a bridge receive as a recipient, over the same connection and with the same credential; nothing: not
    /// any more. What it receives is what that recipient has grants for.
    ///
    /// # Errors
    /// When the actor may not, one is not known, the publisher is a recipient, or the database fails.
    pub fn tie(
        &self,
        by: &Actor,
        publisher: &Identity,
        recipient: Option<&RecipientId>,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        by.must(Action::ManageAccess)?;
        self.custody
            .act(now, |act| Ok(act.tie(publisher, recipient)?))
    }

    /// Makes a provisioning key for the devices of a fleet, whose secret is shown this once.
    ///
    /// # Errors
    /// When the actor may not, its name is taken or its limits are none, the deployment is not known, or the database fails.
    pub fn make_provisioning_key(
        &self,
        by: &Actor,
        key: &ProvisioningKey,
        now: Timestamp,
    ) -> Result<Token, AllianceError> {
        by.must(Action::ManageDeployment)?;
        self.custody
            .act(now, |act| Ok(act.make_provisioning_key(key)?))
    }

    /// Ends a provisioning key: it brings nothing in any more.
    ///
    /// # Errors
    /// When the actor may not, there is no such key, or the database fails.
    pub fn end_provisioning_key(
        &self,
        by: &Actor,
        id: &str,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        by.must(Action::ManageDeployment)?;
        self.custody
            .act(now, |act| match act.end_provisioning_key(id)? {
                true => Ok(()),
                false => Err(AllianceError::NotFound {
                    what: "provisioning key",
                    id: id.to_owned(),
                }),
            })
    }

    /// Makes a new credential; the former one is taken until `former_until`, unless it was revoked.
    ///
    /// # Errors
    /// When the actor may not, the overlap is too long, there is no such identity, or the database fails.
    pub fn renew_token(
        &self,
        by: &Actor,
        identity: &Identity,
        former_until: Timestamp,
        now: Timestamp,
    ) -> Result<Token, AllianceError> {
        by.must(action(identity))?;
        self.custody
            .act(now, |act| Ok(act.renew_token(identity, former_until)?))
    }

    /// Ends a credential at once, and refuses who is connected with it.
    ///
    /// # Errors
    /// When the actor may not, there is no such identity, or the database fails.
    pub fn revoke_token(
        &self,
        by: &Actor,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        by.must(action(identity))?;
        self.custody.act(now, |act| Ok(act.revoke(identity)?))
    }
}

/// What somebody must be allowed to do who manages the credential.
const fn action(identity: &Identity) -> Action {
    match identity {
        Identity::Thing(_) | Identity::Bridge(_) => Action::ManageDeployment,
        Identity::Recipient(_) => Action::ManageAccess,
    }
}
