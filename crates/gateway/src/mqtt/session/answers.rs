//! What the dialect of a client has its server answer: to a device that asks for its attributes, to an edge node whose
//! births are missing or that waits for its host. It goes to the connection that asked, where that one has subscribed to it, and to nobody else.
//! It holds nothing that anybody's device said, so nothing is decided about it.

use super::{Ctx, Session};
use crate::Counter;
use crate::mqtt::backend::Backend;
use crate::mqtt::encode::{self, Outgoing};

impl<B: Backend> Session<B> {
    /// Writes the answers to the message or subscription that was taken last, with QoS 0: who misses one asks again.
    pub(super) fn answer(&mut self, ctx: &mut Ctx<'_, B>) {
        for answer in ctx.backend.answers(ctx.now.wall) {
            if !self.state.listening.hears(&answer.topic) {
                continue;
            }
            let packet = Outgoing {
                topic: answer.topic.as_bytes(),
                payload: &answer.payload,
                retain: answer.is_retained,
                ..Outgoing::default()
            };
            ctx.counters
                .add(match encode::publish(packet, self.terms, ctx.out) {
                    true => Counter::AnswersSent,
                    false => Counter::DeliveriesTooLarge,
                });
        }
    }
}
