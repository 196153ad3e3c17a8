//! A person has readings erased: asks, sees what would go, decides, undoes, and sees what became of it.

use std::collections::BTreeMap;

use alliance::Action;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use custody::{EraseError, EraseId, ErasePlan, EraseScope, ErasureNotice, ErasureView, Grace};
use jiff::Span;
use jiff::civil::Date;
use model::{DeploymentId, Notice, PersonId, Pointer, RecipientId, Text, ThingId, Timestamp};
use serde::Deserialize;

use super::Submission;
use super::consent::download;
use crate::form::value_of;
use crate::page::{
    EraseCard, EraseNews, ErasePage, ErasePlace, ErasePreviewPage, EraseTold, EraseWhat,
    PreviewNews,
};
use crate::route::{EraseAsk, Route};
use crate::view::{self, word};
use crate::visit::{Failure, Visit, page, see};

/// The most deployments that the page lists.
const MAX_LISTED: usize = 50;

/// Of which deployment a part is chosen.
#[derive(Deserialize)]
pub(crate) struct Chosen {
    place: Option<String>,
}

fn failed(err: EraseError) -> Failure {
    Failure::internal(&err)
}

/// The notices in force of the deployments that are about a person.
fn notices(visit: &Visit, person: &PersonId) -> Vec<(DeploymentId, std::sync::Arc<Notice>)> {
    let custody = visit.site.custody();
    let about = custody.deployments_about(person).into_iter();
    let sheets = about.take(MAX_LISTED).filter_map(|id| {
        let in_force = custody.in_force_at(&id, visit.now)?;
        Some((id, in_force.notice))
    });
    sheets.collect()
}

fn recipient_of(visit: &Visit, deployment: &DeploymentId, recipient: &RecipientId) -> Text {
    let in_force = visit.site.custody().in_force_at(deployment, visit.now);
    let known = in_force.and_then(|it| Some(it.notice.recipient(recipient)?.title.clone()));
    known.unwrap_or_else(|| word(recipient.as_str()))
}

fn what(visit: &Visit, scope: EraseScope) -> EraseWhat {
    let place = scope.deployment().map(|it| view::title_of(visit, it));
    let field = scope.field().zip(scope.deployment()).map(|(field, at)| {
        let in_force = visit.site.custody().in_force_at(at, visit.now);
        let known = in_force.and_then(|it| Some(it.notice.field(field)?.title.clone()));
        known.unwrap_or_else(|| word(field.as_str()))
    });
    EraseWhat {
        scope,
        place,
        field,
    }
}

fn told(visit: &Visit, notices: &[ErasureNotice]) -> Vec<EraseTold> {
    let mut by_recipient: BTreeMap<&RecipientId, Vec<&ErasureNotice>> = BTreeMap::new();
    for notice in notices {
        by_recipient
            .entry(&notice.recipient)
            .or_default()
            .push(notice);
    }
    let one = |(recipient, notices): (&RecipientId, Vec<&ErasureNotice>)| {
        let first = notices.first()?;
        let all = notices.iter().map(|it| it.acknowledged_at);
        let all: Option<Vec<Timestamp>> = all.collect();
        Some(EraseTold {
            recipient: recipient_of(visit, &first.deployment, recipient),
            due_at: first.due_at,
            acknowledged_at: all.and_then(|it| it.into_iter().max()),
            is_fetched: notices.iter().all(|it| it.fetched_at.is_some()),
            is_overdue: notices.iter().any(|it| it.is_overdue(visit.now)),
        })
    };
    by_recipient.into_iter().filter_map(one).collect()
}

fn card(visit: &Visit, view: ErasureView) -> EraseCard {
    EraseCard {
        what: what(visit, view.scope.clone()),
        told: told(visit, &view.notices),
        view,
    }
}

fn shown(
    visit: &Visit,
    person: &PersonId,
    chosen: Option<DeploymentId>,
    news: Option<EraseNews>,
) -> Result<ErasePage, Failure> {
    let custody = visit.site.custody();
    let notices = notices(visit, person);
    let place = match &chosen {
        None => None,
        Some(id) => {
            let notice = notices.iter().find(|it| it.0 == *id);
            let notice = &notice.ok_or(Failure::NOT_FOUND)?.1;
            let assignments = custody.assignments(person, id);
            let assignments = assignments.map_err(|err| Failure::internal(&err))?;
            let mut things: Vec<ThingId> = assignments.into_iter().map(|it| it.thing).collect();
            things.sort();
            things.dedup();
            let names = notice.subject_field.as_ref();
            let fields = notice.fields.iter().filter(|it| Some(&it.pointer) != names);
            Some(ErasePlace {
                id: id.clone(),
                title: notice.title.clone(),
                things,
                fields: fields
                    .map(|it| (it.pointer.clone(), it.title.clone()))
                    .collect(),
            })
        }
    };
    let views = custody.erasures(person).map_err(failed)?;
    Ok(ErasePage {
        shell: visit.shell(Route::Erase(chosen)),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        places: notices
            .iter()
            .map(|(id, notice)| (id.clone(), notice.title.clone()))
            .collect(),
        place,
        cards: views.into_iter().map(|it| card(visit, it)).collect(),
        news,
    })
}

