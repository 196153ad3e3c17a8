//! ThingsBoard's device API over HTTP: `POST /api/v1/{access token}/telemetry` and `…/attributes`.
//!
//! <https://thingsboard.io/docs/reference/http-api/>
//!
//! A device of ThingsBoard proves who it is by one text, its access token. Here that text is `<thing id>:<token>`, so a
//! token is checked as everywhere, against one hash and in constant time. It stands in a path, as ThingsBoard has it:
//! whatever proxy is in front must not write paths into its log. The server itself writes none.
//!
//! The thing (or bridge) has to be registered with the adapter `thingsboard` (or `thingsboard-gateway`). The answer is 200 with
//! nothing in it, once the message is kept for good; what is refused is answered as in [`super`].
//! `GET …/attributes` is answered with `{}`, as in ThingsBoard where no attribute has the names that were asked for: nothing
//! that a device said is read back, and nobody sets shared attributes.
//! A device waits for commands at `…/rpc`, see [`super::rpc`]. `…/attributes/updates` and claims are not there.
//!
//! A device with a provisioning key asks for its access token at [`PROVISION_PATH`], see [`super::provision`].

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use custody::Publisher;

use super::Ingest;
use super::credentials;
use super::problem::{self, Problem};

/// The route of telemetry.
pub(super) const TELEMETRY_PATH: &str = "/api/v1/{token}/telemetry";
/// The route of attributes.
pub(super) const ATTRIBUTES_PATH: &str = "/api/v1/{token}/attributes";

/// The route of provisioning.
pub(super) const PROVISION_PATH: &str = "/api/v1/provision";

pub(super) async fn telemetry(
    State(ingest): State<Arc<Ingest>>,
    Path(token): Path<String>,
    request: Request,
) -> Result<StatusCode, Problem> {
    accept(&ingest, &token, "v1/devices/me/telemetry", request).await
}

pub(super) async fn attributes(
    State(ingest): State<Arc<Ingest>>,
    Path(token): Path<String>,
    request: Request,
) -> Result<StatusCode, Problem> {
    accept(&ingest, &token, "v1/devices/me/attributes", request).await
}

/// A device asks for its attributes.
pub(super) async fn ask(
    State(ingest): State<Arc<Ingest>>,
    Path(token): Path<String>,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    let asked = who(&ingest, &token, &request)
        .and_then(|publisher| ingest.check_rate(&publisher, request.extensions().get()));
    asked
        .map(|()| ([(CONTENT_TYPE, "application/json")], "{}"))
        .inspect_err(|problem| ingest.counters.add(problem.counter()))
}

async fn accept(
    ingest: &Ingest,
    token: &str,
    topic: &str,
    request: Request,
) -> Result<StatusCode, Problem> {
    let outcome = take(ingest, token, topic, request).await;
    ingest.count(&outcome);
    outcome.map(|()| StatusCode::OK)
}

async fn take(ingest: &Ingest, token: &str, topic: &str, request: Request) -> Result<(), Problem> {
    let publisher = who(ingest, token, &request)?;
    ingest.take_of(&publisher, topic, request).await
}

fn who(ingest: &Ingest, token: &str, request: &Request) -> Result<Publisher, Problem> {
    let credentials = credentials::of_access_token(token).ok_or_else(problem::unauthorized)?;
    ingest.publisher_of(Some(&credentials), request.extensions().get())
}
