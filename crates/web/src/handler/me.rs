//! A person's own timeline.

use alliance::Action;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use custody::Place;
use model::{ThingId, Timestamp};
use serde::Deserialize;

use super::Submission;
use crate::form::value_of;
use crate::page::MePage;
use crate::route::Route;
use crate::view::timeline::{self, PAGE};
use crate::visit::{Failure, Visit, heeds_privacy, page, see};

/// Readings carry the server's own time; this is room for a clock that was set back.
const AHEAD_MILLIS: i64 = 60_000;

/// Which page of the timeline.
#[derive(Deserialize)]
pub(crate) struct Start {
    before: Option<i64>,
    #[serde(default)]
    skip: u32,
}

/// `GET /me`
pub(crate) async fn show(
    visit: Visit,
    Query(Start { before, skip }): Query<Start>,
) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let before = before.map(|it| Place {
        until: Timestamp::from_millis(it),
        skip,
    });
    let shell = visit.shell(Route::Me { before });
    let found = visit.blocking(move |it| {
        it.hear(&account.id)?;
        let custody = it.site.custody();
        let place = before.unwrap_or_else(|| Place::before(it.now.plus_millis(AHEAD_MILLIS)));
        let found = custody.timeline(&account.id, place, PAGE, it.now);
        let found = found.map_err(|err| Failure::internal(&err))?;
        let incidents = it.site.alliance().incidents_about(&account);
        let orders = it.site.alliance().orders_about(&account, it.now);
        Ok(MePage {
            ahead: it.site.custody().models_ahead(&account.id, it.now),
            warned: !incidents.map_err(Failure::of_incident)?.is_empty(),
            ordered: !orders.map_err(Failure::of_order)?.is_empty(),
            accesses: it.site.alliance().access_to(&account.id, it.now)?,
            linked: timeline::linked(it, &account.id)?,
            days: timeline::days(it, &shell, &found, before),
            newest: before.is_none(),
            sealed: found.sealed,
            older: found.older.map(|at| Route::Me { before: Some(at) }),
            form: it.form().ok_or(Failure::NOT_FOUND)?,
            shell,
        })
    });
    page(StatusCode::OK, &found.await?).map(heeds_privacy)
}

/// `POST /me/not-mine`: from now on the device does not sense whoever asks. What it sensed before stays theirs.
pub(crate) async fn not_mine(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let thing = visit.open(submission.protect(|pairs| value_of(&pairs, "thing")))?;
    let (account, _) = visit.must(Action::Choose)?;
    let thing = ThingId::parse(&thing).map_err(|_| Failure::NOT_FOUND)?;
    let ended = visit.blocking(move |it| {
        let alliance = it.site.alliance();
        Ok(alliance.give_up(&account, &thing, it.now)?)
    });
    ended.await?;
    Ok(see(&Route::me()))
}
