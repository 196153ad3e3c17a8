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
//! | 429 | more than [`PER_SECOND`] devices of a key in a second; too many wrong keys from this address ([`Limits::login_failures_per_address`](crate::Limits::login_failures_per_address)) | `provisions_refused` |
//! | 503 | the database fails | `provisions_refused` |
//!
//! Wrong keys take nothing from those who have a right one: they count for the address that they come from.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use custody::{ActError, Custody, ProvisionError, Token, Transport};
use model::ThingId;
use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::credentials::{self, Credentials};
use super::problem::{self, Problem};
use crate::clock::Clock;
use crate::guard::millis;
use crate::identity::Arrival;
use crate::rate::Bucket;
use crate::{Counter, Counters};

/// The route.
pub const PROVISION_PATH: &str = "/provision/v1";
/// How many devices a key brings in, or tries to, in a second.
const PER_SECOND: u32 = 50;
/// Of how many keys the rate is remembered; with more of them at once all begin anew.
const MAX_KEYS: usize = 1_024;
/// The longest body, in bytes.
const MAX_BODY_BYTES: usize = 1_024;
/// How long the body may take, in milliseconds.
const BODY_TIMEOUT_MS: u64 = 5_000;

struct Provision {
    custody: Custody,
    counters: Arc<Counters>,
    clock: Clock,
    /// By key, of those that were shown with their secret.
    buckets: Mutex<FxHashMap<Box<str>, Bucket>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    device: String,
}

pub(super) fn router(custody: Custody, counters: Arc<Counters>) -> Router {
    let provision = Provision {
        custody,
        counters,
        clock: Clock::start(),
        buckets: Mutex::default(),
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
        let arrival = request.extensions().get::<Arrival>().cloned();
        if arrival
            .as_ref()
            .is_some_and(|it| it.transport() == Transport::Plain)
        {
            let words = "keys and tokens are exchanged over TLS only: use the https address";
            return Err(refused(StatusCode::FORBIDDEN, words.to_owned()));
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
        let provisioned = tokio::task::spawn_blocking(move || {
            let token = self.bring_in(&key, &device, arrival.as_ref())?;
            Ok((device, token))
        });
        let failed = |_| problem::unavailable("the server failed".to_owned());
        provisioned.await.map_err(failed)?
    }

    /// Blocks on the database.
    fn bring_in(
        &self,
        key: &Credentials,
        device: &ThingId,
        arrival: Option<&Arrival>,
    ) -> Result<Token, Problem> {
        let too_many = |words| refused(StatusCode::TOO_MANY_REQUESTS, words);
        let (name, secret) = (key.user_name.as_str(), key.password.as_bytes());
        let now = self.clock.now();
        let now_ms = millis(now.wall);
        // No thing is called like this.
        let tried = format!("provisioning/{name}");
        let watched = arrival.and_then(Arrival::watched);
        if watched.is_some_and(|(from, guard)| !guard.logins().may_try(from, &tried, now_ms)) {
            let words = "too many wrong keys came from this address: try again in a minute";
            return Err(too_many(words.to_owned()));
        }
        let checked = self.custody.check_provisioning_key(name, secret, now.wall);
        if let Some((from, guard)) = watched {
            match &checked {
                Ok(()) => guard.logins().succeeded(from, &tried),
                Err(ProvisionError::Key) => {
                    guard.logins().failed(from, &tried, now_ms);
                }
                Err(_) => {}
            }
        }
        checked.map_err(|err| problem_of(&err))?;
        if !self.is_free(name, now.uptime_ms) {
            let words = format!("at most {PER_SECOND} devices a second: try again in a while");
            return Err(too_many(words));
        }
        let provisioned = self.custody.provision(name, secret, device, now.wall);
        provisioned.map_err(|err| problem_of(&err))
    }

    /// Whether a key that works may bring in one more now.
    fn is_free(&self, key: &str, now_ms: u64) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_KEYS && !buckets.contains_key(key) {
            buckets.clear();
        }
        let bucket = buckets
            .entry(key.into())
            .or_insert_with(|| Bucket::new(PER_SECOND, now_ms));
        bucket.take(now_ms)
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
