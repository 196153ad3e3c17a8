//! A recipient asks for commands by publishing, and hears what becomes of them.
//!
//! ```text
//! command/<purpose>/<deployment>/<thing>/<command>     published: the arguments as one JSON object, or nothing
//! outcome/<purpose>/<deployment>/<thing>/<command>     subscribed to, with wildcards: what becomes of it, as over HTTP
//! ```
//!
//! With the response topic and correlation data of MQTT 5 (3.3.2.3.5, 3.3.2.3.6, 4.10) what becomes of a command comes there;
//! the topic has to begin with `outcome/` too. All that a recipient asked for, over whatever way, comes to all its
//! sessions that have subscribed. Outcomes go with QoS 0 and are not kept: whoever misses one asks how the command stands.
//!
//! # At most once
//! A publish is acknowledged when the command is in the log. One with DUP set may have been taken on a connection that broke
//! before the acknowledgement came: it is refused, and never asked for a second time. With QoS 2 the session knows which
//! ones it took; those are acknowledged again and nothing is done. A retained publish would come to whoever looks later,
//! so it is no command. A will is none either: it would be done when nobody is there.
//!
//! | publish | PUBACK, PUBREC | outcome |
//! |---|---|---|
//! | no such command of this recipient, no grant, no licence | 0x87 | `refused-not-allowed` |
//! | arguments that do not fit or cannot be read | 0x99 | `refused-arguments` |
//! | an interlock | 0x83 | `refused-interlock` |
//! | people have turned off what it touches | 0x83 | `refused-turned-off` |
//! | too soon, too many, too long | 0x97 | `refused-too-many` |
//! | another topic below `command/`, response topic elsewhere | 0x90 | `refused-malformed` |
//! | retained | 0x83 | `refused-malformed` |
//! | sent again | 0x83 | `unknown` |
//! | the log does not answer | 0x80 | `unknown` |
//!
//! MQTT 3.1.1 and QoS 0 have no word for a refusal: the publish is acknowledged where it can be, and the outcome says it. All
//! are counted as `commands_refused`, those that were taken as `commands_taken`.

use std::collections::VecDeque;

use adapters::value::{Given, Said};
use custody::{CommandEvent, CommandId, CommandRefusal, CommandRequest};
use model::{CommandName, DeploymentId, PurposeId, ThingId};
use mqtt_proto::QoS;
use mqtt_proto::v5::{DisconnectReasonCode, PubackReasonCode, SubscribeReasonCode};
use serde_json::Map;
use smallvec::SmallVec;

use super::publish::Refused;
use super::subscribe::TOO_MANY;
use super::{Ctx, Phase, Session};
use crate::mqtt::backend::Backend;
use crate::mqtt::decode::Publish;
use crate::mqtt::encode::{self, Outgoing};
use crate::mqtt::fault::Fault;
use crate::mqtt::topic::{self, FilterRefusal};
use crate::outcome::{self, MAX_ARGUMENTS_BYTES, NotTaken, Shown};
use crate::{Counter, said};

/// What a topic begins with on which a recipient asks for commands.
const COMMAND: &str = "command/";
/// What a topic begins with on which it is told what becomes of them.
const OUTCOME: &str = "outcome/";
/// The longest correlation data of a command, in bytes.
const MAX_CORRELATION_BYTES: usize = 256;
/// How many commands of a session are remembered with where their outcome is to go; of those before, it comes on their
/// own topic. As many as can be asked for in a minute.
const MAX_REMEMBERED: usize = custody::MAX_COMMANDS_PER_MINUTE as usize;

const NO_OUTCOME_TOPIC: FilterRefusal = FilterRefusal {
    code: SubscribeReasonCode::TopicFilterInvalid,
    counter: Counter::SubscriptionsInvalid,
    text: "what becomes of commands is on topics that begin with outcome/",
};

/// What a session remembers of the commands of its recipient.
#[derive(Debug, Default)]
pub(super) struct Ordering {
    heard: Vec<Heard>,
    asked: VecDeque<(CommandId, Reply)>,
}

/// A subscription to outcomes.
#[derive(Debug)]
struct Heard {
    filter: Box<str>,
    identifier: Option<u32>,
}

/// Where the outcome of a command goes.
#[derive(Debug, Clone)]
struct Reply {
    topic: Box<str>,
    correlation: Option<Box<[u8]>>,
}

/// A command that is not taken.
struct No {
    code: PubackReasonCode,
    outcome: &'static str,
    interlock: Option<u32>,
    text: String,
}

impl No {
    fn new(code: PubackReasonCode, outcome: &'static str, text: &str) -> Self {
        Self {
            code,
            outcome,
            interlock: None,
            text: text.to_owned(),
        }
    }

    fn malformed(text: &str) -> Self {
        Self::new(
            PubackReasonCode::TopicNameInvalid,
            "refused-malformed",
            text,
        )
    }
}

