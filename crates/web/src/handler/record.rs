//! The public record: pages, one entry with its proof, and the files of the log themselves.

use askama::Template as _;
use axum::extract::{Path, Query};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use custody::RecordQuery;
use model::EntryKind;
use serde::Deserialize;

use super::commons::{ATOM, FeedQuery};
use crate::page::{EntryPage, RecordFeed, RecordPage, RecordSearchPage};
use crate::route::Route;
use crate::shell::Shell;
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
        let recorded = custody.record_acts_before(below, PAGE);
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

/// How many entries the feed has, and a page for programs.
const FOLLOWED: u16 = 100;
/// The longest text of a search, in characters.
const MAX_SEARCH_CHARS: usize = 200;

/// What somebody looks for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    kind: String,
    about: String,
    words: String,
    before: Option<u64>,
}

/// `GET /record/search`
pub(crate) async fn search(
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failure> {
    let short = |text: String| text.chars().take(MAX_SEARCH_CHARS).collect::<String>();
    let query = RecordQuery {
        kind: EntryKind::parse(&wanted.kind),
        about: short(wanted.about),
        words: short(wanted.words),
        before: wanted.before,
    };
    let shell = visit.shell(Route::RecordSearch(query.clone()));
    let found = visit.blocking(move |it| {
        let found = it.site.custody().record_search(&query, PAGE);
        let found = found.map_err(|err| Failure::internal(&err))?;
        let is_full = found.len() >= usize::from(PAGE);
        let oldest = found.last().map(|it| it.position).filter(|_| is_full);
        Ok(RecordSearchPage {
            shell,
            entries: view::entry_lines(it, &found)?,
            older: oldest.map(|it| {
                Route::RecordSearch(RecordQuery {
                    before: Some(it),
                    ..query.clone()
                })
            }),
            query,
        })
    });
    page(StatusCode::OK, &found.await?)
}

/// `GET /record/feed.atom`
pub(crate) async fn feed(
    visit: Visit,
    Query(query): Query<FeedQuery>,
) -> Result<Response, Failure> {
    let language = query.language()?;
    let shell = visit.shell(None);
    let text = visit.blocking(move |it| {
        let recorded = it.site.custody().record_acts_before(u64::MAX, FOLLOWED);
        let recorded = recorded.map_err(|err| Failure::internal(&err))?;
        let feed = RecordFeed {
            shell: Shell {
                texts: shell.texts.in_language(language),
                ..shell
            },
            language,
            site: it.site.public_url().clone(),
            entries: view::entry_lines(it, &recorded)?,
        };
        feed.render().map_err(|err| Failure::internal(&err))
    });
    Ok(typed(text.await?.into_bytes(), ATOM))
}

/// From where somebody follows.
#[derive(Deserialize)]
pub(crate) struct From {
    #[serde(default)]
    from: u64,
}

/// `GET /record/entries.json`: entries from a position on, oldest first, and where the next page begins.
pub(crate) async fn entries(
    visit: Visit,
    Query(From { from }): Query<From>,
) -> Result<Response, Failure> {
    let found = visit.blocking(move |it| {
        let custody = it.site.custody();
        let entries = custody.record_from(from, FOLLOWED);
        let entries = entries.map_err(|err| Failure::internal(&err))?;
        let (size, _) = custody
            .record_size()
            .map_err(|err| Failure::internal(&err))?;
        let next = entries.last().map_or(from, |(it, _)| it.position + 1);
        let shown = entries.iter().map(|(it, bytes)| {
            let entry: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
            serde_json::json!({ "position": it.position, "entry": entry })
        });
        let shown: Vec<_> = shown.collect();
        Ok(serde_json::json!({ "size": size, "entries": shown, "next": next }).to_string())
    });
    Ok(typed(found.await?.into_bytes(), "application/json"))
}

/// `GET /schema/record-entry.json`
pub(crate) async fn schema() -> Response {
    typed(
        custody::record_entry_schema().into_bytes(),
        "application/schema+json",
    )
}

fn typed(body: Vec<u8>, kind: &'static str) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
