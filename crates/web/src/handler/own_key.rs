//! A person brings keys, has their history sealed to them, and downloads it as it is sealed.

use alliance::Action;
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use custody::{AddOwnKeyError, BeginSealingError, OwnFileId, SealedFile, WordSaid};
use model::PersonId;
use serde::Deserialize;

use super::Upload;
use crate::form::value_of;
use crate::headers::with_own_script;
use crate::page::{OpenPage, OwnKeyNews, OwnKeyPage, SealedDay, SealedPage};
use crate::route::Route;
use crate::visit::{Failure, Visit, page, see};

/// So many files stand on a page.
const FILES_PER_PAGE: usize = 24;
const DAY_MILLIS: i64 = 86_400_000;

type Pairs = Vec<(String, String)>;

fn shown(
    visit: &Visit,
    person: &PersonId,
    news: Option<OwnKeyNews>,
) -> Result<OwnKeyPage, Failure> {
    let view = visit.site.custody().own_keys(person, visit.now);
    Ok(OwnKeyPage {
        shell: visit.shell(Route::OwnKey),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        view: view.map_err(|err| Failure::internal(&err))?,
        news,
    })
}

/// `GET /me/key`
pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let shown = visit
        .blocking(move |it| shown(it, &account.id, None))
        .await?;
    page(StatusCode::OK, &shown)
}

/// `POST /me/key`: what `act` says.
pub(crate) async fn act(visit: Visit, upload: Upload) -> Result<Response, Failure> {
    let pairs = visit.open(upload.protect(|pairs| pairs))?;
    let (account, _) = visit.must(Action::Choose)?;
    let shown = visit.blocking(move |it| {
        let news = perform(it, &account.id, &pairs)?;
        if let Some(did) = news.act() {
            let alliance = it.site.alliance();
            alliance.note_own_key(&account.id, did, it.device, it.now)?;
        }
        shown(it, &account.id, Some(news))
    });
    let shown = shown.await?;
    let status = match &shown.news {
        Some(OwnKeyNews::NotProved) => StatusCode::FORBIDDEN,
        Some(news) if news.is_problem() => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    page(status, &shown)
}

fn perform(visit: &Visit, person: &PersonId, pairs: &Pairs) -> Result<OwnKeyNews, Failure> {
    let (custody, now) = (visit.site.custody(), visit.now);
    let id = value_of(pairs, "id");
    let is_set = |name| value_of(pairs, name) == "1";
    let act = value_of(pairs, "act");
    if act == "word" {
        let said = custody.prove_own_key(person, &id, &value_of(pairs, "word"), now);
        return Ok(match said.map_err(|err| Failure::internal(&err))? {
            WordSaid::Right => OwnKeyNews::Proved,
            WordSaid::Wrong => OwnKeyNews::WrongWord,
            WordSaid::Gone => OwnKeyNews::Gone,
        });
    }
    let session = visit.session().ok_or(Failure::NOT_FOUND)?;
    let proved = visit.site.alliance().proved(&session, visit.device, now)?;
    if proved.is_none() {
        return Ok(OwnKeyNews::NotProved);
    }
    match act.as_str() {
        "add" => {
            let pasted = value_of(pairs, "key");
            let brought = if pasted.trim().is_empty() {
                value_of(pairs, "file")
            } else {
                pasted
            };
            match custody.add_own_key(person, &brought, is_set("recovery"), now) {
                Ok(()) => Ok(OwnKeyNews::Added),
                Err(AddOwnKeyError::Key(error)) => Ok(OwnKeyNews::Key(error)),
                Err(AddOwnKeyError::Keys(error)) => Ok(OwnKeyNews::Keys(error)),
                Err(AddOwnKeyError::TooMany) => Ok(OwnKeyNews::TooMany),
                Err(err) => Err(Failure::internal(&err)),
            }
        }
        "retire" => {
            let retired = custody.retire_own_key(person, &id, now);
            let retired = retired.map_err(|err| Failure::internal(&err))?;
            Ok(if retired {
                OwnKeyNews::Retired
            } else {
                OwnKeyNews::Gone
            })
        }
        "begin" => match custody.begin_sealing(person, is_set("past"), is_set("knows"), now) {
            Ok(()) => Ok(OwnKeyNews::Begun),
            Err(BeginSealingError::NoKey) => Ok(OwnKeyNews::NoKey),
            Err(BeginSealingError::OneKey) => Ok(OwnKeyNews::OneKey),
            Err(err) => Err(Failure::internal(&err)),
        },
        "stop" => {
            let stopped = custody.stop_sealing(person);
            stopped.map_err(|err| Failure::internal(&err))?;
            Ok(OwnKeyNews::Stopped)
        }
        _ => Err(Failure::BAD_REQUEST),
    }
}

/// Which page of the sealed files.
#[derive(Deserialize)]
pub(crate) struct Start {
    before: Option<String>,
}

impl Start {
    /// `DAY.FILE`.
    fn place(&self) -> Option<(i64, OwnFileId)> {
        let (day, id) = self.before.as_ref()?.split_once('.')?;
        Some((day.parse().ok()?, id.parse().ok()?))
    }
}

/// `GET /me/sealed`
pub(crate) async fn list(visit: Visit, Query(start): Query<Start>) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let before = start.place();
    let shown = visit.blocking(move |it| {
        let custody = it.site.custody();
        let found = custody.sealed_files(&account.id, before, FILES_PER_PAGE, it.now);
        let found = found.map_err(|err| Failure::internal(&err))?;
        let view = custody.own_keys(&account.id, it.now);
        Ok(SealedPage {
            shell: it.shell(Route::Sealed { before }),
            total: view.map_err(|err| Failure::internal(&err))?.sealed,
            days: SealedDay::group(found.files),
            older: found.next.map(|it| Route::Sealed { before: Some(it) }),
        })
    });
    page(StatusCode::OK, &shown.await?)
}

