//! The safety of one's account: how to sign in, where one is signed in, what happened.

use alliance::{
    Account, Action, AddPasskeyError, Attempt, ChallengeFor, Password, PasswordError, Proved,
    RecoveryCode, SessionToken, SetPasswordError, SignInName,
};
use axum::http::StatusCode;
use axum::response::Response;

use super::{Submission, passkey};
use crate::form::value_of;
use crate::headers::with_own_script;
use crate::page::{RecoveryCodesPage, SafetyEventsPage, SafetyNews, SafetyPage};
use crate::route::Route;
use crate::visit::{Failure, Visit, page, see};

type Pairs = Vec<(String, String)>;

/// What a form led to.
enum Outcome {
    /// The page, and what it says.
    News(SafetyNews),
    /// The page, which asks whether the last way in shall go.
    Confirm(&'static str, String),
    /// New recovery codes.
    Codes(Vec<String>),
}

impl From<SafetyNews> for Outcome {
    fn from(news: SafetyNews) -> Self {
        Self::News(news)
    }
}

fn session_of(visit: &Visit) -> Result<SessionToken, Failure> {
    visit.session().ok_or(Failure::NOT_FOUND)
}

fn shown(visit: &Visit, account: &Account) -> Result<SafetyPage, Failure> {
    let alliance = visit.site.alliance();
    let session = session_of(visit)?;
    let proved = alliance.proved(&session, visit.device, visit.now)?;
    let proved = proved.is_some();
    let wanted = if proved {
        ChallengeFor::Adding
    } else {
        ChallengeFor::Proving
    };
    let ways = alliance.ways_in(&account.id)?;
    let name = ways.password.as_ref().map(|it| it.name.clone());
    Ok(SafetyPage {
        shell: visit.shell(Route::Safety),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        account: account.id.to_string(),
        proved,
        sessions: alliance.sessions(&account.id, &session, visit.now)?,
        accesses: alliance.access_to(&account.id, visit.now)?,
        passkey: passkey::ask(visit, wanted, session.expose_secret())?,
        name: name.unwrap_or_default(),
        ways,
        news: None,
        confirm: None,
    })
}

fn answer(status: StatusCode, shown: &SafetyPage) -> Result<Response, Failure> {
    let response = page(status, shown)?;
    Ok(if shown.passkey.is_some() {
        with_own_script(response)
    } else {
        response
    })
}

/// `GET /me/safety`
pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let shown = visit.blocking(move |it| shown(it, &account)).await?;
    answer(StatusCode::OK, &shown)
}

/// `GET /me/safety/events`
pub(crate) async fn events(visit: Visit) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let shell = visit.shell(Route::SafetyEvents);
    let events = visit
        .blocking(move |it| Ok(it.site.alliance().security_events(&account.id, it.now)?))
        .await?;
    page(StatusCode::OK, &SafetyEventsPage { shell, events })
}

/// `POST /me/safety`: what `act` says.
pub(crate) async fn act(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let pairs = visit.open(submission.protect(|pairs| pairs))?;
    let (account, _) = visit.must(Action::ReadOwn)?;
    let done = visit.blocking(move |it| {
        let outcome = perform(it, &account, &pairs)?;
        let mut shown = shown(it, &account)?;
        match outcome {
            Outcome::Codes(codes) => return Ok(Err(codes)),
            Outcome::News(news) => {
                shown.news = Some(news);
                if news.is_problem() && value_of(&pairs, "act") == "password" {
                    shown.name = value_of(&pairs, "name");
                }
            }
            Outcome::Confirm(act, id) => shown.confirm = Some((act, id)),
        }
        Ok(Ok(shown))
    });
    match done.await? {
        Ok(shown) => {
            let status = match shown.news {
                Some(SafetyNews::Wait) => StatusCode::TOO_MANY_REQUESTS,
                Some(SafetyNews::NotProved) => StatusCode::FORBIDDEN,
                Some(news) if news.is_problem() => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::OK,
            };
            answer(status, &shown)
        }
        Err(codes) => {
            let shell = visit.shell(Route::Safety);
            page(StatusCode::OK, &RecoveryCodesPage { shell, codes })
        }
    }
}

/// What needs the session only; what changes how somebody signs in needs a proof.
fn perform(visit: &Visit, account: &Account, pairs: &Pairs) -> Result<Outcome, Failure> {
    let alliance = visit.site.alliance();
    let session = session_of(visit)?;
    let (device, now) = (visit.device, visit.now);
    let id = value_of(pairs, "id");
    match value_of(pairs, "act").as_str() {
        "end" => {
            let ended = alliance.end_session(&account.id, &id, device, now)?;
            let news = ended.then_some(SafetyNews::SessionEnded);
            news.map(Into::into).ok_or(Failure::NOT_FOUND)
        }
        "others" => {
            alliance.end_other_sessions(&account.id, &session, device, now)?;
            Ok(SafetyNews::OthersEnded.into())
        }
        "refuse" => {
            let refused = alliance.refuse_access(account, &id, device, now)?;
            let news = refused.then_some(SafetyNews::AccessRefused);
            news.map(Into::into).ok_or(Failure::NOT_FOUND)
        }
        "prove-password" | "prove-code" | "prove-passkey" => prove(visit, &session, pairs),
        act => match alliance.proved(&session, device, now)? {
            Some(proved) => change(visit, &proved, &session, act, pairs),
            None => Ok(SafetyNews::NotProved.into()),
        },
    }
}

