//! Who stands behind a connection: things, bridges, recipients, and those who are two of them in one.

pub(crate) mod credential;
mod registered;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use model::{BridgeId, DeploymentId, PurposeId, RecipientId, ThingId, Timestamp};
use ring::hmac;

use super::shards::Shards;
use super::{Deployment, ThingNumber, check_device_name};
use crate::NativeTopic;
use crate::rows::access::RecipientRow;
use crate::rows::bridge::BridgeRow;
use crate::rows::thing::ThingRow;

pub use credential::Opened;
pub use registered::Registered;

use credential::Credential;

/// How many devices that a bridge named and that are not registered are remembered, for each bridge.
pub const MAX_SEEN_DEVICES: usize = 256;
/// The longest name of a device at a bridge, in bytes.
pub const MAX_DEVICE_NAME_BYTES: usize = 128;

/// Who stands behind a connection.
#[derive(Debug, Clone)]
pub enum Peer {
    /// A device: publishes for itself.
    Thing(Arc<ThingPeer>),
    /// Publishes for several things.
    Bridge(Arc<BridgePeer>),
    /// A party that receives, naming a purpose with each subscription.
    Recipient(Arc<RecipientPeer>),
    /// A party that named its purpose at the door, for the whole connection.
    RecipientFor(Arc<RecipientPeer>, PurposeId),
    /// Publishes and receives under one credential, as an operator has tied both.
    Hub {
        /// As whom it publishes.
        publisher: Publisher,
        /// As whom it receives.
        recipient: Arc<RecipientPeer>,
        /// The purpose that it named at the door.
        purpose: Option<PurposeId>,
    },
}

/// Who publishes on a connection.
#[derive(Debug, Clone)]
pub enum Publisher {
    /// A device.
    Thing(Arc<ThingPeer>),
    /// A bridge.
    Bridge(Arc<BridgePeer>),
}

impl Peer {
    /// As whom this peer publishes, if it may.
    #[must_use]
    pub fn publisher(&self) -> Option<Publisher> {
        match self {
            Self::Thing(thing) => Some(Publisher::Thing(Arc::clone(thing))),
            Self::Bridge(bridge) => Some(Publisher::Bridge(Arc::clone(bridge))),
            Self::Hub { publisher, .. } => Some(publisher.clone()),
            Self::Recipient(_) | Self::RecipientFor(..) => None,
        }
    }

    /// The thing that it is, if it is one.
    #[must_use]
    pub fn thing(&self) -> Option<&Arc<ThingPeer>> {
        match self {
            Self::Thing(thing)
            | Self::Hub {
                publisher: Publisher::Thing(thing),
                ..
            } => Some(thing),
            _ => None,
        }
    }

    /// The bridge that it is, if it is one.
    #[must_use]
    pub fn bridge(&self) -> Option<&Arc<BridgePeer>> {
        match self {
            Self::Bridge(bridge)
            | Self::Hub {
                publisher: Publisher::Bridge(bridge),
                ..
            } => Some(bridge),
            _ => None,
        }
    }

    /// As whom this peer receives, if it may.
    #[must_use]
    pub fn recipient(&self) -> Option<&Arc<RecipientPeer>> {
        match self {
            Self::Recipient(recipient)
            | Self::RecipientFor(recipient, _)
            | Self::Hub { recipient, .. } => Some(recipient),
            Self::Thing(_) | Self::Bridge(_) => None,
        }
    }

    /// The purpose that it named at the door, for the whole connection.
    #[must_use]
    pub fn purpose(&self) -> Option<&PurposeId> {
        match self {
            Self::RecipientFor(_, purpose) => Some(purpose),
            Self::Hub { purpose, .. } => purpose.as_ref(),
            Self::Thing(_) | Self::Bridge(_) | Self::Recipient(_) => None,
        }
    }

    /// Whether it is still who it was: what opened it then was not revoked since, not even when another token was made
    /// afterwards, and is not a token in whose place another one is taken alone.
    #[must_use]
    pub fn stands(&self, since: Opened, now: Timestamp) -> bool {
        self.credential().still_opens(since, now)
    }

