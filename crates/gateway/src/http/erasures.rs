//! HTTP: `GET /receive/v1/erasures`, what people have had erased of what a recipient has received, and its acknowledgement.
//!
//! ```text
//! GET /receive/v1/erasures[?limit=<count>][&after=<id>]
//! Authorization: Bearer <recipient id>:<token>     or Basic with the same two
//!
//! 200, application/json
//! {"erasures":[{"id":"…","deployment":"…","thing":"…","fields":["/…"],"purposes":["…"],"from":"…","until":"…",
//!   "of-one-person":true,"told-at":"…","acknowledge-by":"…"}],"next":"/receive/v1/erasures?…"}
//!
//! POST /receive/v1/erasures/<id>/erased            204: it is acknowledged; again does no harm
//! ```
//!
//! The list has what is not acknowledged, oldest first. An erasure means: erase these fields of this thing, of readings from `from` (from the
//! first where it is missing) up to and without `until`, wherever they are. `of-one-person` is false where messages of the thing are about
//! several people or name them: who erased is not said, so all of it goes. No purpose is asked for: nothing of a reading is in it.
//!
//! | status | when | counter |
//! |---|---|---|
//! | 400 | a parameter that cannot be read | `erasures_refused` |
//! | 401 | no or wrong credentials | `bad_credentials` |
//! | 403 | a thing asks | `erasures_refused` |
//! | 404 | this recipient was not told so | `erasures_refused` |
//! | 429 | faster than [`ERASURE_REQUESTS_PER_SECOND`] | `erasures_refused` |
//! | 503 | the database does not answer: nothing was noted | `erasures_refused` |

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Extension, Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use custody::{EraseId, ErasureNotice, MAX_NOTICES_LISTED, RecipientPeer};
use model::RecipientId;
use serde::{Deserialize, Serialize};

use super::problem::{self, Problem};
use super::receive::{Door, recipient};
use crate::Counter;
use crate::identity::Arrival;
use crate::rate::Bucket;

/// The route of erasures.
pub const ERASURES_PATH: &str = "/receive/v1/erasures";
/// How often a recipient may ask or acknowledge in a second; as many at once.
pub const ERASURE_REQUESTS_PER_SECOND: u32 = 20;
/// How many erasures a list has, unless it says otherwise.
const DEFAULT_LISTED: u16 = 50;

struct Erasures {
    door: Arc<Door>,
    /// Only who has shown its token gets in here, so there are no more than recipients.
    askers: Mutex<HashMap<RecipientId, Bucket>>,
}

/// The routes.
pub(super) fn router(door: Arc<Door>) -> Router {
    let erasures = Erasures {
        door,
        askers: Mutex::default(),
    };
    Router::new()
        .route(ERASURES_PATH, get(list))
        .route("/receive/v1/erasures/{id}/erased", post(erased))
        .with_state(Arc::new(erasures))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    limit: Option<u16>,
    after: Option<String>,
}

#[derive(Serialize)]
struct Listed<'a> {
    erasures: Vec<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown<'a> {
    id: &'a str,
    deployment: &'a str,
    thing: &'a str,
    fields: &'a [String],
    purposes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    until: String,
    of_one_person: bool,
    told_at: String,
    acknowledge_by: String,
}

impl<'a> Shown<'a> {
    fn new(notice: &'a ErasureNotice) -> Self {
        Self {
            id: notice.id.as_str(),
            deployment: notice.deployment.as_str(),
            thing: notice.thing.as_str(),
            fields: &notice.fields,
            purposes: notice.purposes.iter().map(|it| it.as_str()).collect(),
            from: notice.from.map(|it| it.to_string()),
            until: notice.until.to_string(),
            of_one_person: notice.is_whole,
            told_at: notice.told_at.to_string(),
            acknowledge_by: notice.due_at.to_string(),
        }
    }
}

/// Notices as the list has them, as a JSON array.
pub(crate) fn json(notices: &[ErasureNotice]) -> String {
    let shown: Vec<_> = notices.iter().map(Shown::new).collect();
    // Texts and numbers always have a JSON form.
    serde_json::to_string(&shown).unwrap_or_default()
}

