//! Many choices at once: a preview of exactly what would change, then one act. And choices as a file.

use alliance::Action;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use custody::{BulkError, BulkRequest, ChoicesFile, ChoicesFileError, Preset};
use model::{DeploymentId, PersonId};
use serde::Deserialize;

use super::choices::refused;
use super::consent::{download, receipt_page};
use super::{Submission, Upload};
use crate::form::value_of;
use crate::page::{ImportError, ImportPage, PreviewPage, PreviewTitle, ReceiptBanner};
use crate::route::{Ask, Route};
use crate::view::consent::{self, SHOWN_IN_PREVIEW};
use crate::view::sheet::matter_of;
use crate::visit::{Failure, Visit, page, see};

/// What is asked for, as the address says it.
#[derive(Deserialize)]
pub(crate) struct Asked {
    preset: Option<String>,
    at: Option<String>,
    same: Option<String>,
    row: Option<String>,
    file: Option<String>,
    #[serde(default)]
    from: u32,
}

impl Asked {
    fn parse(self) -> Option<(Ask, u32)> {
        let deployment =
            |it: Option<String>| it.map(|it| DeploymentId::parse(&it)).transpose().ok();
        let ask = match (self.preset, self.same, self.file) {
            (Some(preset), None, None) => {
                Ask::Preset(Preset::parse(&preset)?, deployment(self.at)?)
            }
            (None, Some(same), None) => Ask::Same(DeploymentId::parse(&same).ok()?, self.row),
            (None, None, Some(_)) => Ask::File,
            _ => return None,
        };
        Some((ask, self.from))
    }
}

/// The request behind the address; a file is the one that was brought last.
fn request(visit: &Visit, person: &PersonId, ask: &Ask) -> Result<BulkRequest, Failure> {
    Ok(match ask {
        Ask::Preset(preset, at) => BulkRequest::Preset(*preset, at.clone()),
        Ask::Same(from, row) => {
            let row = row
                .as_ref()
                .map(|it| matter_of(from, it).ok_or(Failure::NOT_FOUND));
            BulkRequest::Copy(from.clone(), row.transpose()?.map(Box::new))
        }
        Ask::File => {
            let draft = visit.site.custody().choices_draft(person, visit.now)?;
            let draft = draft.ok_or(Failure::NOT_FOUND)?;
            let file = ChoicesFile::parse(&draft).map_err(|err| Failure::internal(&err))?;
            BulkRequest::Import(file)
        }
    })
}

fn preview_of(
    visit: &Visit,
    person: &PersonId,
    (ask, from): (Ask, u32),
    stale: bool,
) -> Result<PreviewPage, Failure> {
    let request = request(visit, person, &ask)?;
    let plan = visit
        .site
        .custody()
        .plan_choices(person, &request, visit.now);
    let plan = plan.map_err(refused)?;
    let shell = visit.shell(Route::Preview {
        ask: ask.clone(),
        from,
    });
    let title_of = |id: &DeploymentId| {
        let in_force = visit.site.custody().in_force_at(id, visit.now);
        in_force.map(|it| it.notice.title.clone())
    };
    let title = match &ask {
        Ask::Preset(preset, at) => PreviewTitle::Preset(*preset, at.as_ref().and_then(title_of)),
        Ask::Same(id, _) => PreviewTitle::Same(title_of(id).ok_or(Failure::NOT_FOUND)?),
        Ask::File => PreviewTitle::File,
    };
    let page_size = u32::try_from(SHOWN_IN_PREVIEW).unwrap_or(u32::MAX);
    let at = |from: u32| Route::Preview {
        ask: ask.clone(),
        from,
    };
    let first = usize::try_from(from).unwrap_or(usize::MAX);
    let is_more = plan.changes.len() > first.saturating_add(SHOWN_IN_PREVIEW);
    let (count, written) = consent::counts(&plan);
    let (unmatched, unmatched_more) = consent::unmatched(visit, &shell, &plan);
    Ok(PreviewPage {
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        title,
        stale,
        count,
        written,
        same: plan.same,
        fixed: plan.fixed,
        parts: consent::parts(&shell, &plan, first),
        unmatched,
        unmatched_more,
        before: (from > 0).then(|| at(from.saturating_sub(page_size))),
        next: is_more.then(|| at(from.saturating_add(page_size))),
        digest: plan.digest,
        ask,
        shell,
    })
}

