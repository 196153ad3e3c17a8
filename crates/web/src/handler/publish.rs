//! Open data in the office: data sets are declared and batches decided on, by whoever may publish.

use alliance::{Action, Actor, CommonsActError};
use axum::http::StatusCode;
use axum::response::Response;
use custody::{DataSetId, DecideError, DeclareDataSetError, draft_data_set};
use model::{DeploymentId, Timestamp};

use super::Submission;
use super::commons::cards;
use crate::form::value_of;
use crate::page::{PublishNews, PublishPage};
use crate::route::Route;
use crate::visit::{Failure, Visit, page};

/// What an officer asks for.
enum Wish {
    Draft(String),
    Look(String),
    Declare(String),
    Decide(String),
    Nothing,
}

impl Wish {
    fn parse(pairs: &[(String, String)]) -> Self {
        // Browsers send line ends as CR LF (HTML, section 4.10.22.4); what was declared has one form.
        let source = || value_of(pairs, "source").replace("\r\n", "\n");
        match value_of(pairs, "act").as_str() {
            "draft" => Self::Draft(value_of(pairs, "from")),
            "look" => Self::Look(source()),
            "declare" => Self::Declare(source()),
            "decide" => Self::Decide(value_of(pairs, "set")),
            _ => Self::Nothing,
        }
    }
}

fn office(visit: &Visit) -> Result<PublishPage, Failure> {
    let in_force = visit.site.custody().in_force(visit.now);
    let place = |it: custody::InForce| (it.id, it.notice.title.clone());
    Ok(PublishPage {
        shell: visit.shell(Route::OfficeCommons),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        cards: cards(visit)?,
        places: in_force.into_iter().map(place).collect(),
        source: String::new(),
        looked: None,
        news: None,
    })
}

/// `GET /office/commons`
pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    visit.must(Action::PublishCommons)?;
    let shown = visit.blocking(office).await?;
    page(StatusCode::OK, &shown)
}

/// How far the zone of the pages lies from UTC now.
fn offset_minutes(visit: &Visit, now: Timestamp) -> i32 {
    let zone = visit.site.time_zone();
    let at = jiff::Timestamp::from_millisecond(now.as_millis());
    at.map_or(0, |it| zone.to_offset(it).seconds() / 60)
}

/// `POST /office/commons`: what `act` says.
pub(crate) async fn act(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let (_, actor) = visit.must(Action::PublishCommons)?;
    let wish = visit.open(submission.protect(|pairs| Wish::parse(&pairs)))?;
    let done = visit.blocking(move |it| match wish {
        Wish::Draft(from) => draft(it, &from),
        Wish::Look(source) => look(it, source),
        Wish::Declare(source) => declare(it, &actor, source),
        Wish::Decide(id) => decide(it, &actor, &id),
        Wish::Nothing => Err(Failure::BAD_REQUEST),
    });
    let (status, shown) = done.await?;
    page(status, &shown)
}

type Answer = Result<(StatusCode, PublishPage), Failure>;

fn draft(visit: &Visit, from: &str) -> Answer {
    let from = DeploymentId::parse(from).map_err(|_| Failure::NOT_FOUND)?;
    let in_force = visit.site.custody().in_force_at(&from, visit.now);
    let in_force = in_force.ok_or(Failure::NOT_FOUND)?;
    let mut shown = office(visit)?;
    shown.source = draft_data_set(&in_force.notice, offset_minutes(visit, visit.now));
    Ok((StatusCode::OK, shown))
}

fn look(visit: &Visit, source: String) -> Answer {
    match visit.site.custody().check_data_set(&source, visit.now) {
        Ok(data_set) => {
            let mut shown = office(visit)?;
            shown.source = source;
            shown.looked = Some(Box::new(data_set));
            Ok((StatusCode::OK, shown))
        }
        Err(err) => wrong(visit, source, &err),
    }
}

fn declare(visit: &Visit, by: &Actor, source: String) -> Answer {
    let declared = visit
        .site
        .alliance()
        .declare_data_set(by, &source, visit.now);
    match declared {
        Ok(data_set) => {
            let mut shown = office(visit)?;
            shown.news = Some(PublishNews::Declared(data_set.id));
            Ok((StatusCode::OK, shown))
        }
        Err(CommonsActError::Declare(err)) => wrong(visit, source, &err),
        Err(CommonsActError::Alliance(err)) => Err(err.into()),
        Err(other @ CommonsActError::Decide(_)) => Err(Failure::internal(&other)),
    }
}

/// The page again, with what is wrong with the file; what is wrong with us is not the officer's matter.
fn wrong(visit: &Visit, source: String, err: &DeclareDataSetError) -> Answer {
    let status = match err {
        DeclareDataSetError::File(_)
        | DeclareDataSetError::Act(custody::ActError::NoDeployment(_)) => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        DeclareDataSetError::Taken(_) | DeclareDataSetError::TooMany => StatusCode::CONFLICT,
        DeclareDataSetError::Act(_) => return Err(Failure::internal(err)),
    };
    let mut shown = office(visit)?;
    shown.source = source;
    shown.news = Some(PublishNews::Wrong(err.to_string()));
    Ok((status, shown))
}

fn decide(visit: &Visit, by: &Actor, id: &str) -> Answer {
    let id = DataSetId::parse(id).map_err(|_| Failure::NOT_FOUND)?;
    let decided = visit.site.alliance().decide_commons(by, &id, visit.now);
    let (status, news) = match decided {
        Ok(decided) => match decided.refusal {
            None => (StatusCode::OK, PublishNews::Published(id)),
            Some(refusal) => (StatusCode::OK, PublishNews::Refused(id, refusal)),
        },
        Err(CommonsActError::Decide(DecideError::NotYet { homes, wanted })) => {
            (StatusCode::CONFLICT, PublishNews::NotYet { homes, wanted })
        }
        Err(CommonsActError::Decide(DecideError::Same)) => {
            (StatusCode::CONFLICT, PublishNews::Same)
        }
        Err(CommonsActError::Decide(DecideError::NoDataSet(_))) => return Err(Failure::NOT_FOUND),
        Err(CommonsActError::Alliance(err)) => return Err(err.into()),
        Err(other) => return Err(Failure::internal(&other)),
    };
    let mut shown = office(visit)?;
    shown.news = Some(news);
    Ok((status, shown))
}
