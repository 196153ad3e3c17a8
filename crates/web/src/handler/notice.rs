//! The public notice of a deployment, its sign and its QR code.

use axum::extract::{Path, Query};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use custody::InForce;
use model::DeploymentId;
use serde::Deserialize;

use crate::page::{DriftPage, NoticePage, Reader, SignPage};
use crate::route::Route;
use crate::visit::{Failure, Visit, page};
use crate::{qr, view};

/// How many acts about the deployment the page lists.
const MAX_ENTRIES: usize = 10;
/// How many undeclared values the notice lists.
const MAX_DRIFT: usize = 5;
/// How many undeclared values a page of all of them lists.
const DRIFT_PAGE: u16 = 25;
/// How many undeclared values are read: more than custody keeps for a deployment.
const ALL_DRIFT: u16 = 1_000;

fn parse(id: &str) -> Result<DeploymentId, Failure> {
    DeploymentId::parse(id).map_err(|_| Failure::NOT_FOUND)
}

fn in_force(visit: &Visit, id: &DeploymentId) -> Result<InForce, Failure> {
    let found = visit.site.custody().in_force_at(id, visit.now);
    found.ok_or(Failure::NOT_FOUND)
}

fn reader(visit: &Visit, id: &DeploymentId) -> Reader {
    let Some(account) = &visit.account else {
        return Reader::Stranger;
    };
    let about = visit.site.custody().deployments_about(&account.id);
    if about.contains(id) {
        Reader::Concerned
    } else {
        Reader::Unconcerned
    }
}

/// `GET /d/{deployment}`
pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = parse(&id)?;
    let shell = visit.shell(Route::notice(&id));
    let found = visit.blocking(move |it| {
        let found = it.site.alliance().deployment_page(&id, it.now)?;
        let found = found.ok_or(Failure::NOT_FOUND)?;
        let newest = found.entries.get(..MAX_ENTRIES).unwrap_or(&found.entries);
        let senses_people = found.in_force.senses_people;
        let mut limits = it.site.alliance().limits()?;
        limits.retain(|it| found.in_force.limits.contains(&it.cap));
        Ok(NoticePage {
            shell,
            senses_people,
            limits: view::limits(&limits),
            sanctions: view::sanctions(it, &id)?,
            licence: view::licence(&found.in_force, &found.entries),
            controller: view::controller(&found.in_force.notice, found.controller.as_ref()),
            drift: found
                .drift
                .iter()
                .take(MAX_DRIFT)
                .map(view::drift_line)
                .collect(),
            more_drift: found.drift.len() > MAX_DRIFT,
            record: view::entry_lines(it, newest)?,
            reader: reader(it, &id),
            sources: it.site.custody().source_counts(&id),
            commands: (it.site.custody().command_counts(&id))
                .map_err(|err| Failure::internal(&err))?,
            plain: it.site.custody().plain_things(&id),
            notice: found.in_force.notice,
        })
    });
    page(StatusCode::OK, &found.await?)
}

/// Which page of the undeclared values.
#[derive(Deserialize)]
pub(crate) struct Place {
    #[serde(default)]
    skip: u16,
}

/// `GET /d/{deployment}/drift`
pub(crate) async fn drift(
    visit: Visit,
    Path(id): Path<String>,
    Query(Place { skip }): Query<Place>,
) -> Result<Response, Failure> {
    let id = parse(&id)?;
    let notice = in_force(&visit, &id)?.notice;
    let shell = visit.shell(Route::drift_from(&id, skip));
    let deployment = id.clone();
    let rows = visit.blocking(move |it| {
        let rows = it.site.custody().drift(&deployment, ALL_DRIFT);
        rows.map_err(|err| Failure::internal(&err))
    });
    let rows = rows.await?;
    let (before, size) = (usize::from(skip), usize::from(DRIFT_PAGE));
    if skip > 0 && before >= rows.len() {
        return Err(Failure::NOT_FOUND);
    }
    let shown = rows.iter().skip(before).take(size);
    let previous = (skip > 0).then(|| skip.saturating_sub(DRIFT_PAGE));
    let next = (before + size < rows.len()).then(|| skip.saturating_add(DRIFT_PAGE));
    let listed = DriftPage {
        shell,
        notice,
        drift: shown.map(view::drift_line).collect(),
        skip,
        total: rows.len(),
        previous: previous.map(|it| Route::drift_from(&id, it)),
        next: next.map(|it| Route::drift_from(&id, it)),
    };
    page(StatusCode::OK, &listed)
}

/// `GET /d/{deployment}/sign`
pub(crate) async fn sign(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = parse(&id)?;
    let notice = in_force(&visit, &id)?.notice;
    let shell = visit.shell(Route::sign(&id));
    let controller = notice.controller.clone();
    let member = visit
        .blocking(move |it| Ok(it.site.alliance().member(&controller)?))
        .await?;
    let sign = SignPage {
        both: shell.in_every_language(),
        controller: view::controller(&notice, member.as_ref()),
        url: visit.site.public_url().to(&Route::notice(&id)),
        code: Route::Qr(id).to_string(),
        notice,
        shell,
    };
    page(StatusCode::OK, &sign)
}

/// `GET /d/{deployment}/qr.svg`
pub(crate) async fn code(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = parse(&id)?;
    in_force(&visit, &id)?;
    let address = visit.site.public_url().to(&Route::Notice(id));
    let picture = qr::svg(&address).map_err(|err| Failure::internal(&err))?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")),
        (
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=3600"),
        ),
    ];
    Ok((headers, picture).into_response())
}
