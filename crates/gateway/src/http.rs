//! HTTP ingest: `POST /ingest/v1`, one message a request; receiving is the module `receive`.
//!
//! ```text
//! POST /ingest/v1
//! Authorization: Bearer <thing id>:<token>      or Basic with the same two
//! Content-Type: application/json                may be left out; application/cbor where the notice says so
//!
//! {"…": …}                                      the message, as over MQTT
//! ```
//!
//! Who speaks a dialect, a bridge or a thing with an adapter, adds `?topic=…`, the topic that it would use over MQTT, and
//! may send any content type.
//!
//! The answer is 202 with nothing in it, once the message is kept for good (with `Amanat-Commands` in the request it
//! carries commands to the thing, see `commands`); or a problem of RFC 9457
//! (`application/problem+json`) that says what to do and repeats nothing of what was sent.
//!
//! | status | when | counter |
//! |---|---|---|
//! | 400 | no topic of who speaks a dialect, another parameter, a topic that is too long | `topics_rejected` |
//! | 401 | no or wrong credentials | `bad_credentials` |
//! | 403 | not a thing, no licence in force, quarantine, removed | `publishes_not_allowed`, `…_unlicensed`, `…_quarantined` |
//! | 408 | the body does not come in time | `bodies_too_slow` |
//! | 413 | the body is too long | `publishes_too_large` |
//! | 415 | a content type that is neither JSON nor CBOR | `unsupported_media_type` |
//! | 422 | the message cannot be read | `publishes_malformed` |
//! | 429 | faster than the limit | `publishes_too_fast` |
//! | 503 | nothing can be kept now | `publishes_unavailable` |

mod commands;
mod credentials;
mod enrol;
mod erasures;
mod history;
mod lorawan;
mod order;
mod owntracks;
mod problem;
mod provision;
mod receive;
mod rpc;
mod thingsboard;
mod traffic;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::Adapter;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use custody::{Custody, Lsn, Publisher};
use serde::Deserialize;

use crate::clock::Clock;
use crate::codecs::Codecs;
use crate::decoding::Asking;
use crate::guard::Guard;
use crate::identity::Arrival;
use crate::refusal::{Refusal, RefusalKind};
use crate::ways::{Arriving, Ways};
use crate::{Counter, Counters, Limits};

use commands::Mailboxes;
use credentials::Credentials;
use problem::Problem;
use receive::Door;

pub use order::{MAX_ARGUMENTS_BYTES, MAX_LISTED, ORDERS_PATH};
pub use provision::PROVISION_PATH;

pub(crate) use erasures::json as erasures_json;
pub use erasures::{ERASURE_REQUESTS_PER_SECOND, ERASURES_PATH};
pub use history::{HISTORY_PATH, MAX_AT_ONCE, PAGES_PER_SECOND};
pub(crate) use receive::write_reading;
pub use receive::{PURPOSE_HEADER, RECEIVE_PATH, Stop};

/// The route of HTTP ingest.
pub const INGEST_PATH: &str = "/ingest/v1";
/// The route on which a thing asks for its commands without having anything to send.
pub const COMMANDS_PATH: &str = "/ingest/v1/commands";

/// The routes of the gateway, to be merged into the server's. Streams end when `stop` is ready.
pub fn router(
    custody: Custody,
    limits: Arc<Limits>,
    counters: Arc<Counters>,
    stop: Stop,
) -> Router {
    let door = Door {
        custody: custody.clone(),
        limits: Arc::clone(&limits),
        counters: Arc::clone(&counters),
        clock: Clock::start(),
        stop: Arc::clone(&stop),
        open: Mutex::default(),
        pages: history::Pages::default(),
    };
    let door = Arc::new(door);
    let receiving = Router::new()
        .route(RECEIVE_PATH, get(receive::receive))
        .route(HISTORY_PATH, get(history::history))
        .route(traffic::TRAFFIC_PATH, get(traffic::traffic))
        .with_state(Arc::clone(&door))
        .merge(erasures::router(Arc::clone(&door)))
        .merge(order::router(door));
    let enrolling = enrol::router(custody.clone(), Arc::clone(&counters))
        .merge(provision::router(custody.clone(), Arc::clone(&counters)));
    let max_bytes = usize::try_from(limits.max_packet_bytes).unwrap_or(usize::MAX);
    let guard = Guard::new(Arc::clone(&limits));
    let ingest = Ingest {
        custody,
        limits,
        counters,
        clock: Clock::start(),
        guard,
        mailboxes: Mailboxes::default(),
        polls: rpc::Polls::default(),
        stop,
    };
    Router::new()
        .route(INGEST_PATH, post(accept))
        .route(COMMANDS_PATH, get(ask))
        .route(thingsboard::TELEMETRY_PATH, post(thingsboard::telemetry))
        .route(
            thingsboard::ATTRIBUTES_PATH,
            post(thingsboard::attributes).get(thingsboard::ask),
        )
        .route(rpc::RPC_PATH, get(rpc::wait))
        .route(rpc::ANSWER_PATH, post(rpc::answer))
        .route(owntracks::PATH, post(owntracks::accept))
        .route(lorawan::WEBHOOK_PATH, post(lorawan::accept))
        .route(lorawan::WEBHOOK_KIND_PATH, post(lorawan::accept))
        .layer(DefaultBodyLimit::max(max_bytes))
        .with_state(Arc::new(ingest))
        .merge(receiving)
        .merge(enrolling)
}

