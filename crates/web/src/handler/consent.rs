//! The history of choices, their record, their receipts, and putting them back.

use alliance::Action;
use axum::extract::{Path, Query};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use custody::{ChooseError, ReceiptId};
use model::{DeploymentId, PersonId};
use serde::Deserialize;

use super::Submission;
use super::choices::refused;
use crate::page::{HistoryPage, ReceiptBanner, ReceiptPage};
use crate::route::Route;
use crate::view::consent::{self, Notices};
use crate::visit::{Failure, Visit, page, see};

/// How many acts a page of a history has.
const PAGE: u16 = 8;

/// Which page of a history.
#[derive(Deserialize)]
pub(crate) struct Start {
    before: Option<i64>,
}

/// Where an act is put back.
#[derive(Deserialize)]
pub(crate) struct Where {
    at: Option<String>,
}

/// A JSON document that the browser saves.
pub(crate) fn download(name: &'static str, json: String) -> Response {
    let mut response = json.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(name));
    response
}

const RECORD: &str = "attachment; filename=\"record.json\"";
const RECEIPT: &str = "attachment; filename=\"receipt.json\"";

/// `GET /me/choices/{deployment}/history`
pub(crate) async fn history(
    visit: Visit,
    Path(id): Path<String>,
    Query(Start { before }): Query<Start>,
) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let id = DeploymentId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let shown = visit.blocking(move |it| {
        let custody = it.site.custody();
        if !custody.deployments_about(&account.id).contains(&id) {
            return Err(Failure::NOT_FOUND);
        }
        let shell = it.shell(Route::ChoicesHistory {
            deployment: id.clone(),
            before,
        });
        let found = custody.choice_history(&account.id, &id, before, PAGE)?;
        let mut notices = Notices::new(it);
        let lines = found.acts.into_iter();
        let lines = lines.map(|act| consent::history_line(&shell, &mut notices, act));
        Ok(HistoryPage {
            lines: lines.collect(),
            title: notices.title(&id),
            form: it.form().ok_or(Failure::NOT_FOUND)?,
            newest: before.is_none(),
            older: found.older.map(|number| Route::ChoicesHistory {
                deployment: id.clone(),
                before: Some(number),
            }),
            deployment: id,
            shell,
        })
    });
    page(StatusCode::OK, &shown.await?)
}

/// `GET /me/choices/{deployment}/record.json`
pub(crate) async fn record(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let id = DeploymentId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    record_of(visit, Some(id)).await
}

/// `GET /me/choices/record.json`
pub(crate) async fn whole_record(visit: Visit) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    record_of(visit, None).await
}

async fn record_of(visit: Visit, only: Option<DeploymentId>) -> Result<Response, Failure> {
    let (account, _) = visit.must(Action::ReadOwn)?;
    let json = visit.blocking(move |it| {
        let frame = consent::frame(it, &it.shell(None))?;
        let custody = it.site.custody();
        let record = custody.consent_record(&account.id, only.as_ref(), &frame)?;
        record.ok_or(Failure::NOT_FOUND)
    });
    Ok(download(RECORD, json.await?))
}

/// `GET /me/choices/receipt/{receipt}`, or with `.json` at its end the file.
pub(crate) async fn receipt(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let id = name.strip_suffix(".json").unwrap_or(&name);
    let is_file = id != name;
    let id = ReceiptId::parse(id).map_err(|_| Failure::NOT_FOUND)?;
    if is_file {
        let json = visit.blocking(move |it| {
            let frame = consent::frame(it, &it.shell(None))?;
            let found = it
                .site
                .custody()
                .consent_receipt(&account.id, &id, &frame)?;
            found.ok_or(Failure::NOT_FOUND)
        });
        return Ok(download(RECEIPT, json.await?));
    }
    let shown = visit.blocking(move |it| receipt_page(it, &account.id, &id, ReceiptBanner::None));
    page(StatusCode::OK, &shown.await?)
}

/// The page of a receipt of this person.
pub(crate) fn receipt_page(
    visit: &Visit,
    person: &PersonId,
    id: &ReceiptId,
    banner: ReceiptBanner,
) -> Result<ReceiptPage, Failure> {
    let facts = visit.site.custody().receipt(person, id)?;
    let facts = facts.ok_or(Failure::NOT_FOUND)?;
    let form = visit.form().ok_or(Failure::NOT_FOUND)?;
    Ok(consent::receipt_page(visit, form, facts, banner))
}

/// `POST /me/decide/put-back/{receipt}`: sent twice, the second time changes nothing.
pub(crate) async fn put_back(
    visit: Visit,
    Path(id): Path<String>,
    Query(Where { at }): Query<Where>,
    submission: Submission,
) -> Result<Response, Failure> {
    visit.open(submission.protect(|_| ()))?;
    let (account, _) = visit.must(Action::Choose)?;
    let id = ReceiptId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let only = at.as_deref().map(DeploymentId::parse).transpose();
    let only = only.map_err(|_| Failure::NOT_FOUND)?;
    let shown = visit.blocking(move |it| {
        let custody = it.site.custody();
        let done = custody.put_back(&account.id, &id, only.as_ref(), it.now);
        match done.map_err(|err: ChooseError| refused(err))? {
            Some(act) => receipt_page(it, &account.id, &act.id, ReceiptBanner::InForce),
            None => receipt_page(it, &account.id, &id, ReceiptBanner::NothingLeft),
        }
    });
    page(StatusCode::OK, &shown.await?)
}
