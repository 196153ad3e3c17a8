//! Between a packet and custody: which things a message is about, in the dialect of who sent it.
//!
//! A thing that speaks plainly goes straight through: nothing is looked at, nothing allocated. Everybody else's messages are
//! taken apart by `adapters`, which may find several devices in one, or none:
//!
//! | what an adapter finds | what happens | counter |
//! |---|---|---|
//! | a message of the thing that owns the connection | it is ingested | |
//! | messages of devices for which the bridge has things | all of them are ingested, or none | |
//! | a device for which the bridge has no thing, or a thing that was revoked | its part is not kept; its name is shown to the operator | `devices_not_registered` |
//! | a message of the dialect without a reading | nothing is kept | `messages_without_reading` |
//! | a topic that the dialect does not have | nothing is kept; a bridge's is shown to the operator among the names that nobody registered | `messages_of_other_topics` |
//! | what cannot be read on a topic of the dialect | refused, see [`RefusalKind::Unreadable`]; the topic of a bridge is shown to the operator | `publishes_malformed` |
//!
//! Rules that users write in devices publish on topics of their own. A device whose connection was closed for that would
//! connect, publish and be closed again, forever.
//!
//! Of which devices a bridge's message was that was not taken, see [`missed`]: what they said before is not trusted any more.
//!
//! What is acknowledged waits for the last position of what was kept. A packet of which nothing is kept is acknowledged at
//! once: sending it again would change nothing.

use std::borrow::Cow;
use std::sync::Arc;

use adapters::{Adapter, Answer, Spoken, State, TakeError, Taken};
use custody::{Arrival, BridgePeer, Command, Custody, Lsn, Publisher, Retain, ThingPeer};
use model::Timestamp;
use smallvec::SmallVec;

use crate::decoding::{self, Decoded};
use crate::refusal::{Refusal, RefusalKind};
use crate::{Counter, Counters, said};

/// A message as it came from a socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arriving<'a> {
    /// The topic, or what stands for it where there are none.
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    /// The properties of MQTT 5, checked and as they came; empty where there are none.
    pub(crate) properties: &'a [u8],
    /// Whether it is to be kept for who subscribes later.
    pub(crate) retain: bool,
    /// What the session that sent it says beside the payload, see `mqtt::stamp`; 0 where there is none.
    pub(crate) origin: u64,
    /// From when on it is not to be delivered any more.
    pub(crate) expires_at: Option<Timestamp>,
}

/// The ways in of one connection.
pub(crate) struct Ways {
    counters: Arc<Counters>,
    /// Of who does not speak plainly.
    memory: Option<Box<Memory>>,
    /// What a codec said about the message that is taken next.
    heard: Option<Box<Decoded>>,
}

struct Memory {
    adapter: Adapter,
    state: State,
    /// The thing of the last message: its recipients are those who have to keep up.
    last: Option<Arc<ThingPeer>>,
}

/// What one thing has in a message.
type Part<'a> = (Arc<ThingPeer>, Cow<'a, [u8]>);

impl Ways {
    pub(crate) const fn new(counters: Arc<Counters>) -> Self {
        Self {
            counters,
            memory: None,
            heard: None,
        }
    }

    /// Takes a message of this connection's peer.
    pub(crate) fn take(
        &mut self,
        custody: &Custody,
        publisher: &Publisher,
        message: &Arriving<'_>,
        now: Timestamp,
    ) -> Result<Lsn, Refusal> {
        match publisher {
            Publisher::Thing(thing) => match thing.adapter() {
                None => keep(custody, &message.of(thing, message.payload), now),
                Some(word) => self
                    .take_adapted(custody, publisher, &word, message, now, |it, parts| {
                        parts.push((Arc::clone(thing), it.body));
                    })
                    .map_err(unreadable)
                    .inspect_err(|_| missed(custody, publisher, message.topic)),
            },
            Publisher::Bridge(bridge) => {
                if bridge.is_barred() {
                    return Err(Refusal {
                        kind: RefusalKind::Unregistered,
                        text: "the token of this bridge was revoked".to_owned(),
                    });
                }
                let counters = Arc::clone(&self.counters);
                let word = bridge.adapter();
                self.take_adapted(custody, publisher, &word, message, now, |it, parts| {
                    match registered(bridge, message.topic, &it, now) {
                        Some(thing) => parts.push((thing, it.body)),
                        None => counters.add(Counter::DevicesNotRegistered),
                    }
                })
                .map_err(unreadable)
                .inspect_err(|it| {
                    missed(custody, publisher, message.topic);
                    if it.kind == RefusalKind::Unreadable {
                        bridge.saw_unregistered(message.topic, now);
                    }
                })
            }
        }
    }

    /// The connection has subscribed to a filter: its dialect may have an answer to that.
    pub(crate) fn subscribed(&mut self, publisher: &Publisher, filter: &str) {
        let Some(adapter) = adapter(publisher).filter(|it| *it != Adapter::Plain) else {
            return;
        };
        let memory = self.remember(adapter);
        memory.state.subscribed(adapter, filter);
    }

