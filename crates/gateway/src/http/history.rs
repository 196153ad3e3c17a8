//! HTTP history: `GET /receive/v1/history`, what a recipient could have received before, a page at a time.
//!
//! ```text
//! GET /receive/v1/history?purpose=<purpose>&deployment=<id>
//!     [&thing=<id>][&from=<time>][&until=<time>][&where=<condition>][&limit=<count>][&after=<cursor>]
//! Authorization: Bearer <recipient id>:<token>     or Basic with the same two
//! Amanat-Purpose: <purpose>                        in place of the parameter
//!
//! 200, application/json
//! {"readings":[{"purpose":…,"deployment":…,"thing":…,"at":…,"coarse":…,"reading":{…}}],"next":"/receive/v1/history?…"}
//! ```
//!
//! No purpose, no data. What is given is decided when it is handed over, as for a stream, see [`crate::handover`]; what is
//! never given, and in which order readings come, says `custody`'s module `history`. `next` is the address of the next page, and missing
//! behind the last one; a page can be empty and have a next one. `sealed_before` stands beside `next` where what the page went through is
//! sealed to a person's own key: before that moment readings are missing that this server cannot read.
//!
//! | status | when | counter |
//! |---|---|---|
//! | 400 | no purpose, two different ones, no deployment, a parameter that cannot be read, a cursor of somebody else | `history_invalid` |
//! | 401 | no or wrong credentials | `bad_credentials` |
//! | 403 | a thing asks, or no grant names the purpose there | `history_denied` |
//! | 404 | messages of the deployment name people: it has no history | `history_denied` |
//! | 429 | more pages than a recipient may ask for in a second, or more than [`MAX_AT_ONCE`] are being read, or [`MAX_AT_ONCE_EACH`] of its own | `history_over_limit` |
//! | 503 | the vault or the database does not answer | `history_unavailable` |

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Query, State};
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use custody::{HistoryError, HistoryPage, HistoryQuery, MAX_HISTORY_READINGS, RecipientPeer};
use model::{PurposeId, RecipientId, Timestamp};
use serde::Deserialize;

use super::problem::{self, Problem};
use super::receive::{About, Door, one_purpose, recipient, write_reading};
use crate::Counter;
use crate::handover::{Handover, earlier};
use crate::identity::Arrival;
use crate::rate::Bucket;

/// The route of the history.
pub const HISTORY_PATH: &str = "/receive/v1/history";
/// How many pages a recipient may ask for in a second; as many at once.
pub const PAGES_PER_SECOND: u32 = 5;
/// How many pages are read at once, for all recipients.
pub const MAX_AT_ONCE: usize = 4;
/// How many of them are one recipient's, so that others have their turn.
const MAX_AT_ONCE_EACH: usize = 2;
/// How many readings a page has, unless it says otherwise.
const DEFAULT_READINGS: u16 = 100;
/// How far back a question goes that does not say it.
const DAY_MILLIS: i64 = 86_400_000;

/// Who asks how often, and how many pages are being read.
#[derive(Default)]
pub(super) struct Pages(Arc<Mutex<Askers>>);

#[derive(Default)]
struct Askers {
    /// Only who has shown its token gets in here, so there are no more than recipients.
    by_recipient: HashMap<RecipientId, Asker>,
    reading: usize,
}

struct Asker {
    bucket: Bucket,
    reading: usize,
}

/// A page that is being read, for as long as that takes: also when nobody waits for it any more.
pub(super) struct Turn {
    askers: Arc<Mutex<Askers>>,
    recipient: RecipientId,
}