    /// When it does not [stand](Peer::stands) any more although nobody acts: the end of the overlap, where it came with a
    /// token that was renewed.
    #[must_use]
    pub fn stands_until(&self, since: Opened) -> Option<Timestamp> {
        self.credential().ends_at(since)
    }

    /// Whether its credential was revoked since, or itself removed.
    #[must_use]
    pub fn was_revoked(&self, since: Opened) -> bool {
        self.credential().has_ended(since)
    }

    /// Whether it still receives as it did: it [stands](Peer::stands), and who publishes and receives in one is still tied to
    /// this recipient. To be asked beside [`Custody::permit`](crate::Custody::permit), which knows the recipient and not
    /// under whose credential it came.
    #[must_use]
    pub fn receives(&self, since: Opened, now: Timestamp) -> bool {
        let receives_as = |is: Option<&RecipientId>, was: &RecipientPeer| is == Some(&was.id);
        let is_tied = match self {
            Self::Hub {
                publisher: Publisher::Thing(thing),
                recipient,
                ..
            } => {
                let ways = thing.ways.load();
                receives_as(
                    ways.as_ref().and_then(|it| it.receives_as.as_ref()),
                    recipient,
                )
            }
            Self::Hub {
                publisher: Publisher::Bridge(bridge),
                recipient,
                ..
            } => receives_as(bridge.ways.load().receives_as.as_ref(), recipient),
            Self::Thing(_) | Self::Bridge(_) | Self::Recipient(_) | Self::RecipientFor(..) => true,
        };
        is_tied && self.stands(since, now)
    }

    /// What opens it.
    pub(super) fn credential(&self) -> &Credential {
        match self {
            Self::Recipient(recipient) | Self::RecipientFor(recipient, _) => &recipient.credential,
            Self::Thing(thing)
            | Self::Hub {
                publisher: Publisher::Thing(thing),
                ..
            } => &thing.credential,
            Self::Bridge(bridge)
            | Self::Hub {
                publisher: Publisher::Bridge(bridge),
                ..
            } => &bridge.credential,
        }
    }

    /// The identifier under which it is registered, by which its credential is known.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Recipient(recipient) | Self::RecipientFor(recipient, _) => recipient.id.as_str(),
            Self::Thing(thing)
            | Self::Hub {
                publisher: Publisher::Thing(thing),
                ..
            } => thing.id.as_str(),
            Self::Bridge(bridge)
            | Self::Hub {
                publisher: Publisher::Bridge(bridge),
                ..
            } => bridge.id.as_str(),
        }
    }
}

/// What few things have.
#[derive(Clone, Default, PartialEq)]
struct Ways {
    topic: Option<NativeTopic>,
    adapter: Option<Arc<str>>,
    receives_as: Option<RecipientId>,
    removed: bool,
    quarantined: bool,
}

/// A registered thing.
pub struct ThingPeer {
    pub(crate) id: ThingId,
    /// Its number in the deployment.
    pub(crate) number: ThingNumber,
    pub(crate) deployment: Arc<Deployment>,
    credential: Credential,
    ways: ArcSwapOption<Ways>,
    /// What its messages show about its switches.
    pub(crate) watching: crate::source::Watching,
    /// What it said last that decides about its commands.
    pub(crate) lasts: crate::command::Lasts,
}

impl ThingPeer {
    pub(crate) fn new(row: &ThingRow, number: ThingNumber, deployment: Arc<Deployment>) -> Self {
        let peer = Self {
            id: row.id.clone(),
            number,
            deployment,
            credential: Credential::new(&row.credential),
            ways: ArcSwapOption::empty(),
            watching: crate::source::Watching::default(),
            lasts: crate::command::Lasts::default(),
        };
        peer.set(row);
        peer
    }

    /// Puts in force what the rows say of it.
    pub(crate) fn set(&self, row: &ThingRow) {
        self.credential
            .set(&row.credential, row.removed_at.is_some());
        let ways = Ways {
            topic: row.topic.clone(),
            adapter: row.adapter.clone(),
            receives_as: row.receives_as.clone(),
            removed: row.removed_at.is_some(),
            quarantined: row.quarantined_at.is_some(),
        };
        let ways = (ways != Ways::default()).then(|| Arc::new(ways));
        self.ways.store(ways);
    }

