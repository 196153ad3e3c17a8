//! The subscriptions of a session, and how a delivery for one of them is sent.
//!
//! Where subscriptions overlap (3.3.4, 3.3.5), custody offers a message once for each. Those that would be sent alike
//! (same purpose, same form, same condition) become one packet: with the highest QoS, and in MQTT 5 with all
//! identifiers. It is the oldest of them that is sent; the offers for the others are passed over.

use smallvec::SmallVec;

use crate::mqtt::backend::Label;
use crate::mqtt::stamp::{Origin, Stamp};
use crate::mqtt::topic::{Form, Wanted};

/// What the client asked for beside the filter (5.0, 3.8.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) qos: u8,
    pub(super) no_local: bool,
    pub(super) retain_as_published: bool,
    /// The subscription identifier.
    pub(super) identifier: Option<u32>,
}

/// The subscriptions of one session; the oldest come first.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    entries: Vec<Entry>,
    last_tag: u32,
}

#[derive(Debug)]
struct Entry {
    filter: Box<str>,
    tag: u32,
    form: Form,
    options: Options,
    wanted: Box<Wanted>,
}

/// How a delivery is sent.
#[derive(Debug)]
pub(super) struct Addressed {
    pub(super) form: Form,
    pub(super) qos: u8,
    pub(super) retain: bool,
    pub(super) identifiers: SmallVec<[u32; 2]>,
}

impl Subscriptions {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn has(&self, filter: &str) -> bool {
        self.entries.iter().any(|it| &*it.filter == filter)
    }

    /// The tag for the next subscription.
    pub(super) fn next_tag(&self) -> u32 {
        self.last_tag.wrapping_add(1)
    }

    /// Adds a subscription under [`Subscriptions::next_tag`].
    pub(super) fn add(&mut self, filter: &str, form: Form, options: Options, wanted: Wanted) {
        self.last_tag = self.next_tag();
        self.entries.push(Entry {
            filter: filter.into(),
            tag: self.last_tag,
            form,
            options,
            wanted: Box::new(wanted),
        });
    }

    /// Takes a subscription out and gives its tag.
    pub(super) fn remove(&mut self, filter: &str) -> Option<u32> {
        let at = self.entries.iter().position(|it| &*it.filter == filter)?;
        Some(self.entries.remove(at).tag)
    }

    /// Ends all of them.
    pub(super) fn take_tags(&mut self) -> impl Iterator<Item = u32> + use<> {
        std::mem::take(&mut self.entries)
            .into_iter()
            .map(|it| it.tag)
    }

    /// Whether a delivery is still for somebody here: its subscription stands, and wants messages of its own session
    /// (3.8.3-3).
    pub(super) fn takes(&self, tag: u32, stamp: Stamp, origin: Origin) -> bool {
        self.by_tag(tag).is_some_and(|it| !it.is_own(stamp, origin))
    }

    /// With which QoS a delivery of a subscription is sent.
    pub(super) fn qos(&self, tag: u32, stamp: Stamp) -> Option<u8> {
        Some(self.by_tag(tag)?.qos(stamp))
    }

    /// How a delivery is sent; nothing when another subscription sends the same message.
    pub(super) fn address(
        &self,
        tag: u32,
        label: &Label<'_>,
        stamp: Stamp,
        origin: Origin,
        is_retained: bool,
    ) -> Option<Addressed> {
        let entry = self.by_tag(tag)?;
        let mut addressed = Addressed {
            form: entry.form,
            qos: entry.qos(stamp),
            retain: is_retained || (entry.options.retain_as_published && stamp.retain()),
            identifiers: entry.options.identifier.into_iter().collect(),
        };
        if is_retained || entry.wanted.group.is_some() || self.entries.len() == 1 {
            return Some(addressed);
        }
        for other in &self.entries {
            if other.tag == tag
                || !other.speaks_like(entry)
                || other.is_own(stamp, origin)
                || !other.wanted.covers(label)
            {
                continue;
            }
            if other.tag < tag {
                return None;
            }
            addressed.qos = addressed.qos.max(other.qos(stamp));
            addressed.retain |= other.options.retain_as_published && stamp.retain();
            addressed.identifiers.extend(other.options.identifier);
        }
        Some(addressed)
    }

    fn by_tag(&self, tag: u32) -> Option<&Entry> {
        self.entries.iter().find(|it| it.tag == tag)
    }
}

impl Entry {
    fn is_own(&self, stamp: Stamp, origin: Origin) -> bool {
        self.options.no_local && stamp.is_from(origin)
    }

    /// On a native topic a message comes as it was published, with the lower of both QoS (3.8.4-8). On a topic of ours
    /// it is a message that we make, so its QoS is what was granted.
    fn qos(&self, stamp: Stamp) -> u8 {
        match self.form {
            Form::Native => self.options.qos.min(stamp.qos()),
            Form::WithPurpose | Form::Plain => self.options.qos,
        }
    }

    /// Whether what both send of a message is the same packet.
    fn speaks_like(&self, other: &Self) -> bool {
        self.form == other.form
            && self.wanted.group.is_none()
            && self.wanted.purpose == other.wanted.purpose
            && self.wanted.condition == other.wanted.condition
    }
}
