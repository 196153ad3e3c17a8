//! Webhooks of LoRaWAN network servers: `POST /ways/v1/{bridge}`.
//!
//! ```text
//! POST /ways/v1/lorawan-1            The Things Stack; a path after it (`/up`) may be there and says nothing
//! POST /ways/v1/lorawan-1?event=up   ChirpStack: the HTTP integration adds the event
//! Authorization: Bearer lorawan-1:<token>      or Basic with the same two
//! ```
//!
//! Both products let a header be set. The bridge in the path is the one that the header proves: a webhook that was copied
//! to another application without its header is refused and not mixed up.
//! The answer is 202 with nothing in it once the message is kept for good, also for a message without a reading (a join) and for
//! a device that is not registered; a refusal is answered as in [`super`]. Both products send a message again after 429 and 5xx
//! only if they are told to.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use custody::Publisher;
use serde::Deserialize;

use super::problem::{self, Problem};
use super::{Ingest, credentials};
use crate::Counter;

/// The route of a webhook.
pub(super) const WEBHOOK_PATH: &str = "/ways/v1/{bridge}";
/// The same, with the path that The Things Stack adds for a kind of message.
pub(super) const WEBHOOK_KIND_PATH: &str = "/ways/v1/{bridge}/{*kind}";

/// Where a webhook was sent. What The Things Stack adds to the path says nothing that is not in the message.
#[derive(Debug, Deserialize)]
pub(super) struct Place {
    bridge: String,
}

/// ChirpStack's parameter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    event: Option<String>,
}

pub(super) async fn accept(
    State(ingest): State<Arc<Ingest>>,
    Path(place): Path<Place>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let outcome = take(&ingest, &place.bridge, request).await;
    ingest.count(&outcome);
    outcome.map(|()| StatusCode::ACCEPTED)
}

async fn take(ingest: &Ingest, bridge: &str, request: Request) -> Result<(), Problem> {
    let shown = credentials::read(request.headers()).ok_or_else(problem::unauthorized)?;
    let publisher = ingest.publisher_of(Some(&shown), request.extensions().get())?;
    match &publisher {
        Publisher::Bridge(it) if it.id().as_str() == bridge => {}
        _ => {
            return Err(problem::forbidden(
                Counter::PublishesNotAllowed,
                "the header proves somebody else than the bridge in the path: correct the webhook"
                    .to_owned(),
            ));
        }
    }
    let Query(parameters) = Query::<Parameters>::try_from_uri(request.uri())
        .map_err(|_| problem::bad_topic("the one parameter is event, once"))?;
    let topic = parameters.event.unwrap_or_default();
    ingest.take_of(&publisher, &topic, request).await
}
