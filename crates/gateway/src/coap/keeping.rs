//! From a request that was admitted to a message that is kept for good, and the response to it.

use std::sync::Arc;
use std::time::Duration;

use custody::{Custody, Publisher};

use super::answer::{self, Wrong};
use super::block::Block;
use super::exchange::Key;
use super::message::{Code, Response};
use super::request::Door;
use crate::clock::Clock;
use crate::codecs::Codecs;
use crate::decoding::Asking;
use crate::ways::{Arriving, Ways};
use crate::{Counter, Counters, Limits};

/// What keeps messages.
#[derive(Clone)]
pub(super) struct Keeper {
    pub(super) custody: Custody,
    pub(super) limits: Arc<Limits>,
    pub(super) clock: Clock,
    pub(super) codecs: Option<Arc<Codecs>>,
    pub(super) counters: Arc<Counters>,
}

/// A whole message of somebody who has shown a token.
pub(super) struct Whole {
    pub(super) key: Key,
    pub(super) publisher: Publisher,
    pub(super) door: Door,
    pub(super) topic: Box<str>,
    pub(super) payload: Vec<u8>,
    /// The last piece, when it came in pieces.
    pub(super) block: Option<Block>,
}

impl Keeper {
    /// Keeps a message; says what is answered.
    pub(super) async fn keep(self, whole: Whole) -> (Key, Response) {
        let (key, block) = (whole.key, whole.block);
        let response = match self.kept(&whole).await {
            Ok(response) => {
                self.counters.add(Counter::PublishesAccepted);
                response
            }
            Err(wrong) => {
                self.counters.add(wrong.counter);
                wrong.response
            }
        };
        let response = match block {
            Some(block) => block.on(response),
            None => response,
        };
        (key, response)
    }

    async fn kept(&self, whole: &Whole) -> Result<Response, Wrong> {
        let arriving = Arriving {
            topic: &whole.topic,
            payload: &whole.payload,
            properties: &[],
            retain: false,
            origin: 0,
            expires_at: None,
        };
        // A request stands alone: what a dialect remembers of a connection begins anew with each.
        let mut ways = Ways::new(Arc::clone(&self.counters));
        if let Some(asking) = Asking::about(&self.custody, &whole.publisher, &arriving) {
            ways.hear(asking.asked(self.codecs.as_deref()).await);
        }
        let now = self.clock.now().wall;
        let position = ways
            .take(&self.custody, &whole.publisher, &arriving, now)
            .map_err(answer::refused)?;
        let patience = Duration::from_millis(self.limits.durable_timeout_ms);
        match tokio::time::timeout(patience, self.custody.until_durable(position)).await {
            Ok(Ok(_)) => Ok(Response::new(match whole.door {
                Door::Ingest => Code::CHANGED,
                // As ThingsBoard answers.
                Door::Telemetry | Door::Attributes => Code::CREATED,
            })),
            Ok(Err(_)) | Err(_) => Err(Wrong {
                response: answer::unavailable("not kept in time: send it again later"),
                counter: Counter::PublishesUnavailable,
                is_silent_for_non: false,
            }),
        }
    }
}
