//! Commands to devices that were made for ThingsBoard, over its HTTP API.
//!
//! <https://thingsboard.io/docs/reference/http-api/rpc/>
//!
//! ```text
//! GET  /api/v1/{access token}/rpc?timeout=20000     200 {"id": 7, "method": "…", "params": …}, or 408 when none came in time
//! POST /api/v1/{access token}/rpc/7                 200: the device answers command 7
//! ```
//!
//! The thing has to be registered with the adapter `thingsboard`, and the topic of the command in its notice is
//! `v1/devices/me/rpc/request/{number}`, as over MQTT. A command is decided when it is given as the answer, like on any socket.
//! What a device answers is looked at as over MQTT: see [`adapters::command_answer`]. A device asks its server nothing here
//! (`POST …/rpc`).
//!
//! | status | when | counter |
//! |---|---|---|
//! | 401 | wrong credentials, also when they end while it waits | `bad_credentials` |
//! | 403 | not a thing with the adapter `thingsboard` | `publishes_not_allowed` |
//! | 408 | no command came in time | |
//! | 429 | more requests than the limit, or [`MAX_POLLS_PER_THING`] already wait | `publishes_too_fast` |

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adapters::Adapter;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use custody::{Command, CommandAck, Publisher, SourceListener, ThingPeer};
use model::ThingId;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::problem::{self, Problem};
use super::{Ingest, credentials};
use crate::Counter;
use crate::identity::Arrival;

/// The route on which a device waits for a command.
pub(super) const RPC_PATH: &str = "/api/v1/{token}/rpc";
/// The route on which it answers one.
pub(super) const ANSWER_PATH: &str = "/api/v1/{token}/rpc/{number}";
/// How many requests of one thing may wait for commands at once.
const MAX_POLLS_PER_THING: u32 = 4;
/// How long a device waits that does not say how long, in milliseconds.
const DEFAULT_WAIT_MS: u64 = 10_000;
/// How long a device may wait, in milliseconds.
const MAX_WAIT_MS: u64 = 60_000;
/// What the topics of such commands begin with.
const REQUEST: &str = "v1/devices/me/rpc/request/";

#[derive(Debug, Deserialize)]
pub(super) struct Parameters {
    timeout: Option<u64>,
}

/// The words of a command in this dialect.
#[derive(Deserialize)]
struct Words<'a> {
    #[serde(borrow)]
    method: &'a RawValue,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Body<'a> {
    id: u32,
    method: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a RawValue>,
}

/// How many requests wait, by thing.
#[derive(Default)]
pub(super) struct Polls(Mutex<FxHashMap<ThingId, u32>>);

/// One request that waits.
struct Poll<'a> {
    polls: &'a Polls,
    thing: ThingId,
}

impl Polls {
    fn begin(&self, thing: &ThingId) -> Option<Poll<'_>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.entry(thing.clone()).or_default();
        if *count >= MAX_POLLS_PER_THING {
            return None;
        }
        *count += 1;
        Some(Poll {
            polls: self,
            thing: thing.clone(),
        })
    }
}

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        let mut waiting = self.polls.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&self.thing) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.thing);
            }
        }
    }
}

/// A device waits for a command.
pub(super) async fn wait(
    State(ingest): State<Arc<Ingest>>,
    Path(token): Path<String>,
    Query(parameters): Query<Parameters>,
    request: Request,
) -> Result<Response, Problem> {
    let arrival = request.extensions().get::<Arrival>().cloned();
    drop(request);
    let outcome = given(&ingest, &token, &parameters, arrival.as_ref()).await;
    let given = outcome.inspect_err(|problem| ingest.counters.add(problem.counter()))?;
    let Some(body) = given else {
        return Ok(StatusCode::REQUEST_TIMEOUT.into_response());
    };
    ingest.counters.add(Counter::CommandsSent);
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body).into_response())
}

