//! One request: who asks, in which language, under which secret the forms are.
//!
//! [`attend`] runs around every page. It turns away forms of other sites, finds out who asks, and gives every
//! refusal its page: a handler answers with a [`Failure`], and only here it becomes HTML.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};

use alliance::{Account, Action, Actor, AllianceError, Asking, Device, SessionToken};
use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, ALLOW, CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use custody::ActError;
use data_encoding::BASE64URL_NOPAD;
use model::{Language, PersonId, Timestamp};

use crate::compress;
use crate::cookie::Cookie;
use crate::device;
use crate::form::{FormToken, ProtectedForm};
use crate::headers;
use crate::page::{ErrorKind, ErrorPage};
use crate::route::Route;
use crate::shell::{Files, Shell, Viewer};
use crate::site::{CameFrom, Site};
use crate::texts::Texts;

/// Who asks, in which language, at which moment.
#[derive(Clone)]
pub(crate) struct Visit {
    /// The site.
    pub(crate) site: Site,
    /// The moment of the request.
    pub(crate) now: Timestamp,
    /// The account, when somebody is signed in.
    pub(crate) account: Option<Account>,
    /// The browser and the device, in two words.
    pub(crate) device: Device,
    /// The network; one for all where the server does not say.
    network: IpAddr,
    /// Whether the browser asks that data is not passed on (`Sec-GPC: 1`).
    asks_for_privacy: bool,
    language: Language,
    /// The session's secret when somebody is signed in, else the visit's, if there is one yet.
    secret: Option<String>,
}

/// Why a handler has no page to show. [`attend`] makes the page that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) ErrorKind);

impl Failure {
    /// There is no such page, or it is hidden.
    pub(crate) const NOT_FOUND: Self = Self(ErrorKind::NotFound);
    /// The request makes no sense.
    pub(crate) const BAD_REQUEST: Self = Self(ErrorKind::BadRequest);

    /// Our bug: written down here, once; the reader is told nothing about it.
    pub(crate) fn internal(err: &dyn Error) -> Self {
        let mut chain = err.to_string();
        let mut cause = err.source();
        while let Some(err) = cause {
            chain.push_str(": ");
            chain.push_str(&err.to_string());
            cause = err.source();
        }
        tracing::error!("a page failed: {chain}");
        Self(ErrorKind::Internal)
    }
}

impl From<AllianceError> for Failure {
    fn from(err: AllianceError) -> Self {
        match err {
            AllianceError::Forbidden { .. } | AllianceError::NotFound { .. } => Self::NOT_FOUND,
            AllianceError::LicenceState { .. } | AllianceError::Sanctioned => {
                Self(ErrorKind::Conflict)
            }
            AllianceError::Waits(_) => Self(ErrorKind::Waits),
            AllianceError::Act(err) => err.into(),
            other => Self::internal(&other),
        }
    }
}

impl From<ActError> for Failure {
    fn from(err: ActError) -> Self {
        match err {
            ActError::NoDeployment(_) => Self::NOT_FOUND,
            ActError::Unsettled => {
                tracing::warn!("{err}");
                Self(ErrorKind::Unsettled)
            }
            other => Self::internal(&other),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        if let Ok(status) = StatusCode::from_u16(self.0.status()) {
            *response.status_mut() = status;
        }
        response.extensions_mut().insert(self.0);
        response
    }
}

impl FromRequestParts<Site> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Site) -> Result<Self, Failure> {
        let visit = parts.extensions.get::<Self>().cloned();
        visit.ok_or(Failure(ErrorKind::Internal))
    }
}

impl Visit {
    /// The account, if it may do `action`; what you may not see does not exist.
    pub(crate) fn must(&self, action: Action) -> Result<(Account, Actor), Failure> {
        let account = self.account.clone().ok_or(Failure::NOT_FOUND)?;
        let actor = Actor::Account(account.clone());
        if actor.may(action) {
            Ok((account, actor))
        } else {
            Err(Failure::NOT_FOUND)
        }
    }

    /// The frame of the page at `here`; of a page that says no where that is `None`.
    pub(crate) fn shell(&self, here: impl Into<Option<Route>>) -> Shell {
        Shell {
            texts: Texts::new(self.language, self.site.time_zone()),
            here: here.into(),
            viewer: self.viewer(),
            files: Files::Served,
        }
    }