struct Ingest {
    custody: Custody,
    limits: Arc<Limits>,
    counters: Arc<Counters>,
    clock: Clock,
    /// Rates of those who come without the server's own guard.
    guard: Arc<Guard>,
    mailboxes: Mailboxes,
    /// Devices that wait for commands.
    polls: rpc::Polls,
    stop: Stop,
}

async fn accept(State(ingest): State<Arc<Ingest>>, request: Request) -> Result<Response, Problem> {
    let outcome = ingest.take(request).await;
    match &outcome {
        Ok(_) => ingest.counters.add(Counter::PublishesAccepted),
        Err(problem) => ingest.counters.add(problem.counter()),
    }
    outcome.map(|commands| match commands {
        Some(commands) => with_commands(StatusCode::ACCEPTED, commands),
        None => StatusCode::ACCEPTED.into_response(),
    })
}

async fn ask(State(ingest): State<Arc<Ingest>>, request: Request) -> Result<Response, Problem> {
    let asked = ingest.ask(request.headers(), request.extensions().get::<Arrival>());
    asked
        .map(|commands| with_commands(StatusCode::OK, commands))
        .inspect_err(|problem| ingest.counters.add(problem.counter()))
}

fn with_commands(status: StatusCode, commands: Vec<u8>) -> Response {
    let json = HeaderValue::from_static("application/json");
    (status, [(CONTENT_TYPE, json)], commands).into_response()
}

impl Ingest {
    /// Keeps a message; gives the commands for a thing that listens.
    async fn take(&self, request: Request) -> Result<Option<Vec<u8>>, Problem> {
        let arrival = request.extensions().get::<Arrival>();
        let publisher = self.publisher(request.headers(), arrival)?;
        if is_plain(&publisher) {
            check_content_type(request.headers())?;
        }
        let topic = topic(request.uri(), &self.limits)?;
        if topic.is_empty() && needs_topic(&publisher) {
            return Err(problem::bad_topic(WITHOUT_TOPIC));
        }
        let said = request.headers().get(commands::HEADER).cloned();
        self.take_of(&publisher, &topic, request).await?;
        let (Publisher::Thing(thing), Some(said)) = (&publisher, said) else {
            return Ok(None);
        };
        let now = self.clock.now().wall;
        Ok(Some(self.mailboxes.exchange(
            &self.custody,
            thing,
            &said,
            now,
        )))
    }

    /// Keeps a message of whoever has shown who it is.
    async fn take_of(
        &self,
        publisher: &Publisher,
        topic: &str,
        request: Request,
    ) -> Result<(), Problem> {
        self.check_rate(publisher, request.extensions().get::<Arrival>())?;
        let codecs = request.extensions().get::<Arc<Codecs>>().cloned();
        let body = self.body(request).await?;
        let arriving = Arriving {
            topic,
            payload: &body,
            properties: &[],
            retain: false,
            origin: 0,
            expires_at: None,
        };
        // A request stands alone: what a dialect remembers of a connection begins anew with each.
        let mut ways = Ways::new(Arc::clone(&self.counters));
        if let Some(asking) = Asking::about(&self.custody, publisher, &arriving) {
            ways.hear(asking.asked(codecs.as_deref()).await);
        }
        let position = ways
            .take(&self.custody, publisher, &arriving, self.clock.now().wall)
            .map_err(refused)?;
        drop(body);
        self.kept(position).await
    }

    fn count(&self, outcome: &Result<(), Problem>) {
        self.counters.add(match outcome {
            Ok(()) => Counter::PublishesAccepted,
            Err(problem) => problem.counter(),
        });
    }

    /// The commands for a thing that has no message.
    fn ask(&self, headers: &HeaderMap, arrival: Option<&Arrival>) -> Result<Vec<u8>, Problem> {
        let publisher = self.publisher(headers, arrival)?;
        let now = self.clock.now();
        self.check_rate(&publisher, arrival)?;
        let Publisher::Thing(thing) = publisher else {
            return Err(problem::forbidden(
                Counter::PublishesNotAllowed,
                "a bridge gets no commands here: it listens for them over MQTT".to_owned(),
            ));
        };
        let none = HeaderValue::from_static("none");
        let said = headers.get(commands::HEADER).unwrap_or(&none);
        Ok(self
            .mailboxes
            .exchange(&self.custody, &thing, said, now.wall))
    }

