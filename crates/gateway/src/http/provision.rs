//! `POST /provision/v1`: a device of a fleet exchanges the fleet's provisioning key for a token of its own, once.
//!
//! ```text
//! POST /provision/v1
//! Authorization: Bearer <key>:<secret>          or Basic with the same two
//!
//! {"device":"plug-17"}
//!
//! 201 {"thing":"plug-17","token":"…"}
//! ```
//!
//! | status | when | counter |
//! |---|---|---|
//! | 401 | no key, a wrong one, or one that is over or used up | `bad_credentials` |
//! | 403 | without TLS from another machine; an identifier that the key does not bring in | `provisions_refused` |
//! | 409 | the identifier is taken: the device came in before | `provisions_refused` |
//! | 413, 422 | the body is too long, or says no device | `provisions_refused` |
//! | 429 | more than [`PER_SECOND`](crate::provisioning::PER_SECOND) devices of a key in a second; too many wrong keys from this address ([`Limits::login_failures_per_address`](crate::Limits::login_failures_per_address)) | `provisions_refused` |
//! | 503 | the database fails | `provisions_refused` |
//!
//! Devices that were made for ThingsBoard ask as they know it
//! (<https://thingsboard.io/docs/user-guide/device-provisioning/>, HTTP API), and get an access token for
//! [`super::thingsboard`]; refusals are the same:
//!
//! ```text
//! POST /api/v1/provision
//!
//! {"deviceName":"plug-17","provisionDeviceKey":"<key>","provisionDeviceSecret":"<secret>"}
//!
//! 200 {"status":"SUCCESS","credentialsType":"ACCESS_TOKEN","credentialsValue":"plug-17:…"}
//! ```
//!
//! Wrong keys take nothing from those who have a right one: they count for the address that they come from.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use custody::{ActError, Custody, ProvisionError, Token, Transport};
use model::ThingId;
use serde::Deserialize;

use super::credentials::{self, Credentials};
use super::problem::{self, Problem};
use super::thingsboard;
use crate::clock::Clock;
use crate::identity::Arrival;
use crate::provisioning::{self, NotProvisioned, Provisioner, Wanted};
use crate::{Counter, Counters};

/// The route.
pub const PROVISION_PATH: &str = "/provision/v1";
/// The longest body, in bytes.
const MAX_BODY_BYTES: usize = 1_024;
/// How long the body may take, in milliseconds.
const BODY_TIMEOUT_MS: u64 = 5_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    device: String,
}

pub(super) fn router(custody: Custody, counters: Arc<Counters>) -> Router {
    let provision = Provisioner::new(custody, counters, Clock::start());
    Router::new()
        .route(PROVISION_PATH, post(answer))
        .route(thingsboard::PROVISION_PATH, post(answer_thingsboard))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Arc::new(provision))
}

async fn answer(
    State(provision): State<Arc<Provisioner>>,
    request: Request,
) -> Result<Response, Problem> {
    let key = key(request.headers());
    let (device, token) = counted(provision, request, |body| {
        let key = key?;
        Ok(Wanted {
            key: key.user_name,
            secret: key.password,
            device: device(body)?,
        })
    })
    .await?;
    let body = format!(
        "{{\"thing\":\"{device}\",\"token\":\"{}\"}}",
        token.expose_secret()
    );
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((StatusCode::CREATED, headers, body).into_response())
}

async fn answer_thingsboard(
    State(provision): State<Arc<Provisioner>>,
    request: Request,
) -> Result<Response, Problem> {
    let (device, token) = counted(provision, request, as_thingsboard).await?;
    let body = provisioning::thingsboard_credentials(&device, &token);
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((StatusCode::OK, headers, body).into_response())
}

async fn counted(
    provision: Arc<Provisioner>,
    request: Request,
    read: impl FnOnce(&[u8]) -> Result<Wanted, Problem>,
) -> Result<(ThingId, Token), Problem> {
    let counter = Arc::clone(&provision);
    let outcome = exchange(provision, request, read).await;
    counter.count(match &outcome {
        Ok(_) => Counter::DevicesProvisioned,
        Err(problem) => problem.counter(),
    });
    outcome
}

async fn exchange(
    provision: Arc<Provisioner>,
    request: Request,
    read: impl FnOnce(&[u8]) -> Result<Wanted, Problem>,
) -> Result<(ThingId, Token), Problem> {
    let arrival = request.extensions().get::<Arrival>().cloned();
    let transport = arrival.as_ref().map(Arrival::transport);
    if transport == Some(Transport::Plain) {
        return Err(problem_of(&NotProvisioned::Plain));
    }
    let patience = std::time::Duration::from_millis(BODY_TIMEOUT_MS);
    let body = tokio::time::timeout(patience, Bytes::from_request(request, &())).await;
    let body = match body {
        Ok(Ok(body)) => body,
        Ok(Err(rejection)) => {
            let words = format!("the body has at most {MAX_BODY_BYTES} bytes");
            return Err(refused(rejection.status(), words));
        }
        Err(_) => return Err(problem::too_slow(BODY_TIMEOUT_MS)),
    };
    let wanted = read(&body)?;
    let provisioned = tokio::task::spawn_blocking(move || {
        let brought = provision.bring_in(&wanted, arrival.as_ref());
        let token = brought.map_err(|err| problem_of(&err))?;
        Ok((wanted.device, token))
    });
    let failed = |_| problem::unavailable("the server failed".to_owned());
    provisioned.await.map_err(failed)?
}

fn key(headers: &HeaderMap) -> Result<Credentials, Problem> {
    credentials::read(headers).ok_or_else(problem::unauthorized)
}

fn as_thingsboard(body: &[u8]) -> Result<Wanted, Problem> {
    provisioning::as_thingsboard(body).ok_or_else(|| {
        let words = "send deviceName, which is an identifier of small letters, digits and hyphens, provisionDeviceKey and provisionDeviceSecret";
        refused(StatusCode::UNPROCESSABLE_ENTITY, words.to_owned())
    })
}

fn device(body: &[u8]) -> Result<ThingId, Problem> {
    let asked: Option<Asked> = serde_json::from_slice(body).ok();
    let device = asked.and_then(|it| ThingId::parse(&it.device).ok());
    device.ok_or_else(|| {
        refused(
            StatusCode::UNPROCESSABLE_ENTITY,
            "send {\"device\":\"…\"} with the identifier of the device".to_owned(),
        )
    })
}

fn problem_of(error: &NotProvisioned) -> Problem {
    let status = match error {
        NotProvisioned::Plain => {
            let words = "keys and tokens are exchanged over TLS only: use the https address";
            return refused(StatusCode::FORBIDDEN, words.to_owned());
        }
        NotProvisioned::HeldOff | NotProvisioned::TooFast => StatusCode::TOO_MANY_REQUESTS,
        NotProvisioned::Refused(ProvisionError::Key) => return problem::unauthorized(),
        NotProvisioned::Refused(ProvisionError::Pattern) => StatusCode::FORBIDDEN,
        NotProvisioned::Refused(ProvisionError::Act(ActError::Taken(_))) => {
            let words = "the device came in before: its token is not given twice, ask the operator to renew it";
            return refused(StatusCode::CONFLICT, words.to_owned());
        }
        NotProvisioned::Refused(ProvisionError::Act(_)) => {
            let words = "the device could not be registered: try again later";
            return refused(StatusCode::SERVICE_UNAVAILABLE, words.to_owned());
        }
    };
    refused(status, error.to_string())
}

fn refused(status: StatusCode, detail: String) -> Problem {
    problem::not_provisioned(status, detail)
}