    fn viewer(&self) -> Viewer {
        match (&self.account, &self.secret) {
            (Some(account), Some(secret)) => Viewer::SignedIn {
                form: FormToken::new(secret),
                office: account.office.may(Action::SuspendLicence),
            },
            _ => Viewer::Anonymous,
        }
    }

    /// The token for the forms of this visit; `None` before a stranger has a visit cookie.
    pub(crate) fn form(&self) -> Option<FormToken> {
        self.secret.as_deref().map(FormToken::new)
    }

    /// What a form sent, if it belongs to this visit.
    pub(crate) fn open<T>(&self, form: ProtectedForm<T>) -> Result<T, Failure> {
        form.unwrap_with(self.secret.as_deref())
            .map_err(|_| Failure(ErrorKind::Form))
    }

    /// What the forms of this visit are tied to; `None` before a stranger has a visit cookie.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.secret.as_deref()
    }

    /// From where this is asked.
    pub(crate) const fn asking(&self) -> Asking {
        Asking {
            device: self.device,
            network: self.network,
        }
    }

    /// The secret of the session, when somebody is signed in.
    pub(crate) fn session(&self) -> Option<SessionToken> {
        let secret = self.account.as_ref().and(self.secret.as_deref())?;
        Some(SessionToken::from_text(secret))
    }

    /// Hears the browser's wish for privacy for a person who is signed in: what is new since the last time is switched
    /// off, once, and a choice by hand wins afterwards; asking again changes nothing. Blocks on the database.
    pub(crate) fn hear(&self, person: &PersonId) -> Result<(), Failure> {
        if self.asks_for_privacy {
            let heard = self.site.custody().hear_browser_signal(person, self.now);
            heard.map_err(|err| Failure::internal(&err))?;
        }
        Ok(())
    }

    /// Runs `work`, which may wait for the database, away from the workers that answer requests.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let visit = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&visit)).await;
        done.map_err(|err| Failure::internal(&err))?
    }
}

/// A page as an answer.
pub(crate) fn page(status: StatusCode, page: &impl Template) -> Result<Response, Failure> {
    let html = page.render().map_err(|err| Failure::internal(&err))?;
    let html_type = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = (status, html).into_response();
    response.headers_mut().insert(CONTENT_TYPE, html_type);
    Ok(response)
}

/// Sends the browser to `route` with GET.
pub(crate) fn see(route: &Route) -> Response {
    axum::response::Redirect::to(&route.to_string()).into_response()
}

/// A fresh secret for the forms of a stranger.
pub(crate) fn fresh_secret() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|err| Failure::internal(&err))?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

/// Adds a cookie to an answer.
pub(crate) fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

/// Around every page: who asks, and the page of every refusal.
pub(crate) async fn attend(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    let transport = site.transport();
    let small = compress::takes_gzip(request.headers());
    let network = request.extensions().get::<CameFrom>().map(|it| it.0);
    let network = network.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    let visit = arrive(site, network, request.headers()).await;
    let response = if headers::is_from_here(&request, visit.site.public_url()) {
        request.extensions_mut().insert(visit.clone());
        next.run(request).await
    } else {
        Failure(ErrorKind::Form).into_response()
    };
    let mut response = finish(&visit, response);
    if small && visit.secret.is_none() {
        response = compress::page(response).await;
    }
    headers::protect(response, transport)
}

/// By what every page differs.
const VARIES: &str = "accept-language, accept-encoding, cookie";
/// By what a page differs that heeds the browser's wish for privacy.
const VARIES_WITH_PRIVACY: &str = "accept-language, accept-encoding, cookie, sec-gpc";
/// Global Privacy Control: `1` when the browser asks for privacy.
const SEC_GPC: &str = "sec-gpc";

/// Says that an answer heeded the browser's wish for privacy.
pub(crate) fn heeds_privacy(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static(VARIES_WITH_PRIVACY));
    response
}

/// Around every file: the headers that protect.
pub(crate) async fn protect(State(site): State<Site>, request: Request, next: Next) -> Response {
    headers::protect(next.run(request).await, site.transport())
}

