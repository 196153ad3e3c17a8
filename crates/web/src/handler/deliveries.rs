//! Who received what about a person, hour by hour, with proofs.

use alliance::Action;
use axum::extract::{Path, Query};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use custody::{MAX_RECEIPTS_LISTED, ReceiptRow, ReceiptsFrom};
use model::PersonId;
use serde::Deserialize;

use crate::page::DeliveriesPage;
use crate::route::{DeliveriesFile, Route};
use crate::view::timeline;
use crate::visit::{Failure, Visit, page, see};

/// How many lines a page has.
const PAGE: u16 = 25;

/// The query of `/me/deliveries`.
#[derive(Debug, Deserialize)]
pub(crate) struct Start {
    hour: Option<i64>,
    #[serde(default)]
    skip: u32,
}

/// `GET /me/deliveries`
pub(crate) async fn show(
    visit: Visit,
    Query(Start { hour, skip }): Query<Start>,
) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let from = hour.map(|hour| ReceiptsFrom { hour, skip });
    let shown = visit.blocking(move |it| {
        let custody = it.site.custody();
        let start = from.unwrap_or(ReceiptsFrom::NEWEST);
        let found = custody.receipts(&account.id, start, PAGE, it.now);
        let found = found.map_err(|err| Failure::internal(&err))?;
        Ok(DeliveriesPage {
            shell: it.shell(Route::Deliveries(from)),
            lines: timeline::deliveries(it, &found.receipts)?,
            newest: from.is_none(),
            older: found.older,
            key: custody.record_key(),
        })
    });
    page(StatusCode::OK, &shown.await?)
}

/// `GET /me/deliveries/{file}`: the newest lines as a file, or the proof of one.
pub(crate) async fn file(visit: Visit, Path(file): Path<String>) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let file = DeliveriesFile::parse(&file).ok_or(Failure::NOT_FOUND)?;
    let name = match file {
        DeliveriesFile::Csv => "deliveries.csv".to_owned(),
        DeliveriesFile::Json => "deliveries.json".to_owned(),
        DeliveriesFile::Proof(..) => format!("amanat-receipt-{}", file.name()),
    };
    let kind = match file {
        DeliveriesFile::Csv => "text/csv; charset=utf-8",
        DeliveriesFile::Json | DeliveriesFile::Proof(..) => "application/json",
    };
    let body = visit.blocking(move |it| match file {
        DeliveriesFile::Csv => {
            let mut body = ReceiptRow::csv_head().as_bytes().to_vec();
            let rows = newest(it, &account.id)?;
            rows.iter().for_each(|row| row.write_csv(&mut body));
            Ok(body)
        }
        DeliveriesFile::Json => Ok(array(&newest(it, &account.id)?)),
        DeliveriesFile::Proof(batch, place) => {
            let custody = it.site.custody();
            let proof = custody.prove_receipt(&account.id, (batch, place), it.now);
            let proof = proof.map_err(|err| Failure::internal(&err))?;
            let proof = proof.ok_or(Failure::NOT_FOUND)?;
            Ok(proof.to_string().into_bytes())
        }
    });
    let mut response = body.await?.into_response();
    let named = format!("attachment; filename=\"{name}\"");
    let named = HeaderValue::try_from(named).map_err(|err| Failure::internal(&err))?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_DISPOSITION, named);
    Ok(response)
}

fn newest(visit: &Visit, person: &PersonId) -> Result<Vec<ReceiptRow>, Failure> {
    let custody = visit.site.custody();
    let found = custody.receipts(person, ReceiptsFrom::NEWEST, MAX_RECEIPTS_LISTED, visit.now);
    Ok(found.map_err(|err| Failure::internal(&err))?.receipts)
}

/// Lines of JSON as one array.
fn array(rows: &[ReceiptRow]) -> Vec<u8> {
    let mut body = b"[".to_vec();
    for (nth, row) in rows.iter().enumerate() {
        if nth > 0 {
            body.push(b',');
        }
        row.write_json(&mut body);
    }
    body.push(b']');
    body
}
