//! What a person shares.

use alliance::{Account, Action};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use custody::{ChoiceSheet, ChooseError};
use model::DeploymentId;

use super::Submission;
use crate::page::{ChoicesPage, Saved};
use crate::route::Route;
use crate::view::sheet::{self, Decision, Wish};
use crate::visit::{Failure, Visit, page, see};

fn sheet_of(visit: &Visit, account: &Account, id: &DeploymentId) -> Result<ChoiceSheet, Failure> {
    let custody = visit.site.custody();
    let found = custody.choice_sheet(&account.id, id, visit.now);
    found.ok_or(Failure::NOT_FOUND)
}

fn show_sheet(
    visit: &Visit,
    id: DeploymentId,
    sheet: &ChoiceSheet,
    saved: Saved,
) -> Result<ChoicesPage, Failure> {
    Ok(ChoicesPage {
        shell: visit.shell(Route::choices(&id)),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        title: sheet.notice.title.clone(),
        licence: sheet.licence,
        lanes: sheet::lanes(sheet),
        deployment: id,
        saved,
    })
}

/// `GET /me/choices/{deployment}`
pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::Choose)?;
    let id = DeploymentId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let shown = visit.blocking(move |it| {
        let sheet = sheet_of(it, &account, &id)?;
        show_sheet(it, id, &sheet, Saved::No)
    });
    page(StatusCode::OK, &shown.await?)
}

/// `POST /me/choices/{deployment}`: one row (`only`) or the whole form. All of it is in force when the answer is sent.
pub(crate) async fn save(
    visit: Visit,
    Path(id): Path<String>,
    submission: Submission,
) -> Result<Response, Failure> {
    let wish = visit.open(submission.protect(Wish::parse))?;
    let (account, _) = visit.must(Action::Choose)?;
    let id = DeploymentId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let done = visit.blocking(move |it| {
        let before = sheet_of(it, &account, &id)?;
        match sheet::decide(&before, &wish, &account.id, &id)? {
            Decision::Bad(bad) => {
                let mut refused = show_sheet(it, id, &before, Saved::No)?;
                sheet::keep_input(&mut refused.lanes, &wish, &bad);
                Ok((StatusCode::UNPROCESSABLE_ENTITY, refused))
            }
            Decision::Good(choices) => {
                it.site
                    .custody()
                    .choose(&choices, it.now)
                    .map_err(refused)?;
                let after = sheet_of(it, &account, &id)?;
                let saved = sheet::changes(&it.shell(Route::me()), &before, &after);
                Ok((StatusCode::OK, show_sheet(it, id, &after, saved)?))
            }
        }
    });
    let (status, shown) = done.await?;
    Ok(page(status, &shown)?.into_response())
}

/// The notice changed between the page and the form, or custody failed.
fn refused(err: ChooseError) -> Failure {
    match err {
        ChooseError::NotConcerned(_) => Failure::NOT_FOUND,
        ChooseError::NotDeclared { .. }
        | ChooseError::NoChoice { .. }
        | ChooseError::NoSuchLevel { .. } => Failure::BAD_REQUEST,
        ChooseError::Act(err) => err.into(),
    }
}
