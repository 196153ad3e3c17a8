//! PUBLISH from the client (sections 3.3 of both versions), and PUBREL (3.6).

use model::Timestamp;
use mqtt_proto::v5::{DisconnectReasonCode, PubackReasonCode};
use rustc_hash::FxHashMap;

use super::aliases::{FromClient, TOPIC_ALIASES};
use super::orders;
use super::{Ctx, Session};
use crate::Counter;
use crate::mqtt::backend::{Backend, Role};
use crate::mqtt::decode::{Ack, AckKind, Publish, Version};
use crate::mqtt::encode;
use crate::mqtt::fault::Fault;
use crate::mqtt::stamp::Stamp;
use crate::mqtt::topic;
use crate::refusal::{Refusal, RefusalKind};
use crate::ways::Arriving;

/// Above this many identifiers of QoS 2 publishes the session gives their memory back when there are none.
const KEPT_IDENTIFIERS: usize = 32;
/// 5.0, 3.7.2.1: no message with this identifier waits for its PUBREL.
const NOT_FOUND: u8 = 0x92;

/// A publish that is not taken. MQTT 5 with QoS 1 and 2 is told in PUBACK and PUBREC; everybody else can
/// only be told by the end of the connection.
pub(super) struct Refused {
    /// PUBACK and PUBREC have the same codes.
    pub(super) code: PubackReasonCode,
    /// Who cannot be told is acknowledged and goes on.
    pub(super) is_spared: bool,
    pub(super) fault: Fault,
}

impl<B: Backend> Session<B> {
    /// Takes a publish; gives whether custody has it.
    pub(super) fn publish(
        &mut self,
        publish: &Publish<'_>,
        role: Role,
        ctx: &mut Ctx<'_, B>,
    ) -> Result<bool, Fault> {
        if publish.qos == 2 && self.is_known(publish) {
            return Ok(false);
        }
        self.check_window(publish)?;
        // Taken out for the call, because the topic may be borrowed from them.
        let mut aliases = std::mem::take(&mut self.aliases_from_client);
        let mut is_order = false;
        let taken = match resolve(publish, &mut aliases, self.limits.max_topic_bytes) {
            Ok(topic) if role.receives && orders::is_command(topic) => {
                is_order = true;
                Ok(self.order(publish, topic, ctx))
            }
            Ok(topic) => {
                let arriving = self.arriving(publish, topic, ctx.now.wall);
                match ctx.backend.prepare(&arriving) {
                    true => self.take(&arriving, role, ctx).map(Some),
                    false => Ok(None),
                }
            }
            Err(fault) => Err(fault),
        };
        self.aliases_from_client = aliases;
        let Some(taken) = taken? else {
            self.is_deferred = true;
            return Ok(false);
        };
        self.answer(ctx);
        let kind = match publish.qos {
            2 => AckKind::Pubrec,
            _ => AckKind::Puback,
        };
        match taken {
            Ok(position) => {
                if let Some(packet_id) = publish.packet_id {
                    self.acks.kept(kind, packet_id, position);
                    if kind == AckKind::Pubrec {
                        self.state.received.insert(packet_id, position);
                    }
                }
                Ok(!is_order)
            }
            Err(refused) => self.refuse(publish, kind, refused, ctx).map(|()| false),
        }
    }

    /// 4.3.3: a QoS 2 publish that was taken and not released is not taken again, on whatever connection it comes. It
    /// is acknowledged when it is durable.
    fn is_known(&mut self, publish: &Publish<'_>) -> bool {
        let Some(packet_id) = publish.packet_id else {
            return false;
        };
        let Some(&position) = self.state.received.get(&packet_id) else {
            return false;
        };
        if !self.acks.has_pubrec(packet_id) {
            self.acks.kept(AckKind::Pubrec, packet_id, position);
        }
        true
    }

    /// The client has the PUBREC and lets the message go (4.3.3).
    pub(super) fn released(&mut self, ack: Ack, ctx: &mut Ctx<'_, B>) -> Result<(), Fault> {
        let packet_id = ack.packet_id;
        if self.acks.has_pubrec(packet_id) {
            return Err(Fault::protocol("a PUBREL follows its PUBREC"));
        }
        let is_known = self.state.received.remove(&packet_id).is_some();
        if self.state.received.is_empty() && self.state.received.capacity() > KEPT_IDENTIFIERS {
            self.state.received = FxHashMap::default();
        }
        match is_known || self.terms.version == Version::V3 {
            true => encode::ack(AckKind::Pubcomp, packet_id, ctx.out),
            false => encode::ack_refused(
                AckKind::Pubcomp,
                packet_id,
                NOT_FOUND,
                "no message with this packet identifier was taken",
                self.terms,
                ctx.out,
            ),
        }
        Ok(())
    }

    /// 5.0, 3.3.4-9: no more unacknowledged publishes than the receive maximum. An MQTT 3.1.1 connection is not read
    /// while too many wait for durability; QoS 2 publishes that its client does not release are bounded here.
    fn check_window(&self, publish: &Publish<'_>) -> Result<(), Fault> {
        let window = usize::from(self.limits.max_pending_acks.max(1));
        let held = self.state.received.len();
        let used = match self.terms.version {
            _ if publish.packet_id.is_none() => return Ok(()),
            Version::V5 => self.acks.len_without_pubrecs() + held,
            Version::V3 if publish.qos == 2 => held,
            Version::V3 => return Ok(()),
        };
        match used >= window {
            false => Ok(()),
            true => Err(Fault::new(
                DisconnectReasonCode::ReceiveMaximumExceeded,
                Counter::ReceiveMaximumExceeded,
                format!("at most {window} publishes may be without PUBACK or PUBCOMP"),
            )),
        }
    }

