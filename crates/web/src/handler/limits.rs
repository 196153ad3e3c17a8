//! The rulebook's limits in the office: what is in force, one more, one less.

use alliance::{Action, Actor, AllianceError};
use axum::http::StatusCode;
use axum::response::Response;
use custody::ActError;
use model::{Cap, CapTarget, Level, PurposeId};

use super::Submission;
use crate::form::value_of;
use crate::page::{LimitDone, LimitError, LimitInput, LimitsPage, REASON_LIMIT};
use crate::route::Route;
use crate::view;
use crate::visit::{Failure, Visit, page};

/// What an officer asks for.
enum Wish {
    Set(LimitInput),
    Lift {
        target: String,
        purpose: String,
        reason: String,
    },
}

impl Wish {
    fn parse(pairs: &[(String, String)]) -> Self {
        let value = |name| value_of(pairs, name);
        match value("lift") {
            target if target.is_empty() => Self::Set(LimitInput {
                sensitivity: value("sensitivity"),
                field: value("field"),
                purpose: value("purpose"),
                most: value("most"),
                reason: value("reason"),
            }),
            target => Self::Lift {
                target,
                purpose: value("purpose"),
                reason: value("reason"),
            },
        }
    }
}

fn limits(visit: &Visit) -> Result<LimitsPage, Failure> {
    Ok(LimitsPage {
        shell: visit.shell(Route::OfficeLimits),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        limits: view::limits(&visit.site.alliance().limits()?),
        purposes: view::purposes(&visit.site.custody().in_force(visit.now)),
        input: LimitInput::default(),
        errors: Vec::new(),
        done: None,
    })
}

/// `GET /office/limits`
pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    visit.must(Action::SetLimits)?;
    let shown = visit.blocking(limits).await?;
    page(StatusCode::OK, &shown)
}

/// `POST /office/limits`
pub(crate) async fn change(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let (_, actor) = visit.must(Action::SetLimits)?;
    let wish = visit.open(submission.protect(|pairs| Wish::parse(&pairs)))?;
    let changed = visit.blocking(move |it| match wish {
        Wish::Set(input) => set(it, &actor, input),
        Wish::Lift {
            target,
            purpose,
            reason,
        } => lift(it, &actor, &target, &purpose, &reason),
    });
    let (status, shown) = changed.await?;
    page(status, &shown)
}

fn set(visit: &Visit, by: &Actor, input: LimitInput) -> Result<(StatusCode, LimitsPage), Failure> {
    let target = match input.sensitivity.as_str() {
        "" => CapTarget::parse("field", input.field.trim()),
        word => Some(CapTarget::parse("sensitivity", word).ok_or(Failure::BAD_REQUEST)?),
    };
    // The empty pointer is a whole message, which nobody means by an empty field.
    let is_empty = input.sensitivity.is_empty() && input.field.trim().is_empty();
    let Some(target) = target.filter(|_| !is_empty) else {
        let mut wrong = vec![LimitError::Field];
        wrong.extend(wrong_reason(&input.reason));
        return refused(visit, input, wrong, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let cap = Cap {
        target,
        purpose: purpose(&input.purpose)?,
        most: Level::parse(&input.most).ok_or(Failure::BAD_REQUEST)?,
    };
    let outcome = visit
        .site
        .alliance()
        .set_limit(by, &cap, &input.reason, visit.now);
    answer(visit, outcome, input, LimitDone::Set)
}

fn lift(
    visit: &Visit,
    by: &Actor,
    target: &str,
    of: &str,
    reason: &str,
) -> Result<(StatusCode, LimitsPage), Failure> {
    let target = target.split_once(':');
    let target = target.and_then(|(kind, name)| CapTarget::parse(kind, name));
    let target = target.ok_or(Failure::BAD_REQUEST)?;
    let purpose = purpose(of)?;
    let alliance = visit.site.alliance();
    let outcome = alliance.lift_limit(by, &target, purpose.as_ref(), reason, visit.now);
    let input = LimitInput {
        reason: reason.to_owned(),
        ..LimitInput::default()
    };
    answer(visit, outcome, input, LimitDone::Lifted)
}

fn purpose(text: &str) -> Result<Option<PurposeId>, Failure> {
    match text {
        "" => Ok(None),
        text => Ok(Some(
            PurposeId::parse(text).map_err(|_| Failure::BAD_REQUEST)?,
        )),
    }
}

/// The page after an act: what is in force now, or what was wrong.
fn answer(
    visit: &Visit,
    outcome: Result<(), AllianceError>,
    input: LimitInput,
    done: LimitDone,
) -> Result<(StatusCode, LimitsPage), Failure> {
    let wrong = match outcome {
        Ok(()) => {
            let mut shown = limits(visit)?;
            shown.done = Some(done);
            return Ok((StatusCode::OK, shown));
        }
        Err(AllianceError::Reason) => (
            wrong_reason(&input.reason).unwrap_or(LimitError::ReasonMissing),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        Err(AllianceError::NotFound { .. }) => (LimitError::Gone, StatusCode::CONFLICT),
        Err(AllianceError::Act(ActError::TooManyCaps)) => (LimitError::Full, StatusCode::CONFLICT),
        Err(AllianceError::NoLimit) => return Err(Failure::BAD_REQUEST),
        Err(other) => return Err(other.into()),
    };
    refused(visit, input, vec![wrong.0], wrong.1)
}

/// What is wrong with the length of a reason.
fn wrong_reason(reason: &str) -> Option<LimitError> {
    match reason.trim().chars().count() {
        0 => Some(LimitError::ReasonMissing),
        1..=REASON_LIMIT => None,
        length => Some(LimitError::ReasonLong(length)),
    }
}

fn refused(
    visit: &Visit,
    input: LimitInput,
    errors: Vec<LimitError>,
    status: StatusCode,
) -> Result<(StatusCode, LimitsPage), Failure> {
    let mut shown = limits(visit)?;
    shown.errors = errors;
    shown.input = input;
    Ok((status, shown))
}
