//! Who sends: `Authorization: Bearer <thing id>:<token>`, or Basic (RFC 7617) with the same two.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use custody::{Custody, Peer};
use model::Timestamp;

use crate::identity::Arrival;

/// A name and what is to prove it.
pub(super) struct Credentials {
    pub(super) user_name: String,
    pub(super) password: String,
}

/// Reads the header; nothing when it is missing or has neither form.
pub(super) fn read(headers: &HeaderMap) -> Option<Credentials> {
    let (scheme, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let value = value.trim();
    let pair = if scheme.eq_ignore_ascii_case("bearer") {
        value.to_owned()
    } else if scheme.eq_ignore_ascii_case("basic") {
        String::from_utf8(STANDARD.decode(value).ok()?).ok()?
    } else {
        return None;
    };
    let (user_name, password) = pair.split_once(':')?;
    Some(Credentials {
        user_name: user_name.to_owned(),
        password: password.to_owned(),
    })
}

/// Who sends a request: by the certificate of its connection, by what stands in its header, or both when they agree.
pub(super) fn peer(
    custody: &Custody,
    headers: &HeaderMap,
    arrival: Option<&Arrival>,
    now: Timestamp,
) -> Option<Peer> {
    who(custody, shown(headers)?.as_ref(), arrival, now)
}

/// What the header shows, if it is there; nothing when it cannot be read.
pub(super) fn shown(headers: &HeaderMap) -> Option<Option<Credentials>> {
    match headers.contains_key(AUTHORIZATION) {
        true => read(headers).map(Some),
        false => Some(None),
    }
}

/// Reads the one text by which devices of ThingsBoard prove who they are: `<id>:<token>`.
pub(super) fn of_access_token(text: &str) -> Option<Credentials> {
    let (user_name, password) = text.split_once(':')?;
    Some(Credentials {
        user_name: user_name.to_owned(),
        password: password.to_owned(),
    })
}

/// Who shows these credentials, a certificate, or both when they agree.
pub(super) fn who(
    custody: &Custody,
    shown: Option<&Credentials>,
    arrival: Option<&Arrival>,
    now: Timestamp,
) -> Option<Peer> {
    let user_name = shown.map(|it| it.user_name.as_str());
    let password = shown.map(|it| it.password.as_bytes());
    match arrival {
        Some(arrival) => arrival.authenticate(custody, user_name, password, now),
        None => custody.authenticate(user_name?, password?, now),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(header: &str) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
        read(&headers).map(|it| (it.user_name, it.password))
    }

    #[test]
    fn a_thing_says_its_name_and_its_token_in_two_forms() {
        let expected = Some(("meter-7".to_owned(), "a:b".to_owned()));
        assert_eq!(check("Bearer meter-7:a:b"), expected);
        assert_eq!(check("bearer  meter-7:a:b"), expected);
        assert_eq!(check("Basic bWV0ZXItNzphOmI="), expected);
        for header in [
            "Bearer meter-7",
            "Basic bWV0ZXItNw==",
            "Basic !!!",
            "Digest meter-7:a",
            "Bearer",
        ] {
            assert_eq!(check(header), None, "{header}");
        }
        assert!(read(&HeaderMap::new()).is_none());
    }
}