    fn publisher(
        &self,
        headers: &HeaderMap,
        arrival: Option<&Arrival>,
    ) -> Result<Publisher, Problem> {
        let shown = credentials::shown(headers).ok_or_else(problem::unauthorized)?;
        self.publisher_of(shown.as_ref(), arrival)
    }

    fn publisher_of(
        &self,
        shown: Option<&Credentials>,
        arrival: Option<&Arrival>,
    ) -> Result<Publisher, Problem> {
        let now = self.clock.now().wall;
        let peer = credentials::who(&self.custody, shown, arrival, now)
            .ok_or_else(problem::unauthorized)?;
        peer.publisher().ok_or_else(|| {
            problem::forbidden(
                Counter::PublishesNotAllowed,
                "a recipient does not send messages; only a thing does".to_owned(),
            )
        })
    }

    /// The rate is that of the peer and its deployment, over every way in.
    fn check_rate(&self, publisher: &Publisher, arrival: Option<&Arrival>) -> Result<(), Problem> {
        let guard = arrival.and_then(Arrival::guard).unwrap_or(&self.guard);
        match guard.may_publish(publisher, self.clock.now().wall) {
            true => Ok(()),
            false => Err(problem::too_many(self.limits.publishes_per_second)),
        }
    }

    async fn body(&self, request: Request) -> Result<Bytes, Problem> {
        let patience = Duration::from_millis(self.limits.connect_timeout_ms);
        match tokio::time::timeout(patience, Bytes::from_request(request, &())).await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(problem::too_large(self.limits.max_packet_bytes))
            }
            Ok(Err(_)) => Err(problem::malformed(
                "the body ended before it was whole".to_owned(),
            )),
            Err(_) => Err(problem::too_slow(self.limits.connect_timeout_ms)),
        }
    }

    /// Waits until the message is kept for good.
    async fn kept(&self, position: Lsn) -> Result<(), Problem> {
        let patience = Duration::from_millis(self.limits.durable_timeout_ms);
        match tokio::time::timeout(patience, self.custody.until_durable(position)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(problem::unavailable(
                "the message could not be kept in time: send it again later".to_owned(),
            )),
        }
    }
}

/// Whether messages are in the format of a notice, and not in a dialect.
fn is_plain(publisher: &Publisher) -> bool {
    match publisher {
        Publisher::Thing(thing) => thing.adapter().is_none(),
        Publisher::Bridge(_) => false,
    }
}

/// Whether a message says nothing without its topic: in the format of a notice it needs none, and a script may do without.
fn needs_topic(publisher: &Publisher) -> bool {
    let word = match publisher {
        Publisher::Thing(thing) => thing.adapter(),
        Publisher::Bridge(bridge) => Some(bridge.adapter()),
    };
    word.is_some_and(|it| *it != *Adapter::Codec.as_str())
}

/// What is said to who speaks a dialect and does not say about what.
const WITHOUT_TOPIC: &str = "the sender is registered with a dialect, so the message needs its topic: add it to the address, such as /ingest/v1?topic=zigbee2mqtt%2Fkitchen";

/// The topic of a message in a dialect: `?topic=…`, percent-encoded; nothing else may stand there.
fn topic(uri: &Uri, limits: &Limits) -> Result<String, Problem> {
    let Query(parameters) = Query::<TopicParameter>::try_from_uri(uri)
        .map_err(|_| problem::bad_topic("the one parameter is topic, once"))?;
    let topic = parameters.topic.unwrap_or_default();
    if topic.len() > limits.max_topic_bytes {
        return Err(problem::bad_topic("the topic is too long"));
    }
    Ok(topic)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicParameter {
    topic: Option<String>,
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    // Which of the two it has to be says the notice; what is in the body is read as that and as nothing else.
    let is_known = essence.strip_prefix("application/").is_some_and(|it| {
        let suffix = it.rsplit('+').next().unwrap_or(it);
        matches!(suffix, "json" | "cbor")
    });
    match is_known {
        true => Ok(()),
        false => Err(problem::unsupported_media_type()),
    }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal.kind {
        RefusalKind::Unlicensed | RefusalKind::Quarantined | RefusalKind::Unregistered => {
            problem::forbidden(refusal.kind.counter(), refusal.text)
        }
        RefusalKind::Malformed | RefusalKind::Unreadable => problem::malformed(refusal.text),
        RefusalKind::TooLarge => problem::too_large_message(refusal.text),
        RefusalKind::TooFast => problem::too_fast(refusal.text),
        RefusalKind::Unavailable => problem::unavailable(refusal.text),
    }
}