    /// Asks custody, after what custody need not be asked for. The outer error ends the session
    /// whatever the version.
    fn take(
        &mut self,
        arriving: &Arriving<'_>,
        role: Role,
        ctx: &mut Ctx<'_, B>,
    ) -> Result<Result<B::Position, Refused>, Fault> {
        let topic = arriving.topic;
        if !role.publishes {
            return Ok(Err(Refused {
                is_spared: false,
                code: PubackReasonCode::NotAuthorized,
                fault: Fault::new(
                    DisconnectReasonCode::NotAuthorized,
                    Counter::PublishesNotAllowed,
                    "a recipient does not publish",
                ),
            }));
        }
        if topic.len() > self.limits.max_topic_bytes
            || topic::levels(topic) > self.limits.max_topic_levels
        {
            return Ok(Err(Refused {
                is_spared: false,
                code: PubackReasonCode::TopicNameInvalid,
                fault: Fault::new(
                    DisconnectReasonCode::TopicNameInvalid,
                    Counter::TopicsRejected,
                    "the topic is too long or too deep",
                ),
            }));
        }
        match ctx.backend.ingest(arriving, ctx.now.wall) {
            Ok(position) => Ok(Ok(position)),
            Err(refusal) => refused(refusal).map(Err),
        }
    }

    /// Acknowledges what is not kept.
    fn let_go(&mut self, publish: &Publish<'_>, kind: AckKind, ctx: &Ctx<'_, B>) {
        let Some(packet_id) = publish.packet_id else {
            return;
        };
        let position = ctx.backend.durable();
        self.acks.kept(kind, packet_id, position);
        if kind == AckKind::Pubrec {
            self.state.received.insert(packet_id, position);
        }
    }

    fn arriving<'a>(
        &self,
        publish: &'a Publish<'_>,
        topic: &'a str,
        now: Timestamp,
    ) -> Arriving<'a> {
        let stamp = Stamp::new(
            self.state.origin,
            publish.qos,
            publish.retain,
            publish.expiry_s,
        );
        Arriving {
            topic,
            payload: publish.payload,
            properties: publish.properties,
            retain: publish.retain,
            origin: stamp.word(),
            expires_at: stamp.expires_at(now),
        }
    }

    fn refuse(
        &mut self,
        publish: &Publish<'_>,
        kind: AckKind,
        refused: Refused,
        ctx: &mut Ctx<'_, B>,
    ) -> Result<(), Fault> {
        let (Version::V5, Some(packet_id)) = (self.terms.version, publish.packet_id) else {
            return match refused.is_spared {
                true => {
                    ctx.counters.add(refused.fault.counter);
                    self.let_go(publish, kind, ctx);
                    Ok(())
                }
                false => Err(refused.fault),
            };
        };
        ctx.counters.add(refused.fault.counter);
        self.acks.refused(
            kind,
            packet_id,
            refused.code as u8,
            refused.fault.text.into_owned(),
            self.terms,
            ctx.out,
        );
        Ok(())
    }
}

/// The topic of a publish: its own, or that of its alias (5.0, 3.3.2.3.4).
fn resolve<'a>(
    publish: &Publish<'a>,
    aliases: &'a mut FromClient,
    max_topic_bytes: usize,
) -> Result<&'a str, Fault> {
    let Some(alias) = publish.alias else {
        return Ok(publish.topic);
    };
    if !(1..=TOPIC_ALIASES).contains(&alias) {
        return Err(Fault::new(
            DisconnectReasonCode::TopicAliasInvalid,
            Counter::TopicsRejected,
            format!("a topic alias is a number from 1 to {TOPIC_ALIASES}"),
        ));
    }
    if publish.topic.len() > max_topic_bytes {
        // It is refused; so that nothing long is remembered, it is no alias either.
        return Ok(publish.topic);
    }
    if !publish.topic.is_empty() {
        aliases.set(alias, publish.topic);
        return Ok(publish.topic);
    }
    aliases
        .topic(alias)
        .ok_or_else(|| Fault::protocol("this topic alias has not been set"))
}

/// Custody's answer in reason codes. `Unavailable` ends the session: a PUBACK with an error code
/// would make the client forget a message that may well be kept a moment later.
fn refused(refusal: Refusal) -> Result<Refused, Fault> {
    let (code, disconnect) = match refusal.kind {
        RefusalKind::Unlicensed | RefusalKind::Quarantined | RefusalKind::Unregistered => (
            PubackReasonCode::NotAuthorized,
            DisconnectReasonCode::NotAuthorized,
        ),
        RefusalKind::Malformed | RefusalKind::Unreadable => (
            PubackReasonCode::PayloadFormatInvalid,
            DisconnectReasonCode::PayloadFormatInvalid,
        ),
        RefusalKind::TooLarge => (
            PubackReasonCode::QuotaExceeded,
            DisconnectReasonCode::PacketTooLarge,
        ),
        RefusalKind::TooFast => (
            PubackReasonCode::QuotaExceeded,
            DisconnectReasonCode::MessageRateTooHigh,
        ),
        RefusalKind::Unavailable => {
            return Err(Fault::new(
                DisconnectReasonCode::ServerBusy,
                refusal.kind.counter(),
                refusal.text,
            ));
        }
    };
    Ok(Refused {
        code,
        is_spared: refusal.kind == RefusalKind::Unreadable,
        fault: Fault::new(disconnect, refusal.kind.counter(), refusal.text),
    })
}
