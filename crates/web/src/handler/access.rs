//! Who may read one's data, the credentials of one's own devices, and the requests that the office agrees to.

use std::collections::BTreeSet;

use alliance::{Account, Action, ApproveError};
use axum::http::StatusCode;
use axum::response::Response;
use custody::ChoiceSheet;
use model::{DeploymentId, Level, LicenceState, ThingId};

use super::Submission;
use crate::form::value_of;
use crate::page::{
    AccessNews, AccessPage, ApproveNews, MAX_ACCESS_DEPLOYMENTS, MAX_ACCESS_READERS,
    OfficeAccessPage, OwnTokenPage, PersonReader, PersonReading,
};
use crate::route::Route;
use crate::view::word;
use crate::visit::{Failure, Visit, page, see};

/// Who gets something now, by recipient and purpose, in the order of the notice.
fn readers(sheet: &ChoiceSheet) -> Vec<PersonReader> {
    let notice = &sheet.notice;
    let mut lanes: Vec<(_, _, usize)> = Vec::new();
    for row in sheet.rows.iter().filter(|it| it.effective > Level::OFF) {
        let same = |it: &&mut (_, _, usize)| it.0 == row.recipient && it.1 == row.purpose;
        match lanes.iter_mut().find(same) {
            Some(lane) => lane.2 += 1,
            None => lanes.push((row.recipient.clone(), row.purpose.clone(), 1)),
        }
    }
    let reader = |(recipient, purpose, values): (model::RecipientId, model::PurposeId, usize)| {
        let title = notice.recipient(&recipient).map(|it| it.title.clone());
        let what = notice.purpose(&purpose).map(|it| it.title.clone());
        PersonReader {
            recipient: title.unwrap_or_else(|| word(recipient.as_str())),
            purpose: what.unwrap_or_else(|| word(purpose.as_str())),
            values,
        }
    };
    lanes.into_iter().map(reader).collect()
}

/// How many others the things of a deployment sense that sense the person, at most by one thing.
fn others(visit: &Visit, account: &Account, id: &DeploymentId) -> Result<usize, Failure> {
    let custody = visit.site.custody();
    let internal = |err| Failure::internal(&err);
    let mine = custody.assignments(&account.id, id).map_err(internal)?;
    let current = mine.iter().filter(|it| {
        it.valid_from <= visit.now && it.valid_until.is_none_or(|end| visit.now < end)
    });
    let things: BTreeSet<&ThingId> = current.map(|it| &it.thing).collect();
    let mut most = 0;
    for thing in things {
        let sensed = custody.people_sensed(thing, visit.now).map_err(internal)?;
        most = most.max(sensed.saturating_sub(1));
    }
    Ok(most)
}

fn shown(
    visit: &Visit,
    account: &Account,
    news: Option<AccessNews>,
) -> Result<AccessPage, Failure> {
    let custody = visit.site.custody();
    let about = custody.deployments_about(&account.id);
    let more = about.len().saturating_sub(MAX_ACCESS_DEPLOYMENTS);
    let mut readings = Vec::new();
    for id in about.into_iter().take(MAX_ACCESS_DEPLOYMENTS) {
        let Some(sheet) = custody.choice_sheet(&account.id, &id, visit.now) else {
            continue;
        };
        // While it may not run, nobody gets anything.
        let mut readers = match sheet.licence {
            LicenceState::Active => readers(&sheet),
            _ => Vec::new(),
        };
        let more = readers.len().saturating_sub(MAX_ACCESS_READERS);
        readers.truncate(MAX_ACCESS_READERS);
        readings.push(PersonReading {
            title: sheet.notice.title.clone(),
            licence: sheet.licence,
            readers,
            more,
            others: others(visit, account, &id)?,
            id,
        });
    }
    Ok(AccessPage {
        shell: visit.shell(Route::Access),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        readings,
        more,
        things: visit.site.alliance().own_things(&account.id, visit.now)?,
        news,
    })
}

/// `GET /me/access`
pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let shown = visit.blocking(move |it| shown(it, &account, None)).await?;
    page(StatusCode::OK, &shown)
}

/// `POST /me/access`: a device of one's own gets a new credential, or loses the one it has.
pub(crate) async fn act(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let pairs = visit.open(submission.protect(|pairs| pairs))?;
    let (account, _) = visit.must(Action::Choose)?;
    let thing = ThingId::parse(&value_of(&pairs, "thing")).map_err(|_| Failure::NOT_FOUND)?;
    let renew = match value_of(&pairs, "act").as_str() {
        "renew" => true,
        "revoke" => false,
        _ => return Err(Failure::BAD_REQUEST),
    };
    let session = visit.session().ok_or(Failure::NOT_FOUND)?;
    let done = visit.blocking(move |it| {
        let alliance = it.site.alliance();
        let Some(by) = alliance.proved(&session, it.device, it.now)? else {
            let shown = shown(it, &account, Some(AccessNews::NotProved))?;
            return Ok(Err((StatusCode::FORBIDDEN, shown)));
        };
        if renew {
            let token = alliance.renew_own_thing(&by, &thing)?;
            return Ok(Ok(OwnTokenPage {
                shell: it.shell(Route::Access),
                thing: thing.to_string(),
                token: token.expose_secret().to_owned(),
            }));
        }
        alliance.revoke_own_thing(&by, &thing)?;
        let shown = shown(it, &account, Some(AccessNews::Revoked))?;
        Ok(Err((StatusCode::OK, shown)))
    });
    match done.await? {
        Ok(token) => page(StatusCode::OK, &token),
        Err((status, shown)) => page(status, &shown),
    }
}

fn office_shown(visit: &Visit, news: Option<ApproveNews>) -> Result<OfficeAccessPage, Failure> {
    let (_, actor) = visit.must(Action::ApproveAccess)?;
    Ok(OfficeAccessPage {
        shell: visit.shell(Route::OfficeAccess),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        open: visit.site.alliance().open_access(&actor, visit.now)?,
        news,
    })
}

/// `GET /office/access`
pub(crate) async fn office(visit: Visit) -> Result<Response, Failure> {
    visit.must(Action::ApproveAccess)?;
    let shown = visit.blocking(|it| office_shown(it, None)).await?;
    page(StatusCode::OK, &shown)
}

/// `POST /office/access`: a second person agrees to a request.
pub(crate) async fn approve(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let (account, _) = visit.must(Action::ApproveAccess)?;
    let id = visit.open(submission.protect(|pairs| value_of(&pairs, "id")))?;
    let session = visit.session().ok_or(Failure::NOT_FOUND)?;
    let done = visit.blocking(move |it| {
        let alliance = it.site.alliance();
        let (status, news) = match alliance.approve_access(&account, &session, &id, it.now) {
            Ok(()) => (StatusCode::OK, ApproveNews::Done),
            Err(ApproveError::NotOwn) => (StatusCode::FORBIDDEN, ApproveNews::NotOwn),
            Err(ApproveError::Gone) => (StatusCode::CONFLICT, ApproveNews::Gone),
            Err(ApproveError::Failed(err)) => return Err(err.into()),
        };
        Ok((status, office_shown(it, Some(news))?))
    });
    let (status, shown) = done.await?;
    page(status, &shown)
}