impl From<&CommandRefusal> for No {
    fn from(refusal: &CommandRefusal) -> Self {
        let code = match refusal {
            CommandRefusal::NotAllowed | CommandRefusal::Unlicensed => {
                PubackReasonCode::NotAuthorized
            }
            CommandRefusal::Arguments(_) => PubackReasonCode::PayloadFormatInvalid,
            CommandRefusal::Interlock { .. }
            | CommandRefusal::SomeInterlock
            | CommandRefusal::TurnedOff => PubackReasonCode::ImplementationSpecificError,
            CommandRefusal::TooSoon(_)
            | CommandRefusal::TooMany
            | CommandRefusal::TooManyWaiting => PubackReasonCode::QuotaExceeded,
            CommandRefusal::Unavailable(_) => PubackReasonCode::UnspecifiedError,
        };
        Self {
            interlock: match refusal {
                CommandRefusal::Interlock { number, .. } => Some(*number),
                _ => None,
            },
            ..Self::new(code, outcome::word(refusal), &refusal.to_string())
        }
    }
}

/// Whether a recipient that publishes there asks for a command.
pub(super) fn is_command(topic: &str) -> bool {
    topic.starts_with(COMMAND)
}

/// Whether a recipient that subscribes to it wants to be told what becomes of its commands.
pub(super) fn is_outcome(filter: &str) -> bool {
    filter.starts_with(OUTCOME)
}

impl Ordering {
    fn remember(&mut self, id: CommandId, reply: Reply) {
        if self.asked.len() >= MAX_REMEMBERED {
            self.asked.pop_front();
        }
        self.asked.push_back((id, reply));
    }

    /// The identifiers of the subscriptions that match a topic (5.0, 3.3.4-3); nothing where none does.
    fn identifiers(&self, topic: &str) -> Option<SmallVec<[u32; 1]>> {
        let mut matching = self
            .heard
            .iter()
            .filter(|it| topic::matches(&it.filter, topic))
            .peekable();
        matching.peek()?;
        Some(matching.filter_map(|it| it.identifier).collect())
    }
}

impl<B: Backend> Session<B> {
    /// Adds a subscription to outcomes, or replaces the one with the same filter (3.8.4-3).
    pub(super) fn add_outcomes(
        &mut self,
        filter: &str,
        identifier: Option<u32>,
        ctx: &mut Ctx<'_, B>,
    ) -> Result<QoS, FilterRefusal> {
        let limits = &self.limits;
        topic::check_filter(filter, limits.max_topic_bytes, limits.max_topic_levels)?;
        if filter == OUTCOME {
            return Err(NO_OUTCOME_TOPIC);
        }
        let heard = &mut self.state.ordering.heard;
        let known = heard.iter().position(|it| &*it.filter == filter);
        if known.is_none() && heard.len() >= limits.max_subscriptions {
            return Err(TOO_MANY);
        }
        if let Some(known) = known {
            heard.swap_remove(known);
        }
        heard.push(Heard {
            filter: filter.into(),
            identifier,
        });
        ctx.backend.hear_outcomes(true);
        ctx.counters.add(Counter::SubscriptionsGranted);
        Ok(QoS::Level0)
    }

    /// Ends a subscription to outcomes; false where there is none.
    pub(super) fn remove_outcomes(&mut self, filter: &str, ctx: &mut Ctx<'_, B>) -> bool {
        let heard = &mut self.state.ordering.heard;
        let Some(at) = heard.iter().position(|it| &*it.filter == filter) else {
            return false;
        };
        heard.swap_remove(at);
        ctx.backend.hear_outcomes(!heard.is_empty());
        true
    }

    /// Whether outcomes are told now.
    pub(crate) fn hears_outcomes(&self) -> bool {
        matches!(self.phase, Phase::Open(_)) && self.has_outcome_filters()
    }

    /// Whether the session has subscribed to outcomes.
    pub(super) fn has_outcome_filters(&self) -> bool {
        !self.state.ordering.heard.is_empty()
    }

    /// Takes a command of the recipient; nothing while custody has not answered, then the same publish comes again.
    pub(super) fn order(
        &mut self,
        publish: &Publish<'_>,
        topic: &str,
        ctx: &mut Ctx<'_, B>,
    ) -> Option<Result<B::Position, Refused>> {
        let mut reply = Reply {
            topic: own_topic(topic),
            correlation: None,
        };
        let no = match self.asked_for(publish, topic, &mut reply) {
            Ok(request) => match ctx.backend.ask(&request, ctx.now.wall)? {
                Ok(id) => {
                    self.state.ordering.remember(id, reply);
                    ctx.counters.add(Counter::CommandsTaken);
                    return Some(Ok(ctx.backend.durable()));
                }
                Err(refusal) => No::from(&refusal),
            },
            Err(no) => no,
        };
        let said = NotTaken {
            outcome: no.outcome,
            interlock: no.interlock,
            detail: &no.text,
        };
        self.say(&reply, &outcome::json(&said), ctx);
        Some(Err(Refused {
            code: no.code,
            is_spared: true,
            fault: Fault::new(
                DisconnectReasonCode::NotAuthorized,
                Counter::CommandsRefused,
                no.text,
            ),
        }))
    }