    /// Whether it is in force as the rows say.
    pub(crate) fn is_as(&self, row: &ThingRow) -> bool {
        let ways = self.ways.load();
        let ways = ways.as_deref().cloned().unwrap_or_default();
        self.credential.row() == row.credential
            && self.is_barred() == (row.removed_at.is_some() || row.credential.revoked_at.is_some())
            && ways.quarantined == row.quarantined_at.is_some()
            && (ways.topic, ways.adapter, ways.receives_as)
                == (
                    row.topic.clone(),
                    row.adapter.clone(),
                    row.receives_as.clone(),
                )
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &ThingId {
        &self.id
    }

    /// Its deployment.
    #[must_use]
    pub fn deployment_id(&self) -> &DeploymentId {
        &self.deployment.id
    }

    /// Its native topic, where one is registered.
    #[must_use]
    pub fn topic(&self) -> Option<NativeTopic> {
        self.ways.load().as_ref()?.topic.clone()
    }

    /// The word of the dialect in which it speaks, where it is not plain.
    #[must_use]
    pub fn adapter(&self) -> Option<Arc<str>> {
        self.ways.load().as_ref()?.adapter.clone()
    }

    /// As whom it receives.
    pub(super) fn receives_as(&self) -> Option<RecipientId> {
        self.ways.load().as_ref()?.receives_as.clone()
    }

    /// Whether it was removed, for good.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.ways.load().as_ref().is_some_and(|it| it.removed)
    }

    /// Whether nothing of it is taken for now: a sanction.
    #[must_use]
    pub fn is_quarantined(&self) -> bool {
        self.ways.load().as_ref().is_some_and(|it| it.quarantined)
    }

    /// Whether it was removed or its credential revoked: nothing of it is taken any more.
    #[must_use]
    pub fn is_barred(&self) -> bool {
        self.credential.is_barred()
    }
}

impl std::fmt::Debug for ThingPeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ThingPeer({})", self.id)
    }
}

/// A registered recipient.
pub struct RecipientPeer {
    pub(crate) id: RecipientId,
    credential: Credential,
    pub(crate) pseudonym_key: hmac::Key,
    /// How long publishers may wait for it without its having earned it.
    pub(crate) grace: Arc<crate::outbox::Grace>,
}

impl RecipientPeer {
    pub(crate) fn new(row: &RecipientRow, pseudonym_key: hmac::Key) -> Self {
        Self {
            id: row.id.clone(),
            credential: Credential::new(&row.credential),
            pseudonym_key,
            grace: Arc::default(),
        }
    }

    /// Puts in force what the rows say of it.
    pub(crate) fn set(&self, row: &RecipientRow) {
        self.credential.set(&row.credential, false);
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &RecipientId {
        &self.id
    }

    /// Whether its credential was revoked: nothing leaves to it any more.
    #[must_use]
    pub fn is_barred(&self) -> bool {
        self.credential.is_barred()
    }
}

impl std::fmt::Debug for RecipientPeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecipientPeer({})", self.id)
    }
}

/// A registered bridge: a peer that speaks for several things of one deployment.
pub struct BridgePeer {
    pub(crate) id: BridgeId,
    deployment: DeploymentId,
    credential: Credential,
    ways: ArcSwap<BridgeWays>,
    /// By the name that the bridge uses.
    pub(crate) things: ArcSwap<Shards<Arc<str>, Arc<ThingPeer>>>,
    seen: Mutex<Seen>,
}

struct BridgeWays {
    adapter: Arc<str>,
    receives_as: Option<RecipientId>,
}

/// A device that a bridge named and that is not registered. Nothing of what it sent is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenDevice {
    /// What the bridge calls it.
    pub name: String,
    /// When it was first named since the server started.
    pub first: Timestamp,
    /// When it was last named.
    pub last: Timestamp,
    /// How often.
    pub times: u64,
}

