//! The four cookies of the site, and how they are read and written.
//!
//! | name | holds | lives |
//! |---|---|---|
//! | `amanat-session` | the secret of a session | as long as the session |
//! | `amanat-visit` | a random secret that the forms of strangers are tied to | until the browser closes |
//! | `amanat-case` | the receipt code of a case that was opened with it | until the browser closes |
//! | `amanat-language` | `en` or `ur` | a year |
//!
//! Over HTTPS the first three have the prefix `__Host-`: no other host and no plain connection can set them.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

/// The longest cookie value that is read, in bytes.
const MAX_VALUE_BYTES: usize = 256;
const YEAR_SECONDS: i64 = 365 * 86_400;

/// Which cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The secret of a session.
    Session,
    /// What the forms of strangers are tied to.
    Visit,
    /// What opens a case for who has no account.
    Case,
    /// The language.
    Language,
}

/// Whether cookies may travel over plain HTTP: only to this very machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// HTTPS.
    Secure,
    /// HTTP to a loopback address.
    Loopback,
}

impl Cookie {
    const fn name(self, transport: Transport) -> &'static str {
        match (self, transport) {
            (Self::Session, Transport::Secure) => "__Host-amanat-session",
            (Self::Session, Transport::Loopback) => "amanat-session",
            (Self::Visit, Transport::Secure) => "__Host-amanat-visit",
            (Self::Visit, Transport::Loopback) => "amanat-visit",
            (Self::Case, Transport::Secure) => "__Host-amanat-case",
            (Self::Case, Transport::Loopback) => "amanat-case",
            (Self::Language, _) => "amanat-language",
        }
    }

    const fn max_age_seconds(self) -> Option<i64> {
        match self {
            Self::Session => Some(alliance::SESSION_LIFETIME_MILLIS / 1000),
            Self::Visit | Self::Case => None,
            Self::Language => Some(YEAR_SECONDS),
        }
    }

    /// The value that the browser sent, if it sent one that can be ours.
    pub(crate) fn read(self, headers: &HeaderMap, transport: Transport) -> Option<String> {
        let name = self.name(transport);
        let pairs = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|it| it.to_str().ok())
            .flat_map(|it| it.split(';'));
        let value = pairs
            .filter_map(|it| it.trim().split_once('='))
            .find(|(it, _)| *it == name)
            .map(|(_, value)| value)?;
        (!value.is_empty() && value.len() <= MAX_VALUE_BYTES).then(|| value.to_owned())
    }

    /// The `Set-Cookie` header that keeps `value`.
    pub(crate) fn write(self, value: &str, transport: Transport) -> String {
        let age = self
            .max_age_seconds()
            .map(|it| format!("; Max-Age={it}"))
            .unwrap_or_default();
        self.header(value, &age, transport)
    }

    /// The `Set-Cookie` header that removes the cookie.
    pub(crate) fn remove(self, transport: Transport) -> String {
        self.header("", "; Max-Age=0", transport)
    }

    fn header(self, value: &str, age: &str, transport: Transport) -> String {
        let secure = match transport {
            Transport::Secure => "; Secure",
            Transport::Loopback => "",
        };
        let name = self.name(transport);
        format!("{name}={value}; Path=/{age}; HttpOnly; SameSite=Lax{secure}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, cookie.parse().unwrap());
        headers
    }

    #[test]
    fn a_session_over_https_cannot_be_set_by_another_host() {
        let header = Cookie::Session.write("abc", Transport::Secure);
        let expected =
            "__Host-amanat-session=abc; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure";
        assert_eq!(header, expected);
        let plain = headers("amanat-session=abc");
        assert_eq!(Cookie::Session.read(&plain, Transport::Secure), None);
        assert_eq!(
            Cookie::Session.read(&plain, Transport::Loopback),
            Some("abc".to_owned())
        );
    }

    #[test]
    fn cookies_are_found_among_others_and_odd_ones_are_left_alone() {
        let many = headers("a=b; amanat-language=ur; amanat-visit=");
        assert_eq!(
            Cookie::Language.read(&many, Transport::Loopback),
            Some("ur".to_owned())
        );
        assert_eq!(Cookie::Visit.read(&many, Transport::Loopback), None);
        let long = headers(&format!("amanat-visit={}", "a".repeat(257)));
        assert_eq!(Cookie::Visit.read(&long, Transport::Loopback), None);
    }
}
