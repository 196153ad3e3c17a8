//! Incidents: for everybody, in the office, and for whom they may have reached.

use alliance::incidents::{Incident, IncidentDraft, IncidentError};
use alliance::{Action, Actor};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use custody::Exposure;
use model::Text;

use super::Submission;
use crate::form::value_of;
use crate::page::{
    IncidentInput, IncidentNews, IncidentPage, IncidentsPage, MyIncidentsPage, OfficeIncidentsPage,
};
use crate::route::Route;
use crate::view::{self, word};
use crate::visit::{Failure, Visit, page, see};

impl Failure {
    /// What an act on an incident fails with where there is no page for it.
    pub(super) fn of_incident(err: IncidentError) -> Self {
        match err {
            IncidentError::NotFound => Self::NOT_FOUND,
            IncidentError::Alliance(err) => err.into(),
            other => Self::internal(&other),
        }
    }
}

/// What people call where it got out.
fn party(visit: &Visit, incident: &Incident) -> Option<Text> {
    match &incident.exposure {
        Exposure::Server => None,
        Exposure::Recipient(id) => Some(word(id.as_str())),
        Exposure::Deployment(id) => Some(view::title_of(visit, id)),
    }
}

/// `GET /incidents`
pub(crate) async fn public(visit: Visit) -> Result<Response, Failure> {
    let found = visit.blocking(|it| {
        let lines = it.site.alliance().incidents_in_the_open();
        Ok(IncidentsPage {
            shell: it.shell(Route::Incidents),
            lines: lines.map_err(Failure::of_incident)?,
            now: it.now,
        })
    });
    page(StatusCode::OK, &found.await?)
}

/// `GET /me/incidents`
pub(crate) async fn mine(visit: Visit) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let found = visit.blocking(move |it| {
        let incidents = it.site.alliance().incidents_about(&account);
        let incidents = incidents.map_err(Failure::of_incident)?.into_iter();
        Ok(MyIncidentsPage {
            shell: it.shell(Route::MyIncidents),
            incidents: incidents
                .map(|(incident, fields)| {
                    let party = party(it, &incident);
                    (incident, party, fields)
                })
                .collect(),
        })
    });
    page(StatusCode::OK, &found.await?)
}

fn listed(
    visit: &Visit,
    by: &Actor,
    input: IncidentInput,
    news: Option<IncidentNews>,
) -> Result<OfficeIncidentsPage, Failure> {
    let incidents = visit.site.alliance().incidents(by);
    Ok(OfficeIncidentsPage {
        shell: visit.shell(Route::OfficeIncidents),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        incidents: incidents.map_err(Failure::of_incident)?,
        input,
        news,
        now: visit.now,
    })
}

/// `GET /office/incidents`
pub(crate) async fn list(visit: Visit) -> Result<Response, Failure> {
    let (_, actor) = visit.must(Action::HandleIncidents)?;
    let found = visit.blocking(move |it| listed(it, &actor, IncidentInput::default(), None));
    page(StatusCode::OK, &found.await?)
}

fn input(pairs: &[(String, String)]) -> IncidentInput {
    let value = |name| value_of(pairs, name);
    IncidentInput {
        exposure: value("where"),
        party: value("party"),
        from: value("from"),
        until: value("until"),
        aware: value("aware"),
        words: ["what-en", "what-ur", "done-en", "done-ur"].map(value),
    }
}

fn texts(words: &[String; 4]) -> (Text, Text) {
    let [what_en, what_ur, done_en, done_ur] = words.clone();
    let what = Text {
        en: what_en,
        ur: what_ur,
    };
    let done = Text {
        en: done_en,
        ur: done_ur,
    };
    (what, done)
}

