//! A person's own timeline.

use alliance::Action;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use model::Timestamp;
use serde::Deserialize;

use crate::page::MePage;
use crate::route::Route;
use crate::view::timeline::{self, PAGE};
use crate::visit::{Failure, Visit, page, see};

/// Readings carry the server's own time; this is room for a clock that was set back.
const AHEAD_MILLIS: i64 = 60_000;

/// Which page of the timeline.
#[derive(Deserialize)]
pub(crate) struct Place {
    before: Option<i64>,
}

/// `GET /me`
pub(crate) async fn show(
    visit: Visit,
    Query(Place { before }): Query<Place>,
) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let before = before.map(Timestamp::from_millis);
    let shell = visit.shell(Route::Me { before });
    let found = visit.blocking(move |it| {
        let custody = it.site.custody();
        let until = before.unwrap_or_else(|| it.now.plus_millis(AHEAD_MILLIS));
        let found = custody.timeline(&account.id, until, PAGE, it.now);
        let mut found = found.map_err(|err| Failure::internal(&err))?;
        let older = timeline::cut(&mut found.readings);
        Ok(MePage {
            linked: timeline::linked(it, &account.id),
            days: timeline::days(it, &shell, &found, before, older),
            newest: before.is_none(),
            older: older.map(|at| Route::Me { before: Some(at) }),
            shell,
        })
    });
    page(StatusCode::OK, &found.await?)
}
