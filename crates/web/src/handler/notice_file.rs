//! Notices for programs: the file that was published, linked data, and what both are made of. Open to every site.

use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use model::DeploymentId;

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

/// `GET /d/{deployment}/notice.toml`: byte for byte as published; a notice that was published as JSON is written as TOML.
pub(crate) async fn published(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = parse(&id)?;
    let in_force = visit.site.custody().in_force_at(&id, visit.now);
    let notice = in_force.ok_or(Failure::NOT_FOUND)?.notice;
    let source = visit.blocking(move |it| {
        let source = it.site.custody().notice_source(&id);
        source.map_err(|err| Failure::internal(&err))
    });
    let source = source.await?.ok_or(Failure::NOT_FOUND)?;
    let is_json = source.trim_start().starts_with('{');
    let text = if is_json { notice.to_toml() } else { source };
    Ok(file(text, "application/toml; charset=utf-8"))
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
