//! The versions of a notice and what each changed.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use custody::NoticeVersion;
use model::{DeploymentId, Language, Notice};
use serde::Deserialize;

use crate::page::{ChangesPage, Story, VersionLine};
use crate::route::Route;
use crate::visit::{Failure, Visit, page};

/// How many versions a page lists. Each of them is a text that is read and compared with the one before.
const PAGE: u16 = 5;

/// Which page of the versions.
#[derive(Deserialize)]
pub(crate) struct Start {
    before: Option<u32>,
}

/// `GET /d/{deployment}/changes`
pub(crate) async fn show(
    visit: Visit,
    Path(id): Path<String>,
    Query(Start { before }): Query<Start>,
) -> Result<Response, Failure> {
    let id = DeploymentId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let in_force = visit.site.custody().in_force_at(&id, visit.now);
    let notice = in_force.ok_or(Failure::NOT_FOUND)?.notice;
    let deployment = id.clone();
    let shell = visit.shell(Route::NoticeChanges { deployment, before });
    let shown = visit.blocking(move |it| {
        // One more than is shown: the last one on the page is compared with it.
        let versions = it.site.custody().notice_versions(&id, before, PAGE + 1);
        let versions = versions.map_err(|err| Failure::internal(&err))?;
        if versions.is_empty() {
            return Err(Failure::NOT_FOUND);
        }
        let lines = lines(&versions, shell.texts.language());
        let last = lines.last().map(|it| it.version);
        let older = last.filter(|_| versions.len() > lines.len());
        Ok(ChangesPage {
            newest: before.is_none(),
            older: older.map(|it| Route::NoticeChanges {
                deployment: id,
                before: Some(it),
            }),
            versions: lines,
            notice,
            shell,
        })
    });
    page(StatusCode::OK, &shown.await?)
}

/// The versions of one page, newest first, each compared with the one before it.
fn lines(versions: &[NoticeVersion], language: Language) -> Vec<VersionLine> {
    let read = |it: &NoticeVersion| Notice::parse_published(&it.source).ok();
    // Of a version that was cut nobody can say what the next one changed.
    let mut notices = versions
        .iter()
        .map(|it| Some(read(it).filter(|it| !it.is_cut)?.notice));
    let mut new = notices.next().flatten();
    let mut lines = Vec::with_capacity(usize::from(PAGE));
    for (at, version) in versions.iter().enumerate().take(usize::from(PAGE)) {
        let follows = versions
            .get(at + 1)
            .is_some_and(|it| it.version.checked_add(1) == Some(version.version));
        let old = notices.next().flatten();
        let story = match (&old, &new) {
            _ if version.version == 1 => Story::First,
            (Some(old), Some(new)) if follows => Story::of(old, new, language),
            _ => Story::Unknown,
        };
        new = old;
        lines.push(VersionLine {
            version: version.version,
            at: version.published_at,
            entry: version.entry,
            sha256: version.sha256.clone(),
            story,
        });
    }
    lines
}
