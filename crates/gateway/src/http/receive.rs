//! HTTP receiving: `GET /receive/v1`, a stream of server-sent events for one recipient and one purpose.
//!
//! ```text
//! GET /receive/v1?purpose=<purpose>[&deployment=<id>][&thing=<id>][&where=<condition>]
//! Authorization: Bearer <recipient id>:<token>     or Basic with the same two
//! Amanat-Purpose: <purpose>                        in place of the parameter
//!
//! event: reading
//! data: {"purpose":…,"deployment":…,"thing":…,"at":…,"coarse":…,"reading":{…}}
//! ```
//!
//! No purpose, no data. What `reading` holds is decided when it is handed over, see [`crate::handover`].
//! A recipient that reads too slowly loses what does not fit into its outbox; nobody waits for it. A comment every
//! [`KEEP_ALIVE`] keeps proxies from closing the connection and tells when the recipient is gone.
//!
//! | status | when | counter |
//! |---|---|---|
//! | 400 | no purpose, two different ones, an identifier or condition that cannot be read | `subscriptions_invalid` |
//! | 401 | no or wrong credentials | `bad_credentials` |
//! | 403 | a thing asks, or no grant names the purpose there | `subscriptions_denied` |
//! | 429 | more streams than a recipient may have | `subscriptions_over_limit` |

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Query, State};
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use custody::{Condition, Custody, Delivery, Filter, Inbox, Permit, RecipientPeer, Subscription};
use hyper::body::Frame;
use model::{DeploymentId, PurposeId, RecipientId, ThingId};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use tokio::time::Interval;

use super::credentials;
use super::problem::{self, Problem};
use crate::clock::Clock;
use crate::handover::{Handover, earlier};
use crate::identity::{Arrival, Pass};
use crate::{Counter, Counters, Limits};

/// The route of HTTP receiving.
pub const RECEIVE_PATH: &str = "/receive/v1";
/// The header that names the purpose.
pub const PURPOSE_HEADER: &str = "amanat-purpose";
/// How often something is sent when there is nothing to send.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// What one piece of a stream holds at most, apart from its last event.
const PIECE_BYTES: usize = 8 * 1024;

/// Ends every stream when it is time to stop.
pub type Stop = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What every stream shares.
pub(super) struct Door {
    pub(super) custody: Custody,
    pub(super) limits: Arc<Limits>,
    pub(super) counters: Arc<Counters>,
    pub(super) clock: Clock,
    pub(super) stop: Stop,
    /// How many streams each recipient has; only who has some is in it.
    pub(super) open: Mutex<FxHashMap<RecipientId, usize>>,
    /// Who asks for the past.
    pub(super) pages: super::history::Pages,
}

/// The parameters. Unknown ones are refused: a misspelt `where` must not be taken for none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    purpose: Option<String>,
    deployment: Option<String>,
    thing: Option<String>,
    #[serde(rename = "where")]
    condition: Option<String>,
}

pub(super) async fn receive(
    State(door): State<Arc<Door>>,
    handover: Option<Extension<Handover>>,
    arrival: Option<Extension<Arrival>>,
    headers: HeaderMap,
    parameters: Result<Query<Parameters>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let who = receiver(&door, &headers, arrival.as_deref());
    let outcome = who.and_then(|who| open(&door, handover, who, &headers, parameters));
    match &outcome {
        Ok(_) => door.counters.add(Counter::SubscriptionsGranted),
        Err(problem) => door.counters.add(problem.counter()),
    }
    let stream = outcome?;
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::new(stream)).into_response())
}

fn open(
    door: &Arc<Door>,
    handover: Option<Extension<Handover>>,
    (pass, recipient): (Arc<Pass>, Arc<RecipientPeer>),
    headers: &HeaderMap,
    parameters: Result<Query<Parameters>, axum::extract::rejection::QueryRejection>,
) -> Result<Stream, Problem> {
    let Query(parameters) = parameters.map_err(|_| {
        problem::bad_request("the parameters are purpose, deployment, thing and where, each once")
    })?;
    let filter = filter(&parameters, headers)?;
    // Without it there would be nobody to hold back what the rules do not allow any more.
    let Some(Extension(handover)) = handover else {
        return Err(problem::unavailable(
            "this listener does not stream".to_owned(),
        ));
    };
    let turn = Turn::take(door, recipient.id())?;
    let (sender, mut inbox) = custody::outbox(door.limits.outbox_deliveries);
    // Nobody waits for a stream: it counts as slow for as long as it lives.
    inbox.park(door.clock.now().uptime_ms);
    let subscription = door
        .custody
        .subscribe(&recipient, filter, sender, 0, door.clock.now().wall)
        .map_err(|err| problem::forbidden(Counter::SubscriptionsDenied, err.to_string()))?;
    let mut keep_alive = tokio::time::interval(KEEP_ALIVE);
    keep_alive.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    Ok(Stream {
        door: Arc::clone(door),
        ended: Box::pin(Arc::clone(&pass).ended(door.custody.clone(), door.clock)),
        pass,
        inbox,
        keep_alive,
        stopping: (door.stop)(),
        handover,
        _subscription: subscription,
        _turn: turn,
    })
}

