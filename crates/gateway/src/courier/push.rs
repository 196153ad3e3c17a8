//! Batches leave for the webhooks of recipients, in the shape of the Standard Webhooks specification 1.0.
//!
//! ```text
//! POST <path of the webhook>
//! content-type: application/json
//! webhook-id: msg_…            the same when the same readings are sent again
//! webhook-timestamp: …         seconds since the Unix epoch, of this try
//! webhook-signature: v1,…      base64(HMAC-SHA256(key, id "." timestamp "." body)); one for each key that holds, with a space between
//!
//! {"type":"amanat.readings","timestamp":…,"data":[{"purpose":…,"deployment":…,"thing":…,"at":…,"coarse":…,"reading":{…}}]}
//! {"type":"amanat.erasures","timestamp":…,"data":[…]}       what people had erased, as `http::erasures` lists it, at most fifty
//! {"type":"amanat.test","timestamp":…,"data":{}}
//! ```
//! `missed`, beside `data`, says what was left out before it: `{"deployment":…,"from":…,"until":…}`.
//!
//! What is due, and what becomes of it, says `custody`'s module `push`. What is sent is decided here at the last moment: once the
//! connection is there, under the delivery gate; and it is not written any more once the rules have changed, see `handover`.
//! It counts as delivered once a byte of it was written to the socket, taken or not, and each time that it is sent again.
//! Each batch is a connection of its own, with the checks of addresses that the endpoints of people have.
//!
//! # Who waits for whom
//! Nobody in the server waits for a receiver. At most [`PUSHES_AT_ONCE`] batches are under way; those to receivers that failed or were
//! slow the last time have at most [`SLOW_PUSHES_AT_ONCE`] of these places, so they wait for each other. [`PAGES_AT_ONCE`] pages are read
//! from the vault at once.
//!
//! | answer | what happens |
//! |---|---|
//! | 200 to 299 | taken; the body of the answer is not read |
//! | 410 | the webhook is disabled until a test succeeds |
//! | 408, 425, 429, 500 and above; no answer in time; no connection | again after a pause, which doubles from 5 seconds up to an hour; not before `Retry-After` (seconds, at most an hour) |
//! | others, redirects among them, which are not followed; a wrong address or certificate | the same, but the pause is at least five minutes |

mod handed;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use custody::{
    Custody, ErasureNotice, FailureClass, MAX_PUSH_BYTES, Push, PushContents, PushError,
    PushFailure, PushPage, PushRoom, PushTurn,
};
use ring::rand::SystemRandom;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::dial::Dialer;
use super::{CourierError, CourierOptions, DRAIN, PERIOD, jitter, web, webhook};
use crate::clock::Clock;
use crate::handover::{Flushed, Gated, Handover, earlier};
use crate::http::{erasures_json, write_reading};
use crate::{Counter, Counters};
use handed::{Counted, Decided, Handed};

/// The most batches under way at once.
pub const PUSHES_AT_ONCE: usize = 64;
/// The most of them to receivers that failed or were slow the last time.
pub const SLOW_PUSHES_AT_ONCE: usize = 32;
/// The most pages that are read from the vault at once.
pub const PAGES_AT_ONCE: usize = 2;
/// How many batches a webhook gets before it has to wait for its next turn.
pub const BATCHES_IN_A_TURN: usize = 16;
const ROOM: PushRoom = PushRoom {
    all: PUSHES_AT_ONCE,
    slow: SLOW_PUSHES_AT_ONCE,
};

/// What is needed to send to webhooks.
struct Pusher {
    custody: Custody,
    dialer: Dialer,
    total_timeout: Duration,
    counters: Arc<Counters>,
    clock: Clock,
    random: SystemRandom,
    pages: Semaphore,
}

