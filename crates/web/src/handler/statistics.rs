//! Figures about many people, for everybody, and where a person is counted.

use std::collections::BTreeMap;

use alliance::Action;
use axum::extract::Path;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use custody::{DeclaredStatistic, ReleaseView, StatisticId, StatisticView};

use crate::page::{MyStatisticsPage, StatisticCard, StatisticPage, StatisticWords, StatisticsPage};
use crate::route::Route;
use crate::view::{self, word};
use crate::visit::{Failure, Visit, page, see};

/// What the name of the file has behind that of the page.
const FILE: &str = ".json";

/// Every data set, as lists show it.
pub(super) fn cards(visit: &Visit) -> Result<Vec<StatisticCard>, Failure> {
    let custody = visit.site.custody();
    let views = custody
        .statistics()
        .map_err(|err| Failure::internal(&err))?;
    let newest = custody
        .newest_releases()
        .map_err(|err| Failure::internal(&err))?;
    let card = |view: StatisticView| StatisticCard {
        place: view::title_of(visit, &view.declared.deployment),
        newest: newest.get(&view.declared.id).copied(),
        view,
    };
    Ok(views.into_iter().map(card).collect())
}

/// `GET /commons/statistics`
pub(crate) async fn list(visit: Visit) -> Result<Response, Failure> {
    let shown = visit.blocking(|it| {
        Ok(StatisticsPage {
            shell: it.shell(Route::Statistics),
            cards: cards(it)?,
        })
    });
    page(StatusCode::OK, &shown.await?)
}

/// `GET /commons/statistics/{id}`, and the same with `.json` behind it for programs.
pub(crate) async fn show(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    let (id, is_file) = match name.strip_suffix(FILE) {
        Some(id) => (id, true),
        None => (name.as_str(), false),
    };
    let id = StatisticId::parse(id).map_err(|_| Failure::NOT_FOUND)?;
    let found = visit.blocking(move |it| {
        let custody = it.site.custody();
        let view = custody
            .statistic(&id)
            .map_err(|err| Failure::internal(&err))?;
        let view = view.ok_or(Failure::NOT_FOUND)?;
        let releases = custody
            .releases(&id)
            .map_err(|err| Failure::internal(&err))?;
        Ok(StatisticPage {
            shell: it.shell(Route::Statistic(id)),
            words: words_of(it, &view.declared),
            view,
            releases,
        })
    });
    let found = found.await?;
    match is_file {
        true => Ok(file(&found.view, &found.releases)),
        false => page(StatusCode::OK, &found),
    }
}

/// What the notice in force says of what a data set is made of; its own words where it does not.
fn words_of(visit: &Visit, declared: &DeclaredStatistic) -> StatisticWords {
    let in_force = visit
        .site
        .custody()
        .in_force_at(&declared.deployment, visit.now);
    let notice = in_force.as_ref().map(|it| &it.notice);
    let field = notice.and_then(|it| it.field(&declared.field));
    let recipient = notice.and_then(|it| it.recipient(&declared.recipient));
    let purpose = notice.and_then(|it| it.purpose(&declared.purpose));
    StatisticWords {
        place: view::title_of(visit, &declared.deployment),
        field: field.map_or_else(|| word(declared.field.as_str()), |it| it.title.clone()),
        unit: field.and_then(|it| it.unit.clone()).unwrap_or_default(),
        recipient: recipient
            .map_or_else(|| word(declared.recipient.as_str()), |it| it.title.clone()),
        purpose: purpose.map_or_else(|| word(declared.purpose.as_str()), |it| it.title.clone()),
    }
}

/// The declaration and every release, byte for byte as they were hashed into the record.
fn file(view: &StatisticView, releases: &[ReleaseView]) -> Response {
    let released = releases.iter().filter_map(|it| it.released.as_ref());
    let documents: Vec<_> = released.map(|it| it.document.as_str()).collect();
    let ended = view
        .ended_at
        .map_or_else(|| "null".to_owned(), |at| format!("\"{at}\""));
    let text = format!(
        "{{\"declaration\":{},\n\"declared\":\"{}\",\"ended\":{ended},\n\"releases\":[\n{}\n]}}\n",
        view.declared.to_json(),
        view.declared_at,
        documents.join(",\n")
    );
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=300"),
        ),
    ];
    (headers, text).into_response()
}

/// `GET /me/statistics`
pub(crate) async fn mine(visit: Visit) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let shown = visit.blocking(move |it| {
        let mine = it.site.custody().statistics_of(&account.id, it.now);
        let mine = mine.map_err(|err| Failure::internal(&err))?;
        let place = |of: &DeclaredStatistic| {
            let id = of.deployment.clone();
            let title = view::title_of(it, &id);
            (id, title)
        };
        let places: BTreeMap<_, _> = mine.data_sets.iter().map(place).collect();
        Ok(MyStatisticsPage {
            shell: it.shell(Route::MyStatistics),
            mine,
            places,
        })
    });
    page(StatusCode::OK, &shown.await?)
}