pub(super) fn recipient(
    door: &Door,
    headers: &HeaderMap,
    arrival: Option<&Arrival>,
) -> Result<Arc<RecipientPeer>, Problem> {
    receiver(door, headers, arrival).map(|it| it.1)
}

/// Who came in, and as whom it receives. What fails counts for the address that it comes from, as on every way in; a certificate names
/// things, and says nothing here.
fn receiver(
    door: &Door,
    headers: &HeaderMap,
    arrival: Option<&Arrival>,
) -> Result<(Arc<Pass>, Arc<RecipientPeer>), Problem> {
    let credentials = credentials::read(headers).ok_or_else(problem::unauthorized)?;
    let (user_name, password) = (&credentials.user_name, credentials.password.as_bytes());
    let now = door.clock.now().wall;
    let admitted = match arrival.cloned().map(Arrival::without_certificate) {
        Some(it) => it
            .admit(&door.custody, Some(user_name), Some(password), now)
            .ok(),
        None => door.custody.let_in(user_name, password, now),
    };
    let admitted = admitted.ok_or_else(problem::unauthorized)?;
    let pass = Arc::new(Pass::new(admitted, now));
    match pass.peer().recipient().map(Arc::clone) {
        Some(recipient) => Ok((pass, recipient)),
        None => Err(problem::forbidden(
            Counter::SubscriptionsDenied,
            "a thing does not receive data; only a recipient does".to_owned(),
        )),
    }
}

fn filter(parameters: &Parameters, headers: &HeaderMap) -> Result<Filter, Problem> {
    let purpose = one_purpose(parameters.purpose.as_deref(), headers)?;
    let about = About::read(
        parameters.deployment.as_deref(),
        parameters.thing.as_deref(),
        parameters.condition.as_deref(),
    );
    let about = about.map_err(problem::bad_request)?;
    Ok(Filter {
        purpose,
        deployment: about.deployment,
        thing: about.thing,
        condition: about.condition,
        native: None,
    })
}

/// What a question is about, of now and of the past alike.
pub(super) struct About {
    pub(super) deployment: Option<DeploymentId>,
    pub(super) thing: Option<ThingId>,
    pub(super) condition: Option<Condition>,
}

impl About {
    /// Reads the parameters `deployment`, `thing` and `where`, or says what is wrong with them.
    pub(super) fn read(
        deployment: Option<&str>,
        thing: Option<&str>,
        condition: Option<&str>,
    ) -> Result<Self, String> {
        let identifier = |what: &str| format!("`{what}` is not an identifier");
        let deployment = deployment.map(DeploymentId::parse).transpose();
        let thing = thing.map(ThingId::parse).transpose();
        let condition = condition.map(str::parse::<Condition>).transpose();
        Ok(Self {
            deployment: deployment.map_err(|_| identifier("deployment"))?,
            thing: thing.map_err(|_| identifier("thing"))?,
            condition: condition.map_err(|err| format!("where: {err}"))?,
        })
    }
}

/// The one purpose, by parameter or header.
pub(super) fn one_purpose(
    parameter: Option<&str>,
    headers: &HeaderMap,
) -> Result<PurposeId, Problem> {
    let wanted = || {
        problem::bad_request(
            "name one purpose, with ?purpose=<purpose> or the header Amanat-Purpose: without a purpose there is no data",
        )
    };
    let in_headers = headers.get_all(PURPOSE_HEADER).iter();
    let mut named = in_headers
        .map(|it| it.to_str().unwrap_or_default())
        .chain(parameter);
    let first = named.next().ok_or_else(wanted)?;
    if named.any(|it| it != first) {
        return Err(wanted());
    }
    PurposeId::parse(first).map_err(|_| wanted())
}