    /// Reads what is asked for, and where its outcome is to go.
    fn asked_for(
        &self,
        publish: &Publish<'_>,
        topic: &str,
        reply: &mut Reply,
    ) -> Result<CommandRequest, No> {
        if self.is_too_long(topic) {
            reply.topic = OUTCOME.into();
            return Err(No::malformed("the topic is too long or too deep"));
        }
        said::read(publish.properties, |said| self.read_reply(said, reply))?;
        if publish.retain {
            return Err(No::new(
                PubackReasonCode::ImplementationSpecificError,
                "refused-malformed",
                "a command is not retained: publish it without RETAIN",
            ));
        }
        if publish.dup {
            return Err(No::new(
                PubackReasonCode::ImplementationSpecificError,
                "unknown",
                "this publish is sent again, and may have been taken before: it is not done again. Ask how the command stands",
            ));
        }
        request(publish, topic)
    }

    fn is_too_long(&self, topic: &str) -> bool {
        topic.len() > self.limits.max_topic_bytes
            || topic::levels(topic) > self.limits.max_topic_levels
    }

    fn read_reply(&self, said: &Said<'_>, reply: &mut Reply) -> Result<(), No> {
        if let Some(topic) = said.response_topic {
            if !is_outcome(topic) || self.is_too_long(topic) {
                return Err(No::malformed(
                    "a response topic of a command begins with outcome/: subscribe there before",
                ));
            }
            reply.topic = topic.into();
        }
        if let Some(data) = said.correlation_data {
            if data.len() > MAX_CORRELATION_BYTES {
                return Err(No::new(
                    PubackReasonCode::QuotaExceeded,
                    "refused-malformed",
                    "the correlation data of a command has at most 256 bytes",
                ));
            }
            reply.correlation = Some(data.into());
        }
        Ok(())
    }

    /// Tells the recipient what became of a command.
    pub(crate) fn tell_outcome(&mut self, event: CommandEvent, ctx: &mut Ctx<'_, B>) {
        let asked = &self.state.ordering.asked;
        let known = asked.iter().find(|it| it.0 == event.id);
        let reply = known.map(|it| it.1.clone()).unwrap_or_else(|| Reply {
            topic: format!(
                "{OUTCOME}{}/{}/{}/{}",
                event.purpose, event.deployment, event.thing, event.command
            )
            .into(),
            correlation: None,
        });
        self.say(&reply, &outcome::json(&Shown::new(event)), ctx);
    }

    /// Writes an outcome, where the session has subscribed to it.
    fn say(&self, reply: &Reply, payload: &[u8], ctx: &mut Ctx<'_, B>) {
        let Some(identifiers) = self.state.ordering.identifiers(&reply.topic) else {
            return;
        };
        let mut properties = Vec::new();
        let given = Given {
            content_type: Some("application/json".to_owned()),
            correlation_data: reply.correlation.as_deref().map(Vec::from),
            payload_format: Some(true),
            ..Given::default()
        };
        said::write(&given, &mut properties);
        let packet = Outgoing {
            topic: reply.topic.as_bytes(),
            identifiers: &identifiers,
            properties: &properties,
            payload,
            ..Outgoing::default()
        };
        if !encode::publish(packet, self.terms, ctx.out) {
            ctx.counters.add(Counter::DeliveriesTooLarge);
        }
    }
}

/// Where the outcome of a command goes when nothing else is said.
fn own_topic(topic: &str) -> Box<str> {
    let rest = topic.strip_prefix(COMMAND).unwrap_or_default();
    format!("{OUTCOME}{rest}").into()
}

fn request(publish: &Publish<'_>, topic: &str) -> Result<CommandRequest, No> {
    let form = "a command is command/<purpose>/<deployment>/<thing>/<command>";
    let malformed = || No::malformed(form);
    let rest = topic.strip_prefix(COMMAND).ok_or_else(malformed)?;
    let parts: SmallVec<[&str; 4]> = rest.split('/').collect();
    let [purpose, deployment, thing, command] = parts.as_slice() else {
        return Err(malformed());
    };
    let payload = publish.payload;
    if payload.len() > MAX_ARGUMENTS_BYTES {
        return Err(No::new(
            PubackReasonCode::QuotaExceeded,
            "refused-arguments",
            "arguments have at most 4096 bytes",
        ));
    }
    let arguments = match payload.is_empty() {
        true => Map::new(),
        false => serde_json::from_slice(payload).map_err(|_| {
            No::new(
                PubackReasonCode::PayloadFormatInvalid,
                "refused-arguments",
                "the payload is one JSON object with the arguments, or empty",
            )
        })?,
    };
    Ok(CommandRequest {
        thing: ThingId::parse(thing).map_err(|_| malformed())?,
        command: CommandName::parse(command).map_err(|_| malformed())?,
        purpose: PurposeId::parse(purpose).map_err(|_| malformed())?,
        deployment: Some(DeploymentId::parse(deployment).map_err(|_| malformed())?),
        arguments,
        within_seconds: publish.expiry_s,
    })
}
