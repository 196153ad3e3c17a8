//! Forms that change something: each carries a token that only a page of this site can know.
//!
//! The token is HMAC-SHA256 over [`LABEL`], keyed with a secret that sits in an HttpOnly cookie: the session's
//! token for who signed in, a random visit token otherwise. A handler gets its input only by unwrapping
//! [`ProtectedForm`], which compares in constant time, and every request that changes something must come from
//! this site by its `Origin` header, where the browser sends one.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use subtle::ConstantTimeEq;

/// What the token is for; a session secret signs nothing else under this label.
const LABEL: &[u8] = b"amanat web form v1";

/// The hidden value of a form. Shown in the page, so it does not reveal the secret it is made from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FormToken(String);

impl FormToken {
    /// The token for the cookie secret `secret`.
    pub(crate) fn new(secret: &str) -> Self {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
        Self(BASE64URL_NOPAD.encode(ring::hmac::sign(&key, LABEL).as_ref()))
    }

    /// A token for pages that are only looked at.
    pub(crate) fn sample() -> Self {
        Self("sample".to_owned())
    }

    fn matches(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl fmt::Display for FormToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FormToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FormToken(…)")
    }
}

/// The form did not come from a page that this person opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the form does not carry the token of this session")]
pub(crate) struct ForgedForm;

/// What a form sent, locked until its token is checked.
pub(crate) struct ProtectedForm<T> {
    token: String,
    inner: T,
}

impl<T> ProtectedForm<T> {
    /// What the form sent, if it carries the token made from `secret`.
    pub(crate) fn unwrap_with(self, secret: Option<&str>) -> Result<T, ForgedForm> {
        match secret {
            Some(secret) if FormToken::new(secret).matches(&self.token) => Ok(self.inner),
            _ => Err(ForgedForm),
        }
    }
}

/// The pairs of a form in the order of the page; `form` is the token.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Pairs that were read elsewhere.
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// Splits the token from the rest and parses the rest.
    pub(crate) fn protect<T>(
        self,
        parse: impl FnOnce(Vec<(String, String)>) -> T,
    ) -> ProtectedForm<T> {
        let (tokens, rest): (Vec<_>, Vec<_>) =
            self.0.into_iter().partition(|(name, _)| name == "form");
        let token = match tokens.into_iter().next() {
            Some((_, token)) => token,
            None => String::new(),
        };
        ProtectedForm {
            token,
            inner: parse(rest),
        }
    }
}

/// The value of `name` in `pairs`; empty where the form did not send it.
pub(crate) fn value_of(pairs: &[(String, String)], name: &str) -> String {
    pairs
        .iter()
        .find(|(it, _)| it == name)
        .map(|(_, value)| value.clone())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(token: &str) -> ProtectedForm<String> {
        let pairs = vec![
            ("reason".to_owned(), "smoke".to_owned()),
            ("form".to_owned(), token.to_owned()),
        ];
        Pairs(pairs).protect(|it| value_of(&it, "reason"))
    }

    #[test]
    fn a_form_opens_only_with_the_token_of_its_session() {
        let token = FormToken::new("session-a").to_string();
        assert_eq!(
            form(&token).unwrap_with(Some("session-a")).unwrap(),
            "smoke"
        );
        assert!(form(&token).unwrap_with(Some("session-b")).is_err());
        assert!(form(&token).unwrap_with(None).is_err());
        assert!(form("").unwrap_with(Some("session-a")).is_err());
        assert!(form("session-a").unwrap_with(Some("session-a")).is_err());
    }

    #[test]
    fn a_token_is_not_written_into_logs() {
        let token = FormToken::new("session-a");
        assert!(!format!("{token:?}").contains(&token.to_string()));
    }
}