impl Pages {
    pub(super) fn turn(&self, recipient: &RecipientId, now_ms: u64) -> Result<Turn, Problem> {
        let mut askers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = askers.reading >= MAX_AT_ONCE;
        let asker = askers
            .by_recipient
            .entry(recipient.clone())
            .or_insert_with(|| Asker {
                bucket: Bucket::new(PAGES_PER_SECOND, now_ms),
                reading: 0,
            });
        if !asker.bucket.take(now_ms) {
            let detail = format!("at most {PAGES_PER_SECOND} pages a second");
            return Err(problem::history_over_limit(detail));
        }
        if asker.reading >= MAX_AT_ONCE_EACH {
            let detail = format!("{MAX_AT_ONCE_EACH} pages are being read already: wait for them");
            return Err(problem::history_over_limit(detail));
        }
        if is_full {
            let detail = "others are being served: ask again in a second".to_owned();
            return Err(problem::history_over_limit(detail));
        }
        asker.reading += 1;
        askers.reading += 1;
        Ok(Turn {
            askers: Arc::clone(&self.0),
            recipient: recipient.clone(),
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut askers = self.askers.lock().unwrap_or_else(PoisonError::into_inner);
        askers.reading -= 1;
        if let Some(asker) = askers.by_recipient.get_mut(&self.recipient) {
            asker.reading -= 1;
        }
    }
}

/// The parameters. Unknown ones are refused: a misspelt `where` must not be taken for none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    purpose: Option<String>,
    deployment: Option<String>,
    thing: Option<String>,
    from: Option<String>,
    until: Option<String>,
    #[serde(rename = "where")]
    condition: Option<String>,
    limit: Option<u16>,
    after: Option<String>,
}

type Rejected = axum::extract::rejection::QueryRejection;

pub(super) async fn history(
    State(door): State<Arc<Door>>,
    handover: Option<Extension<Handover>>,
    arrival: Option<Extension<Arrival>>,
    headers: HeaderMap,
    parameters: Result<Query<Parameters>, Rejected>,
) -> Result<Response, Problem> {
    let outcome = match recipient(&door, &headers, arrival.as_deref()).map_err(denied) {
        Ok(recipient) => answer(&door, handover, recipient, &headers, parameters).await,
        Err(problem) => Err(problem),
    };
    if let Err(problem) = &outcome {
        door.counters.add(problem.counter());
    }
    outcome
}

async fn answer(
    door: &Arc<Door>,
    handover: Option<Extension<Handover>>,
    recipient: Arc<RecipientPeer>,
    headers: &HeaderMap,
    parameters: Result<Query<Parameters>, Rejected>,
) -> Result<Response, Problem> {
    let Query(parameters) = parameters.map_err(|_| {
        problem::history_invalid(
            "the parameters are purpose, deployment, thing, from, until, where, limit and after, each once",
        )
    })?;
    let moment = door.clock.now();
    let query = query(&parameters, headers, moment.wall)?;
    // Without it there would be nobody to hold back what the rules do not allow any more.
    let Some(Extension(handover)) = handover else {
        return Err(problem::history_unavailable(
            "this listener gives no history",
        ));
    };
    let turn = door.pages.turn(recipient.id(), moment.uptime_ms)?;
    let (custody, asked) = (door.custody.clone(), query.clone());
    let found = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        custody.history(&recipient, &asked, moment.wall)
    });
    let page = found
        .await
        .map_err(|_| problem::history_unavailable("the history could not be read"))?
        .map_err(refused)?;
    let next =
        (page.next.as_deref()).map(|it| address(&query, parameters.condition.as_deref(), it));
    let body = write(door, &handover, &page, next)?;
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from(body)).into_response())
}

/// Who may not receive at all may not ask either; it is counted as a question.
pub(super) fn denied(problem: Problem) -> Problem {
    match problem.counter() {
        Counter::SubscriptionsDenied => problem.counted_as(Counter::HistoryDenied),
        _ => problem,
    }
}

