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
//! | 403 | an identifier that the key does not bring in | `provisions_refused` |
//! | 409 | the identifier is taken: the device came in before | `provisions_refused` |
//! | 413, 422 | the body is too long, or says no device | `provisions_refused` |
//! | 429 | more than [`PER_SECOND`] requests in a second, of all who ask | `provisions_refused` |
//! | 503 | the database fails | `provisions_refused` |

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use custody::{ActError, Custody, ProvisionError, Token};
use model::ThingId;
use serde::Deserialize;

use super::credentials::{self, Credentials};
use super::problem::{self, Problem};
use crate::clock::Clock;
use crate::rate::Bucket;
use crate::{Counter, Counters};

/// The route.
pub const PROVISION_PATH: &str = "/provision/v1";
/// How many requests are answered in a second, whoever asks: nobody guesses keys faster than this.
const PER_SECOND: u32 = 50;
/// The longest body, in bytes.
const MAX_BODY_BYTES: usize = 1_024;
/// How long the body may take, in milliseconds.
const BODY_TIMEOUT_MS: u64 = 5_000;

struct Provision {
    custody: Custody,
    counters: Arc<Counters>,
    clock: Clock,
    bucket: Mutex<Bucket>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    device: String,
}

pub(super) fn router(custody: Custody, counters: Arc<Counters>) -> Router {
    let clock = Clock::start();
    let bucket = Bucket::new(PER_SECOND, clock.now().uptime_ms);
    let provision = Provision {
        custody,
        counters,
        clock,
        bucket: Mutex::new(bucket),
    };
    Router::new()
        .route(PROVISION_PATH, post(answer))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Arc::new(provision))
}

async fn answer(
    State(provision): State<Arc<Provision>>,
    request: Request,
) -> Result<Response, Problem> {
    let counters = Arc::clone(&provision.counters);
    let outcome = provision.exchange(request).await;
    match &outcome {
        Ok(_) => counters.add(Counter::DevicesProvisioned),
        Err(problem) => counters.add(problem.counter()),
    }
    let (device, token) = outcome?;
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

impl Provision {
    async fn exchange(self: Arc<Self>, request: Request) -> Result<(ThingId, Token), Problem> {
        if !self.is_free() {
            let words = format!("at most {PER_SECOND} devices a second: try again in a while");
            return Err(refused(StatusCode::TOO_MANY_REQUESTS, words));
        }
        let key = key(request.headers())?;
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
        let device = device(&body)?;
        let now = self.clock.now().wall;
        let asked = device.clone();
        let provisioned = tokio::task::spawn_blocking(move || {
            let secret = key.password.as_bytes();
            self.custody.provision(&key.user_name, secret, &asked, now)
        });
        match provisioned.await {
            Ok(Ok(token)) => Ok((device, token)),
            Ok(Err(err)) => Err(problem_of(&err)),
            Err(_) => Err(problem::unavailable("the server failed".to_owned())),
        }
    }

    fn is_free(&self) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(self.clock.now().uptime_ms)
    }
}

fn key(headers: &HeaderMap) -> Result<Credentials, Problem> {
    credentials::read(headers).ok_or_else(problem::unauthorized)
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

fn problem_of(error: &ProvisionError) -> Problem {
    match error {
        ProvisionError::Key => problem::unauthorized(),
        ProvisionError::Pattern => refused(StatusCode::FORBIDDEN, error.to_string()),
        ProvisionError::Act(ActError::Taken(_)) => refused(
            StatusCode::CONFLICT,
            "the device came in before: its token is not given twice, ask the operator to renew it"
                .to_owned(),
        ),
        ProvisionError::Act(_) => refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "the device could not be registered: try again later".to_owned(),
        ),
    }
}

fn refused(status: StatusCode, detail: String) -> Problem {
    problem::not_provisioned(status, detail)
}
