//! How long what is kept about a person is kept.

use alliance::Action;
use axum::extract::Query;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use custody::{Keeping, KeptPart, KeptThing};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::page::KeepingPage;
use crate::route::Route;
use crate::visit::{Failure, Visit, page, see};

/// The query of `/me/keeping`.
#[derive(Debug, Deserialize)]
pub(crate) struct Start {
    #[serde(default)]
    from: u32,
}

/// `GET /me/keeping`
pub(crate) async fn show(
    visit: Visit,
    Query(Start { from }): Query<Start>,
) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let shown = visit.blocking(move |it| {
        let custody = it.site.custody();
        let keeping = custody.keeping(&account.id, it.now);
        let keeping = keeping.map_err(|err| Failure::internal(&err))?;
        let deployments = keeping.things.iter().map(|it| &it.deployment);
        let notices = deployments.filter_map(|id| {
            let found = custody.in_force_at(id, it.now)?;
            Some((id.clone(), found.notice))
        });
        Ok(KeepingPage {
            notices: notices.collect(),
            shell: it.shell(match from {
                0 => Route::Keeping,
                from => Route::KeepingFrom(from),
            }),
            from,
            keeping,
        })
    });
    page(StatusCode::OK, &shown.await?)
}

/// `GET /me/keeping.json`: the same for programs, and all of it.
pub(crate) async fn file(visit: Visit) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let document = visit.blocking(move |it| {
        let keeping = it.site.custody().keeping(&account.id, it.now);
        let keeping = keeping.map_err(|err| Failure::internal(&err))?;
        Ok(document(&keeping, it.now))
    });
    let mut response = document.await?.to_string().into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

fn document(keeping: &Keeping, now: model::Timestamp) -> Value {
    let classes = keeping.classes.iter().map(|it| {
        json!({
            "retention_days": it.retention.as_days(),
            "readings": it.readings,
            "next_vanishes_at": it.next_at.to_string(),
            "last_vanishes_at": it.last_at.to_string(),
        })
    });
    json!({
        "at": now.to_string(),
        "next_vanishes_at": keeping.next_at.map(|it| it.to_string()),
        "classes": classes.collect::<Vec<_>>(),
        "things": keeping.things.iter().map(thing).collect::<Vec<_>>(),
        "things_are_whole": keeping.is_whole,
    })
}

fn thing(thing: &KeptThing) -> Value {
    json!({
        "deployment": thing.deployment.as_str(),
        "thing": thing.thing.as_str(),
        "fields": thing.parts.iter().map(part).collect::<Vec<_>>(),
    })
}

fn part(part: &KeptPart) -> Value {
    let purposes = part.purposes.iter().map(model::PurposeId::as_str);
    json!({
        "field": part.field,
        "retention_days": part.retention.as_days(),
        "purposes": purposes.collect::<Vec<_>>(),
        "by_law": part.by_law,
        "shortened_by_later_notice": part.is_shortened,
        "values": part.values,
        "next_vanishes_at": part.next_at.to_string(),
        "last_vanishes_at": part.last_at.to_string(),
    })
}
