//! Smaller answers for slow networks: gzip, where the browser takes it.
//!
//! A page is compressed only for a browser that has no secret of ours: whoever can make it ask for a page and
//! see the length of the answer could otherwise guess the token of a form, byte by byte.

use std::io::Write;

use axum::body::{Body, to_bytes};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

/// No page of ours is longer, in bytes.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Below this many bytes gzip gains nothing.
const MIN_PAGE_BYTES: usize = 512;

/// Whether the browser takes gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|it| it.to_str().ok());
    accepted.unwrap_or_default().split(',').any(|range| {
        let (coding, weight) = range.split_once(";q=").unwrap_or((range, "1"));
        coding.trim() == "gzip" && weight.trim().parse().is_ok_and(|it: f32| it > 0.0)
    })
}

/// The bytes as gzip; nothing where that fails, which writing to memory does not.
pub(crate) fn gzip(bytes: &[u8], level: Compression) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), level);
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// The response as gzip, if it is HTML without a cookie.
pub(crate) async fn page(response: Response) -> Response {
    let headers = response.headers();
    let html = headers.get(CONTENT_TYPE);
    let html = html.is_some_and(|it| it.as_bytes().starts_with(b"text/html"));
    if !html || headers.contains_key(SET_COOKIE) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_PAGE_BYTES).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let smaller = gzip(&bytes, Compression::fast()).filter(|_| bytes.len() >= MIN_PAGE_BYTES);
    match smaller {
        Some(smaller) => {
            let coding = HeaderValue::from_static("gzip");
            parts.headers.insert(CONTENT_ENCODING, coding);
            Response::from_parts(parts, Body::from(smaller))
        }
        None => Response::from_parts(parts, Body::from(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_says_whether_it_takes_gzip() {
        let check = |accepted: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, accepted.parse().unwrap());
            assert_eq!(takes_gzip(&headers), expected, "{accepted}");
        };
        check("gzip, deflate, br", true);
        check("br;q=1.0, gzip;q=0.8", true);
        check("gzip;q=0", false);
        check("identity", false);
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
