//! Open data: the list, one data set, its files. For everybody.

use askama::Template as _;
use axum::extract::{Path, Query};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use custody::{
    CommonsFile, DataSetId, DataSetView, Decided, PARQUET_MEDIA_TYPE, catalogue_json_ld,
    document_sha256,
};
use model::{Language, Text};

use crate::page::{CommonsCard, CommonsFeed, CommonsPage, DataSetPage};
use crate::route::Route;
use crate::texts::Texts;
use crate::view;
use crate::visit::{Failure, Visit, page};

/// The media type of feeds (RFC 4287).
pub(super) const ATOM: &str = "application/atom+xml; charset=utf-8";
const LINKED_DATA: &str = "application/ld+json";
/// Pages may lie in caches for a while: what is new can wait five minutes.
const A_WHILE: &str = "public, max-age=300";
/// A release never changes.
const FOREVER: &str = "public, max-age=31536000, immutable";

fn decisions(visit: &Visit, id: &DataSetId) -> Result<Vec<Decided>, Failure> {
    let decisions = visit.site.custody().commons_decisions(id);
    decisions.map_err(|err| Failure::internal(&err))
}

fn all(visit: &Visit) -> Result<Vec<(DataSetView, Vec<Decided>)>, Failure> {
    let views = visit.site.custody().data_sets();
    let views = views.map_err(|err| Failure::internal(&err))?;
    let with = |view: DataSetView| {
        let decisions = decisions(visit, &view.data_set.id)?;
        Ok((view, decisions))
    };
    views.into_iter().map(with).collect()
}

/// Every data set, as lists show it.
pub(super) fn cards(visit: &Visit) -> Result<Vec<CommonsCard>, Failure> {
    let card = |(view, decisions): (DataSetView, Vec<Decided>)| CommonsCard {
        place: view::title_of(visit, &view.data_set.deployment),
        newest: decisions.into_iter().find(|it| it.table.is_some()),
        view,
    };
    Ok(all(visit)?.into_iter().map(card).collect())
}

/// `GET /commons`
pub(crate) async fn list(visit: Visit) -> Result<Response, Failure> {
    let shown = visit.blocking(|it| {
        Ok(CommonsPage {
            shell: it.shell(Route::Commons),
            cards: cards(it)?,
        })
    });
    page(StatusCode::OK, &shown.await?)
}

/// `GET /commons/{id}`
pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = DataSetId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let shown = visit.blocking(move |it| {
        let view = it.site.custody().data_set(&id);
        let view = view.map_err(|err| Failure::internal(&err))?;
        let view = view.ok_or(Failure::NOT_FOUND)?;
        Ok(DataSetPage {
            place: view::title_of(it, &view.data_set.deployment),
            decisions: decisions(it, &id)?,
            shell: it.shell(Route::DataSet(id)),
            view,
        })
    });
    page(StatusCode::OK, &shown.await?)
}

/// A file that every site may read.
fn file(bytes: Vec<u8>, kind: &'static str, cache: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    (headers, bytes).into_response()
}

/// `GET /commons/catalog.jsonld`
pub(crate) async fn catalogue(visit: Visit) -> Result<Response, Failure> {
    let text = visit.blocking(|it| {
        let say = |language| Texts::new(language, it.site.time_zone()).say("commons-title");
        let title = Text {
            en: say(Language::En),
            ur: say(Language::Ur),
        };
        let site = it.site.public_url().origin();
        Ok(catalogue_json_ld(&all(it)?, &title, site))
    });
    Ok(file(text.await?.into_bytes(), LINKED_DATA, A_WHILE))
}

/// What the address of the feed says.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct FeedQuery {
    /// In which language; English where it does not say.
    lang: Option<String>,
}

impl FeedQuery {
    pub(super) fn language(&self) -> Result<Language, Failure> {
        match self.lang.as_deref() {
            None => Ok(Language::En),
            Some(tag) => Language::from_tag(tag).ok_or(Failure::NOT_FOUND),
        }
    }
}

/// `GET /commons/feed.atom`
pub(crate) async fn feed(
    visit: Visit,
    Query(query): Query<FeedQuery>,
) -> Result<Response, Failure> {
    let language = query.language()?;
    let text = visit.blocking(move |it| {
        let feed = CommonsFeed {
            texts: Texts::new(language, it.site.time_zone()),
            site: it.site.public_url().clone(),
            sets: all(it)?,
        };
        feed.render().map_err(|err| Failure::internal(&err))
    });
    Ok(file(text.await?.into_bytes(), ATOM, A_WHILE))
}

/// `GET /commons/{id}/{file}`
pub(crate) async fn data_file(
    visit: Visit,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let id = DataSetId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let wanted = CommonsFile::parse(&name).ok_or(Failure::NOT_FOUND)?;
    let named = format!("attachment; filename=\"{id}-{name}\"");
    let found = visit.blocking(move |it| {
        let custody = it.site.custody();
        let view = custody.data_set(&id);
        let view = view.map_err(|err| Failure::internal(&err))?;
        let view = view.ok_or(Failure::NOT_FOUND)?;
        let site = it.site.public_url().origin();
        Ok(match wanted {
            CommonsFile::Table(number) => {
                let table = custody.commons_table(&id, number);
                let table = table.map_err(|err| Failure::internal(&err))?;
                table.ok_or(Failure::NOT_FOUND)?
            }
            CommonsFile::Parquet(number) => {
                let table = custody.commons_parquet(&id, number);
                let table = table.map_err(|err| Failure::internal(&err))?;
                table.ok_or(Failure::NOT_FOUND)?
            }
            CommonsFile::Package => view.data_package(&decisions(it, &id)?, site).into_bytes(),
            CommonsFile::Linked => view.json_ld(&decisions(it, &id)?, site).into_bytes(),
            CommonsFile::Declaration => view.document.into_bytes(),
        })
    });
    let bytes = found.await?;
    let (kind, cache) = match wanted {
        CommonsFile::Table(_) => ("text/csv; charset=utf-8; header=present", FOREVER),
        CommonsFile::Parquet(_) => (PARQUET_MEDIA_TYPE, FOREVER),
        CommonsFile::Package => ("application/json", A_WHILE),
        CommonsFile::Linked => (LINKED_DATA, A_WHILE),
        CommonsFile::Declaration => ("application/toml; charset=utf-8", FOREVER),
    };
    let tag = format!("\"{}\"", document_sha256(&bytes));
    let known = headers.get(IF_NONE_MATCH).and_then(|it| it.to_str().ok());
    let mut response = match known.is_some_and(|it| it == tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => file(bytes, kind, cache),
    };
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(ETAG, &tag);
    set(CACHE_CONTROL, cache);
    if let CommonsFile::Table(_) | CommonsFile::Parquet(_) = wanted {
        set(CONTENT_DISPOSITION, &named);
    }
    Ok(response)
}