/// Sends to the webhooks of recipients until `stop` is ready. What is under way then gets a moment to finish; what is not finished is
/// sent again later.
///
/// # Errors
/// See [`CourierError`]; nothing was sent then.
pub async fn run(
    custody: Custody,
    options: CourierOptions,
    counters: Arc<Counters>,
    clock: Clock,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), CourierError> {
    let pusher = Arc::new(Pusher {
        custody,
        dialer: Dialer::new(&options).map_err(CourierError::Tls)?,
        total_timeout: options.total_timeout,
        counters,
        clock,
        random: SystemRandom::new(),
        pages: Semaphore::new(PAGES_AT_ONCE),
    });
    let mut under_way = JoinSet::new();
    let mut period = super::every(PERIOD);
    let mut is_failing = false;
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = period.tick() => (),
        }
        while under_way.try_join_next().is_some() {}
        match pusher.due().await {
            Ok(due) => {
                is_failing = false;
                for turn in due {
                    let pusher = Arc::clone(&pusher);
                    under_way.spawn(async move { pusher.serve(turn).await });
                }
            }
            Err(err) => {
                // Once when it begins, not five times a second.
                if !is_failing {
                    tracing::error!("nothing can be sent to webhooks: {err}");
                }
                is_failing = true;
            }
        }
    }
    let drained = async { while under_way.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        under_way.shutdown().await;
    }
    Ok(())
}

/// How a try ended that did not fail.
enum Sent {
    Taken {
        readings: u64,
    },
    /// None of it may leave.
    Nothing,
    /// The rules changed while it was on its way.
    Stopped,
}

/// A request before it is sent.
struct Message {
    id: String,
    body: Bytes,
    /// How it was decided; nothing where there is no reading in it.
    decided: Option<Decided>,
}

impl Pusher {
    async fn due(&self) -> Result<Vec<PushTurn>, Box<dyn std::error::Error + Send + Sync>> {
        let (custody, now) = (self.custody.clone(), self.clock.now().wall);
        let due = tokio::task::spawn_blocking(move || custody.pushes_due(ROOM, now)).await?;
        Ok(due?)
    }

    /// Sends what a webhook gets, batch after batch.
    async fn serve(&self, turn: PushTurn) {
        let turn = Arc::new(turn);
        for _ in 0..BATCHES_IN_A_TURN {
            let Some(push) = self.made(&turn).await else {
                return;
            };
            let push = Arc::new(push);
            let before = self.clock.now().uptime_ms;
            let sent = tokio::time::timeout(self.total_timeout, self.send(&push)).await;
            let timeout = Err(PushFailure::before_answer(FailureClass::Timeout));
            match sent.unwrap_or(timeout) {
                Ok(Sent::Nothing) => self.custody.push_passed_over(&turn, &push),
                Ok(Sent::Stopped) => {
                    self.counters.add(Counter::WebhookBatchesStopped);
                    return;
                }
                Ok(Sent::Taken { readings }) => {
                    let took_ms = self.clock.now().uptime_ms.saturating_sub(before);
                    if !self.taken(&turn, &push, took_ms, readings).await {
                        return;
                    }
                }
                Err(failure) => return self.failed(&turn, failure).await,
            }
            if matches!(push.contents(), PushContents::Test) {
                return;
            }
        }
    }

    async fn made(&self, turn: &Arc<PushTurn>) -> Option<Push> {
        let _one_of_few = self.pages.acquire().await.ok()?;
        let (custody, turn, now) = (
            self.custody.clone(),
            Arc::clone(turn),
            self.clock.now().wall,
        );
        let made = tokio::task::spawn_blocking(move || custody.push(&turn, now)).await;
        match made {
            Ok(Ok(push)) => push,
            Ok(Err(err)) => {
                let cause = std::error::Error::source(&err).map(ToString::to_string);
                tracing::error!(cause, "nothing can be made for a webhook: {err}");
                None
            }
            Err(err) => {
                tracing::error!("nothing can be made for a webhook: {err}");
                None
            }
        }
    }