    /// A command in the dialect of the connection; nothing where that cannot say it.
    pub(crate) fn speak<'a>(
        &mut self,
        publisher: &Publisher,
        command: &'a Command,
        now: Timestamp,
    ) -> Option<Spoken<'a>> {
        let (topic, payload) = (command.topic(), command.payload());
        let said = match adapter(publisher) {
            None | Some(Adapter::Plain) => {
                State::default().speak(Adapter::Plain, topic, payload, now)
            }
            Some(adapter) => {
                let memory = self.remember(adapter);
                memory.state.speak(adapter, topic, payload, now)
            }
        };
        said.map_err(|_| self.counters.add(Counter::CommandsNotSaid))
            .ok()
    }

    /// What the dialect has its server answer to what was taken last.
    pub(crate) fn answers(&mut self, now: Timestamp) -> Vec<Answer> {
        match &mut self.memory {
            Some(memory) => memory.state.answers(now),
            None => Vec::new(),
        }
    }

    /// Whether a codec has said something that no message has used yet.
    pub(crate) fn has_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// A codec was asked about the message that is taken next, and this is what it said.
    pub(crate) fn hear(&mut self, said: Decoded) {
        self.heard = Some(Box::new(said));
    }

    /// The thing whose recipients have to keep up with this connection, for a bridge the one it spoke for last.
    pub(crate) fn paced_by<'a>(
        &'a self,
        publisher: Option<&'a Publisher>,
    ) -> Option<&'a Arc<ThingPeer>> {
        match publisher? {
            Publisher::Thing(thing) => Some(thing),
            Publisher::Bridge(_) => self.memory.as_ref()?.last.as_ref(),
        }
    }

    fn take_adapted<'m>(
        &mut self,
        custody: &Custody,
        publisher: &Publisher,
        word: &str,
        message: &Arriving<'m>,
        now: Timestamp,
        mut sort: impl FnMut(Taken<'m>, &mut SmallVec<[Part<'m>; 1]>),
    ) -> Result<Lsn, Refusal> {
        let heard = self.heard.take().map(|it| *it);
        let counters = Arc::clone(&self.counters);
        let mut order = None;
        let memory = self.memory(word)?;
        let gaps = memory.state.gaps();
        let taken = match memory.adapter {
            // The one dialect in which what is said beside the payload comes in, as fields of its own.
            Adapter::Value => said::read(message.properties, |said| {
                order = adapters::value::order(said).map(Arc::from);
                adapters::value::take(message.topic, message.payload, said)
            }),
            adapter => adapters::take(adapter, &mut memory.state, message.topic, message.payload),
        };
        if memory.state.gaps() > gaps {
            counters.add(Counter::SequenceGaps);
            missed(custody, publisher, "");
        }
        let taken = match taken {
            Err(TakeError::OtherTopic) => {
                counters.add(Counter::MessagesOfOtherTopics);
                if let Publisher::Bridge(bridge) = publisher {
                    bridge.saw_unregistered(message.topic, now);
                }
                return Ok(custody.durable());
            }
            taken => taken.map_err(|err| malformed(err.to_string()))?,
        };
        let taken = decoding::decoded(memory.adapter, message, taken, heard)?;
        if taken.is_empty() {
            let adapter = memory.adapter;
            note_answer(custody, publisher, adapter, message, now);
            self.counters.add(Counter::MessagesWithoutReading);
            return Ok(custody.durable());
        }
        let mut parts: SmallVec<[Part<'m>; 1]> = SmallVec::new();
        for it in taken {
            sort(it, &mut parts);
        }
        let arrivals: SmallVec<[Arrival<'_>; 1]> = parts
            .iter()
            .map(|(thing, body)| Arrival {
                order: order.as_ref(),
                ..message.of(thing, body)
            })
            .collect();
        let kept = match arrivals.as_slice() {
            [one] => custody.take(one, now),
            several => custody.take_all(several, now),
        };
        drop(arrivals);
        if let Some((thing, _)) = parts.pop() {
            let memory = self.memory(word)?;
            memory.last = Some(thing);
        }
        kept.map_err(|it| Refusal::from(&it))
    }

    /// What the connection remembers in this dialect; nothing is left of another one.
    fn memory(&mut self, word: &str) -> Result<&mut Memory, Refusal> {
        let adapter = Adapter::parse(word).ok_or_else(|| {
            malformed(format!(
                "this release does not know the dialect `{word}`: register the sender with another"
            ))
        })?;
        Ok(self.remember(adapter))
    }

    fn remember(&mut self, adapter: Adapter) -> &mut Memory {
        let memory = self
            .memory
            .take()
            .filter(|it| it.adapter == adapter)
            .unwrap_or_else(|| {
                Box::new(Memory {
                    adapter,
                    state: State::default(),
                    last: None,
                })
            });
        self.memory.insert(memory)
    }
}

impl<'a> Arriving<'a> {
    fn of(&self, thing: &'a Arc<ThingPeer>, payload: &'a [u8]) -> Arrival<'a> {
        Arrival {
            thing,
            payload,
            // OASIS MQTT 5.0, 3.3.1.3: nothing at all takes back what was retained, and where a dialect makes something of it,
            // that is delivered like any other.
            retain: match (self.retain, self.payload.is_empty()) {
                (false, _) => Retain::No,
                (true, false) => Retain::Keep,
                (true, true) => Retain::TakeBack,
            },
            origin: self.origin,
            expires_at: self.expires_at,
            order: None,
        }
    }
}

