//! Commands to a thing: the one thing that a thing may subscribe to is the topic of its own commands.
//!
//! A filter is granted when it matches such a topic under the notice in force; wildcards are welcome, because firmware
//! subscribes to `cmnd/<name>/#` and bridges to `zigbee2mqtt/+/set`. Nothing else is ever sent to a thing, but for what
//! its dialect has a server answer (`answers`). Software that speaks a dialect subscribes to topics of its own whatever
//! the notice says, and some ends when it may not (Zigbee2MQTT, edge nodes of Sparkplug): it may, and hears nothing there.
//! A command goes
//! with the QoS of the subscription; its PUBACK is custody's to know. None is sent twice by a session: a command whose
//! connection ended is made anew by custody.

use super::outbound::Stage;
use super::subscribe::TOO_MANY;
use super::{Ctx, Session};
use crate::Counter;
use crate::mqtt::backend::Backend;
use crate::mqtt::encode::{self, Outgoing};
use crate::mqtt::topic::{self, FilterRefusal};
use mqtt_proto::v5::SubscribeReasonCode;

/// What a thing listens to.
#[derive(Debug, Default)]
pub(super) struct Listening {
    filters: Vec<Listened>,
}

#[derive(Debug)]
struct Listened {
    filter: Box<str>,
    with_ack: bool,
}

const NOT_ITS_OWN: FilterRefusal = FilterRefusal {
    code: SubscribeReasonCode::NotAuthorized,
    counter: Counter::SubscriptionsDenied,
    text: "a thing subscribes to nothing but the topic of its own commands, where its notice names one",
};

impl Listening {
    /// Whether a command on a topic is acknowledged; `None` where no subscription matches it. The highest QoS counts
    /// (3.3.5-1).
    fn with_ack(&self, topic: &str) -> Option<bool> {
        let matching = self
            .filters
            .iter()
            .filter(|it| topic::matches(&it.filter, topic));
        matching.map(|it| it.with_ack).max()
    }

    /// Whether a subscription matches a topic.
    pub(super) fn hears(&self, topic: &str) -> bool {
        self.with_ack(topic).is_some()
    }

    /// What is listened to.
    pub(super) fn filters(&self) -> Vec<Box<str>> {
        self.filters.iter().map(|it| it.filter.clone()).collect()
    }
}

impl<B: Backend> Session<B> {
    /// Adds a subscription of a thing, or replaces the one with the same filter (3.8.4-3).
    pub(super) fn add_listening(
        &mut self,
        filter: &str,
        with_ack: bool,
        ctx: &mut Ctx<'_, B>,
    ) -> Result<(), FilterRefusal> {
        topic::check_filter(
            filter,
            self.limits.max_topic_bytes,
            self.limits.max_topic_levels,
        )?;
        let topics = ctx.backend.command_topics();
        if !topics.iter().any(|it| topic::may_match(filter, it)) && !ctx.backend.has_own_topics() {
            return Err(NOT_ITS_OWN);
        }
        let filters = &mut self.state.listening.filters;
        let known = filters.iter().position(|it| &*it.filter == filter);
        if known.is_none() && filters.len() >= self.limits.max_subscriptions {
            return Err(TOO_MANY);
        }
        if let Some(known) = known {
            filters.swap_remove(known);
        }
        filters.push(Listened {
            filter: filter.into(),
            with_ack,
        });
        ctx.backend.listen(self.state.listening.filters());
        ctx.backend.subscribed(filter);
        ctx.counters.add(Counter::SubscriptionsGranted);
        Ok(())
    }

    /// Ends a subscription of a thing; false where there is none.
    pub(super) fn remove_listening(&mut self, filter: &str, ctx: &mut Ctx<'_, B>) -> bool {
        let filters = &mut self.state.listening.filters;
        let Some(at) = filters.iter().position(|it| &*it.filter == filter) else {
            return false;
        };
        filters.swap_remove(at);
        ctx.backend.listen(self.state.listening.filters());
        true
    }

    /// Whether the thing listens for commands at all.
    pub(crate) fn is_listening(&self) -> bool {
        !self.state.listening.filters.is_empty()
    }

    /// Writes a command, if it is still wanted and the thing still listens.
    pub(crate) fn tell(&mut self, command: &B::Command, ctx: &mut Ctx<'_, B>) {
        let Some(text) = ctx.backend.command_text(command, ctx.now.wall) else {
            // A dialect may need something of the client before it can say it.
            self.answer(ctx);
            return;
        };
        let Some(with_ack) = self.state.listening.with_ack(&text.topic) else {
            return;
        };
        let with_ack = with_ack && !text.is_plain;
        let outbound = &mut self.state.outbound;
        let packet_id = with_ack.then(|| outbound.begin(Stage::Command(text.id)));
        let packet = Outgoing {
            topic: text.topic.as_bytes(),
            qos: u8::from(with_ack),
            packet_id,
            payload: &text.payload,
            ..Outgoing::default()
        };
        if encode::publish(packet, self.terms, ctx.out) {
            ctx.counters.add(Counter::CommandsSent);
            ctx.backend.command_sent(command, with_ack, ctx.now.wall);
        } else {
            // It will never fit: it is tried as often as one that is never acknowledged.
            if packet_id.is_some() {
                outbound.take_back();
            }
            ctx.counters.add(Counter::DeliveriesTooLarge);
            ctx.backend.command_sent(command, true, ctx.now.wall);
        }
    }
}
