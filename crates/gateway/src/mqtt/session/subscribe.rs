//! SUBSCRIBE and UNSUBSCRIBE (sections 3.8 to 3.11 of both versions).

use mqtt_proto::QoS;
use mqtt_proto::v5::{
    RetainHandling, SubscribeReasonCode, SubscriptionOptions, UnsubscribeReasonCode,
};

use super::orders;
use super::subscriptions::Options;
use super::{Ctx, Session};
use crate::Counter;
use crate::mqtt::backend::{Backend, Role};
use crate::mqtt::decode::{Subscribe, Unsubscribe};
use crate::mqtt::encode::{self, Answer};
use crate::mqtt::topic::{self, FilterRefusal, Form, Reading};

pub(super) const TOO_MANY: FilterRefusal = FilterRefusal {
    code: SubscribeReasonCode::QuotaExceeded,
    counter: Counter::SubscriptionsOverLimit,
    text: "this session has as many subscriptions as it may",
};

const NO_GRANT: FilterRefusal = FilterRefusal {
    code: SubscribeReasonCode::NotAuthorized,
    counter: Counter::SubscriptionsDenied,
    text: "there is no grant for this purpose there: ask the deployment for access",
};

/// Of a native topic it is not said whether there is no such thing or only no grant.
const NO_NATIVE_GRANT: FilterRefusal = FilterRefusal {
    code: SubscribeReasonCode::UnspecifiedError,
    counter: Counter::SubscriptionsDenied,
    text: "no thing with such a topic may be read for this purpose: ask the deployment for access",
};

impl<B: Backend> Session<B> {
    pub(super) fn subscribe(&mut self, packet: &Subscribe, role: Role, ctx: &mut Ctx<'_, B>) {
        let mut answers = Vec::with_capacity(packet.filters.len());
        for (at, (filter, options)) in packet.filters.iter().enumerate() {
            let outcome = match at >= self.limits.max_subscriptions {
                // One packet may not make more work than a session may hold.
                true => Err(TOO_MANY),
                false => self.subscribe_one(filter, options, packet, role, ctx),
            };
            answers.push(match outcome {
                Ok(qos) => Answer {
                    code: granted(qos),
                    text: None,
                },
                Err(refusal) => {
                    ctx.counters.add(refusal.counter);
                    Answer {
                        code: refusal.code,
                        text: Some(refusal.text),
                    }
                }
            });
        }
        encode::suback(packet.packet_id, &answers, self.terms, ctx.out);
        if role.publishes {
            self.answer(ctx);
        }
    }

    /// A filter of a recipient is about things, a filter of a thing about its own commands; who is both may mean
    /// either. Gives the QoS that is granted.
    fn subscribe_one(
        &mut self,
        filter: &str,
        options: &SubscriptionOptions,
        packet: &Subscribe,
        role: Role,
        ctx: &mut Ctx<'_, B>,
    ) -> Result<QoS, FilterRefusal> {
        if role.receives && orders::is_outcome(filter) {
            return self.add_outcomes(filter, packet.identifier, ctx);
        }
        let received = match role.receives {
            true => self.add(filter, options, packet, ctx),
            false => Err(NO_GRANT),
        };
        if !role.publishes {
            return received;
        }
        // A command has a QoS of 1 at most.
        let qos = options.max_qos.min(QoS::Level1);
        let listened = self.add_listening(filter, qos != QoS::Level0, ctx);
        match (received, listened) {
            (Ok(qos), _) => Ok(qos),
            (Err(_), Ok(())) => Ok(qos),
            (Err(refusal), Err(_)) if role.receives => Err(refusal),
            (Err(_), Err(refusal)) => Err(refusal),
        }
    }

    /// Adds one subscription, or replaces the one with the same filter (3.8.4-3).
    fn add(
        &mut self,
        filter: &str,
        options: &SubscriptionOptions,
        packet: &Subscribe,
        ctx: &mut Ctx<'_, B>,
    ) -> Result<QoS, FilterRefusal> {
        let reading = Reading {
            door: self.door.as_deref(),
            purposes: &packet.purposes,
            max_bytes: self.limits.max_topic_bytes,
            max_levels: self.limits.max_topic_levels,
        };
        let (mut wanted, form) = topic::parse_filter(filter, reading)?;
        wanted.condition = topic::parse_condition(&packet.conditions)?;
        let replaces = self.state.subscriptions.has(filter);
        if !replaces && self.state.subscriptions.len() >= self.limits.max_subscriptions {
            return Err(TOO_MANY);
        }
        let tag = self.state.subscriptions.next_tag();
        ctx.backend
            .subscribe(&wanted, tag, ctx.now.wall)
            .map_err(|()| match form {
                Form::Native => NO_NATIVE_GRANT,
                Form::WithPurpose | Form::Plain => NO_GRANT,
            })?;
        if let Some(old) = self.state.subscriptions.remove(filter) {
            self.end_subscription(old, ctx);
        }
        // 3.8.4-4 and 5.0, 3.3.1-9 to 3.3.1-11; a shared subscription gets none (5.0, 4.8.2).
        let wants_retained = wanted.group.is_none()
            && match options.retain_handling {
                RetainHandling::SendAtSubscribe => true,
                RetainHandling::SendAtSubscribeIfNotExist => !replaces,
                RetainHandling::DoNotSend => false,
            };
        self.state.subscriptions.add(
            filter,
            form,
            Options {
                qos: options.max_qos as u8,
                // What mosquitto gives a bridge of MQTT 3.1.1, which cannot ask for it.
                no_local: options.no_local || self.is_bridge,
                retain_as_published: options.retain_as_published || self.is_bridge,
                identifier: packet.identifier,
            },
            wanted,
        );
        if wants_retained {
            let retained = ctx.backend.retained(tag);
            self.state.retained.extend(retained.map(|it| (tag, it)));
        }
        ctx.counters.add(Counter::SubscriptionsGranted);
        Ok(options.max_qos)
    }

    fn end_subscription(&mut self, tag: u32, ctx: &mut Ctx<'_, B>) {
        ctx.backend.unsubscribe(tag);
        self.state.retained.retain(|it| it.0 != tag);
    }

    pub(super) fn unsubscribe(&mut self, packet: &Unsubscribe, ctx: &mut Ctx<'_, B>) {
        let codes = packet
            .filters
            .iter()
            .map(|filter| {
                let tag = self.state.subscriptions.remove(filter);
                if let Some(tag) = tag {
                    self.end_subscription(tag, ctx);
                }
                let is_outcome = self.remove_outcomes(filter, ctx);
                match self.remove_listening(filter, ctx) || is_outcome || tag.is_some() {
                    true => UnsubscribeReasonCode::Success,
                    false => UnsubscribeReasonCode::NoSubscriptionExisted,
                }
            })
            .collect();
        encode::unsuback(packet.packet_id, codes, self.terms.version, ctx.out);
    }
}

fn granted(qos: QoS) -> SubscribeReasonCode {
    match qos {
        QoS::Level0 => SubscribeReasonCode::GrantedQoS0,
        QoS::Level1 => SubscribeReasonCode::GrantedQoS1,
        QoS::Level2 => SubscribeReasonCode::GrantedQoS2,
    }
}