/// `GET /me/erase`
pub(crate) async fn show(visit: Visit, Query(chosen): Query<Chosen>) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let chosen = chosen.place.filter(|it| !it.is_empty());
    let chosen = chosen.map(|it| DeploymentId::parse(&it)).transpose();
    let chosen = chosen.map_err(|_| Failure::NOT_FOUND)?;
    let shown = visit.blocking(move |it| shown(it, &account.id, chosen, None));
    page(StatusCode::OK, &shown.await?)
}

/// `POST /me/erase`: shows what would go of what the form says, or undoes an erasure that waits.
pub(crate) async fn act(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let pairs = visit.open(submission.protect(|pairs| pairs))?;
    let (account, _) = visit.must(Action::Choose)?;
    match value_of(&pairs, "act").as_str() {
        "look" => {
            let ask = Asked::of_form(&pairs).parse().ok_or(Failure::NOT_FOUND)?;
            return Ok(see(&Route::ErasePreview(Box::new(ask))));
        }
        "undo" => {}
        _ => return Err(Failure::BAD_REQUEST),
    }
    let id = EraseId::parse(&value_of(&pairs, "id")).ok_or(Failure::NOT_FOUND)?;
    let done = visit.blocking(move |it| {
        let custody = it.site.custody();
        let mine = custody.erasures(&account.id).map_err(failed)?;
        if !mine.iter().any(|it| it.id == id) {
            return Err(Failure::NOT_FOUND);
        }
        let (status, news) = match custody.undo_erasure(&account.id, &id).map_err(failed)? {
            true => (StatusCode::OK, EraseNews::Undone),
            false => (StatusCode::CONFLICT, EraseNews::TooLate),
        };
        page(status, &shown(it, &account.id, None, Some(news))?)
    });
    done.await
}

/// What is asked for, as the address says it.
#[derive(Deserialize)]
pub(crate) struct Asked {
    place: Option<String>,
    thing: Option<String>,
    field: Option<String>,
    from: Option<String>,
    until: Option<String>,
}

impl Asked {
    fn of_form(pairs: &[(String, String)]) -> Self {
        let given = |name| Some(value_of(pairs, name));
        Self {
            place: given("place"),
            thing: given("thing"),
            field: given("field"),
            from: given("from"),
            until: given("until"),
        }
    }

    fn parse(self) -> Option<EraseAsk> {
        let given = |it: Option<String>| it.filter(|it| !it.is_empty());
        let place = given(self.place).map(|it| DeploymentId::parse(&it));
        let thing = given(self.thing).map(|it| ThingId::parse(&it));
        let field = given(self.field).map(|it| Pointer::parse(&it));
        Some(EraseAsk {
            place: place.transpose().ok()?,
            thing: thing.transpose().ok()?,
            field: field.transpose().ok()?,
            from: given(self.from),
            until: given(self.until),
        })
    }
}

/// The moment at which a day begins here, so many days later.
fn day_begins(visit: &Visit, day: &str, later: i64) -> Option<Timestamp> {
    let day: Date = day.parse().ok()?;
    let day = day.checked_add(Span::new().try_days(later).ok()?).ok()?;
    let begins = day.to_zoned(visit.site.time_zone()).ok()?;
    Some(Timestamp::from_millis(begins.timestamp().as_millisecond()))
}

/// What is meant; `None` where the dates cannot be read.
fn scope_of(visit: &Visit, ask: &EraseAsk) -> Option<EraseScope> {
    let moment = |day: &Option<String>, later| match day {
        None => Some(None),
        Some(day) => day_begins(visit, day, later).map(Some),
    };
    // The last day is in it whole.
    let times = (moment(&ask.from, 0)?, moment(&ask.until, 1)?);
    let (place, thing, field) = (ask.place.clone(), ask.thing.clone(), ask.field.clone());
    EraseScope::new(times, place, thing, field).ok()
}

