//! How a device gets its certificate and the next one: Enrollment over Secure Transport, RFC 7030 with RFC 8951.
//!
//! ```text
//! GET  /.well-known/est/cacerts            the certificate of the authority for devices
//! POST /.well-known/est/simpleenroll       a first certificate: the device shows its token, or a maker's certificate
//! POST /.well-known/est/simplereenroll     the next one: the device shows the certificate that it has
//! ```
//!
//! A request is a signing request (PKCS #10), `application/pkcs10`, in base64. An answer is certificates and nothing else
//! (`application/pkcs7-mime; smime-type=certs-only`), in base64. Names, uses and times that a request asks for are not
//! looked at: a certificate names the thing that asks, for clients of TLS, for
//! [`custody::DEFAULT_CERTIFICATE_DAYS`]. The optional parts of RFC 7030 (`serverkeygen`,
//! `fullcmc`, `csrattrs`, linking the request to its TLS session) are not there.
//!
//! | status | when | counter |
//! |---|---|---|
//! | 400 | no signing request, or one that names another thing | `certificate_requests_refused` |
//! | 401 | no or wrong credentials; no certificate where one is needed | `bad_credentials` |
//! | 403 | without TLS from another machine; not a thing | `certificate_requests_refused` |
//! | 404 | there is no authority for devices | `certificate_requests_refused` |
//! | 409 | the key is certified for another thing | `certificate_requests_refused` |
//! | 413, 415 | the body is too long; no `application/pkcs10` | `certificate_requests_refused` |
//! | 429 | the last certificate was issued a moment ago; `Retry-After` and the text say how long to wait (RFC 9110 section 10.2.3) | `certificate_requests_refused` |

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::FromRequest as _;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use custody::{
    CertificateError, Custody, DEFAULT_CERTIFICATE_DAYS, IssuedCertificate, NewCertificate,
    ThingPeer, Transport,
};

use super::credentials;
use super::problem::{self, Problem};
use crate::clock::Clock;
use crate::identity::Arrival;
use crate::{Counter, Counters};

/// Where RFC 7030 section 3.2.2 puts it.
const AUTHORITY_PATH: &str = "/.well-known/est/cacerts";
const FIRST_PATH: &str = "/.well-known/est/simpleenroll";
const NEXT_PATH: &str = "/.well-known/est/simplereenroll";
/// The longest request: a signing request of the longest length in base64 with line feeds.
const MAX_BODY_BYTES: usize = 24 * 1024;
const PKCS10: &str = "application/pkcs10";
const CERTS_ONLY: &str = "application/pkcs7-mime; smime-type=certs-only";

struct Enrolment {
    custody: Custody,
    counters: Arc<Counters>,
    clock: Clock,
}

pub(super) fn router(custody: Custody, counters: Arc<Counters>) -> Router {
    let enrolment = Enrolment {
        custody,
        counters,
        clock: Clock::start(),
    };
    Router::new()
        .route(AUTHORITY_PATH, get(authority))
        .route(FIRST_PATH, post(first))
        .route(NEXT_PATH, post(next))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Arc::new(enrolment))
}

async fn authority(State(enrolment): State<Arc<Enrolment>>) -> Result<Response, Problem> {
    match enrolment.custody.device_authority() {
        Some(authority) => Ok(certificates(&authority.certificate)),
        None => {
            enrolment.counters.add(Counter::CertificateRequestsRefused);
            Err(problem::not_enrolled(
                StatusCode::NOT_FOUND,
                CertificateError::NoAuthority.to_string(),
            ))
        }
    }
}

async fn first(
    State(enrolment): State<Arc<Enrolment>>,
    request: Request,
) -> Result<Response, Problem> {
    enrolment.answer(request, false).await
}

async fn next(
    State(enrolment): State<Arc<Enrolment>>,
    request: Request,
) -> Result<Response, Problem> {
    enrolment.answer(request, true).await
}

impl Enrolment {
    async fn answer(&self, request: Request, by_certificate: bool) -> Result<Response, Problem> {
        match self.issue(request, by_certificate).await {
            Ok(issued) => {
                self.counters.add(Counter::CertificatesIssued);
                Ok(certificates(&issued.certificate))
            }
            Err(problem) => {
                self.counters.add(problem.counter());
                Err(problem)
            }
        }
    }

    async fn issue(
        &self,
        request: Request,
        by_certificate: bool,
    ) -> Result<IssuedCertificate, Problem> {
        let thing = self.thing(&request, by_certificate)?;
        let media_type = request.headers().get(CONTENT_TYPE);
        let essence = media_type.and_then(|it| it.to_str().ok()?.split(';').next());
        if !essence.is_some_and(|it| it.trim().eq_ignore_ascii_case(PKCS10)) {
            return Err(refused(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send `Content-Type: application/pkcs10`",
            ));
        }
        let body = Bytes::from_request(request, &()).await.map_err(|err| {
            refused(
                err.status(),
                "the body is too long or ended before it was whole",
            )
        })?;
        let signing_request = decoded(&body)?;
        let (custody, now) = (self.custody.clone(), self.clock.now().wall);
        let issued = tokio::task::spawn_blocking(move || {
            custody.act(now, |act| {
                act.issue_certificate(NewCertificate {
                    thing: thing.id(),
                    request: &signing_request,
                    days: DEFAULT_CERTIFICATE_DAYS,
                })
            })
        });
        match issued.await {
            Ok(issued) => issued.map_err(|err| problem_of(&err)),
            Err(_) => Err(problem::unavailable("the server failed".to_owned())),
        }
    }

