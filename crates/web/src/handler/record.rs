//! The public record: pages, one entry with its proof, and the files of the log themselves.

use axum::extract::{Path, Query};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::page::{EntryPage, RecordPage};
use crate::route::Route;
use crate::view;
use crate::visit::{Failure, Visit, page};

/// How many entries a page of the record has.
const PAGE: u16 = 25;

/// Which page of the record.
#[derive(Deserialize)]
pub(crate) struct Place {
    before: Option<u64>,
}

/// `GET /record`
pub(crate) async fn list(
    visit: Visit,
    Query(Place { before }): Query<Place>,
) -> Result<Response, Failure> {
    let shell = visit.shell(Route::Record { before });
    let found = visit.blocking(move |it| {
        let custody = it.site.custody();
        let below = before.unwrap_or(i64::MAX.unsigned_abs());
        let recorded = custody.record_before(below, PAGE);
        let recorded = recorded.map_err(|err| Failure::internal(&err))?;
        let (size, _) = custody
            .record_size()
            .map_err(|err| Failure::internal(&err))?;
        let witnesses = custody.record_witnesses();
        let oldest = recorded.last().map(|it| it.position).filter(|it| *it > 0);
        let log = Route::RecordLog(String::new());
        Ok(RecordPage {
            shell,
            entries: view::entry_lines(it, &recorded)?,
            size,
            witnesses: witnesses.map_err(|err| Failure::internal(&err))?,
            newest: before.is_none_or(|it| it >= size),
            older: oldest.map(|it| Route::Record { before: Some(it) }),
            log_url: it
                .site
                .public_url()
                .to(&log)
                .trim_end_matches('/')
                .to_owned(),
            key: custody.record_key(),
        })
    });
    page(StatusCode::OK, &found.await?)
}

/// `GET /record/entry/{index}`
pub(crate) async fn entry(visit: Visit, Path(index): Path<String>) -> Result<Response, Failure> {
    let index: u64 = index.parse().map_err(|_| Failure::NOT_FOUND)?;
    let shell = visit.shell(Route::entry(&index));
    let found = visit.blocking(move |it| {
        let found = it.site.custody().record_entry(index);
        let found = found.map_err(|err| Failure::internal(&err))?;
        let (recorded, proof) = found.ok_or(Failure::NOT_FOUND)?;
        let lines = view::entry_lines(it, std::slice::from_ref(&recorded))?;
        let shown = view::proof(&proof);
        Ok(EntryPage {
            shell,
            entry: lines.into_iter().next().ok_or(Failure::NOT_FOUND)?,
            document: recorded.entry.document_sha256,
            raw: String::from_utf8_lossy(&proof.bytes).into_owned(),
            size: shown.as_ref().map_or(0, |it| it.size),
            proof: shown,
        })
    });
    page(StatusCode::OK, &found.await?)
}

/// `GET /record/log/{path}`: the log in C2SP tlog-tiles form.
pub(crate) async fn file(visit: Visit, Path(path): Path<String>) -> Result<Response, Failure> {
    // A full tile never changes; a partial one and the checkpoint do.
    let full = path.starts_with("tile/") && !path.contains(".p/");
    let text = path == "checkpoint";
    let bytes = visit.blocking(move |it| {
        let found = it.site.custody().record_file(&path);
        let found = found.map_err(|err| Failure::internal(&err))?;
        found.ok_or(Failure::NOT_FOUND)
    });
    let kept = if full {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let media_type = if text {
        "text/plain; charset=utf-8"
    } else {
        "application/octet-stream"
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (CACHE_CONTROL, HeaderValue::from_static(kept)),
    ];
    Ok((headers, bytes.await?).into_response())
}
