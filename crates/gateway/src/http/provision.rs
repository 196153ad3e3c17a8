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
use super::thingsboard;
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

/// What a device of ThingsBoard says; what else it says, such as a token that it would like, does not count.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AskedAsThingsBoard {
    device_name: String,
    provision_device_key: String,
    provision_device_secret: String,
}

/// Who is asked for.
struct Wanted {
    key: Credentials,
    device: ThingId,
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
        .route(thingsboard::PROVISION_PATH, post(answer_thingsboard))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Arc::new(provision))
}

async fn answer(
    State(provision): State<Arc<Provision>>,
    request: Request,
) -> Result<Response, Problem> {
    let key = key(request.headers());
    let (device, token) = provision
        .counted(request, |body| {
            Ok(Wanted {
                key: key?,
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
    State(provision): State<Arc<Provision>>,
    request: Request,
) -> Result<Response, Problem> {
    let (device, token) = provision.counted(request, as_thingsboard).await?;
    let body = format!(
        "{{\"status\":\"SUCCESS\",\"credentialsType\":\"ACCESS_TOKEN\",\"credentialsValue\":\"{device}:{}\"}}",
        token.expose_secret()
    );
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((StatusCode::OK, headers, body).into_response())
}

impl Provision {
    async fn counted(
        self: Arc<Self>,
        request: Request,
        read: impl FnOnce(&[u8]) -> Result<Wanted, Problem>,
    ) -> Result<(ThingId, Token), Problem> {
        let counters = Arc::clone(&self.counters);
        let outcome = self.exchange(request, read).await;
        counters.add(match &outcome {
            Ok(_) => Counter::DevicesProvisioned,
            Err(problem) => problem.counter(),
        });
        outcome
    }

    async fn exchange(
        self: Arc<Self>,
        request: Request,
        read: impl FnOnce(&[u8]) -> Result<Wanted, Problem>,
    ) -> Result<(ThingId, Token), Problem> {
        let arrival = request.extensions().get::<Arrival>().cloned();
        if arrival
            .as_ref()
            .is_some_and(|it| it.transport() == Transport::Plain)
        {
            let words = "keys and tokens are exchanged over TLS only: use the https address";
            return Err(refused(StatusCode::FORBIDDEN, words.to_owned()));
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
        let Wanted { key, device } = read(&body)?;
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

fn as_thingsboard(body: &[u8]) -> Result<Wanted, Problem> {
    let asked: Option<AskedAsThingsBoard> = serde_json::from_slice(body).ok();
    let wanted = asked.and_then(|it| {
        Some(Wanted {
            device: ThingId::parse(&it.device_name).ok()?,
            key: Credentials {
                user_name: it.provision_device_key,
                password: it.provision_device_secret,
            },
        })
    });
    wanted.ok_or_else(|| {
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