/// What would go, if anything.
fn planned(
    visit: &Visit,
    person: &PersonId,
    scope: &EraseScope,
) -> Result<Option<ErasePlan>, Failure> {
    let planned = visit.site.custody().plan_erasure(person, scope, visit.now);
    match planned {
        Ok(plan) => Ok(Some(plan)),
        Err(EraseError::Nothing) => Ok(None),
        Err(err) => Err(failed(err)),
    }
}

fn preview_of(
    visit: &Visit,
    person: &PersonId,
    ask: EraseAsk,
    scope: EraseScope,
    news: Option<PreviewNews>,
) -> Result<ErasePreviewPage, Failure> {
    let plan = planned(visit, person, &scope)?;
    let parts = plan.iter().flat_map(|it| &it.parts);
    let places = parts
        .map(|it| view::title_of(visit, &it.deployment))
        .collect();
    let kept = plan.iter().flat_map(|it| &it.kept);
    let mut kept: Vec<_> = kept
        .map(|it| {
            let title = view::title_of(visit, &it.deployment);
            (title, it.source.clone(), it.retention.as_days())
        })
        .collect();
    kept.dedup();
    let recipients = plan.iter().flat_map(|it| &it.recipients);
    let recipients = recipients.filter_map(|it| {
        let first = it.deployments.first()?;
        Some(recipient_of(visit, first, &it.recipient))
    });
    Ok(ErasePreviewPage {
        shell: visit.shell(Route::ErasePreview(Box::new(ask.clone()))),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        what: what(visit, scope),
        places,
        kept,
        recipients: recipients.collect(),
        ask,
        plan,
        news,
    })
}

/// The page with the form, where the dates cannot be read.
fn bad_dates(visit: &Visit, person: &PersonId, ask: EraseAsk) -> Result<Response, Failure> {
    let shown = shown(visit, person, ask.place, Some(EraseNews::Dates))?;
    page(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}

/// `GET /me/erase/preview`: what would go. Changes nothing.
pub(crate) async fn preview(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let ask = asked.parse().ok_or(Failure::NOT_FOUND)?;
    let done = visit.blocking(move |it| {
        let Some(scope) = scope_of(it, &ask) else {
            return bad_dates(it, &account.id, ask);
        };
        let shown = preview_of(it, &account.id, ask, scope, None)?;
        page(StatusCode::OK, &shown)
    });
    done.await
}

/// `POST /me/erase/preview`: erases what was shown, and nothing else.
pub(crate) async fn erase(
    visit: Visit,
    Query(asked): Query<Asked>,
    submission: Submission,
) -> Result<Response, Failure> {
    let pairs = visit.open(submission.protect(|pairs| pairs))?;
    let (account, _) = visit.must(Action::Choose)?;
    let session = visit.session().ok_or(Failure::NOT_FOUND)?;
    let ask = asked.parse().ok_or(Failure::NOT_FOUND)?;
    let grace = Grace::parse(&value_of(&pairs, "grace")).ok_or(Failure::BAD_REQUEST)?;
    let seen = value_of(&pairs, "seen");
    let done = visit.blocking(move |it| {
        let Some(scope) = scope_of(it, &ask) else {
            return bad_dates(it, &account.id, ask);
        };
        let alliance = it.site.alliance();
        let refused = if alliance.proved(&session, it.device, it.now)?.is_none() {
            (StatusCode::FORBIDDEN, PreviewNews::NotProved)
        } else {
            let custody = it.site.custody();
            match custody.erase(&account.id, &scope, &seen, grace, it.now) {
                Ok(_) => return Ok(see(&Route::Erase(None))),
                Err(EraseError::Stale | EraseError::Nothing) => {
                    (StatusCode::CONFLICT, PreviewNews::Stale)
                }
                Err(EraseError::TooMany) => (StatusCode::TOO_MANY_REQUESTS, PreviewNews::TooMany),
                Err(EraseError::TooMuch) => {
                    (StatusCode::UNPROCESSABLE_ENTITY, PreviewNews::TooMuch)
                }
                Err(err) => return Err(failed(err)),
            }
        };
        let (status, news) = refused;
        let shown = preview_of(it, &account.id, ask, scope, Some(news))?;
        page(status, &shown)
    });
    done.await
}

/// `GET /me/erase/{id}/proof.json`: what the entry of the public record has the hash of.
pub(crate) async fn proof(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let id = EraseId::parse(&id).ok_or(Failure::NOT_FOUND)?;
    let proof = visit.blocking(move |it| {
        let mine = it.site.custody().erasures(&account.id).map_err(failed)?;
        let found = mine.into_iter().find(|it| it.id == id);
        found.and_then(|it| it.proof).ok_or(Failure::NOT_FOUND)
    });
    let name = "attachment; filename=\"erasure.json\"";
    Ok(download(name, proof.await?.0))
}