    fn thing(&self, request: &Request, by_certificate: bool) -> Result<Arc<ThingPeer>, Problem> {
        let arrival = request.extensions().get::<Arrival>();
        if arrival.is_some_and(|it| it.transport() == Transport::Plain) {
            return Err(refused(
                StatusCode::FORBIDDEN,
                "certificates are given over TLS only: use the https address",
            ));
        }
        if by_certificate && arrival.and_then(Arrival::identity).is_none() {
            return Err(problem::unauthorized());
        }
        let now = self.clock.now().wall;
        let peer = credentials::peer(&self.custody, request.headers(), arrival, now)
            .ok_or_else(problem::unauthorized)?;
        let thing = peer.thing().map(Arc::clone);
        thing.ok_or_else(|| refused(StatusCode::FORBIDDEN, "only a thing gets a certificate"))
    }
}

/// RFC 8951 section 2.1: base64, whatever the header of the encoding says; white space does not count.
fn decoded(body: &[u8]) -> Result<Vec<u8>, Problem> {
    let text: Vec<u8> = body
        .iter()
        .copied()
        .filter(|it| !it.is_ascii_whitespace())
        .collect();
    STANDARD.decode(text).map_err(|_| {
        refused(
            StatusCode::BAD_REQUEST,
            "send the signing request in base64",
        )
    })
}

fn refused(status: StatusCode, detail: &str) -> Problem {
    problem::not_enrolled(status, detail.to_owned())
}

fn problem_of(error: &CertificateError) -> Problem {
    let status = match error {
        CertificateError::Request(_) | CertificateError::OtherName(_) => StatusCode::BAD_REQUEST,
        CertificateError::NoAuthority => StatusCode::NOT_FOUND,
        CertificateError::SharedKey => StatusCode::CONFLICT,
        CertificateError::TooSoon(seconds) => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            return problem::not_enrolled(status, error.to_string()).retry_after(*seconds);
        }
        _ => {
            tracing::error!("a certificate could not be issued: {error}");
            return problem::unavailable("the certificate could not be issued".to_owned());
        }
    };
    problem::not_enrolled(status, error.to_string())
}

/// A message of CMS with one certificate and no signature (RFC 5652 section 5.1, RFC 7030 section 4.2.3).
fn certificates(certificate: &[u8]) -> Response {
    const SIGNED_DATA: &[u8] = &[
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02,
    ];
    const DATA: &[u8] = &[
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01,
    ];
    const VERSION_1: &[u8] = &[0x02, 0x01, 0x01];
    const EMPTY_SET: &[u8] = &[0x31, 0x00];
    let (sequence, tagged) = (0x30, 0xa0);
    let content = element(
        sequence,
        &[
            VERSION_1,
            EMPTY_SET,
            &element(sequence, &[DATA]),
            &element(tagged, &[certificate]),
            EMPTY_SET,
        ],
    );
    let message = element(sequence, &[SIGNED_DATA, &element(tagged, &[&content])]);
    let mut text = String::new();
    for line in STANDARD.encode(message).as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    let encoding = HeaderName::from_static("content-transfer-encoding");
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(CERTS_ONLY)),
        (encoding, HeaderValue::from_static("base64")),
    ];
    (headers, text).into_response()
}

/// An element of DER (X.690 section 8.1): tag, length, what is in it.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut element = vec![tag];
    let length = content.len().to_be_bytes();
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => element.push(short),
        _ => {
            let zeros = length.iter().take_while(|it| **it == 0).count();
            let digits = length.get(zeros..).unwrap_or_default();
            element.push(0x80 | u8::try_from(digits.len()).unwrap_or(0));
            element.extend_from_slice(digits);
        }
    }
    element.extend_from_slice(&content);
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_the_fewest_octets() {
        for (length, expected) in [
            (0, vec![0x30, 0]),
            (127, vec![0x30, 127]),
            (128, vec![0x30, 0x81, 128]),
            (255, vec![0x30, 0x81, 255]),
            (256, vec![0x30, 0x82, 1, 0]),
            (70_000, vec![0x30, 0x83, 0x01, 0x11, 0x70]),
        ] {
            let made = element(0x30, &[&vec![7; length]]);
            assert_eq!(made.get(..made.len() - length).unwrap(), expected);
        }
    }

    #[test]
    fn white_space_in_base64_does_not_count() {
        assert_eq!(decoded(b"YW\r\nJj\n").unwrap(), b"abc");
        assert!(decoded(b"-----BEGIN CERTIFICATE REQUEST-----").is_err());
    }
}
