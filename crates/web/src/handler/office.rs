//! The alliance's office: licences. Hidden from everybody who may not act on them.

use alliance::{Action, AllianceError};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use model::DeploymentId;

use super::Submission;
use crate::form::value_of;
use crate::page::{Done, OfficePage, REASON_LIMIT, ReasonError};
use crate::route::Route;
use crate::view;
use crate::visit::{Failure, Visit, page};

/// What an officer asks for.
#[derive(Clone, Copy)]
enum Act {
    Suspend,
    Reinstate,
}

fn office(visit: &Visit, done: Option<Done>) -> Result<OfficePage, Failure> {
    let overview = visit.site.alliance().overview(visit.now)?;
    Ok(OfficePage {
        shell: visit.shell(Route::Office),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        rows: view::office_rows(&overview),
        done,
    })
}

/// `GET /office`
pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    visit.must(Action::SuspendLicence)?;
    let shown = visit.blocking(|it| office(it, None)).await?;
    page(StatusCode::OK, &shown)
}

/// `POST /office/{deployment}/suspend`
pub(crate) async fn suspend(
    visit: Visit,
    Path(id): Path<String>,
    submission: Submission,
) -> Result<Response, Failure> {
    act(visit, id, submission, Act::Suspend).await
}

/// `POST /office/{deployment}/reinstate`
pub(crate) async fn reinstate(
    visit: Visit,
    Path(id): Path<String>,
    submission: Submission,
) -> Result<Response, Failure> {
    act(visit, id, submission, Act::Reinstate).await
}

async fn act(
    visit: Visit,
    id: String,
    submission: Submission,
    act: Act,
) -> Result<Response, Failure> {
    let (_, actor) = visit.must(Action::SuspendLicence)?;
    let reason = visit.open(submission.protect(|pairs| value_of(&pairs, "reason")))?;
    let id = DeploymentId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let done = visit.blocking(move |it| {
        let alliance = it.site.alliance();
        let decided = match act {
            Act::Suspend => alliance.suspend_licence(&actor, &id, &reason, it.now),
            Act::Reinstate => alliance.reinstate_licence(&actor, &id, &reason, it.now),
        };
        match decided {
            Ok(()) => Ok((StatusCode::OK, office(it, view::done(it, &id)?)?)),
            Err(AllianceError::Reason) => {
                refused(it, &id, reason, StatusCode::UNPROCESSABLE_ENTITY)
            }
            Err(AllianceError::LicenceState { .. }) => {
                refused(it, &id, reason, StatusCode::CONFLICT)
            }
            Err(AllianceError::Sanctioned) => refused(it, &id, reason, StatusCode::FORBIDDEN),
            Err(other) => Err(other.into()),
        }
    });
    let (status, shown) = done.await?;
    page(status, &shown)
}

/// The page again, with what was written and what is wrong with it.
fn refused(
    visit: &Visit,
    id: &DeploymentId,
    reason: String,
    status: StatusCode,
) -> Result<(StatusCode, OfficePage), Failure> {
    let length = reason.trim().chars().count();
    let error = match (status, length) {
        (StatusCode::CONFLICT, _) => ReasonError::State,
        (StatusCode::FORBIDDEN, _) => ReasonError::Sanctioned,
        (_, 0..=REASON_LIMIT) => ReasonError::Missing,
        _ => ReasonError::Long(length),
    };
    let mut shown = office(visit, None)?;
    let row = shown.rows.iter_mut().find(|it| it.id == *id);
    let row = row.ok_or(Failure::NOT_FOUND)?;
    row.error = Some(error);
    row.reason = reason;
    Ok((status, shown))
}
