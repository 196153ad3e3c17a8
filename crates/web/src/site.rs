//! The site: what it stands on, and which handler answers which route.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use alliance::cases::{MAX_PHOTO_BYTES, MAX_PHOTOS};
use alliance::{Alliance, RelyingParty};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use custody::Custody;
use jiff::tz::TimeZone;
use model::Timestamp;

use crate::cookie::Transport;
use crate::handler;
use crate::route::pattern;
use crate::visit;

/// The largest form, in bytes.
pub const MAX_FORM_BYTES: usize = 64 * 1024;
/// The largest form with a file in it, in bytes.
pub const MAX_UPLOAD_BYTES: usize = custody::MAX_CHOICES_FILE_BYTES + 16 * 1024;
/// The most bytes of a case with its photos.
pub const MAX_CASE_BYTES: usize = MAX_PHOTOS * MAX_PHOTO_BYTES + 64 * 1024;
/// The time zone in which days and times are shown, unless the options say otherwise.
pub const DEFAULT_TIME_ZONE: &str = "Asia/Karachi";

/// The address under which people reach the site, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

/// A text is not an address under which the site can be reached safely.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicUrlError {
    /// Neither `https://` nor `http://`, or something after the host.
    #[error("`{0}` is not an address such as https://amanat.example")]
    Form(String),
    /// Plain HTTP to another machine would show sessions to everyone on the way.
    #[error("`{0}` needs https: plain http is only for 127.0.0.1, [::1] and localhost")]
    Plain(String),
}

impl PublicUrl {
    /// Parses `https://host[:port]`, or `http://` to a loopback host.
    ///
    /// # Errors
    /// See [`PublicUrlError`].
    pub fn parse(text: &str) -> Result<Self, PublicUrlError> {
        let address = text.strip_suffix('/').unwrap_or(text);
        let form = || PublicUrlError::Form(text.to_owned());
        let (scheme, authority) = address.split_once("://").ok_or_else(form)?;
        let odd = |it: char| it.is_whitespace() || it.is_control() || "/?#@\\".contains(it);
        if authority.is_empty() || authority.contains(odd) {
            return Err(form());
        }
        match scheme {
            "https" => Ok(Self(address.to_owned())),
            "http" if is_loopback(authority) => Ok(Self(address.to_owned())),
            "http" => Err(PublicUrlError::Plain(text.to_owned())),
            _ => Err(form()),
        }
    }

    /// The origin, as browsers send it.
    pub(crate) fn origin(&self) -> &str {
        &self.0
    }

    /// The whole address of `route`.
    #[must_use]
    pub fn to(&self, route: &crate::Route) -> String {
        format!("{}{route}", self.0)
    }

    /// For whom passkeys are made (WebAuthn Level 3, section 5.1.2, `rp.id`): the host, where it is a name. An address of
    /// numbers cannot have passkeys.
    pub(crate) fn relying_party(&self) -> Option<RelyingParty> {
        let (scheme, authority) = self.0.split_once("://")?;
        let usual = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority.strip_suffix(usual).unwrap_or(authority);
        let authority = authority.to_ascii_lowercase();
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
            _ => authority.as_str(),
        };
        let numbers = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
        (!numbers).then(|| RelyingParty {
            id: host.to_owned(),
            origin: format!("{scheme}://{authority}"),
        })
    }

    pub(crate) fn transport(&self) -> Transport {
        if self.0.starts_with("https://") {
            Transport::Secure
        } else {
            Transport::Loopback
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let ip = address.parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|it| it.is_loopback())
}

/// From which network a request came: the server puts it into the extensions of each. Used to count wrong tries, never kept.
#[derive(Debug, Clone, Copy)]
pub struct CameFrom(pub IpAddr);

