//! Recipients have things do something: `POST /commands/v1/{thing}/{command}`.
//!
//! ```text
//! POST /commands/v1/<thing>/<command>[?purpose=<purpose>]
//! Authorization: Bearer <recipient id>:<token>     or Basic with the same two
//! Amanat-Purpose: <purpose>                        in place of the parameter
//!
//! {"<argument>": …}                                nothing where the command has none
//!
//! 202, Location: /commands/v1/<id>
//! {"id":"…","thing":"…","command":"…","purpose":"…","arguments":{…},"asked-at":"…","expires-at":"…","outcome":"queued"}
//!
//! GET /commands/v1/<id>                            the same, as it stands now
//! GET /commands/v1                                 {"commands":[…]}, the newest [`MAX_LISTED`] of this recipient
//! ```
//!
//! 202 says that the command is in the log, not that the thing did anything: ask for `outcome`. It is one of `queued`, `sent`,
//! `acknowledged`, `confirmed`, `refused-…` (with `interlock`, its place in the notice, where the recipient may know), `expired`,
//! `unknown`. What was refused or has expired never comes to the thing. Nothing here is tried again by itself.
//!
//! | status | when | counter |
//! |---|---|---|
//! | 400 | no purpose or two different ones, no identifiers, no JSON object | `commands_refused` |
//! | 401 | no or wrong credentials | `bad_credentials` |
//! | 403 | not declared for this recipient and purpose, no grant, no licence | `commands_refused` |
//! | 404 | no command of this number of this recipient | `commands_refused` |
//! | 409 | an interlock, or people have turned off what it touches | `commands_refused` |
//! | 413, 408 | the body is longer than [`MAX_ARGUMENTS_BYTES`], or does not come in time | `commands_refused` |
//! | 422 | the arguments do not fit | `commands_refused` |
//! | 429 | too soon after the last, too many in a minute, too many that wait | `commands_refused` |
//! | 503 | the log cannot be written: nothing was done | `commands_refused` |

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use custody::{CommandId, CommandRefusal, CommandRequest, RecipientPeer};
use model::{CommandName, PurposeId, ThingId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::problem::{self, Problem};
use super::receive::{Door, one_purpose, recipient};
use crate::Counter;
use crate::identity::Arrival;
use crate::outcome::{self, Shown};

pub use crate::outcome::MAX_ARGUMENTS_BYTES;

/// The route of commands of recipients.
pub const ORDERS_PATH: &str = "/commands/v1";
/// How many commands a list has at most.
pub const MAX_LISTED: u16 = 100;

/// The routes.
pub(super) fn router(door: Arc<Door>) -> Router {
    Router::new()
        .route("/commands/v1/{thing}/{command}", post(ask))
        .route("/commands/v1/{id}", get(status))
        .route(ORDERS_PATH, get(list))
        .with_state(door)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    purpose: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    commands: Vec<Shown>,
}

type Rejected = axum::extract::rejection::QueryRejection;

async fn ask(
    State(door): State<Arc<Door>>,
    Path((thing, command)): Path<(String, String)>,
    parameters: Result<Query<Parameters>, Rejected>,
    arrival: Option<Extension<Arrival>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let outcome = match sender(&door, &headers, arrival) {
        Ok(who) => taken(&door, who, (&thing, &command), (parameters, &headers), body).await,
        Err(problem) => Err(problem),
    };
    match &outcome {
        Ok(_) => door.counters.add(Counter::CommandsTaken),
        Err(problem) => door.counters.add(problem.counter()),
    }
    outcome
}

async fn taken(
    door: &Arc<Door>,
    recipient: Arc<RecipientPeer>,
    (thing, command): (&str, &str),
    (parameters, headers): (Result<Query<Parameters>, Rejected>, &HeaderMap),
    body: Body,
) -> Result<Response, Problem> {
    let purpose = purpose(parameters, headers)?;
    let request = CommandRequest {
        thing: ThingId::parse(thing).map_err(|_| malformed("`thing` is not an identifier"))?,
        command: CommandName::parse(command)
            .map_err(|_| malformed("`command` is not an identifier"))?,
        arguments: arguments(door, body).await?,
        purpose,
        deployment: None,
        within_seconds: None,
    };
    let now = door.clock.now().wall;
    let custody = door.custody.clone();
    let event = blocking(move || {
        let id = custody
            .command(&recipient, &request, now)
            .map_err(refused)?;
        let found = custody.command_status(&recipient, id, now);
        found.ok().flatten().ok_or_else(unavailable)
    });
    let event = event.await?;
    let location = format!("{ORDERS_PATH}/{}", event.id);
    let mut response = json(StatusCode::ACCEPTED, &Shown::new(event));
    if let Ok(location) = location.parse() {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

async fn status(
    State(door): State<Arc<Door>>,
    Path(id): Path<String>,
    arrival: Option<Extension<Arrival>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let outcome = async {
        let recipient = sender(&door, &headers, arrival)?;
        let id = CommandId::parse(&id).ok_or_else(unknown)?;
        let (custody, now) = (door.custody.clone(), door.clock.now().wall);
        let found = blocking(move || {
            let found = custody.command_status(&recipient, id, now);
            found.map_err(|_| unavailable())
        });
        found.await?.ok_or_else(unknown)
    };
    let event = outcome
        .await
        .inspect_err(|it: &Problem| door.counters.add(it.counter()))?;
    Ok(json(StatusCode::OK, &Shown::new(event)))
}

async fn list(
    State(door): State<Arc<Door>>,
    arrival: Option<Extension<Arrival>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let outcome = async {
        let recipient = sender(&door, &headers, arrival)?;
        let (custody, now) = (door.custody.clone(), door.clock.now().wall);
        let found = blocking(move || {
            let found = custody.commands_of(&recipient, MAX_LISTED, now);
            found.map_err(|_| unavailable())
        });
        found.await
    };
    let events = outcome
        .await
        .inspect_err(|it: &Problem| door.counters.add(it.counter()))?;
    let commands = events.into_iter().map(Shown::new).collect();
    Ok(json(StatusCode::OK, &Listed { commands }))
}

fn sender(
    door: &Door,
    headers: &HeaderMap,
    arrival: Option<Extension<Arrival>>,
) -> Result<Arc<RecipientPeer>, Problem> {
    recipient(door, headers, arrival.as_deref())
        .map_err(|it| it.of_commands("a thing sends no commands; only a recipient does"))
}

fn purpose(
    parameters: Result<Query<Parameters>, Rejected>,
    headers: &HeaderMap,
) -> Result<PurposeId, Problem> {
    let Query(parameters) =
        parameters.map_err(|_| malformed("the one parameter is purpose, once"))?;
    one_purpose(parameters.purpose.as_deref(), headers).map_err(|_| {
        malformed("name one purpose, with ?purpose=<purpose> or the header Amanat-Purpose: without a purpose nothing is done")
    })
}

/// The arguments; none where the body is empty.
async fn arguments(door: &Door, body: Body) -> Result<Map<String, Value>, Problem> {
    let patience = Duration::from_millis(door.limits.connect_timeout_ms);
    let read = axum::body::to_bytes(body, MAX_ARGUMENTS_BYTES);
    let body: Bytes = match tokio::time::timeout(patience, read).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let detail = format!(
                "arguments have at most {MAX_ARGUMENTS_BYTES} bytes, all of which have to come"
            );
            return Err(problem::command_refused(
                StatusCode::PAYLOAD_TOO_LARGE,
                detail,
            ));
        }
        Err(_) => {
            let detail = "the arguments did not come in time";
            return Err(problem::command_refused(
                StatusCode::REQUEST_TIMEOUT,
                detail,
            ));
        }
    };
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(&body)
        .map_err(|_| malformed("the body is one JSON object with the arguments, or empty"))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(unavailable()))
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let body = outcome::json(body);
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body).into_response()
}

fn malformed(detail: &str) -> Problem {
    problem::command_refused(StatusCode::BAD_REQUEST, detail)
}

fn unknown() -> Problem {
    let detail = "this recipient has asked for no command of this number, or it was longer ago than the log is kept";
    problem::command_refused(StatusCode::NOT_FOUND, detail)
}

fn unavailable() -> Problem {
    let detail =
        "the log of commands does not answer: ask how the command stands before you send it again";
    problem::command_refused(StatusCode::SERVICE_UNAVAILABLE, detail)
}

fn refused(refusal: CommandRefusal) -> Problem {
    let status = match &refusal {
        CommandRefusal::NotAllowed | CommandRefusal::Unlicensed => StatusCode::FORBIDDEN,
        CommandRefusal::Arguments(_) => StatusCode::UNPROCESSABLE_ENTITY,
        CommandRefusal::Interlock { .. }
        | CommandRefusal::SomeInterlock
        | CommandRefusal::TurnedOff => StatusCode::CONFLICT,
        CommandRefusal::TooSoon(_) | CommandRefusal::TooMany | CommandRefusal::TooManyWaiting => {
            StatusCode::TOO_MANY_REQUESTS
        }
        CommandRefusal::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    problem::command_refused(status, refusal.to_string())
}