fn finish(visit: &Visit, response: Response) -> Response {
    let mut response = match refused(&response) {
        Some(kind) => refusal(visit, kind, response),
        None => response,
    };
    let headers = response.headers_mut();
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers
        .entry(VARY)
        .or_insert(HeaderValue::from_static(VARIES));
    response
}

/// Why a response is a refusal: a handler said so, or the framework answered without a page.
fn refused(response: &Response) -> Option<ErrorKind> {
    let kind = response.extensions().get::<ErrorKind>().copied();
    let html = response.headers().get(CONTENT_TYPE);
    let html = html.is_some_and(|it| it.as_bytes().starts_with(b"text/html"));
    let status = response.status().as_u16();
    match status {
        _ if kind.is_some() || html => kind,
        404 => Some(ErrorKind::NotFound),
        405 => Some(ErrorKind::Method),
        413 => Some(ErrorKind::TooLarge),
        400..=499 => Some(ErrorKind::BadRequest),
        500.. => Some(ErrorKind::Internal),
        _ => None,
    }
}

fn refusal(visit: &Visit, kind: ErrorKind, response: Response) -> Response {
    let shell = visit.shell(None);
    let status = response.status();
    let mut answer =
        page(status, &ErrorPage { shell, kind }).unwrap_or_else(|_| status.into_response());
    if let Some(methods) = response.headers().get(ALLOW) {
        answer.headers_mut().insert(ALLOW, methods.clone());
    }
    answer
}

async fn arrive(site: Site, network: IpAddr, headers: &HeaderMap) -> Visit {
    let transport = site.transport();
    let now = site.now();
    let language = Cookie::Language
        .read(headers, transport)
        .and_then(|it| Language::from_tag(&it))
        .unwrap_or_else(|| preferred(headers));
    let mut visit = Visit {
        site,
        now,
        account: None,
        device: device::of(headers),
        network,
        asks_for_privacy: headers.get(SEC_GPC).is_some_and(|it| it == "1"),
        language,
        secret: Cookie::Visit.read(headers, transport),
    };
    if let Some(secret) = Cookie::Session.read(headers, transport) {
        let token = SessionToken::from_text(&secret);
        let found = visit
            .blocking(move |it| Ok(it.site.alliance().session(&token, it.now)?))
            .await;
        if let Ok(Some(account)) = found {
            visit.account = Some(account);
            visit.secret = Some(secret);
        }
    }
    visit
}

/// The first language of `Accept-Language` that is ours, by its weight; English where there is none.
fn preferred(headers: &HeaderMap) -> Language {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok());
    let mut best = (Language::En, 0.0);
    for range in accepted.unwrap_or_default().split(',') {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let weight = parameters.trim().strip_prefix("q=").unwrap_or("1");
        let weight: f32 = weight.parse().unwrap_or(0.0);
        if let Some(language) = Language::from_tag(tag.trim())
            && weight > best.1
        {
            best = (language, weight);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_institutions_refuse_has_its_own_status() {
        let check = |err: AllianceError, status: u16| {
            let text = err.to_string();
            assert_eq!(Failure::from(err).0.status(), status, "{text}");
        };
        let id = model::DeploymentId::parse("nope").unwrap();
        let licence = model::LicenceState::Active;
        let (found, wanted) = (licence, licence);
        let missing = AllianceError::NotFound {
            what: "account",
            id: "nope".to_owned(),
        };
        check(missing, 404);
        check(AllianceError::Act(ActError::NoDeployment(id.clone())), 404);
        check(AllianceError::LicenceState { found, wanted }, 409);
        check(AllianceError::Act(ActError::Unsettled), 503);
        check(AllianceError::Act(ActError::NoSubjectField(id)), 500);
        let unsettled = Failure::from(ActError::Unsettled);
        assert_eq!(unsettled.0, ErrorKind::Unsettled);
    }

    #[test]
    fn the_browser_chooses_the_language_by_weight() {
        let check = |accepted: &str, expected: Language| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, accepted.parse().unwrap());
            assert_eq!(preferred(&headers), expected, "{accepted}");
        };
        check("ur-PK,ur;q=0.9,en;q=0.8", Language::Ur);
        check("en;q=0.5, ur;q=0.7", Language::Ur);
        check("fr, de;q=0.9", Language::En);
        check("ur;q=0", Language::En);
        check("", Language::En);
    }
}
