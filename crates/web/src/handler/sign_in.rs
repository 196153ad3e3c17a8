//! Signing in, and out: with a passkey, a password, a recovery code, or a one-time link.

use alliance::{
    Action, Attempt, ChallengeFor, LinkToken, Password, RecoveryCode, SessionToken, SignedIn,
};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Submission, passkey};
use crate::cookie::Cookie;
use crate::form::{FormToken, value_of};
use crate::headers::with_own_script;
use crate::page::{SignInError, SignInGonePage, SignInOncePage, SignInPage};
use crate::route::Route;
use crate::visit::{Failure, Visit, fresh_secret, page, see, set_cookie};

/// `GET /sign-in`
pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    form(&visit, StatusCode::OK, String::new(), None)
}

/// The page with its forms; a stranger gets the cookie that they are tied to.
fn form(
    visit: &Visit,
    status: StatusCode,
    name: String,
    error: Option<SignInError>,
) -> Result<Response, Failure> {
    let (secret, is_new) = match visit.secret() {
        Some(secret) => (secret.to_owned(), false),
        None => (fresh_secret()?, true),
    };
    let shown = SignInPage {
        shell: visit.shell(Route::SignIn),
        form: FormToken::new(&secret),
        passkey: passkey::ask(visit, ChallengeFor::SigningIn, &secret)?,
        name,
        // Without a form for it there is nothing to lead to.
        error,
    };
    let scripted = shown.passkey.is_some();
    let mut response = page(status, &shown)?;
    if scripted {
        response = with_own_script(response);
    }
    if is_new {
        let cookie = Cookie::Visit.write(&secret, visit.site.transport());
        set_cookie(&mut response, &cookie);
    }
    Ok(response)
}

/// `POST /sign-in`: with what `act` says.
pub(crate) async fn sign_in(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let pairs = visit.open(submission.protect(|pairs| pairs))?;
    let secret = visit.secret().unwrap_or_default().to_owned();
    let name = value_of(&pairs, "name");
    let error = match value_of(&pairs, "act").as_str() {
        "password" => SignInError::Password,
        "code" => SignInError::Code,
        "passkey" => SignInError::Passkey,
        _ => return Err(Failure::BAD_REQUEST),
    };
    let tried = visit.blocking(move |it| {
        let (alliance, asking) = (it.site.alliance(), it.asking());
        let attempt = match error {
            SignInError::Password => {
                let given = Password::given(&value_of(&pairs, "password"));
                let name = value_of(&pairs, "name");
                alliance.sign_in_with_password(&name, &given, asking, it.now)
            }
            SignInError::Code => {
                let code = RecoveryCode::from_text(&value_of(&pairs, "code"));
                alliance.sign_in_with_code(code.as_ref(), asking, it.now)
            }
            _ => {
                let (assertion, site) = (passkey::assertion(&pairs)?, passkey::site(it)?);
                alliance.sign_in_with_passkey(&assertion, &site, &secret, asking, it.now)
            }
        };
        let attempt = attempt?;
        if let Attempt::Done(signed_in) = &attempt {
            arrived(it, signed_in)?;
        }
        Ok(attempt)
    });
    match tried.await? {
        Attempt::Done(SignedIn { account, session }) => {
            let officer = account.office.may(Action::SuspendLicence);
            Ok(enter(&visit, officer, &session))
        }
        Attempt::Wrong => form(&visit, StatusCode::UNPROCESSABLE_ENTITY, name, Some(error)),
        Attempt::Wait => form(
            &visit,
            StatusCode::TOO_MANY_REQUESTS,
            name,
            Some(SignInError::Wait),
        ),
    }
}

/// The session that was ends, so that a browser never has two; the browser's wish for privacy is heard.
fn arrived(visit: &Visit, signed_in: &SignedIn) -> Result<(), Failure> {
    if let Some(before) = visit.session() {
        visit.site.alliance().sign_out(&before)?;
    }
    visit.hear(&signed_in.account.id)
}

/// The way in, with the cookie of the new session.
fn enter(visit: &Visit, officer: bool, session: &SessionToken) -> Response {
    let mut response = see(&if officer { Route::Office } else { Route::me() });
    let transport = visit.site.transport();
    set_cookie(
        &mut response,
        &Cookie::Session.write(session.expose_secret(), transport),
    );
    set_cookie(&mut response, &Cookie::Visit.remove(transport));
    response
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
pub(crate) async fn use_link(
    visit: Visit,
    Path(token): Path<String>,
    submission: Submission,
) -> Result<Response, Failure> {
    visit.open(submission.protect(|_| ()))?;
    let link = LinkToken::from_text(&token);
    let signed_in = visit.blocking(move |it| {
        let signed_in = it.site.alliance().sign_in(&link, it.device, it.now)?;
        if let Some(signed_in) = &signed_in {
            arrived(it, signed_in)?;
        }
        Ok(signed_in)
    });
    let Some(SignedIn { account, session }) = signed_in.await? else {
        return gone(&visit, &token);
    };
    let officer = account.office.may(Action::SuspendLicence);
    Ok(enter(&visit, officer, &session))
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