/// Something was sent that was not taken, so nobody knows whether what its things said before still holds. Behind a bridge
/// those are the things whose names stand in the topic, where the dialect has them there, and all of its things where that
/// names nobody.
pub(crate) fn missed(custody: &Custody, publisher: &Publisher, topic: &str) {
    let bridge = match publisher {
        Publisher::Thing(thing) => return custody.missed(thing),
        Publisher::Bridge(bridge) => bridge,
    };
    let adapter = Adapter::parse(&bridge.adapter());
    let names = match adapter.filter(|it| it.names_in_topic()) {
        Some(adapter) => names_in(adapter, topic),
        None => Vec::new(),
    };
    let mut things: Vec<_> = names.iter().filter_map(|it| bridge.thing(it)).collect();
    if things.is_empty() {
        let all = bridge.things();
        things = all.iter().filter_map(|it| bridge.thing(&it.0)).collect();
    }
    things.iter().for_each(|it| custody.missed(it));
}

/// What in a topic may be the name of a device: each run of whole levels.
fn names_in(adapter: Adapter, topic: &str) -> Vec<String> {
    let mut levels: Vec<&str> = topic.split('/').take(MAX_NAMING_LEVELS).collect();
    if adapter == Adapter::SparkplugB && levels.len() > 2 {
        levels.remove(2);
    }
    let ends = |start: usize| (start + 1..=levels.len()).map(move |end| (start, end));
    let runs = (0..levels.len()).flat_map(ends);
    runs.filter_map(|(start, end)| Some(levels.get(start..end)?.join("/")))
        .collect()
}

/// So many levels of a topic may name a device.
const MAX_NAMING_LEVELS: usize = 32;

/// The thing of a device, if the bridge has one that may send. What a dialect does not name goes by its topic.
fn registered(
    bridge: &BridgePeer,
    topic: &str,
    taken: &Taken<'_>,
    now: Timestamp,
) -> Option<Arc<ThingPeer>> {
    let name = taken.device.as_deref().unwrap_or(topic);
    let thing = bridge.thing(name).filter(|it| !it.is_barred());
    if thing.is_none() {
        bridge.saw_unregistered(name, now);
    }
    thing
}

fn keep(custody: &Custody, arrival: &Arrival<'_>, now: Timestamp) -> Result<Lsn, Refusal> {
    custody.take(arrival, now).map_err(|it| Refusal::from(&it))
}

/// A device may have answered a command.
fn note_answer(
    custody: &Custody,
    publisher: &Publisher,
    adapter: Adapter,
    message: &Arriving<'_>,
    now: Timestamp,
) {
    let Some(answer) = adapters::command_answer(adapter, message.topic, message.payload) else {
        return;
    };
    let thing = match (publisher, &answer.device) {
        (Publisher::Thing(thing), None) => Some(Arc::clone(thing)),
        (Publisher::Bridge(bridge), Some(name)) => bridge.thing(name),
        _ => None,
    };
    if let Some(thing) = thing.filter(|it| !it.is_barred()) {
        custody.command_answered(&thing, answer.number, !answer.is_error, now);
    }
}

/// The dialect of a connection; nothing of a thing that speaks plainly.
pub(crate) fn adapter(publisher: &Publisher) -> Option<Adapter> {
    let word = match publisher {
        Publisher::Thing(thing) => thing.adapter(),
        Publisher::Bridge(bridge) => Some(bridge.adapter()),
    };
    word.as_deref().and_then(Adapter::parse)
}

/// Whether the software of who speaks so subscribes to topics of its own.
pub(crate) fn has_own_topics(publisher: &Publisher) -> bool {
    adapter(publisher).is_some_and(Adapter::has_own_topics)
}

/// A refusal of who speaks a dialect.
fn unreadable(refusal: Refusal) -> Refusal {
    Refusal {
        kind: match refusal.kind {
            RefusalKind::Malformed | RefusalKind::TooLarge => RefusalKind::Unreadable,
            other => other,
        },
        ..refusal
    }
}

fn malformed(text: String) -> Refusal {
    Refusal {
        kind: RefusalKind::Malformed,
        text,
    }
}