    /// Notes that a batch was taken; false where that could not be written down.
    async fn taken(
        &self,
        turn: &Arc<PushTurn>,
        push: &Arc<Push>,
        took_ms: u64,
        readings: u64,
    ) -> bool {
        if readings > 0 {
            self.counters.add(Counter::WebhookBatches);
            self.counters.add_many(Counter::WebhookReadings, readings);
        }
        if let PushContents::Erasures(notices) = push.contents() {
            let count = u64::try_from(notices.len()).unwrap_or(u64::MAX);
            self.counters.add_many(Counter::ErasuresGiven, count);
        }
        let (custody, turn, push) = (self.custody.clone(), Arc::clone(turn), Arc::clone(push));
        let now = self.clock.now().wall;
        let told = move || custody.push_taken(&turn, &push, took_ms, now);
        written(tokio::task::spawn_blocking(told).await)
    }

    async fn failed(&self, turn: &Arc<PushTurn>, failure: PushFailure) {
        self.counters.add(Counter::WebhookFailures);
        if failure.is_gone() {
            self.counters.add(Counter::WebhooksDisabled);
        }
        let (custody, turn) = (self.custody.clone(), Arc::clone(turn));
        let (now, jitter) = (self.clock.now().wall, jitter(&self.random));
        let told = move || custody.push_failed(&turn, failure, jitter, now);
        written(tokio::task::spawn_blocking(told).await);
    }

    async fn send(&self, push: &Push) -> Result<Sent, PushFailure> {
        let address = push.address();
        let written = Arc::new(AtomicU64::new(0));
        let mut handover = Handover::default();
        let between = |socket| {
            let counted = Counted::new(socket, Arc::clone(&written));
            let gated = Gated::new(counted, self.custody.clone());
            handover = gated.handover().clone();
            gated
        };
        let stream = self
            .dialer
            .web_through(&address.host, address.port, between)
            .await
            .map_err(PushFailure::before_answer)?;
        // Decided now and not before: resolving, connecting and TLS took their time.
        let message = match push.contents() {
            PushContents::Test => Some(self.test(push)),
            PushContents::Erasures(notices) => Some(self.erasures(push, notices)),
            PushContents::Page(page) => self.batch(push, page),
        };
        let Some(message) = message else {
            return Ok(Sent::Nothing);
        };
        let readings = message.decided.as_ref().map_or(0, |it| it.receipts.len());
        let body = Handed::new(message.body, message.decided, &handover, written);
        // Until it is known how much was written.
        let _outcome = body.outcome();
        let request = self.request(push, &message.id, body);
        let request = request.map_err(PushFailure::before_answer)?;
        let stream = Flushed::new(stream, handover.clone());
        let answer = web::head(stream, &web::host_of(address), request).await;
        if answer.is_err() && handover.is_over() {
            return Ok(Sent::Stopped);
        }
        let (status, headers) = answer.map_err(PushFailure::before_answer)?;
        match failure_of(status, &headers) {
            Some(failure) => Err(failure),
            None => Ok(Sent::Taken {
                readings: readings as u64,
            }),
        }
    }

