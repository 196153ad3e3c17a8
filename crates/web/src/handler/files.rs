//! Files, health, language, and the answers for paths that are none.

use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use model::Language;
use serde::Deserialize;

use crate::assets::ASSETS;
use crate::compress;
use crate::cookie::Cookie;
use crate::page::ErrorKind;
use crate::route::{Route, is_local};
use crate::site::Site;
use crate::visit::{Failure, Visit, see, set_cookie};

/// A file of the site itself; its name changes with its content, so a browser may keep it.
pub(crate) async fn asset(Path(name): Path<String>, asked: HeaderMap) -> Response {
    let Some(asset) = ASSETS.find(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let gzip = asset.gzip.as_ref().filter(|_| compress::takes_gzip(&asked));
    let mut response = gzip.unwrap_or(&asset.bytes).clone().into_response();
    let headers = response.headers_mut();
    if gzip.is_some() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    let year = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(CACHE_CONTROL, year);
    response
}

/// The process runs.
pub(crate) async fn live() -> &'static str {
    "live"
}

/// The process can do its work, or not.
pub(crate) async fn ready(State(site): State<Site>) -> (StatusCode, &'static str) {
    if site.is_ready() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    }
}

/// Since when the site heeds Global Privacy Control, in the form of the W3C draft.
const GPC: &str = "{\"gpc\":true,\"lastUpdate\":\"2026-11-23\"}\n";

/// That the site heeds Global Privacy Control.
pub(crate) async fn gpc() -> Response {
    let mut response = GPC.into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// Where the language switch comes from.
#[derive(Deserialize)]
pub(crate) struct Back {
    #[serde(default)]
    back: String,
}

/// Keeps the language and goes back.
pub(crate) async fn language(
    visit: Visit,
    Path(tag): Path<String>,
    Query(Back { back }): Query<Back>,
) -> Result<Response, Failure> {
    let language = Language::ALL.into_iter().find(|it| it.tag() == tag);
    let language = language.ok_or(Failure::NOT_FOUND)?;
    let mut response = if is_local(&back) {
        axum::response::Redirect::to(&back).into_response()
    } else {
        see(&Route::Home)
    };
    let cookie = Cookie::Language.write(language.tag(), visit.site.transport());
    set_cookie(&mut response, &cookie);
    Ok(response)
}

/// No such path.
pub(crate) async fn not_found() -> Failure {
    Failure::NOT_FOUND
}

/// The path exists for another method.
pub(crate) async fn wrong_method() -> Failure {
    Failure(ErrorKind::Method)
}
