//! When the rulebook has a finding open a case by itself.

use alliance::cases::CaseError;
use alliance::{Action, AllianceError};
use axum::http::StatusCode;
use axum::response::Response;

use super::Submission;
use crate::form::value_of;
use crate::page::FindingsPage;
use crate::route::Route;
use crate::visit::{Failure, Visit, page};

/// `GET /office/findings`
pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    visit.must(Action::SetLimits)?;
    shown(visit, Default::default(), false, false).await
}

async fn shown(
    visit: Visit,
    input: [String; 2],
    wrong: bool,
    done: bool,
) -> Result<Response, Failure> {
    let shell = visit.shell(Route::OfficeFindings);
    let form = visit.form().ok_or(Failure::NOT_FOUND)?;
    let days = visit.blocking(|it| it.site.alliance().drift_rule().map_err(Failure::of_case));
    let status = match wrong {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    let shown = FindingsPage {
        shell,
        form,
        days: days.await?,
        input,
        wrong,
        done,
    };
    page(status, &shown)
}

/// `POST /office/findings`: without days no case is opened.
pub(crate) async fn change(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let (_, actor) = visit.must(Action::SetLimits)?;
    let sent = submission.protect(|pairs| [value_of(&pairs, "days"), value_of(&pairs, "reason")]);
    let input = visit.open(sent)?;
    let [days, reason] = input.clone();
    let changed = visit.blocking(move |it| {
        let days = match days.trim() {
            "" => None,
            days => match days.parse() {
                Ok(days) => Some(days),
                Err(_) => return Ok(false),
            },
        };
        match it
            .site
            .alliance()
            .set_drift_rule(&actor, days, &reason, it.now)
        {
            Ok(()) => Ok(true),
            Err(CaseError::Days | CaseError::Alliance(AllianceError::Reason)) => Ok(false),
            Err(other) => Err(Failure::of_case(other)),
        }
    });
    match changed.await? {
        true => shown(visit, Default::default(), false, true).await,
        false => shown(visit, input, true, false).await,
    }
}
