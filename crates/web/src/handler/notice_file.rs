//! Notices for programs: the file that was published, linked data, and what both are made of. Open to every site.

use axum::extract::{Path, Query, State};
use axum::http::HeaderValue;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use model::{DeploymentId, Notice};
use serde::Deserialize;

use crate::site::Site;
use crate::visit::{Failure, Visit};

const LINKED_DATA: &str = "application/ld+json";

fn file(text: String, media_type: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=300"),
        ),
    ];
    (headers, text).into_response()
}

fn parse(id: &str) -> Result<DeploymentId, Failure> {
    DeploymentId::parse(id).map_err(|_| Failure::NOT_FOUND)
}

/// Which version of a notice.
#[derive(Deserialize)]
pub(crate) struct Which {
    version: Option<u32>,
}

/// `GET /d/{deployment}/notice.toml`: the notice in force or, with `version`, that one, byte for byte as published. A
/// notice that was published as JSON is written as TOML.
pub(crate) async fn published(
    visit: Visit,
    Path(id): Path<String>,
    Query(Which { version }): Query<Which>,
) -> Result<Response, Failure> {
    let id = parse(&id)?;
    let text = visit.blocking(move |it| {
        let custody = it.site.custody();
        let source = match version {
            Some(version) => custody.notice_version_source(&id, version),
            None => custody.notice_source(&id),
        };
        let source = source.map_err(|err| Failure::internal(&err))?;
        source.map(in_toml).ok_or(Failure::NOT_FOUND)
    });
    Ok(file(text.await?, "application/toml; charset=utf-8"))
}

fn in_toml(source: String) -> String {
    let is_json = source.trim_start().starts_with('{');
    let read = is_json.then(|| Notice::parse_published(&source).ok());
    // What was cut out of it is not hidden: then it is given as it was published.
    let whole = read.flatten().filter(|it| !it.is_cut);
    whole.map_or(source, |it| it.notice.to_toml())
}

/// `GET /d/{deployment}/notice.jsonld`
pub(crate) async fn linked(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = parse(&id)?;
    let in_force = visit.site.custody().in_force_at(&id, visit.now);
    let notice = in_force.ok_or(Failure::NOT_FOUND)?.notice;
    let site = visit.site.public_url().origin();
    Ok(file(notice.to_json_ld(site), LINKED_DATA))
}

/// `GET /schema/notice.json`
pub(crate) async fn schema() -> Response {
    file(model::notice_schema(), "application/schema+json")
}

/// `GET /schema/notice.jsonld`
pub(crate) async fn context(State(site): State<Site>) -> Response {
    file(
        model::notice_context(site.public_url().origin()),
        LINKED_DATA,
    )
}
