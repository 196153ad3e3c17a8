//! Credentials of a person's own devices: who owns or carries a device gives it a new one, or ends it.
//!
//! Only what somebody holds ([`Role::Holder`]): the meter of a home is its operator's. And nothing that receives as a recipient under the
//! same credential: whoever makes that token gets what the recipient gets, which may be about others, and the operator decides that.

use custody::{Identity, Token};
use model::{Role, ThingId, Timestamp};

use crate::authority::{Action, Actor};
use crate::safety::Proved;
use crate::security_events::EventKind;
use crate::{Alliance, AllianceError, rows};

/// How many devices of a person are shown.
pub const MAX_OWN_THINGS: usize = 50;

/// A device that a person owns or carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnThing {
    /// Which.
    pub id: ThingId,
    /// Whether its credential was ended, and nothing opens it until it gets a new one.
    pub is_barred: bool,
}

impl Alliance {
    /// The devices that a person owns or carries now, and that receive nothing, at most [`MAX_OWN_THINGS`].
    ///
    /// # Errors
    /// When the database fails.
    pub fn own_things(
        &self,
        person: &model::PersonId,
        now: Timestamp,
    ) -> Result<Vec<OwnThing>, AllianceError> {
        let mut own = Vec::new();
        for deployment in self.custody.deployments_about(person) {
            for it in self.custody.assignments(person, &deployment)? {
                let current = it.valid_from <= now && it.valid_until.is_none_or(|end| now < end);
                if !current || it.role != Role::Holder {
                    continue;
                }
                let peer = self.custody.thing(&it.thing).filter(|it| !it.is_removed());
                if let Some(peer) = peer.filter(|it| it.registered().receives_as.is_none()) {
                    own.push(OwnThing {
                        id: it.thing,
                        is_barred: peer.is_barred(),
                    });
                }
            }
        }
        own.sort_by(|a, b| a.id.cmp(&b.id));
        own.dedup();
        own.truncate(MAX_OWN_THINGS);
        Ok(own)
    }

    fn must_own(&self, by: &Proved, thing: &ThingId) -> Result<Identity, AllianceError> {
        Actor::Account(by.account.clone()).must(Action::Choose)?;
        let own = self.own_things(&by.account.id, by.now)?;
        if own.iter().any(|it| it.id == *thing) {
            return Ok(Identity::Thing(thing.clone()));
        }
        // Nobody is told which devices there are.
        Err(AllianceError::NotFound {
            what: "thing",
            id: thing.to_string(),
        })
    }

    /// Gives a device of one's own a new credential, shown this once; the former one ends now.
    ///
    /// # Errors
    /// When it is not theirs, or the database fails.
    pub fn renew_own_thing(&self, by: &Proved, thing: &ThingId) -> Result<Token, AllianceError> {
        let identity = self.must_own(by, thing)?;
        self.custody.act(by.now, |act| {
            let token = act.renew_token(&identity, by.now)?;
            let kind = EventKind::CredentialRenewed;
            rows::security_event::put(act.tx(), &by.account.id, kind, by.device, by.now)?;
            Ok(token)
        })
    }

    /// Ends the credential of a device of one's own: nothing comes in from it until it gets a new one.
    ///
    /// # Errors
    /// When it is not theirs, or the database fails.
    pub fn revoke_own_thing(&self, by: &Proved, thing: &ThingId) -> Result<(), AllianceError> {
        let identity = self.must_own(by, thing)?;
        self.custody.act(by.now, |act| {
            act.revoke(&identity)?;
            let kind = EventKind::CredentialRevoked;
            rows::security_event::put(act.tx(), &by.account.id, kind, by.device, by.now)?;
            Ok(())
        })
    }
}