/// What the site stands on.
#[derive(Clone)]
pub struct SiteOptions {
    /// The institutions, and custody behind them.
    pub alliance: Alliance,
    /// Where people reach the site: decides cookies, the QR code and the record's address.
    pub public_url: PublicUrl,
    /// In which time zone days and times are shown; see [`DEFAULT_TIME_ZONE`].
    pub time_zone: TimeZone,
    /// Whether people may name endpoints in the server's own network: what the server connects to, the form takes.
    pub private_destinations: bool,
    /// The time now.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Whether the process can do its work: what `/health/ready` answers.
    pub ready: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// The options, shared by all handlers.
#[derive(Clone)]
pub(crate) struct Site(Arc<SiteOptions>);

impl Site {
    pub(crate) fn new(options: SiteOptions) -> Self {
        Self(Arc::new(options))
    }

    pub(crate) fn alliance(&self) -> &Alliance {
        &self.0.alliance
    }

    pub(crate) fn custody(&self) -> &Custody {
        self.0.alliance.custody()
    }

    pub(crate) fn public_url(&self) -> &PublicUrl {
        &self.0.public_url
    }

    pub(crate) fn transport(&self) -> Transport {
        self.0.public_url.transport()
    }

    pub(crate) fn time_zone(&self) -> TimeZone {
        self.0.time_zone.clone()
    }

