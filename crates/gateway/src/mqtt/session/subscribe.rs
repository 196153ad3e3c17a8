//! SUBSCRIBE and UNSUBSCRIBE (sections 3.8 to 3.11 of both versions).

use mqtt_proto::QoS;
use mqtt_proto::v5::{DisconnectReasonCode, SubscribeReasonCode, UnsubscribeReasonCode};

use super::{Ctx, Session};
use crate::Counter;
use crate::mqtt::backend::{Backend, Role};
use crate::mqtt::decode::{Subscribe, Unsubscribe};
use crate::mqtt::encode::{self, Answer};
use crate::mqtt::fault::Fault;
use crate::mqtt::topic::{self, FilterRefusal, Form};

/// The subscriptions of one session.
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
    with_ack: bool,
}

impl Subscriptions {
    /// How deliveries of a subscription are sent: the form of their topic, and whether with QoS 1.
    pub(super) fn by_tag(&self, tag: u32) -> Option<(Form, bool)> {
        let entry = self.entries.iter().find(|it| it.tag == tag)?;
        Some((entry.form, entry.with_ack))
    }

    /// Ends all of them.
    pub(super) fn take_tags(&mut self) -> impl Iterator<Item = u32> {
        std::mem::take(&mut self.entries)
            .into_iter()
            .map(|it| it.tag)
    }

    /// Takes a subscription out and gives its tag.
    fn remove(&mut self, filter: &str) -> Option<u32> {
        let at = self.entries.iter().position(|it| &*it.filter == filter)?;
        Some(self.entries.swap_remove(at).tag)
    }
}

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

impl<P: Copy + Ord> Session<P> {
    pub(super) fn subscribe<B: Backend>(
        &mut self,
        packet: Subscribe,
        role: Role,
        ctx: &mut Ctx<'_, B>,
    ) -> Result<(), Fault> {
        if packet.has_identifier {
            // 5.0, 3.2.2.3.12
            return Err(Fault::new(
                DisconnectReasonCode::SubscriptionIdentifiersNotSupported,
                Counter::ProtocolErrors,
                "subscription identifiers are not supported",
            ));
        }
        if packet.shared_no_local {
            // 5.0, 3.8.3-4
            return Err(Fault::protocol("no local and shared exclude each other"));
        }
        let mut answers = Vec::with_capacity(packet.filters.len());
        for (at, (filter, wanted_qos)) in packet.filters.iter().enumerate() {
            let with_ack = *wanted_qos != QoS::Level0;
            let outcome = match role {
                // One packet may not make more work than a session may hold.
                _ if at >= self.limits.max_subscriptions => Err(TOO_MANY),
                Role::Thing => self.add_listening(filter, with_ack, ctx),
                Role::Recipient => self.add(filter, &packet, with_ack, ctx),
            };
            answers.push(match outcome {
                Ok(()) => Answer {
                    code: match with_ack {
                        true => SubscribeReasonCode::GrantedQoS1,
                        false => SubscribeReasonCode::GrantedQoS0,
                    },
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
        Ok(())
    }

    /// Adds one subscription, or replaces the one with the same filter (3.8.4-3).
    fn add<B: Backend>(
        &mut self,
        filter: &str,
        packet: &Subscribe,
        with_ack: bool,
        ctx: &mut Ctx<'_, B>,
    ) -> Result<(), FilterRefusal> {
        let (mut wanted, form) = topic::parse_filter(
            filter,
            &packet.purposes,
            self.limits.max_topic_bytes,
            self.limits.max_topic_levels,
        )?;
        wanted.condition = topic::parse_condition(&packet.conditions)?;
        let replaces = self
            .subscriptions
            .entries
            .iter()
            .any(|it| &*it.filter == filter);
        if !replaces && self.subscriptions.entries.len() >= self.limits.max_subscriptions {
            return Err(TOO_MANY);
        }
        let tag = self.subscriptions.last_tag.wrapping_add(1);
        ctx.backend
            .subscribe(wanted, tag, ctx.now.wall)
            .map_err(|()| NO_GRANT)?;
        self.subscriptions.last_tag = tag;
        if let Some(old) = self.subscriptions.remove(filter) {
            ctx.backend.unsubscribe(old);
        }
        self.subscriptions.entries.push(Entry {
            filter: filter.into(),
            tag,
            form,
            with_ack,
        });
        ctx.counters.add(Counter::SubscriptionsGranted);
        Ok(())
    }

    pub(super) fn unsubscribe<B: Backend>(&mut self, packet: &Unsubscribe, ctx: &mut Ctx<'_, B>) {
        let codes = packet
            .filters
            .iter()
            .map(|filter| match self.subscriptions.remove(filter) {
                Some(tag) => {
                    ctx.backend.unsubscribe(tag);
                    UnsubscribeReasonCode::Success
                }
                None if self.remove_listening(filter, ctx) => UnsubscribeReasonCode::Success,
                None => UnsubscribeReasonCode::NoSubscriptionExisted,
            })
            .collect();
        encode::unsuback(packet.packet_id, codes, self.terms.version, ctx.out);
    }
}