fn prove(visit: &Visit, session: &SessionToken, pairs: &Pairs) -> Result<Outcome, Failure> {
    let (alliance, asking, now) = (visit.site.alliance(), visit.asking(), visit.now);
    let attempt = match value_of(pairs, "act").as_str() {
        "prove-password" => {
            let given = Password::given(&value_of(pairs, "password"));
            alliance.prove_with_password(session, &given, asking, now)
        }
        "prove-code" => {
            let code = RecoveryCode::from_text(&value_of(pairs, "code"));
            alliance.prove_with_code(session, code.as_ref(), now)
        }
        _ => {
            let (assertion, site) = (passkey::assertion(pairs)?, passkey::site(visit)?);
            alliance.prove_with_passkey(session, &assertion, &site, asking, now)
        }
    };
    let news = match attempt? {
        Attempt::Done(()) => SafetyNews::Proved,
        Attempt::Wrong => SafetyNews::Wrong,
        Attempt::Wait => SafetyNews::Wait,
    };
    Ok(news.into())
}

/// What changes how somebody signs in.
fn change(
    visit: &Visit,
    by: &Proved,
    session: &SessionToken,
    act: &str,
    pairs: &Pairs,
) -> Result<Outcome, Failure> {
    let alliance = visit.site.alliance();
    let understood = value_of(pairs, "understood") == "1";
    match act {
        "password" => set_password(visit, by, pairs).map(Into::into),
        "password-remove" => Ok(if alliance.remove_password(by, understood)? {
            SafetyNews::PasswordRemoved.into()
        } else {
            Outcome::Confirm("password-remove", String::new())
        }),
        "passkey-add" => add_passkey(visit, by, session, pairs).map(Into::into),
        "passkey-remove" => {
            let id = value_of(pairs, "id");
            Ok(if alliance.remove_passkey(by, &id, understood)? {
                SafetyNews::PasskeyRemoved.into()
            } else {
                Outcome::Confirm("passkey-remove", id)
            })
        }
        "codes" => {
            let codes = alliance.make_recovery_codes(by)?;
            let codes = codes.iter().map(RecoveryCode::expose_secret);
            Ok(Outcome::Codes(codes.collect()))
        }
        _ => Err(Failure::BAD_REQUEST),
    }
}

fn set_password(visit: &Visit, by: &Proved, pairs: &Pairs) -> Result<SafetyNews, Failure> {
    let Some(name) = SignInName::parse(&value_of(pairs, "name")) else {
        return Ok(SafetyNews::Name);
    };
    let password = match Password::new(&value_of(pairs, "password"), &name) {
        Ok(password) => password,
        Err(PasswordError::Short) => return Ok(SafetyNews::PasswordShort),
        Err(PasswordError::Long) => return Ok(SafetyNews::PasswordLong),
        Err(PasswordError::Common) => return Ok(SafetyNews::PasswordCommon),
    };
    match visit.site.alliance().set_password(by, &name, &password) {
        Ok(()) => Ok(SafetyNews::PasswordSet),
        Err(SetPasswordError::NameTaken) => Ok(SafetyNews::NameTaken),
        Err(SetPasswordError::Wait) => Ok(SafetyNews::Wait),
        Err(SetPasswordError::Failed(err)) => Err(err.into()),
    }
}

fn add_passkey(
    visit: &Visit,
    by: &Proved,
    session: &SessionToken,
    pairs: &Pairs,
) -> Result<SafetyNews, Failure> {
    let (registration, site) = (passkey::registration(pairs)?, passkey::site(visit)?);
    let name = value_of(pairs, "name");
    let binding = session.expose_secret();
    let alliance = visit.site.alliance();
    match alliance.add_passkey(by, &name, &registration, &site, binding) {
        Ok(()) => Ok(SafetyNews::PasskeyAdded),
        Err(AddPasskeyError::Name) => Ok(SafetyNews::PasskeyName),
        Err(AddPasskeyError::TooMany) => Ok(SafetyNews::PasskeyTooMany),
        Err(AddPasskeyError::Known) => Ok(SafetyNews::PasskeyKnown),
        Err(AddPasskeyError::Passkey(_)) => Ok(SafetyNews::PasskeyFailed),
        Err(AddPasskeyError::Failed(err)) => Err(err.into()),
    }
}