fn query(
    parameters: &Parameters,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<HistoryQuery, Problem> {
    let time = |text: &Option<String>, what: &str| {
        let read = text.as_deref().map(Timestamp::parse).transpose();
        read.map_err(|_| {
            problem::history_invalid(format!("`{what}` is a time such as 2026-07-30T10:00:00Z"))
        })
    };
    let limit = parameters.limit.unwrap_or(DEFAULT_READINGS);
    if !(1..=MAX_HISTORY_READINGS).contains(&limit) {
        return Err(problem::history_invalid(format!(
            "`limit` is from 1 to {MAX_HISTORY_READINGS}"
        )));
    }
    // Said once, so that they do not move with the clock from page to page.
    let until = time(&parameters.until, "until")?.unwrap_or(now);
    let from = time(&parameters.from, "from")?.unwrap_or(until.plus_millis(-DAY_MILLIS));
    let purpose: PurposeId = one_purpose(parameters.purpose.as_deref(), headers)
        .map_err(|it| it.counted_as(Counter::HistoryInvalid))?;
    let about = About::read(
        parameters.deployment.as_deref(),
        parameters.thing.as_deref(),
        parameters.condition.as_deref(),
    );
    let about = about.map_err(problem::history_invalid)?;
    let deployment = about
        .deployment
        .ok_or_else(|| problem::history_invalid("name the deployment, with &deployment=<id>"))?;
    Ok(HistoryQuery {
        purpose,
        deployment,
        thing: about.thing,
        condition: about.condition,
        from: Some(from),
        until: Some(until),
        limit,
        after: parameters.after.clone(),
    })
}

fn refused(error: HistoryError) -> Problem {
    let text = error.to_string();
    match error {
        HistoryError::NotGranted { .. } => problem::forbidden(Counter::HistoryDenied, text),
        HistoryError::NamesPeople(_) => problem::no_history(text),
        HistoryError::Span | HistoryError::Cursor => problem::history_invalid(text),
        HistoryError::Vault(_) | HistoryError::Rows(_) | HistoryError::Randomness => {
            tracing::error!(error = %error, "a recipient's history could not be read");
            problem::history_unavailable("the history cannot be read now: ask again later")
        }
    }
}

/// Decides, now, on each reading of a page, and writes what may leave.
fn write(
    door: &Door,
    handover: &Handover,
    page: &HistoryPage,
    next: Option<String>,
) -> Result<Bytes, Problem> {
    let custody = &door.custody;
    let mut bytes = br#"{"readings":["#.to_vec();
    let mut receipts = Vec::new();
    let gate = custody.delivery_gate();
    // Before anything is decided: see `receive::Stream::piece`.
    let rules = custody.rules_in_force();
    let now = door.clock.now().wall;
    let mut until = None;
    for delivery in &page.deliveries {
        // Not allowed any more, or not asked for.
        let Some(permit) = custody.permit(delivery, now) else {
            continue;
        };
        until = earlier(until, permit.ends_at());
        if !receipts.is_empty() {
            bytes.push(b',');
        }
        receipts.push(write_reading(permit, &mut bytes));
    }
    let count = u64::try_from(receipts.len()).unwrap_or(u64::MAX);
    if !receipts.is_empty() {
        handover.add(receipts, rules, until).map_err(|_| {
            problem::history_unavailable("the rules changed while this was written: ask again")
        })?;
    }
    drop(gate);
    bytes.push(b']');
    if let Some(next) = next {
        // A text always has a JSON form.
        let next = serde_json::to_string(&next).unwrap_or_default();
        bytes.extend_from_slice(b",\"next\":");
        bytes.extend_from_slice(next.as_bytes());
    }
    if let Some(before) = page.sealed_before {
        bytes.extend_from_slice(format!(",\"sealed_before\":\"{before}\"").as_bytes());
    }
    bytes.extend_from_slice(b"}\n");
    door.counters.add(Counter::HistoryPages);
    door.counters.add_many(Counter::HistoryReadings, count);
    Ok(Bytes::from(bytes))
}

/// The address of the page that begins at a cursor. The times are those of the first page: they do not move with the clock.
fn address(query: &HistoryQuery, condition: Option<&str>, after: &str) -> String {
    let (purpose, deployment) = (&query.purpose, &query.deployment);
    let mut address = format!("{HISTORY_PATH}?purpose={purpose}&deployment={deployment}");
    let mut add = |name: &str, value: &dyn std::fmt::Display| {
        let value = percent(&value.to_string());
        address.push_str(&format!("&{name}={value}"));
    };
    if let Some(thing) = &query.thing {
        add("thing", thing);
    }
    if let Some(from) = &query.from {
        add("from", from);
    }
    if let Some(until) = &query.until {
        add("until", until);
    }
    if let Some(condition) = condition {
        add("where", &condition);
    }
    add("limit", &query.limit);
    add("after", &after);
    address
}

/// As a value of a query (RFC 3986 section 3.4): unreserved characters stand, others are percent-encoded.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_one_recipient_leave_room_for_others_and_are_counted_until_they_were_read() {
        let pages = Pages::default();
        let turn = |who: &str| pages.turn(&RecipientId::parse(who).unwrap(), 0).ok();
        let first = turn("greedy").unwrap();
        let _second = turn("greedy").unwrap();
        assert!(turn("greedy").is_none(), "two of its own are being read");
        let (_third, _fourth) = (turn("other").unwrap(), turn("another").unwrap());
        assert!(turn("somebody").is_none(), "four are being read");
        drop(first);
        assert!(turn("greedy").is_some());
    }
}
