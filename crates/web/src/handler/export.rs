//! A person asks for everything that is kept about them, and downloads it.

use alliance::Action;
use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, HeaderName, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use custody::{AskExportError, ExportFormat, ExportRequest, SealedExport};
use model::{DeploymentId, PersonId};

use super::Submission;
use crate::form::value_of;
use crate::page::{ExportNews, ExportPage};
use crate::route::Route;
use crate::view::word;
use crate::visit::{Failure, Visit, page, see};

/// The most deployments that the form lists.
const MAX_LISTED: usize = 100;

fn shown(
    visit: &Visit,
    person: &PersonId,
    news: Option<ExportNews>,
) -> Result<ExportPage, Failure> {
    let custody = visit.site.custody();
    let mut places = Vec::new();
    for id in custody
        .deployments_about(person)
        .into_iter()
        .take(MAX_LISTED)
    {
        let sheet = custody.choice_sheet(person, &id, visit.now);
        let title = sheet.map_or_else(|| word(id.as_str()), |it| it.notice.title.clone());
        places.push((id, title));
    }
    let job = custody.export_of(person, visit.now);
    Ok(ExportPage {
        shell: visit.shell(Route::Export),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        places,
        job: job.map_err(|err| Failure::internal(&err))?,
        news,
    })
}

/// `GET /me/export`
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

/// `POST /me/export`: asks for an export, or deletes the one that is there.
pub(crate) async fn act(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let pairs = visit.open(submission.protect(|pairs| pairs))?;
    let (account, _) = visit.must(Action::ReadOwn)?;
    let session = visit.session().ok_or(Failure::NOT_FOUND)?;
    let only = Some(value_of(&pairs, "place")).filter(|it| !it.is_empty());
    let only = only.map(|it| DeploymentId::parse(&it)).transpose();
    let only = only.map_err(|_| Failure::NOT_FOUND)?;
    let chosen = |it: &ExportFormat| value_of(&pairs, it.as_str()) == "1";
    let request = ExportRequest {
        person: account.id.clone(),
        only,
        formats: ExportFormat::ALL.into_iter().filter(chosen).collect(),
    };
    let is_deletion = match value_of(&pairs, "act").as_str() {
        "make" => false,
        "delete" => true,
        _ => return Err(Failure::BAD_REQUEST),
    };
    let done = visit.blocking(move |it| {
        let custody = it.site.custody();
        if is_deletion {
            let deleted = custody.delete_export(&account.id);
            deleted.map_err(|err| Failure::internal(&err))?;
            return Ok(None);
        }
        if it
            .site
            .alliance()
            .proved(&session, it.device, it.now)?
            .is_none()
        {
            let shown = shown(it, &account.id, Some(ExportNews::NotProved))?;
            return Ok(Some((StatusCode::FORBIDDEN, shown)));
        }
        let (status, news) = match custody.ask_export(&request, it.now) {
            Ok(()) => return Ok(None),
            Err(AskExportError::HasOne) => (StatusCode::CONFLICT, ExportNews::HasOne),
            Err(AskExportError::TooMany) => (StatusCode::SERVICE_UNAVAILABLE, ExportNews::TooMany),
            Err(AskExportError::NotConcerned(_)) => return Err(Failure::NOT_FOUND),
            Err(err) => return Err(Failure::internal(&err)),
        };
        Ok(Some((status, shown(it, &account.id, Some(news))?)))
    });
    match done.await? {
        None => Ok(see(&Route::Export)),
        Some((status, shown)) => page(status, &shown),
    }
}

/// What of a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All of it.
    Whole,
    /// From the first to the last byte, both included (RFC 9110 section 14.4).
    Range(u64, u64),
    /// What is asked for is not there (section 15.5.17).
    Unsatisfiable,
}