/// `GET /me/decide/preview`: what would change. Changes nothing.
pub(crate) async fn preview(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::Choose)?;
    let asked = asked.parse().ok_or(Failure::NOT_FOUND)?;
    let shown = visit.blocking(move |it| preview_of(it, &account.id, asked, false));
    page(StatusCode::OK, &shown.await?)
}

/// `POST /me/decide/preview`: puts in force what was shown, and nothing else.
pub(crate) async fn apply(
    visit: Visit,
    Query(asked): Query<Asked>,
    submission: Submission,
) -> Result<Response, Failure> {
    let seen = visit.open(submission.protect(|it| value_of(&it, "seen")))?;
    let (account, _) = visit.must(Action::Choose)?;
    let asked = asked.parse().ok_or(Failure::NOT_FOUND)?;
    let done = visit.blocking(move |it| {
        let person = &account.id;
        let request = request(it, person, &asked.0)?;
        let custody = it.site.custody();
        match custody.apply_choices(person, &request, &seen, it.now) {
            Ok(Some(act)) => {
                let shown = receipt_page(it, person, &act.id, ReceiptBanner::InForce)?;
                page(StatusCode::OK, &shown)
            }
            Ok(None) => Ok(see(&Route::AllChoices)),
            Err(BulkError::Stale) => {
                let shown = preview_of(it, person, (asked.0, 0), true)?;
                page(StatusCode::CONFLICT, &shown)
            }
            Err(BulkError::Choose(err)) => Err(refused(err)),
        }
    });
    done.await
}

/// `GET /me/choices/choices.json`
pub(crate) async fn file(visit: Visit) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let json = visit.blocking(move |it| Ok(it.site.custody().choices_file(&account.id, it.now)));
    let name = "attachment; filename=\"choices.json\"";
    Ok(download(name, json.await?))
}

/// `GET /me/decide/import`
pub(crate) async fn ask_for_file(visit: Visit) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::Choose)?;
    let form = visit.form().ok_or(Failure::NOT_FOUND)?;
    let shell = visit.shell(Route::Import);
    let waits = visit.blocking(move |it| {
        let draft = it.site.custody().choices_draft(&account.id, it.now)?;
        Ok(draft.is_some())
    });
    page(
        StatusCode::OK,
        &ImportPage {
            waits: waits.await?,
            shell,
            form,
            error: None,
        },
    )
}

/// `POST /me/decide/import`: keeps the file for its preview. Changes no choice.
pub(crate) async fn take_file(visit: Visit, upload: Upload) -> Result<Response, Failure> {
    let text = visit.open(upload.protect(|it| value_of(&it, "file")))?;
    let (account, _) = visit.must(Action::Choose)?;
    let checked = if text.trim().is_empty() {
        Err(ImportError::NoFile)
    } else {
        let read: Result<_, ChoicesFileError> = ChoicesFile::parse(&text);
        read.map_err(ImportError::File)
    };
    if let Err(error) = checked {
        let form = visit.form().ok_or(Failure::NOT_FOUND)?;
        let shell = visit.shell(Route::Import);
        let error = Some(error);
        return page(
            StatusCode::UNPROCESSABLE_ENTITY,
            &ImportPage {
                shell,
                form,
                error,
                waits: false,
            },
        );
    }
    visit
        .blocking(move |it| {
            let custody = it.site.custody();
            Ok(custody.put_choices_draft(&account.id, &text, it.now)?)
        })
        .await?;
    Ok(see(&Route::preview(Ask::File)))
}