    pub(crate) fn private_destinations(&self) -> bool {
        self.0.private_destinations
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    pub(crate) fn is_ready(&self) -> bool {
        (self.0.ready)()
    }
}

/// The routes of the site, to be merged into the server's. It brings the answer for unknown paths.
pub fn router(options: SiteOptions) -> Router {
    let site = Site(Arc::new(options));
    let pages = Router::new()
        .route(pattern::HOME, get(handler::home::show))
        .route(pattern::NOTICE, get(handler::notice::show))
        .route(pattern::NOTICE_FILE, get(handler::notice_file::published))
        .route(pattern::NOTICE_CHANGES, get(handler::changes::show))
        .route(pattern::NOTICE_LINKED, get(handler::notice_file::linked))
        .route(pattern::WHY, get(handler::why::show))
        .route(pattern::NOTICE_WHY, get(handler::why::before_choices))
        .route(pattern::DRIFT, get(handler::notice::drift))
        .route(pattern::SIGN, get(handler::notice::sign))
        .route(pattern::QR, get(handler::notice::code))
        .route(pattern::NEARBY, get(handler::nearby::show))
        .route(pattern::MEMBER, get(handler::home::member))
        .route(pattern::RECORD, get(handler::record::list))
        .route(pattern::RECORD_ENTRY, get(handler::record::entry))
        .route(pattern::RECORD_LOG, get(handler::record::file))
        .merge(accounts())
        .merge(cases())
        .route(
            pattern::CLAIM,
            get(handler::claim::show).post(handler::claim::take),
        )
        .route(pattern::ME, get(handler::me::show))
        .route(pattern::NOT_MINE, post(handler::me::not_mine))
        .route(
            pattern::DESTINATIONS,
            get(handler::destinations::show).post(handler::destinations::act),
        )
        .route(
            pattern::NEW_DESTINATION,
            get(handler::destinations::new).post(handler::destinations::add),
        )
        .merge(choices())
        .merge(held())
        .merge(commons())
        .route(pattern::OFFICE, get(handler::office::show))
        .route(
            pattern::OFFICE_LIMITS,
            get(handler::limits::show).post(handler::limits::change),
        )
        .route(
            pattern::OFFICE_COMMANDS,
            get(handler::office_commands::show),
        )
        .route(pattern::OFFICE_SUSPEND, post(handler::office::suspend))
        .route(pattern::OFFICE_REINSTATE, post(handler::office::reinstate))
        .route(pattern::LANGUAGE, get(handler::files::language))
        .fallback(handler::files::not_found)
        .method_not_allowed_fallback(handler::files::wrong_method)
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(middleware::from_fn_with_state(site.clone(), visit::attend));
    let files = Router::new()
        .route(pattern::STATIC, get(handler::files::asset))
        .route(pattern::GPC, get(handler::files::gpc))
        .route(pattern::NOTICE_SCHEMA, get(handler::notice_file::schema))
        .route(pattern::NOTICE_CONTEXT, get(handler::notice_file::context))
        .route(pattern::LIVE, get(handler::files::live))
        .route(pattern::READY, get(handler::files::ready))
        .layer(middleware::from_fn_with_state(site.clone(), visit::protect));
    pages.merge(files).with_state(site)
}

/// What a person does with all that is held of them: takes it along, has it erased, seals it, sees when it goes.
fn held() -> Router<Site> {
    Router::new()
        .route(
            pattern::EXPORT,
            get(handler::export::show).post(handler::export::act),
        )
        .route(pattern::EXPORT_FILE, get(handler::export::file))
        .route(
            pattern::ERASE,
            get(handler::erase::show).post(handler::erase::act),
        )
        .route(
            pattern::ERASE_PREVIEW,
            get(handler::erase::preview).post(handler::erase::erase),
        )
        .route(pattern::ERASE_PROOF, get(handler::erase::proof))
        .route(
            pattern::OWN_KEY,
            get(handler::own_key::show).post(handler::own_key::act),
        )
        .route(pattern::SEALED, get(handler::own_key::list))
        .route(pattern::SEALED_FILE, get(handler::own_key::file))
        .route(pattern::OPEN, get(handler::own_key::open))
        .route(pattern::DELIVERIES, get(handler::deliveries::show))
        .route(pattern::DELIVERIES_FILE, get(handler::deliveries::file))
        .route(pattern::KEEPING, get(handler::keeping::show))
        .route(pattern::KEEPING_FILE, get(handler::keeping::file))
        .route(pattern::STATISTICS, get(handler::statistics::list))
        .route(pattern::STATISTIC, get(handler::statistics::show))
        .route(pattern::MY_STATISTICS, get(handler::statistics::mine))
}

/// How people sign in, and what keeps their accounts safe.
fn accounts() -> Router<Site> {
    Router::new()
        .route(
            pattern::SIGN_IN,
            get(handler::sign_in::show).post(handler::sign_in::sign_in),
        )
        .route(
            pattern::SIGN_IN_ONCE,
            get(handler::sign_in::confirm).post(handler::sign_in::use_link),
        )
        .route(pattern::SIGN_OUT, post(handler::sign_in::sign_out))
        .route(
            pattern::SAFETY,
            get(handler::safety::show).post(handler::safety::act),
        )
        .route(pattern::SAFETY_EVENTS, get(handler::safety::events))
        .route(
            pattern::ACCESS,
            get(handler::access::show).post(handler::access::act),
        )
        .route(
            pattern::OFFICE_ACCESS,
            get(handler::access::office).post(handler::access::approve),
        )
}

/// Open data, and where people give to it.
fn commons() -> Router<Site> {
    Router::new()
        .route(pattern::COMMONS, get(handler::commons::list))
        .route(pattern::COMMONS_CATALOGUE, get(handler::commons::catalogue))
        .route(pattern::COMMONS_FEED, get(handler::commons::feed))
        .route(
            pattern::OFFICE_STATISTICS,
            get(handler::office_statistics::list),
        )
        .route(
            pattern::OFFICE_STATISTIC,
            get(handler::office_statistics::show).post(handler::office_statistics::ask),
        )
        .route(
            pattern::OFFICE_COMMONS,
            get(handler::publish::show).post(handler::publish::act),
        )
        .route(pattern::DATA_SET, get(handler::commons::show))
        .route(pattern::DATA_SET_FILE, get(handler::commons::data_file))
        .route(
            pattern::UNLINK,
            get(handler::unlink::show).post(handler::unlink::act),
        )
}

/// What people decide, look back on, take along and bring.
fn choices() -> Router<Site> {
    Router::new()
        .route(
            pattern::CHOICES,
            get(handler::choices::show).post(handler::choices::save),
        )
        .route(pattern::ALL_CHOICES, get(handler::choices::overview))
        .route(pattern::CHOICES_HISTORY, get(handler::consent::history))
        .route(pattern::CHOICES_WHY, get(handler::why::file))
        .route(pattern::CHOICES_RECORD, get(handler::consent::record))
        .route(
            pattern::ALL_CHOICES_RECORD,
            get(handler::consent::whole_record),
        )
        .route(pattern::RECEIPT, get(handler::consent::receipt))
        .route(pattern::PUT_BACK, post(handler::consent::put_back))
        .route(pattern::CHOICES_FILE, get(handler::bulk::file))
        .route(
            pattern::PREVIEW,
            get(handler::bulk::preview).post(handler::bulk::apply),
        )
        .route(
            pattern::IMPORT,
            get(handler::bulk::ask_for_file)
                .post(handler::bulk::take_file)
                .layer(DefaultBodyLimit::max(MAX_UPLOAD_BYTES)),
        )
}

fn cases() -> Router<Site> {
    Router::new()
        .route(pattern::CASES, get(handler::cases::list))
        .route(
            pattern::NEW_CASE,
            get(handler::cases::new)
                .post(handler::cases::file)
                .layer(DefaultBodyLimit::max(MAX_CASE_BYTES)),
        )
        .route(pattern::OPEN_CASE, post(handler::cases::open))
        .route(
            pattern::CASE,
            get(handler::cases::show).post(handler::cases::act),
        )
        .route(pattern::CASE_PHOTO, get(handler::cases::photo))
        .route(
            pattern::OFFICE_HOLIDAYS,
            get(handler::holidays::show).post(handler::holidays::change),
        )
        .route(
            pattern::OFFICE_FINDINGS,
            get(handler::findings::show).post(handler::findings::change),
        )
        .route(pattern::RECORD_SEARCH, get(handler::record::search))
        .route(pattern::RECORD_FEED, get(handler::record::feed))
        .route(pattern::RECORD_ENTRIES, get(handler::record::entries))
        .route(pattern::ENTRY_SCHEMA, get(handler::record::schema))
        .route(pattern::INCIDENTS, get(handler::incidents::public))
        .route(
            pattern::OFFICE_INCIDENTS,
            get(handler::incidents::list).post(handler::incidents::open),
        )
        .route(
            pattern::OFFICE_INCIDENT,
            get(handler::incidents::show).post(handler::incidents::act),
        )
        .route(pattern::MY_INCIDENTS, get(handler::incidents::mine))
        .route(pattern::ORDERS, get(handler::orders::report))
        .route(pattern::ORDERS_FILE, get(handler::orders::file))
        .route(
            pattern::ORDERS_DESK,
            get(handler::orders::desk).post(handler::orders::act),
        )
        .route(pattern::MY_ORDERS, get(handler::orders::mine))
        .route(
            pattern::OFFICE_ACTS,
            get(handler::office_acts::show).post(handler::office_acts::decide),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_for_a_host_with_a_name() {
        let check = |url: &str, expected: Option<(&str, &str)>| {
            let found = PublicUrl::parse(url).unwrap().relying_party();
            let found = found.map(|it| (it.id, it.origin));
            let expected = expected.map(|(id, origin)| (id.to_owned(), origin.to_owned()));
            assert_eq!(found, expected, "{url}");
        };
        let example = Some(("amanat.example", "https://amanat.example"));
        check("https://amanat.example/", example);
        check("https://Amanat.example:443", example);
        let other = Some(("amanat.example", "https://amanat.example:8443"));
        check("https://amanat.example:8443", other);
        check(
            "http://localhost:8080",
            Some(("localhost", "http://localhost:8080")),
        );
        check("http://127.0.0.1:8080", None);
        check("http://[::1]:8080", None);
        check("https://192.0.2.1", None);
    }

    #[test]
    fn plain_http_is_only_for_this_machine() {
        for good in [
            "https://amanat.example/",
            "http://127.0.0.1:8080",
            "http://[::1]:80",
            "http://localhost",
        ] {
            assert!(PublicUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1:8080",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
        ] {
            assert_eq!(
                PublicUrl::parse(bad),
                Err(PublicUrlError::Plain(bad.to_owned()))
            );
        }
        for bad in [
            "amanat.example",
            "ftp://amanat.example",
            "https://",
            "https://a/b",
            "https://u@a",
        ] {
            assert_eq!(
                PublicUrl::parse(bad),
                Err(PublicUrlError::Form(bad.to_owned()))
            );
        }
    }
}