/// The place of one stream among those of its recipient.
struct Turn {
    door: Arc<Door>,
    recipient: RecipientId,
}

impl Turn {
    fn take(door: &Arc<Door>, recipient: &RecipientId) -> Result<Self, Problem> {
        let most = door.limits.streams_per_recipient;
        let mut open = door.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(recipient.clone()).or_default();
        if *count >= most {
            return Err(problem::too_many_streams(most));
        }
        *count += 1;
        Ok(Self {
            door: Arc::clone(door),
            recipient: recipient.clone(),
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut open = self
            .door
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.recipient) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.recipient);
            }
        }
    }
}

/// The body of an answer that does not end by itself.
struct Stream {
    door: Arc<Door>,
    pass: Arc<Pass>,
    /// Ready when its credential does not open any more.
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
    inbox: Inbox,
    keep_alive: Interval,
    stopping: Pin<Box<dyn Future<Output = ()> + Send>>,
    handover: Handover,
    _subscription: Subscription,
    _turn: Turn,
}

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let stream = self.get_mut();
        if stream.stopping.as_mut().poll(cx).is_ready() || stream.ended.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(None);
        }
        while let Poll::Ready(delivery) = stream.inbox.poll_next(cx) {
            match delivery.map(|it| stream.piece(it)) {
                Some(Piece::Bytes(bytes)) => {
                    stream.keep_alive.reset();
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Piece::Nothing) => {}
                None | Some(Piece::End) => return Poll::Ready(None),
            }
        }
        match stream.keep_alive.poll_tick(cx) {
            Poll::Ready(_) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b":\n\n"))))),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// What became of some deliveries.
enum Piece {
    Bytes(Bytes),
    /// None of them may leave.
    Nothing,
    /// The rules changed while an earlier piece waited for the socket, or the credential of the stream ended.
    End,
}

impl Stream {
    /// Decides, now, on a delivery and those behind it that fit into the same piece.
    fn piece(&mut self, first: Delivery) -> Piece {
        let custody = &self.door.custody;
        let mut bytes = Vec::new();
        let mut receipts = Vec::new();
        let _gate = custody.delivery_gate();
        // Before anything is decided: an act swaps in its rules first and counts itself afterwards, and the gate does not hold up
        // either, so a number that is read later could be that of rules that did not decide.
        let rules = custody.rules_in_force();
        let now = self.door.clock.now().wall;
        if !self.pass.receives(now) {
            return Piece::End;
        }
        let mut until = None;
        let mut next = Some(first);
        while let Some(delivery) = next {
            match custody.permit(&delivery, now) {
                Some(permit) => {
                    until = earlier(until, permit.ends_at());
                    receipts.push(event(permit, &mut bytes));
                }
                None => self.door.counters.add(Counter::DeliveriesNotPermitted),
            }
            next = match bytes.len() < PIECE_BYTES {
                true => self.inbox.try_next(),
                false => None,
            };
        }
        if receipts.is_empty() {
            return Piece::Nothing;
        }
        let count = receipts.len() as u64;
        match self.handover.add(receipts, rules, until) {
            Ok(()) => {
                self.door.counters.add_many(Counter::DeliveriesSent, count);
                Piece::Bytes(Bytes::from(bytes))
            }
            Err(_) => Piece::End,
        }
    }
}

/// Writes one event; a rendered payload has no line breaks.
fn event(permit: Permit, out: &mut Vec<u8>) -> custody::Receipt {
    out.extend_from_slice(b"event: reading\ndata: ");
    let receipt = write_reading(permit, out);
    out.extend_from_slice(b"\n\n");
    receipt
}

/// Writes what may leave of one reading, as JSON. Identifiers and times need no escapes.
pub(crate) fn write_reading(permit: Permit, out: &mut Vec<u8>) -> custody::Receipt {
    let head = format!(
        "{{\"purpose\":\"{}\",\"deployment\":\"{}\",\"thing\":\"{}\",\"at\":\"{}\",\"coarse\":{},\"reading\":",
        permit.purpose(),
        permit.deployment(),
        permit.thing(),
        permit.at(),
        permit.is_coarse(),
    );
    out.extend_from_slice(head.as_bytes());
    let receipt = permit.write_payload(out);
    out.push(b'}');
    receipt
}