impl Erasures {
    fn who(
        &self,
        headers: &HeaderMap,
        arrival: Option<&Arrival>,
    ) -> Result<Arc<RecipientPeer>, Problem> {
        let recipient = recipient(&self.door, headers, arrival).map_err(Problem::of_erasures)?;
        let now_ms = self.door.clock.now().uptime_ms;
        let mut askers = self.askers.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = askers
            .entry(recipient.id().clone())
            .or_insert_with(|| Bucket::new(ERASURE_REQUESTS_PER_SECOND, now_ms));
        match bucket.take(now_ms) {
            true => Ok(recipient),
            false => Err(refused(
                StatusCode::TOO_MANY_REQUESTS,
                format!("at most {ERASURE_REQUESTS_PER_SECOND} requests a second"),
            )),
        }
    }

    fn count(&self, problem: &Problem) {
        self.door.counters.add(problem.counter());
    }
}

type Rejected = axum::extract::rejection::QueryRejection;

async fn list(
    State(erasures): State<Arc<Erasures>>,
    arrival: Option<Extension<Arrival>>,
    headers: HeaderMap,
    parameters: Result<Query<Parameters>, Rejected>,
) -> Result<Response, Problem> {
    let outcome = match erasures.who(&headers, arrival.as_deref()) {
        Ok(recipient) => listed(&erasures, recipient, parameters).await,
        Err(problem) => Err(problem),
    };
    outcome.inspect_err(|it| erasures.count(it))
}

async fn listed(
    erasures: &Erasures,
    recipient: Arc<RecipientPeer>,
    parameters: Result<Query<Parameters>, Rejected>,
) -> Result<Response, Problem> {
    let Query(Parameters { limit, after }) =
        parameters.map_err(|_| malformed("the parameters are limit and after, each once"))?;
    let limit = limit.unwrap_or(DEFAULT_LISTED);
    if !(1..=MAX_NOTICES_LISTED).contains(&limit) {
        let detail = format!("`limit` is from 1 to {MAX_NOTICES_LISTED}");
        return Err(malformed(&detail));
    }
    let after = after.map(|it| EraseId::parse(&it).ok_or_else(not_an_id));
    let after = after.transpose()?;
    let (custody, now) = (
        erasures.door.custody.clone(),
        erasures.door.clock.now().wall,
    );
    let notices =
        blocking(move || custody.erasure_notices(recipient.id(), after.as_ref(), limit, now))
            .await?;
    let is_full = notices.len() >= usize::from(limit);
    let last = notices.last().filter(|_| is_full);
    let next = last.map(|it| format!("{ERASURES_PATH}?limit={limit}&after={}", it.id));
    let count = u64::try_from(notices.len()).unwrap_or(u64::MAX);
    let counter = Counter::ErasuresGiven;
    erasures.door.counters.add_many(counter, count);
    let body = Listed {
        erasures: notices.iter().map(Shown::new).collect(),
        next,
    };
    // Texts and numbers always have a JSON form.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body).into_response())
}

async fn erased(
    State(erasures): State<Arc<Erasures>>,
    Path(id): Path<String>,
    arrival: Option<Extension<Arrival>>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let outcome = async {
        let recipient = erasures.who(&headers, arrival.as_deref())?;
        let id = EraseId::parse(&id).ok_or_else(not_an_id)?;
        let (custody, now) = (
            erasures.door.custody.clone(),
            erasures.door.clock.now().wall,
        );
        let noted = blocking(move || custody.acknowledge_erasure(recipient.id(), &id, now)).await?;
        match noted {
            true => Ok(StatusCode::NO_CONTENT),
            false => Err(refused(
                StatusCode::NOT_FOUND,
                "this recipient was told of no such erasure",
            )),
        }
    };
    let outcome = outcome.await.inspect_err(|it| erasures.count(it))?;
    erasures.door.counters.add(Counter::ErasuresAcknowledged);
    Ok(outcome)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, custody::RowError> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(err)) => {
            tracing::error!(error = %err, "erasures could not be given to a recipient, or not be acknowledged");
            Err(unavailable())
        }
        Err(_) => Err(unavailable()),
    }
}

fn refused(status: StatusCode, detail: impl Into<String>) -> Problem {
    problem::erasures_refused(status, detail)
}

fn malformed(detail: &str) -> Problem {
    refused(StatusCode::BAD_REQUEST, detail)
}

fn not_an_id() -> Problem {
    malformed("an id of an erasure has 26 characters of a-z and 2-7")
}

fn unavailable() -> Problem {
    let detail = "the list of erasures does not answer now: ask again later";
    refused(StatusCode::SERVICE_UNAVAILABLE, detail)
}
