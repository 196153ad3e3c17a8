//! What takes two officers: what waits, and agreeing to it.

use alliance::{Account, Action, AgreeError, AllianceError, ProposedAct};
use axum::http::StatusCode;
use axum::response::Response;
use model::DeploymentId;

use super::Submission;
use crate::form::value_of;
use crate::page::{ActCard, ActProposer, ActsNews, OfficeActsPage};
use crate::route::Route;
use crate::view;
use crate::visit::{Failure, Visit, page};

fn shown(visit: &Visit, by: &Account, news: Option<ActsNews>) -> Result<OfficeActsPage, Failure> {
    let (_, actor) = visit.must(Action::AgreeToActs)?;
    let alliance = visit.site.alliance();
    let (waiting, ended) = alliance.office_acts(&actor)?;
    let card = |it: ProposedAct| {
        let id = it
            .act
            .deployment()
            .and_then(|it| DeploymentId::parse(it).ok());
        ActCard {
            proposer: match &it.proposed_by {
                None => ActProposer::Operator,
                Some(person) if *person == by.id => ActProposer::You,
                Some(_) => ActProposer::Other,
            },
            deployment: id.map(|id| {
                let title = view::title_of(visit, &id);
                (id, title)
            }),
            act: it,
        }
    };
    Ok(OfficeActsPage {
        shell: visit.shell(Route::OfficeActs),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        waiting: waiting.into_iter().map(card).collect(),
        ended: ended.into_iter().map(card).collect(),
        takes_two: alliance.takes_two(visit.now)?,
        news,
    })
}

/// `GET /office/acts`
pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    let (account, _) = visit.must(Action::AgreeToActs)?;
    let shown = visit.blocking(move |it| shown(it, &account, None)).await?;
    page(StatusCode::OK, &shown)
}

/// `POST /office/acts`: a second officer agrees or refuses, or the first one takes it back.
pub(crate) async fn decide(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let (account, _) = visit.must(Action::AgreeToActs)?;
    let sent = submission.protect(|pairs| (value_of(&pairs, "act"), value_of(&pairs, "id")));
    let (act, id) = visit.open(sent)?;
    let id: u64 = id.parse().map_err(|_| Failure::BAD_REQUEST)?;
    let agrees = match act.as_str() {
        "agree" => true,
        "refuse" => false,
        _ => return Err(Failure::BAD_REQUEST),
    };
    let session = visit.session().ok_or(Failure::NOT_FOUND)?;
    let done = visit.blocking(move |it| {
        let alliance = it.site.alliance();
        let (status, news) = if agrees {
            match alliance.agree_to_act(&account, &session, id, it.now) {
                Ok(()) => (StatusCode::OK, ActsNews::Done),
                Err(AgreeError::Gone) => (StatusCode::CONFLICT, ActsNews::Gone),
                Err(AgreeError::Own) => (StatusCode::FORBIDDEN, ActsNews::Own),
                Err(AgreeError::NotOwnWay) => (StatusCode::FORBIDDEN, ActsNews::NotOwnWay),
                Err(AgreeError::Impossible(why)) => {
                    (StatusCode::CONFLICT, ActsNews::Impossible(why))
                }
                Err(AgreeError::Failed(err)) => return Err(err.into()),
            }
        } else {
            match alliance.refuse_act(&account, id, it.now) {
                Ok(()) => (StatusCode::OK, ActsNews::Refused),
                Err(AllianceError::NotFound { .. }) => (StatusCode::CONFLICT, ActsNews::Gone),
                Err(err) => return Err(err.into()),
            }
        };
        Ok((status, shown(it, &account, Some(news))?))
    });
    let (status, shown) = done.await?;
    page(status, &shown)
}
