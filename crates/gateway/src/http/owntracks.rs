//! The HTTP mode of the OwnTracks apps: `POST /owntracks/v1`.
//!
//! <https://owntracks.org/booklet/tech/http/>
//!
//! ```text
//! POST /owntracks/v1
//! Authorization: Basic <thing id>:<token>       as the app sends its user name and password
//! X-Limit-U: ali                                or ?u=ali&d=pixel: who and which telephone, for a bridge of several
//! X-Limit-D: pixel
//!
//! {"_type":"location", …}
//! ```
//!
//! The answer is 200 with `[]` once the message is kept for good, because the apps read an array of messages for them in
//! it, of which there are none. What is refused stays in the queue of the app, which shows the status to its user.

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Ingest;
use super::problem::{self, Problem};

/// The route.
pub(super) const PATH: &str = "/owntracks/v1";
/// The longest name of a user or a telephone, in bytes.
const MAX_NAME_BYTES: usize = 64;
/// What stands for a name that is not given: the credential says whose it is.
const UNNAMED: &str = "http";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    u: Option<String>,
    d: Option<String>,
}

pub(super) async fn accept(
    State(ingest): State<Arc<Ingest>>,
    request: Request,
) -> Result<Response, Problem> {
    let outcome = take(&ingest, request).await;
    ingest.count(&outcome);
    outcome.map(|()| {
        let json = [(CONTENT_TYPE, "application/json")];
        (StatusCode::OK, json, "[]").into_response()
    })
}

async fn take(ingest: &Ingest, request: Request) -> Result<(), Problem> {
    let publisher = ingest.publisher(request.headers(), request.extensions().get())?;
    let topic = topic(&request)?;
    ingest.take_of(&publisher, &topic, request).await
}

/// The topic that the app would use over MQTT.
fn topic(request: &Request) -> Result<String, Problem> {
    let Query(parameters) = Query::<Parameters>::try_from_uri(request.uri())
        .map_err(|_| problem::bad_topic("the parameters are u and d, each once"))?;
    let user = name(parameters.u, request.headers(), "x-limit-u")?;
    let device = name(parameters.d, request.headers(), "x-limit-d")?;
    Ok(format!("owntracks/{user}/{device}"))
}

fn name(given: Option<String>, headers: &HeaderMap, header: &str) -> Result<String, Problem> {
    let in_header = || Some(headers.get(header)?.to_str().ok()?.to_owned());
    let name = given.or_else(in_header).filter(|it| !it.is_empty());
    let name = name.unwrap_or_else(|| UNNAMED.to_owned());
    match name.len() > MAX_NAME_BYTES || name.contains(['/', '+', '#', '\0']) {
        true => Err(problem::bad_topic(
            "the name of the user or device in the app is too long or has a slash, + or # in it",
        )),
        false => Ok(name),
    }
}