/// The range that is asked for (RFC 9110 section 14.1.2). What is malformed, of another unit or of several ranges counts as not asked
/// (section 14.2), and so does a range of another version of the file (`If-Range`, section 13.1.5).
fn part(headers: &HeaderMap, tag: &str, bytes: u64) -> Part {
    let text = |name| {
        headers
            .get(name)
            .and_then(|it: &HeaderValue| it.to_str().ok())
    };
    if text(IF_RANGE).is_some_and(|it| it != tag) {
        return Part::Whole;
    }
    let range = text(RANGE).and_then(|it| it.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|it| it.trim().split_once('-')) else {
        return Part::Whole;
    };
    let number = |it: &str| {
        let is_number = !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
        is_number.then(|| it.parse().unwrap_or(u64::MAX))
    };
    let end = bytes.saturating_sub(1);
    match (number(first), number(last)) {
        (None, Some(0)) if first.is_empty() => Part::Unsatisfiable,
        (None, Some(suffix)) if first.is_empty() && bytes > 0 => {
            Part::Range(bytes.saturating_sub(suffix), end)
        }
        (Some(first), Some(last)) if last < first => Part::Whole,
        (Some(_), None) if !last.is_empty() => Part::Whole,
        (Some(first), _) if first >= bytes => Part::Unsatisfiable,
        (Some(first), last) => Part::Range(first, last.unwrap_or(end).min(end)),
        _ => Part::Whole,
    }
}

/// The bytes from `from` to before `until`: a chunk is opened when the last one was taken.
fn body(opened: SealedExport, from: u64, until: u64) -> Body {
    let chunks = futures_util::stream::try_unfold((opened, from), move |(opened, at)| async move {
        if at >= until {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let mut opened = opened;
            let read = opened.read_from(at, until);
            (opened, read)
        });
        let (opened, read) = read.await.map_err(std::io::Error::other)?;
        let bytes = read?;
        if bytes.is_empty() {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
        }
        let next = at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(Some((bytes, (opened, next))))
    });
    Body::from_stream(chunks)
}

/// `GET /me/export/{id}`: the file, or a part of it, so that a download that broke off goes on.
pub(crate) async fn file(
    visit: Visit,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let tag = format!("\"{id}\"");
    let opened = visit.blocking(move |it| {
        let opened = it.site.custody().open_export(&account.id, &id, it.now);
        opened.map_err(|err| Failure::internal(&err))
    });
    let opened = opened.await?.ok_or(Failure::NOT_FOUND)?;
    let bytes = opened.bytes();
    let part = part(&headers, &tag, bytes);
    let (status, from, until) = match part {
        Part::Whole => (StatusCode::OK, 0, bytes),
        Part::Range(first, last) => (StatusCode::PARTIAL_CONTENT, first, last.saturating_add(1)),
        Part::Unsatisfiable => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
    };
    let mut response = (status, body(opened, from, until)).into_response();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    match part {
        Part::Whole => {}
        Part::Range(first, last) => set(CONTENT_RANGE, format!("bytes {first}-{last}/{bytes}")),
        Part::Unsatisfiable => set(CONTENT_RANGE, format!("bytes */{bytes}")),
    }
    set(CONTENT_LENGTH, until.saturating_sub(from).to_string());
    set(CONTENT_TYPE, "application/zip".to_owned());
    set(
        CONTENT_DISPOSITION,
        "attachment; filename=\"my-data.zip\"".to_owned(),
    );
    set(CACHE_CONTROL, "private, no-store".to_owned());
    set(ACCEPT_RANGES, "bytes".to_owned());
    set(ETAG, tag);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_section_14_says() {
        let check = |range: &str, expected: Part| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, range.parse().unwrap());
            assert_eq!(part(&headers, "\"a\"", 1_000), expected, "{range}");
        };
        check("bytes=0-499", Part::Range(0, 499));
        check("bytes=500-", Part::Range(500, 999));
        check("bytes=-200", Part::Range(800, 999));
        check("bytes=-2000", Part::Range(0, 999));
        check("bytes=900-5000", Part::Range(900, 999));
        check("bytes=999-999", Part::Range(999, 999));
        check("bytes=1000-", Part::Unsatisfiable);
        check("bytes=-0", Part::Unsatisfiable);
        check("bytes=99999999999999999999999-", Part::Unsatisfiable);
        for ignored in [
            "bytes=5-2",
            "bytes=a-b",
            "bytes=1-x",
            "items=0-5",
            "bytes=0-1,5-6",
            "bytes=-",
            "bytes=",
        ] {
            check(ignored, Part::Whole);
        }
    }

    #[test]
    fn a_range_of_another_file_gives_the_whole_one() {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, "bytes=5-".parse().unwrap());
        headers.insert(IF_RANGE, "\"b\"".parse().unwrap());
        assert_eq!(part(&headers, "\"a\"", 10), Part::Whole);
        headers.insert(IF_RANGE, "\"a\"".parse().unwrap());
        assert_eq!(part(&headers, "\"a\"", 10), Part::Range(5, 9));
    }
}