#[derive(Default)]
struct Seen {
    devices: BTreeMap<Box<str>, SeenDevice>,
    /// Messages of devices that are not remembered, because there are too many or their names are too long.
    unlisted: u64,
}

impl BridgePeer {
    pub(crate) fn new(row: &BridgeRow) -> Self {
        let peer = Self {
            id: row.id.clone(),
            deployment: row.deployment.clone(),
            credential: Credential::new(&row.credential),
            ways: ArcSwap::from_pointee(BridgeWays {
                adapter: Arc::clone(&row.adapter),
                receives_as: row.receives_as.clone(),
            }),
            things: ArcSwap::default(),
            seen: Mutex::default(),
        };
        peer.set(row);
        peer
    }

    /// Puts in force what the rows say of it.
    pub(crate) fn set(&self, row: &BridgeRow) {
        self.credential.set(&row.credential, false);
        self.ways.store(Arc::new(BridgeWays {
            adapter: Arc::clone(&row.adapter),
            receives_as: row.receives_as.clone(),
        }));
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &BridgeId {
        &self.id
    }

    /// The deployment of all its things.
    #[must_use]
    pub fn deployment_id(&self) -> &DeploymentId {
        &self.deployment
    }

    /// The word of the dialect in which it speaks.
    #[must_use]
    pub fn adapter(&self) -> Arc<str> {
        Arc::clone(&self.ways.load().adapter)
    }

    /// Whether its credential was revoked: nothing of it is taken any more.
    #[must_use]
    pub fn is_barred(&self) -> bool {
        self.credential.is_barred()
    }

    /// As whom it receives.
    pub(super) fn receives_as(&self) -> Option<RecipientId> {
        self.ways.load().receives_as.clone()
    }

    /// The thing that the bridge means by a name.
    #[must_use]
    pub fn thing(&self, name: &str) -> Option<Arc<ThingPeer>> {
        self.things.load().get(name).map(Arc::clone)
    }

    /// How many names of things it has.
    #[must_use]
    pub fn thing_count(&self) -> usize {
        self.things.load().iter().count()
    }

    /// Every name with its thing, by name.
    #[must_use]
    pub fn things(&self) -> Vec<(Arc<str>, ThingId)> {
        let things = self.things.load();
        let mut all: Vec<_> = things
            .iter()
            .map(|(name, thing)| (Arc::clone(name), thing.id.clone()))
            .collect();
        all.sort();
        all
    }

    /// Says which thing a name means; nothing: none any more. With `anew` those are all names that there are.
    pub(crate) fn link(&self, changes: &[(Arc<str>, Option<Arc<ThingPeer>>)], anew: bool) {
        let mut things = match anew {
            true => Shards::default(),
            false => Shards::clone(&self.things.load()),
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, thing) in changes {
            match thing {
                Some(thing) => {
                    things.insert(Arc::clone(name), Arc::clone(thing));
                    seen.devices.remove(&**name);
                }
                None => {
                    things.remove(&**name);
                }
            }
        }
        self.things.store(Arc::new(things));
    }

    /// The bridge sent something for a device that is not registered. Nothing of it is kept but the name.
    pub fn saw_unregistered(&self, name: &str, now: Timestamp) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = seen.devices.get_mut(name) {
            device.last = now;
            device.times = device.times.saturating_add(1);
        } else if seen.devices.len() >= MAX_SEEN_DEVICES || check_device_name(name).is_none() {
            seen.unlisted = seen.unlisted.saturating_add(1);
        } else {
            let device = SeenDevice {
                name: name.to_owned(),
                first: now,
                last: now,
                times: 1,
            };
            seen.devices.insert(Box::from(name), device);
        }
    }

    /// The devices that it named and that are not registered, by name, and how many messages were for devices that are not
    /// listed. For the operator only.
    #[must_use]
    pub fn seen(&self) -> (Vec<SeenDevice>, u64) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.devices.values().cloned().collect(), seen.unlisted)
    }
}

impl std::fmt::Debug for BridgePeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BridgePeer({})", self.id)
    }
}
