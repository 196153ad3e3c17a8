//! Taking a device with the code from its label.

use alliance::{Account, Action, Claim, ClaimCode, Claimable};
use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::Submission;
use crate::form::value_of;
use crate::headers;
use crate::page::{ClaimDevice, ClaimError, ClaimPage, ClaimStep};
use crate::route::Route;
use crate::visit::{Failure, Visit, page};

/// How much of a wrong code stays in the form: more than a code has.
const MAX_TYPED_CHARS: usize = 64;

/// The code, where the link of the label has it.
#[derive(Deserialize)]
pub(crate) struct Label {
    #[serde(default)]
    code: String,
}

/// `GET /claim`: asks for the code, or shows what the device of the label's code measures. Changes nothing, so that a preview
/// of the link does not use the code up. Whom another site sent here, or a browser that does not say, gets the code in the
/// form and presses the button: else any page could try wrong codes in somebody's name until that person has to wait.
pub(crate) async fn show(
    visit: Visit,
    headers: HeaderMap,
    Query(Label { code }): Query<Label>,
) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return answer(&visit, StatusCode::OK, ClaimStep::SignIn);
    }
    let (account, _) = visit.must(Action::Choose)?;
    if !headers::is_opened_by_person(&headers) {
        let code = ClaimCode::from_text(&code).map(|it| it.expose_secret());
        let step = ClaimStep::Enter(None, code.unwrap_or_default());
        return answer(&visit, StatusCode::OK, step);
    }
    look(&visit, account, code).await
}

/// `POST /claim`: with `take` uses the code up, without shows what its device measures.
pub(crate) async fn take(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let asked = submission.protect(|pairs| {
        let takes = value_of(&pairs, "take") == "1";
        (value_of(&pairs, "code"), takes)
    });
    let (code, takes) = visit.open(asked)?;
    let (account, _) = visit.must(Action::Choose)?;
    if !takes {
        return look(&visit, account, code).await;
    }
    let typed = code.clone();
    let claimed = visit.blocking(move |it| {
        let alliance = it.site.alliance();
        let code = ClaimCode::from_text(&code);
        let claim = alliance.claim(&account, code.as_ref(), it.now)?;
        if matches!(claim, Claim::Open(_)) {
            it.hear(&account.id)?;
        }
        shown(it, claim)
    });
    match claimed.await? {
        Ok(device) => answer(&visit, StatusCode::OK, ClaimStep::Done(device)),
        Err(wrong) => refuse(&visit, wrong, &typed),
    }
}

async fn look(visit: &Visit, account: Account, code: String) -> Result<Response, Failure> {
    if code.trim().is_empty() {
        let step = ClaimStep::Enter(None, String::new());
        return answer(visit, StatusCode::OK, step);
    }
    let typed = code.clone();
    let found = visit.blocking(move |it| {
        let parsed = ClaimCode::from_text(&code);
        let claim = it
            .site
            .alliance()
            .peek_claim(&account, parsed.as_ref(), it.now)?;
        let code = parsed.map(|it| it.expose_secret()).unwrap_or_default();
        Ok(shown(it, claim)?.map(|device| (device, code)))
    });
    match found.await? {
        Ok((device, code)) => answer(visit, StatusCode::OK, ClaimStep::Look(device, code)),
        Err(wrong) => refuse(visit, wrong, &typed),
    }
}

/// The device of a claim, or why there is none to show.
fn shown(visit: &Visit, claim: Claim) -> Result<Result<ClaimDevice, ClaimError>, Failure> {
    let Claimable {
        thing,
        deployment,
        role,
        ..
    } = match claim {
        Claim::Open(open) => open,
        Claim::Unknown => return Ok(Err(ClaimError::Wrong)),
        Claim::Wait => return Ok(Err(ClaimError::Wait)),
    };
    let in_force = visit.site.custody().in_force_at(&deployment, visit.now);
    Ok(Ok(ClaimDevice {
        thing: thing.to_string(),
        notice: in_force.ok_or(Failure::NOT_FOUND)?.notice,
        role,
    }))
}

/// What was typed stays there to be corrected.
fn refuse(visit: &Visit, wrong: ClaimError, typed: &str) -> Result<Response, Failure> {
    let wrong = match wrong {
        ClaimError::Wrong if ClaimCode::from_text(typed).is_none() => ClaimError::Form,
        wrong => wrong,
    };
    let status = match wrong {
        ClaimError::Form | ClaimError::Wrong => StatusCode::UNPROCESSABLE_ENTITY,
        ClaimError::Wait => StatusCode::TOO_MANY_REQUESTS,
    };
    let typed = typed.trim().chars().take(MAX_TYPED_CHARS).collect();
    answer(visit, status, ClaimStep::Enter(Some(wrong), typed))
}

fn answer(visit: &Visit, status: StatusCode, step: ClaimStep) -> Result<Response, Failure> {
    // Who changes the language keeps the device that they look at.
    let here = match &step {
        ClaimStep::Look(_, code) => Route::ClaimLink(code.clone()),
        ClaimStep::Enter(None, code) if !code.is_empty() => Route::ClaimLink(code.clone()),
        _ => Route::Claim,
    };
    let shown = ClaimPage {
        shell: visit.shell(here),
        form: visit.form(),
        step,
    };
    page(status, &shown)
}