    fn test(&self, push: &Push) -> Message {
        let now = self.clock.now().wall;
        let body = format!(r#"{{"type":"amanat.test","timestamp":"{now}","data":{{}}}}"#);
        Message {
            id: push.message_id(body.as_bytes()),
            body: body.into(),
            decided: None,
        }
    }

    /// What people had erased. There is nothing of a reading in it.
    fn erasures(&self, push: &Push, notices: &[ErasureNotice]) -> Message {
        let now = self.clock.now().wall;
        let data = erasures_json(notices);
        let mut body = format!(r#"{{"type":"amanat.erasures","timestamp":"{now}","data":"#);
        body.push_str(&data);
        body.push('}');
        Message {
            id: push.message_id(data.as_bytes()),
            body: body.into(),
            decided: None,
        }
    }

    /// Decides, now, what of a page may leave.
    fn batch(&self, push: &Push, page: &PushPage) -> Option<Message> {
        let mut data = Vec::with_capacity(MAX_PUSH_BYTES / 8);
        let mut receipts = Vec::with_capacity(page.deliveries.len());
        let mut until = None;
        let gate = self.custody.delivery_gate();
        // Before anything is decided: see `http::receive`.
        let rules = self.custody.rules_in_force();
        let now = self.clock.now().wall;
        for delivery in &page.deliveries {
            let Some(permit) = self.custody.permit(delivery, now) else {
                self.counters.add(Counter::DeliveriesNotPermitted);
                continue;
            };
            until = earlier(until, permit.ends_at());
            if !receipts.is_empty() {
                data.push(b',');
            }
            receipts.push(write_reading(permit, &mut data));
        }
        drop(gate);
        if receipts.is_empty() {
            return None;
        }
        let mut body = Vec::with_capacity(data.len() + 256);
        let head = format!(r#"{{"type":"amanat.readings","timestamp":"{now}","#);
        body.extend_from_slice(head.as_bytes());
        if let Some((from, until)) = page.missed {
            let deployment = &page.deployment;
            let missed = format!(
                r#""missed":{{"deployment":"{deployment}","from":"{from}","until":"{until}"}},"#
            );
            body.extend_from_slice(missed.as_bytes());
        }
        body.extend_from_slice(br#""data":["#);
        body.extend_from_slice(&data);
        body.extend_from_slice(b"]}");
        Some(Message {
            id: push.message_id(&data),
            body: body.into(),
            decided: Some(Decided {
                receipts,
                rules,
                until,
            }),
        })
    }

    fn request(&self, push: &Push, id: &str, body: Handed) -> Result<Request<Body>, FailureClass> {
        let seconds = self.clock.now().wall.as_millis().div_euclid(1_000);
        let signed = push
            .keys()
            .iter()
            .map(|key| webhook::signature(key, id, seconds, body.bytes()));
        let signatures: Vec<_> = signed.collect::<Result<_, _>>()?;
        Request::builder()
            .method("POST")
            .uri(push.address().path.as_str())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_LENGTH, body.bytes().len())
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signatures.join(" "))
            .body(Body::new(body))
            .map_err(|_| FailureClass::Protocol)
    }
}

/// What an answer says; nothing where it is a success.
fn failure_of(status: StatusCode, headers: &HeaderMap) -> Option<PushFailure> {
    let class = web::class_of(status).err()?;
    let asked = headers.get(header::RETRY_AFTER);
    let asked = asked.and_then(|it| it.to_str().ok()?.trim().parse().ok());
    Some(PushFailure {
        class,
        status: Some(status.as_u16()),
        // RFC 9110 section 10.2.3. A date says little between two clocks: then the pause is ours.
        retry_after_seconds: asked,
    })
}

fn written(told: Result<Result<(), PushError>, tokio::task::JoinError>) -> bool {
    let error = match told {
        Ok(Ok(())) => return true,
        Ok(Err(err)) => err.to_string(),
        Err(err) => err.to_string(),
    };
    tracing::error!("what became of a batch could not be written down: {error}");
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Option<PushFailure> {
        let mut headers = HeaderMap::new();
        if let Some(it) = retry_after {
            headers.insert(header::RETRY_AFTER, it.parse().unwrap());
        }
        failure_of(StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn successes_are_taken_and_everything_else_is_told_apart() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answer(status, None), None);
        }
        let check = |status, is_gone, is_lasting| {
            let failure = answer(status, None).unwrap();
            assert_eq!(failure.status, Some(status));
            assert_eq!(
                (failure.is_gone(), failure.is_lasting()),
                (is_gone, is_lasting),
                "{status}"
            );
        };
        check(410, true, true);
        for status in [301, 302, 307, 308, 400, 401, 403, 404, 413, 422] {
            check(status, false, true);
        }
        for status in [408, 425, 429, 500, 502, 503, 504] {
            check(status, false, false);
        }
        assert_eq!(answer(307, None).unwrap().class, FailureClass::Redirect);
    }

    #[test]
    fn a_receiver_says_in_seconds_when_it_wants_to_be_asked_again() {
        let asked = |text| answer(429, Some(text)).unwrap().retry_after_seconds;
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked("Fri, 31 Dec 1999 23:59:59 GMT"), None);
        assert_eq!(asked("-1"), None);
        assert_eq!(asked("99999999999999"), None);
    }
}
