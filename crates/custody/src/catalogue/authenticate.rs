//! At the door: a user name and a password become a peer, or nobody.

use std::sync::Arc;

use model::{BridgeId, PurposeId, RecipientId, ThingId, Timestamp};

use super::Catalogue;
use super::peer::{Opened, Peer, Publisher};
use crate::secret::TokenHash;

/// A user name: the identifier of a thing, a bridge or a recipient, and for who receives `?purpose=<purpose>`.
struct UserName<'a> {
    id: &'a str,
    purpose: Option<PurposeId>,
}

impl<'a> UserName<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (id, purpose) = match text.split_once('?') {
            None => (text, None),
            Some((id, query)) => {
                let purpose = query.strip_prefix("purpose=")?;
                (id, Some(PurposeId::parse(purpose).ok()?))
            }
        };
        Some(Self { id, purpose })
    }
}

impl Catalogue {
    /// Whoever has this user name, when the password opens it. Takes the same time for a wrong password and an unknown name.
    pub(crate) fn authenticate(
        &self,
        user_name: &str,
        password: &[u8],
        now: Timestamp,
    ) -> Option<(Peer, Opened)> {
        let offered = TokenHash::of(password);
        let found = UserName::parse(user_name).and_then(|it| self.find(it));
        let opens = match &found {
            Some(peer) => peer.credential().opens(&offered, now),
            // Nobody has this name, so that it makes no difference what this says.
            None => {
                std::hint::black_box(TokenHash::of(b"").is(&offered));
                None
            }
        };
        found.zip(opens).filter(|_| !password.is_empty())
    }

    /// Who has this user name, when a certificate has proved that.
    pub(crate) fn certified(&self, user_name: &str) -> Option<(Peer, Opened)> {
        let peer = self.find(UserName::parse(user_name)?)?;
        let opened = peer.credential().opened_by_certificate()?;
        Some((peer, opened))
    }

    fn find(&self, name: UserName<'_>) -> Option<Peer> {
        let UserName { id, purpose } = name;
        if let Some(thing) = ThingId::parse(id).ok().and_then(|it| self.things.get(&it)) {
            let receives_as = thing.receives_as();
            let publisher = Publisher::Thing(Arc::clone(thing));
            return self.publishing(publisher, receives_as, purpose);
        }
        if let Some(bridge) = BridgeId::parse(id)
            .ok()
            .and_then(|it| self.bridges.get(&it))
        {
            let receives_as = bridge.receives_as();
            let publisher = Publisher::Bridge(Arc::clone(bridge));
            return self.publishing(publisher, receives_as, purpose);
        }
        let recipient = self.recipients.get(&RecipientId::parse(id).ok()?)?;
        Some(match purpose {
            Some(purpose) => Peer::RecipientFor(Arc::clone(recipient), purpose),
            None => Peer::Recipient(Arc::clone(recipient)),
        })
    }

    /// Who only publishes has no purpose to name.
    fn publishing(
        &self,
        publisher: Publisher,
        receives_as: Option<RecipientId>,
        purpose: Option<PurposeId>,
    ) -> Option<Peer> {
        let recipient = receives_as.and_then(|it| self.recipients.get(&it));
        match (recipient, publisher) {
            (Some(recipient), publisher) => Some(Peer::Hub {
                publisher,
                recipient: Arc::clone(recipient),
                purpose,
            }),
            (None, _) if purpose.is_some() => None,
            (None, Publisher::Thing(thing)) => Some(Peer::Thing(thing)),
            (None, Publisher::Bridge(bridge)) => Some(Peer::Bridge(bridge)),
        }
    }
}
