//! Signing in with a one-time link, and out.

use alliance::{Action, LinkToken};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;

use super::Submission;
use crate::cookie::Cookie;
use crate::form::FormToken;
use crate::page::{SignInGonePage, SignInOncePage, SignInPage};
use crate::route::Route;
use crate::visit::{Failure, Visit, fresh_secret, page, see, set_cookie};

/// `GET /sign-in`
pub(crate) async fn explain(visit: Visit) -> Result<Response, Failure> {
    let shell = visit.shell(Route::SignIn);
    page(StatusCode::OK, &SignInPage { shell })
}

fn gone(visit: &Visit, token: &str) -> Result<Response, Failure> {
    let shell = visit.shell(Route::sign_in_once(token));
    page(StatusCode::GONE, &SignInGonePage { shell })
}

/// `GET /sign-in/once/{token}`: shows the button, uses nothing up. Previews of the link do no harm.
pub(crate) async fn confirm(visit: Visit, Path(token): Path<String>) -> Result<Response, Failure> {
    let link = LinkToken::from_text(&token);
    let account = visit
        .blocking(move |it| Ok(it.site.alliance().peek_link(&link, it.now)?))
        .await?;
    if account.is_none() {
        return gone(&visit, &token);
    }
    let shell = visit.shell(Route::sign_in_once(&token));
    if let Some(form) = visit.form() {
        return page(StatusCode::OK, &SignInOncePage { shell, form, token });
    }
    let secret = fresh_secret()?;
    let form = FormToken::new(&secret);
    let mut response = page(StatusCode::OK, &SignInOncePage { shell, form, token })?;
    let cookie = Cookie::Visit.write(&secret, visit.site.transport());
    set_cookie(&mut response, &cookie);
    Ok(response)
}

/// `POST /sign-in/once/{token}`: uses the link up and starts a session.
pub(crate) async fn sign_in(
    visit: Visit,
    Path(token): Path<String>,
    submission: Submission,
) -> Result<Response, Failure> {
    visit.open(submission.protect(|_| ()))?;
    let link = LinkToken::from_text(&token);
    let signed_in = visit.blocking(move |it| {
        let alliance = it.site.alliance();
        let Some(session) = alliance.sign_in(&link, it.now)? else {
            return Ok(None);
        };
        if let Some(before) = it.session() {
            alliance.sign_out(&before)?;
        }
        let account = alliance.session(&session, it.now)?;
        if let Some(account) = &account {
            it.hear(&account.id)?;
        }
        Ok(account.map(|account| (account, session)))
    });
    let Some((account, session)) = signed_in.await? else {
        return gone(&visit, &token);
    };
    let officer = account.office.may(Action::SuspendLicence);
    let mut response = see(&if officer { Route::Office } else { Route::me() });
    let transport = visit.site.transport();
    set_cookie(
        &mut response,
        &Cookie::Session.write(session.expose_secret(), transport),
    );
    set_cookie(&mut response, &Cookie::Visit.remove(transport));
    Ok(response)
}

/// `POST /sign-out`
pub(crate) async fn sign_out(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    visit.open(submission.protect(|_| ()))?;
    let session = visit.session();
    visit
        .blocking(move |it| match session {
            Some(session) => Ok(it.site.alliance().sign_out(&session)?),
            None => Ok(()),
        })
        .await?;
    let mut response = see(&Route::Home);
    set_cookie(
        &mut response,
        &Cookie::Session.remove(visit.site.transport()),
    );
    Ok(response)
}