/// `GET /open`: the page that opens sealed files in the browser.
pub(crate) async fn open(visit: Visit) -> Result<Response, Failure> {
    let shell = visit.shell(Route::Open);
    page(StatusCode::OK, &OpenPage { shell }).map(with_own_script)
}

/// A piece is read when the last one was taken.
fn body(opened: SealedFile) -> Body {
    let pieces = futures_util::stream::try_unfold(opened, move |opened| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut opened = opened;
            let piece = opened.next_piece();
            (opened, piece)
        });
        let (opened, piece) = read.await.map_err(std::io::Error::other)?;
        let piece = piece.map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>(piece.map(|it| (it, opened)))
    });
    Body::from_stream(pieces)
}

/// `GET /me/sealed/{id}`: the file as it lies here.
pub(crate) async fn file(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let id: OwnFileId = id.parse().map_err(|_| Failure::NOT_FOUND)?;
    let opened = visit.blocking(move |it| {
        let opened = it.site.custody().sealed_file(&account.id, id, it.now);
        opened.map_err(|err| Failure::internal(&err))
    });
    let opened = opened.await?.ok_or(Failure::NOT_FOUND)?;
    let file = opened.file();
    let begins = model::Timestamp::from_millis(file.day.saturating_mul(DAY_MILLIS)).to_string();
    let date = begins.split('T').next().unwrap_or_default();
    let end = file.format.extension();
    let name = format!("attachment; filename=\"{date}-{}.{end}\"", file.thing);
    let bytes = file.bytes.to_string();
    let mut response = body(opened).into_response();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(CONTENT_LENGTH, &bytes);
    set(CONTENT_TYPE, "application/octet-stream");
    set(CONTENT_DISPOSITION, &name);
    set(CACHE_CONTROL, "private, no-store");
    Ok(response)
}

#[cfg(test)]
mod tests {
    use custody::OwnKeyError;

    use super::*;

    #[test]
    fn a_place_reads_back_what_its_route_says() {
        let id: OwnFileId = "00ff00ff00ff00ff".parse().unwrap();
        let route = Route::Sealed {
            before: Some((20_000, id)),
        };
        let text = route.to_string();
        let before = text.strip_prefix("/me/sealed?before=").unwrap().to_owned();
        let place = |before: &str| {
            Start {
                before: Some(before.to_owned()),
            }
            .place()
        };
        assert_eq!(place(&before), Some((20_000, id)));
        for wrong in [
            "",
            "20000",
            "x.00ff00ff00ff00ff",
            "20000.xyz",
            "20000.00FF00FF00FF00FF",
        ] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
        assert!(OwnKeyNews::Key(OwnKeyError::Empty).is_problem());
    }
}
