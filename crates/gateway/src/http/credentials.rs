//! Who sends: `Authorization: Bearer <thing id>:<token>`, or Basic (RFC 7617) with the same two.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

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