/// `POST /office/incidents`: opens one.
pub(crate) async fn open(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let (_, actor) = visit.must(Action::HandleIncidents)?;
    let sent = visit.open(submission.protect(|pairs| input(&pairs)))?;
    let done = visit.blocking(move |it| {
        let (what, done) = texts(&sent.words);
        let draft = IncidentDraft {
            exposure: sent.exposure.clone(),
            party: sent.party.clone(),
            from: sent.from.clone(),
            until: sent.until.clone(),
            aware: sent.aware.clone(),
            what,
            done,
        };
        let alliance = it.site.alliance();
        Ok(match alliance.open_incident(&actor, &draft, it.now) {
            Ok(number) => Ok(shown(it, &actor, number, Some(IncidentNews::Opened))?),
            Err(err) => {
                let (status, news) = refused(err)?;
                Err((status, listed(it, &actor, sent, Some(news))?))
            }
        })
    });
    match done.await? {
        Ok(opened) => page(StatusCode::OK, &opened),
        Err((status, shown)) => page(status, &shown),
    }
}

fn shown(
    visit: &Visit,
    by: &Actor,
    number: u64,
    news: Option<IncidentNews>,
) -> Result<IncidentPage, Failure> {
    let view = visit.site.alliance().incident(by, number);
    let view = view.map_err(Failure::of_incident)?;
    Ok(IncidentPage {
        shell: visit.shell(Route::OfficeIncident(number)),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        party: party(visit, &view.incident),
        view,
        news,
        now: visit.now,
    })
}

/// `GET /office/incidents/{number}`
pub(crate) async fn show(visit: Visit, Path(number): Path<String>) -> Result<Response, Failure> {
    let (_, actor) = visit.must(Action::HandleIncidents)?;
    let number = number.parse().map_err(|_| Failure::NOT_FOUND)?;
    let found = visit.blocking(move |it| shown(it, &actor, number, None));
    page(StatusCode::OK, &found.await?)
}

/// `POST /office/incidents/{number}`: the words are others, the authority or the people are told.
pub(crate) async fn act(
    visit: Visit,
    Path(number): Path<String>,
    submission: Submission,
) -> Result<Response, Failure> {
    let (_, actor) = visit.must(Action::HandleIncidents)?;
    let number: u64 = number.parse().map_err(|_| Failure::NOT_FOUND)?;
    let sent = submission.protect(|pairs| (value_of(&pairs, "act"), input(&pairs)));
    let (act, input) = visit.open(sent)?;
    let done = visit.blocking(move |it| {
        let alliance = it.site.alliance();
        let (outcome, news) = match act.as_str() {
            "words" => {
                let (what, done) = texts(&input.words);
                let outcome = alliance.reword_incident(&actor, number, (&what, &done), it.now);
                (outcome, IncidentNews::Saved)
            }
            "report" => {
                let outcome = alliance.report_incident(&actor, number, it.now);
                (outcome, IncidentNews::Reported)
            }
            "tell" => {
                let outcome = alliance.tell_people(&actor, number, it.now).map(drop);
                (outcome, IncidentNews::Told)
            }
            _ => return Err(Failure::BAD_REQUEST),
        };
        let (status, news) = match outcome {
            Ok(()) => (StatusCode::OK, news),
            Err(err) => refused(err)?,
        };
        Ok((status, shown(it, &actor, number, Some(news))?))
    });
    let (status, shown) = done.await?;
    page(status, &shown)
}

fn refused(err: IncidentError) -> Result<(StatusCode, IncidentNews), Failure> {
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(match err {
        IncidentError::Exposure => (wrong, IncidentNews::Where),
        IncidentError::Days => (wrong, IncidentNews::Days),
        IncidentError::Words => (wrong, IncidentNews::Words),
        IncidentError::Done => (StatusCode::CONFLICT, IncidentNews::Already),
        IncidentError::TooMany => (StatusCode::CONFLICT, IncidentNews::Full),
        other @ (IncidentError::NotFound | IncidentError::Alliance(_)) => {
            return Err(Failure::of_incident(other));
        }
    })
}
