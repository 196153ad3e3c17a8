//! HTTP: `GET /receive/v1/orders/<number>/traffic`, who received messages about the people of an authority's order, and how many.
//!
//! ```text
//! GET /receive/v1/orders/<number>/traffic[?from=<time>]
//! Authorization: Bearer <recipient id>:<token>     or Basic with the same two
//!
//! 200, application/json
//! {"facts":[{"person":"…","hour":"2026-11-24T10:00:00Z","thing":"…","recipient":"…","purpose":"…","messages":12}]}
//! ```
//!
//! Only for orders for traffic, see `custody`'s module `lawful`: what was in the messages is not told. `person` is a pseudonym that tells
//! the people of the order apart. Each question is noted, and the people are told of it when the order is no secret any more. Of each
//! person at most [`custody::MAX_TRAFFIC_FACTS`] facts come, oldest first: ask again `from` the hour of the last one. Questions count as
//! pages of the history ([`super::PAGES_PER_SECOND`]).
//!
//! | status | when | counter |
//! |---|---|---|
//! | 400 | a time that cannot be read | `history_invalid` |
//! | 401 | no or wrong credentials | `bad_credentials` |
//! | 403 | a thing asks | `history_denied` |
//! | 404 | no order of this recipient for traffic stands under this number | `history_denied` |
//! | 429 | more questions than a recipient may ask | `history_over_limit` |
//! | 503 | the database does not answer | `history_unavailable` |

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use custody::{OrderError, RecipientPeer, TrafficFact};
use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::history::denied;
use super::problem::{self, Problem};
use super::receive::{Door, recipient};
use crate::Counter;
use crate::identity::Arrival;

/// The route of traffic facts.
pub(super) const TRAFFIC_PATH: &str = "/receive/v1/orders/{number}/traffic";
const HOUR_MILLIS: i64 = 3_600_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    from: Option<String>,
}

#[derive(Serialize)]
struct Facts<'a> {
    facts: Vec<Fact<'a>>,
}

#[derive(Serialize)]
struct Fact<'a> {
    person: &'a str,
    hour: String,
    thing: &'a str,
    recipient: &'a str,
    purpose: &'a str,
    messages: i64,
}

impl<'a> Fact<'a> {
    fn new(fact: &'a TrafficFact) -> Self {
        Self {
            person: &fact.person,
            hour: Timestamp::from_millis(fact.hour.saturating_mul(HOUR_MILLIS)).to_string(),
            thing: fact.thing.as_str(),
            recipient: fact.recipient.as_str(),
            purpose: fact.purpose.as_str(),
            messages: fact.deliveries,
        }
    }
}

type Rejected = axum::extract::rejection::QueryRejection;

pub(super) async fn traffic(
    State(door): State<Arc<Door>>,
    arrival: Option<Extension<Arrival>>,
    Path(number): Path<String>,
    headers: HeaderMap,
    parameters: Result<Query<Parameters>, Rejected>,
) -> Result<Response, Problem> {
    let outcome = match recipient(&door, &headers, arrival.as_deref()).map_err(denied) {
        Ok(recipient) => answer(&door, recipient, &number, parameters).await,
        Err(problem) => Err(problem),
    };
    match &outcome {
        Ok(_) => door.counters.add(Counter::HistoryPages),
        Err(problem) => door.counters.add(problem.counter()),
    }
    outcome
}

async fn answer(
    door: &Arc<Door>,
    recipient: Arc<RecipientPeer>,
    number: &str,
    parameters: Result<Query<Parameters>, Rejected>,
) -> Result<Response, Problem> {
    let no_time = || problem::history_invalid("`from` is a time such as 2026-07-30T10:00:00Z");
    let Query(parameters) = parameters.map_err(|_| no_time())?;
    let from = parameters.from.as_deref().map(Timestamp::parse).transpose();
    let from = from.map_err(|_| no_time())?;
    let none = || problem::no_history(OrderError::NoOrder.to_string());
    let number: u64 = number.parse().map_err(|_| none())?;
    let moment = door.clock.now();
    let turn = door.pages.turn(recipient.id(), moment.uptime_ms)?;
    let custody = door.custody.clone();
    let found = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        custody.order_traffic(&recipient, number, from, moment.wall)
    });
    let unavailable =
        || problem::history_unavailable("the facts cannot be read now: ask again later");
    let facts = found
        .await
        .map_err(|_| unavailable())?
        .map_err(|error| match error {
            OrderError::NoOrder => none(),
            OrderError::Rows(error) => {
                tracing::error!(error = %error, "traffic facts of an order could not be read");
                unavailable()
            }
        })?;
    let shown = Facts {
        facts: facts.iter().map(Fact::new).collect(),
    };
    let body = serde_json::to_vec(&shown).map_err(|_| unavailable())?;
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from(body)).into_response())
}