/// A device answers a command.
pub(super) async fn answer(
    State(ingest): State<Arc<Ingest>>,
    Path((token, number)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let outcome = answered(&ingest, &token, &number, request).await;
    outcome
        .map(|()| StatusCode::OK)
        .inspect_err(|problem| ingest.counters.add(problem.counter()))
}

async fn answered(
    ingest: &Ingest,
    token: &str,
    number: &str,
    request: Request,
) -> Result<(), Problem> {
    let thing = device(ingest, token, request.extensions().get())?;
    let body = ingest.body(request).await?;
    let topic = format!("v1/devices/me/rpc/response/{number}");
    let answer = adapters::command_answer(Adapter::ThingsBoard, &topic, &body)
        .ok_or_else(|| problem::bad_topic("the number of a command is a whole number"))?;
    let now = ingest.clock.now().wall;
    let is_done = !answer.is_error;
    (ingest.custody).command_answered(&thing, answer.number, is_done, now);
    Ok(())
}

fn who(ingest: &Ingest, token: &str, arrival: Option<&Arrival>) -> Result<Publisher, Problem> {
    let credentials = credentials::of_access_token(token).ok_or_else(problem::unauthorized)?;
    ingest.publisher_of(Some(&credentials), arrival)
}

/// The thing that shows a token, where it is one of this dialect.
fn device(
    ingest: &Ingest,
    token: &str,
    arrival: Option<&Arrival>,
) -> Result<Arc<ThingPeer>, Problem> {
    let publisher = who(ingest, token, arrival)?;
    ingest.check_rate(&publisher, arrival)?;
    match publisher {
        Publisher::Thing(thing)
            if thing.adapter().as_deref() == Some(Adapter::ThingsBoard.as_str()) =>
        {
            Ok(thing)
        }
        _ => Err(problem::forbidden(
            Counter::PublishesNotAllowed,
            "only a thing with the adapter `thingsboard` gets commands here".to_owned(),
        )),
    }
}

/// The next command for a device; nothing when none comes in time.
async fn given(
    ingest: &Ingest,
    token: &str,
    parameters: &Parameters,
    arrival: Option<&Arrival>,
) -> Result<Option<Vec<u8>>, Problem> {
    let thing = device(ingest, token, arrival)?;
    let _waiting = ingest.polls.begin(thing.id()).ok_or_else(|| {
        problem::too_fast(format!(
            "{MAX_POLLS_PER_THING} requests of this device wait for commands already"
        ))
    })?;
    let wait = parameters
        .timeout
        .unwrap_or(DEFAULT_WAIT_MS)
        .min(MAX_WAIT_MS);
    let takes = |topic: &str| topic.starts_with(REQUEST);
    let mut listener = ingest.custody.listen(&thing, takes);
    let next = async {
        loop {
            let command = poll_fn(|cx| listener.poll_command(cx)).await;
            // Its token may have been revoked while it waited.
            who(ingest, token, arrival)?;
            if let Some(body) = hand_over(ingest, &listener, &command) {
                return Ok(body);
            }
        }
    };
    tokio::select! {
        body = next => body.map(Some),
        () = tokio::time::sleep(Duration::from_millis(wait)) => Ok(None),
        () = (ingest.stop)() => Ok(None),
    }
}

/// Decides on a command and gives what the device is told; nothing when it may not go, or is none of this dialect.
fn hand_over(
    ingest: &Ingest,
    listener: &SourceListener,
    command: &Arc<Command>,
) -> Option<Vec<u8>> {
    let body = body(command)?;
    let now = ingest.clock.now().wall;
    if !command.is_current(now) {
        return None;
    }
    listener.sent(command, CommandAck::Never, now);
    Some(body)
}

fn body(command: &Command) -> Option<Vec<u8>> {
    let words: Words<'_> = serde_json::from_str(command.payload()).ok()?;
    let body = Body {
        id: command.number()?,
        method: words.method,
        params: words.params,
    };
    serde_json::to_vec(&body).ok()
}
