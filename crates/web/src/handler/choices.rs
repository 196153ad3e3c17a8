//! What a person shares.

use alliance::{Account, Action};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use custody::{ChoiceSheet, ChooseError, Matter, Way};
use model::DeploymentId;
use serde::Deserialize;

use super::Submission;
use crate::page::{ChoicesPage, MyChoicesPage, MyDeployment, News, Saved};
use crate::route::Route;
use crate::view::consent::{Notices, first_changes};
use crate::view::sheet::{self, Decision, Wish};
use crate::view::{commands, sources};
use crate::visit::{Failure, Visit, heeds_privacy, page, see};

/// How many things that devices were told the page lists.
const MAX_TOLD: u16 = 20;

/// Which page of the values.
#[derive(Deserialize)]
pub(crate) struct Start {
    #[serde(default)]
    from: u32,
}

fn sheet_of(visit: &Visit, account: &Account, id: &DeploymentId) -> Result<ChoiceSheet, Failure> {
    let custody = visit.site.custody();
    let found = custody.choice_sheet(&account.id, id, visit.now);
    found.ok_or(Failure::NOT_FOUND)
}

fn show_sheet(
    visit: &Visit,
    account: &Account,
    id: DeploymentId,
    from: u32,
    sheet: &ChoiceSheet,
) -> Result<ChoicesPage, Failure> {
    let custody = visit.site.custody();
    let ways = custody.ways(&account.id, &id)?;
    let signal = ways.values().filter(|it| **it == Way::BrowserSignal);
    let pages = sheet::pages(sheet, &id, from);
    let here = pages.iter().find(|it| it.here);
    let rows = here.map_or(0..sheet.rows.len(), |it| it.first - 1..it.last);
    let action = here.map_or_else(|| Route::choices(&id), |it| it.route.clone());
    let mut lanes = sheet::lanes(sheet, rows);
    let shell = visit.shell(action.clone());
    let sources = custody.source_states(&account.id, &id, visit.now);
    let sources = sources.map_err(|err| Failure::internal(&err))?;
    let events = custody.source_events(&account.id, &id, MAX_TOLD);
    let events = events.map_err(|err| Failure::internal(&err))?;
    let done = custody.commands_about(&account.id, &id, MAX_TOLD, visit.now);
    let done = done.map_err(|err| Failure::internal(&err))?;
    let since = match done.is_empty() {
        true => None,
        false => commands::in_force_since(custody, &id)?,
    };
    let told = custody.explain_to(&account.id, &id, visit.now);
    let told = told.unwrap_or_default();
    for row in lanes.iter_mut().flat_map(|it| &mut it.rows) {
        row.why = sheet::why(&shell, &sheet.notice, &told, &row.name);
        row.source_state = sources::line(&shell, &sources, &row.field.pointer);
        row.way = sheet::matter_of(&id, &row.name).and_then(|it: Matter| ways.get(&it).copied());
    }
    let news = custody.notice_news(&account.id, &id);
    let news = news.map_err(|err| Failure::internal(&err))?;
    Ok(ChoicesPage {
        news: news.map(|it| News {
            at: it.published_at,
        }),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        title: sheet.notice.title.clone(),
        licence: sheet.licence,
        lanes,
        pages,
        action,
        signal: signal.count(),
        others: custody.deployments_about(&account.id).len() > 1,
        deployment: id,
        told: sources::log(&shell, &sheet.notice, &events),
        done: commands::log(&shell, (&sheet.notice, since), &done),
        shell,
        saved: Saved::No,
    })
}

/// `GET /me/choices`
pub(crate) async fn overview(visit: Visit) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let shown = visit.blocking(move |it| {
        it.hear(&account.id)?;
        let custody = it.site.custody();
        let about = custody.deployments_about(&account.id).into_iter();
        let deployments = about.filter_map(|id| {
            let sheet = custody.choice_sheet(&account.id, &id, it.now)?;
            let open = sheet.rows.iter().filter(|it| it.basis.can_choose());
            Some(MyDeployment {
                id,
                title: sheet.notice.title.clone(),
                licence: sheet.licence,
                decided: open.clone().filter(|it| it.decided).count(),
                all: open.count(),
            })
        });
        Ok(MyChoicesPage {
            deployments: deployments.collect(),
            shell: it.shell(Route::AllChoices),
        })
    });
    page(StatusCode::OK, &shown.await?).map(heeds_privacy)
}

/// `GET /me/choices/{deployment}`
pub(crate) async fn show(
    visit: Visit,
    Path(id): Path<String>,
    Query(Start { from }): Query<Start>,
) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::Choose)?;
    let id = DeploymentId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let shown = visit.blocking(move |it| {
        it.hear(&account.id)?;
        let sheet = sheet_of(it, &account, &id)?;
        show_sheet(it, &account, id, from, &sheet)
    });
    page(StatusCode::OK, &shown.await?).map(heeds_privacy)
}

/// `POST /me/choices/{deployment}`: one row (`only`) or the whole form. All of it is in force when the answer is sent.
pub(crate) async fn save(
    visit: Visit,
    Path(id): Path<String>,
    Query(Start { from }): Query<Start>,
    submission: Submission,
) -> Result<Response, Failure> {
    let wish = visit.open(submission.protect(Wish::parse))?;
    let (account, _) = visit.must(Action::Choose)?;
    let id = DeploymentId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let done = visit.blocking(move |it| {
        let before = sheet_of(it, &account, &id)?;
        match sheet::decide(&before, &wish, &account.id, &id)? {
            Decision::Bad(bad) => {
                let mut refused = show_sheet(it, &account, id, from, &before)?;
                sheet::keep_input(&mut refused.lanes, &wish, &bad);
                Ok((StatusCode::UNPROCESSABLE_ENTITY, refused))
            }
            Decision::Good(choices) => {
                let custody = it.site.custody();
                let acts = custody.choose(&choices, it.now).map_err(refused)?;
                let after = sheet_of(it, &account, &id)?;
                let mut shown = show_sheet(it, &account, id, from, &after)?;
                shown.saved = match acts.into_iter().next() {
                    None => Saved::Nothing,
                    Some(act) => saved(it, &account, act.id)?,
                };
                Ok((StatusCode::OK, shown))
            }
        }
    });
    let (status, shown) = done.await?;
    Ok(page(status, &shown)?.into_response())
}

/// What an act changed, in the reader's words.
fn saved(visit: &Visit, account: &Account, id: custody::ReceiptId) -> Result<Saved, Failure> {
    let facts = visit.site.custody().receipt(&account.id, &id)?;
    let changes = facts.map(|it| it.changes).unwrap_or_default();
    let shell = visit.shell(Route::me());
    let (changes, more) = first_changes(&shell, &mut Notices::new(visit), &changes);
    Ok(Saved::Changes {
        changes,
        more,
        receipt: Some(id),
    })
}

/// The notice changed between the page and the form, or custody failed.
pub(crate) fn refused(err: ChooseError) -> Failure {
    match err {
        ChooseError::NotConcerned(_) | ChooseError::NoReceipt => Failure::NOT_FOUND,
        ChooseError::NotDeclared { .. }
        | ChooseError::NoChoice { .. }
        | ChooseError::NoSuchLevel { .. } => Failure::BAD_REQUEST,
        ChooseError::Act(err) => err.into(),
    }
}
