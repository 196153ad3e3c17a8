//! PUBLISH from the client (sections 3.3 of both versions).

use mqtt_proto::v5::{DisconnectReasonCode, PubackReasonCode};

use super::open::TOPIC_ALIASES;
use super::{Ctx, Session};
use crate::Counter;
use crate::mqtt::backend::{Backend, Role};
use crate::mqtt::decode::{Publish, Version};
use crate::mqtt::fault::Fault;
use crate::mqtt::topic;
use crate::refusal::{Refusal, RefusalKind};

/// A publish that is not taken. MQTT 5 with QoS 1 is told in PUBACK; everybody else can only be
/// told by the end of the connection.
struct Refused {
    puback: PubackReasonCode,
    fault: Fault,
}

impl<P: Copy + Ord> Session<P> {
    /// Takes a publish; gives whether custody has it.
    pub(super) fn publish<B: Backend<Position = P>>(
        &mut self,
        publish: &Publish<'_>,
        role: Role,
        ctx: &mut Ctx<'_, B>,
    ) -> Result<bool, Fault> {
        self.check_window(publish)?;
        self.check_flags(publish)?;
        match self.take(publish, role, ctx)? {
            Ok(position) => {
                if let Some(packet_id) = publish.packet_id {
                    self.acks.kept(packet_id, position);
                }
                Ok(true)
            }
            Err(refused) => self.refuse(publish, refused, ctx).map(|()| false),
        }
    }

    /// 5.0, 3.3.4-9: no more unacknowledged publishes than the receive maximum.
    fn check_window(&self, publish: &Publish<'_>) -> Result<(), Fault> {
        let window = usize::from(self.limits.max_pending_acks.max(1));
        if self.terms.version == Version::V5
            && publish.packet_id.is_some()
            && self.acks.len() >= window
        {
            return Err(Fault::new(
                DisconnectReasonCode::ReceiveMaximumExceeded,
                Counter::ReceiveMaximumExceeded,
                format!("at most {window} publishes may wait for their PUBACK"),
            ));
        }
        Ok(())
    }

    /// 5.0: 3.2.2-14 (retain), 3.3.2-8 and 3.3.2-9 (topic alias). MQTT 3.1.1 is never told that
    /// nothing is retained, so the flag is passed over there.
    fn check_flags(&mut self, publish: &Publish<'_>) -> Result<(), Fault> {
        if self.terms.version == Version::V5 && publish.retain {
            return Err(Fault::new(
                DisconnectReasonCode::RetainNotSupported,
                Counter::RetainNotSupported,
                "retained messages are not supported",
            ));
        }
        let Some(alias) = publish.alias else {
            return Ok(());
        };
        if !(1..=TOPIC_ALIASES).contains(&alias) {
            return Err(Fault::new(
                DisconnectReasonCode::TopicAliasInvalid,
                Counter::TopicsRejected,
                format!("a topic alias is a number from 1 to {TOPIC_ALIASES}"),
            ));
        }
        let bit = 1_u16 << (alias - 1);
        if !publish.topic.is_empty() {
            self.aliases |= bit;
        } else if self.aliases & bit == 0 {
            return Err(Fault::protocol("this topic alias has not been set"));
        }
        Ok(())
    }

    /// Asks custody, after what custody need not be asked for. The outer error ends the session
    /// whatever the version.
    fn take<B: Backend<Position = P>>(
        &mut self,
        publish: &Publish<'_>,
        role: Role,
        ctx: &mut Ctx<'_, B>,
    ) -> Result<Result<P, Refused>, Fault> {
        if role == Role::Recipient {
            return Ok(Err(Refused {
                puback: PubackReasonCode::NotAuthorized,
                fault: Fault::new(
                    DisconnectReasonCode::NotAuthorized,
                    Counter::PublishesNotAllowed,
                    "a recipient does not publish",
                ),
            }));
        }
        if publish.topic.len() > self.limits.max_topic_bytes
            || topic::levels(publish.topic) > self.limits.max_topic_levels
        {
            return Ok(Err(Refused {
                puback: PubackReasonCode::TopicNameInvalid,
                fault: Fault::new(
                    DisconnectReasonCode::TopicNameInvalid,
                    Counter::TopicsRejected,
                    "the topic is too long or too deep",
                ),
            }));
        }
        if !self.bucket.take(ctx.now.uptime_ms) {
            return Ok(Err(Refused {
                puback: PubackReasonCode::QuotaExceeded,
                fault: Fault::new(
                    DisconnectReasonCode::MessageRateTooHigh,
                    Counter::PublishesTooFast,
                    format!(
                        "at most {} publishes a second",
                        self.limits.publishes_per_second
                    ),
                ),
            }));
        }
        match ctx.backend.ingest(publish.payload, ctx.now.wall) {
            Ok(position) => Ok(Ok(position)),
            Err(refusal) => refused(refusal).map(Err),
        }
    }

    fn refuse<B: Backend>(
        &mut self,
        publish: &Publish<'_>,
        refused: Refused,
        ctx: &mut Ctx<'_, B>,
    ) -> Result<(), Fault> {
        let (Version::V5, Some(packet_id)) = (self.terms.version, publish.packet_id) else {
            return Err(refused.fault);
        };
        ctx.counters.add(refused.fault.counter);
        self.acks.refused(
            packet_id,
            refused.puback,
            refused.fault.text.into_owned(),
            self.terms,
            ctx.out,
        );
        Ok(())
    }
}

/// Custody's answer in reason codes. `Unavailable` ends the session: a PUBACK with an error code
/// would make the client forget a message that may well be kept a moment later.
fn refused(refusal: Refusal) -> Result<Refused, Fault> {
    let (puback, disconnect) = match refusal.kind {
        RefusalKind::Unlicensed | RefusalKind::Quarantined | RefusalKind::Unregistered => (
            PubackReasonCode::NotAuthorized,
            DisconnectReasonCode::NotAuthorized,
        ),
        RefusalKind::Malformed => (
            PubackReasonCode::PayloadFormatInvalid,
            DisconnectReasonCode::PayloadFormatInvalid,
        ),
        RefusalKind::TooLarge => (
            PubackReasonCode::QuotaExceeded,
            DisconnectReasonCode::PacketTooLarge,
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
        puback,
        fault: Fault::new(disconnect, refusal.kind.counter(), refusal.text),
    })
}
