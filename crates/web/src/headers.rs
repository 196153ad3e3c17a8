//! What every answer says to the browser, and what every form must say to us.

use axum::extract::Request;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;

use crate::cookie::Transport;
use crate::site::PublicUrl;

/// Nothing but our own style, fonts and pictures; no script at all, no frame, forms only to us.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'self'; font-src 'self'; \
    img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const FIXED: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // `no-referrer` would make browsers send `Origin: null` with our own forms.
    (REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    ),
];

/// The same for the pages with a form for passkeys and the one that opens sealed files: our own script may run, and connect to nothing.
pub(crate) const SCRIPT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
    img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Marks an answer whose page has our own script.
#[derive(Debug, Clone, Copy)]
struct OwnScript;

/// Lets our own script run on a page.
pub(crate) fn with_own_script(mut response: Response) -> Response {
    response.extensions_mut().insert(OwnScript);
    response
}

/// Adds what every answer says.
pub(crate) fn protect(mut response: Response, transport: Transport) -> Response {
    let scripted = response.extensions().get::<OwnScript>().is_some();
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if scripted {
        let policy = HeaderValue::from_static(SCRIPT_POLICY);
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    if transport == Transport::Secure {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

/// Whether a request that changes something comes from a page of this site, as far as the browser says.
/// Requests that do not change anything pass.
pub(crate) fn is_from_here(request: &Request, public_url: &PublicUrl) -> bool {
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) {
        return true;
    }
    let headers = request.headers();
    let site = text(headers, &HeaderName::from_static("sec-fetch-site"));
    if !matches!(site, None | Some("same-origin" | "none")) {
        return false;
    }
    let Some(origin) = text(headers, &ORIGIN) else {
        return !headers.contains_key(ORIGIN);
    };
    let host = text(headers, &HOST);
    origin == public_url.origin()
        || origin
            .split_once("://")
            .is_some_and(|(_, authority)| Some(authority) == host)
}

/// Whether a person opened a page by an address, or from a page of this site, as the browser says (Fetch Metadata,
/// `Sec-Fetch-Site`); no other site sent them, also not by way of a redirect here.
pub(crate) fn is_opened_by_person(headers: &HeaderMap) -> bool {
    let site = text(headers, &HeaderName::from_static("sec-fetch-site"));
    matches!(site, Some("none" | "same-origin"))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[track_caller]
    fn check(method: &str, headers: &[(&str, &str)], expected: bool) {
        let public_url = PublicUrl::parse("https://amanat.example").unwrap();
        let mut request = Request::builder().method(method).uri("/sign-out");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        assert_eq!(is_from_here(&request, &public_url), expected, "{headers:?}");
    }

    #[test]
    fn only_forms_of_this_site_may_change_something() {
        check("GET", &[("origin", "https://evil.example")], true);
        check("POST", &[], true);
        check("POST", &[("origin", "https://amanat.example")], true);
        check(
            "POST",
            &[
                ("origin", "http://localhost:8080"),
                ("host", "localhost:8080"),
            ],
            true,
        );
        check(
            "POST",
            &[
                ("origin", "https://evil.example"),
                ("host", "amanat.example"),
            ],
            false,
        );
        check("POST", &[("origin", "null")], false);
        check("POST", &[("sec-fetch-site", "cross-site")], false);
        check("POST", &[("sec-fetch-site", "same-site")], false);
        check("POST", &[("sec-fetch-site", "same-origin")], true);
    }
}
