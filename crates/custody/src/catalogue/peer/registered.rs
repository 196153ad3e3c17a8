//! What is registered of things, bridges and recipients, for operators.

use std::sync::Arc;

use model::{RecipientId, Timestamp};

use super::{BridgePeer, RecipientPeer, ThingPeer};
use crate::NativeTopic;

/// A registered peer, for an operator: no secret of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its native topic.
    pub topic: Option<NativeTopic>,
    /// The dialect; nothing is plain.
    pub adapter: Option<Arc<str>>,
    /// As whom it receives.
    pub receives_as: Option<RecipientId>,
    /// Since when nothing opens it.
    pub revoked_at: Option<Timestamp>,
    /// Until when the credential before this one is taken.
    pub former_until: Option<Timestamp>,
}

impl ThingPeer {
    /// What is registered of it.
    #[must_use]
    pub fn registered(&self) -> Registered {
        let ways = self.ways.load();
        let ways = ways.as_deref().cloned().unwrap_or_default();
        let credential = self.credential.row();
        Registered {
            topic: ways.topic,
            adapter: ways.adapter,
            receives_as: ways.receives_as,
            revoked_at: credential.revoked_at,
            former_until: credential.former.map(|it| it.1),
        }
    }
}

impl RecipientPeer {
    /// What is registered of it; it has neither topic nor dialect.
    #[must_use]
    pub fn registered(&self) -> Registered {
        let credential = self.credential.row();
        Registered {
            topic: None,
            adapter: None,
            receives_as: None,
            revoked_at: credential.revoked_at,
            former_until: credential.former.map(|it| it.1),
        }
    }
}

impl BridgePeer {
    /// What is registered of it.
    #[must_use]
    pub fn registered(&self) -> Registered {
        let ways = self.ways.load();
        let credential = self.credential.row();
        Registered {
            topic: None,
            adapter: Some(Arc::clone(&ways.adapter)),
            receives_as: ways.receives_as.clone(),
            revoked_at: credential.revoked_at,
            former_until: credential.former.map(|it| it.1),
        }
    }
}
