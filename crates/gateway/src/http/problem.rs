//! Problem details (RFC 9457): the one place where HTTP answers to refused messages are worded.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::Counter;

/// After how many seconds it is worth trying again.
const RETRY_AFTER_S: u64 = 5;

/// A refused request.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    counter: Counter,
    /// After how many seconds it is worth trying again, where that is known.
    retry_after_s: Option<u64>,
}

/// The members of RFC 9457 section 3.1. `type` is left out: it is `about:blank` then.
#[derive(Serialize)]
struct Body<'a> {
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    fn new(
        status: StatusCode,
        title: &'static str,
        detail: impl Into<String>,
        counter: Counter,
    ) -> Self {
        Self {
            status,
            title,
            detail: detail.into(),
            counter,
            retry_after_s: None,
        }
    }

    /// The same of who wants to send a command; wrong credentials stay what they are.
    pub(super) fn of_commands(self, detail: &str) -> Self {
        match self.status {
            StatusCode::UNAUTHORIZED => self,
            status => command_refused(status, detail),
        }
    }

    /// The same of who asks what was erased; wrong credentials stay what they are.
    pub(super) fn of_erasures(self) -> Self {
        match self.status {
            StatusCode::UNAUTHORIZED => self,
            status => erasures_refused(
                status,
                "a thing has received nothing; only a recipient is told of erasures",
            ),
        }
    }

    pub(super) fn counter(&self) -> Counter {
        self.counter
    }

    /// The same, saying when it is worth trying again (RFC 9110 section 10.2.3).
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        Self {
            retry_after_s: Some(seconds),
            ..self
        }
    }

    /// The same, counted as something else.
    pub(super) fn counted_as(self, counter: Counter) -> Self {
        Self { counter, ..self }
    }
}

pub(super) fn unauthorized() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "Not authenticated",
        "send `Authorization: Bearer <id>:<token>`, or Basic with the id of the thing or recipient and its token",
        Counter::BadCredentials,
    )
}

pub(super) fn forbidden(counter: Counter, detail: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "Not allowed", detail, counter)
}

pub(super) fn not_enrolled(status: StatusCode, detail: String) -> Problem {
    Problem::new(
        status,
        "No certificate",
        detail,
        Counter::CertificateRequestsRefused,
    )
}

pub(super) fn not_provisioned(status: StatusCode, detail: String) -> Problem {
    Problem::new(status, "No token", detail, Counter::ProvisionsRefused)
}

pub(super) fn too_slow(limit_ms: u64) -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "Too slow",
        format!("the body must be here within {limit_ms} ms"),
        Counter::BodiesTooSlow,
    )
}

pub(super) fn too_large(limit_bytes: u32) -> Problem {
    too_large_message(format!("a message has at most {limit_bytes} bytes"))
}

pub(super) fn too_large_message(detail: String) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "Too large",
        detail,
        Counter::PublishesTooLarge,
    )
}

pub(super) fn unsupported_media_type() -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Neither JSON nor CBOR",
        "send `Content-Type: application/json`, or `application/cbor` where the notice asks for that",
        Counter::UnsupportedMediaType,
    )
}

pub(super) fn malformed(detail: String) -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "The message cannot be read",
        detail,
        Counter::PublishesMalformed,
    )
}

pub(super) fn bad_topic(detail: &str) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Not understood",
        detail,
        Counter::TopicsRejected,
    )
}

pub(super) fn bad_request(detail: impl Into<String>) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Not understood",
        detail,
        Counter::SubscriptionsInvalid,
    )
}

pub(super) fn command_refused(status: StatusCode, detail: impl Into<String>) -> Problem {
    Problem::new(status, "Not done", detail, Counter::CommandsRefused)
}

pub(super) fn erasures_refused(status: StatusCode, detail: impl Into<String>) -> Problem {
    Problem::new(status, "Not done", detail, Counter::ErasuresRefused)
}

pub(super) fn too_many_streams(most: usize) -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many streams",
        format!("a recipient has at most {most} streams at once: close one"),
        Counter::SubscriptionsOverLimit,
    )
}

pub(super) fn history_invalid(detail: impl Into<String>) -> Problem {
    bad_request(detail).counted_as(Counter::HistoryInvalid)
}

pub(super) fn no_history(detail: String) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "No history",
        detail,
        Counter::HistoryDenied,
    )
}

pub(super) fn history_over_limit(detail: String) -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many questions",
        detail,
        Counter::HistoryOverLimit,
    )
}

pub(super) fn history_unavailable(detail: &str) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "Not available",
        detail,
        Counter::HistoryUnavailable,
    )
}

pub(super) fn too_many(per_second: u32) -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many messages",
        format!("at most {per_second} messages a second"),
        Counter::PublishesTooFast,
    )
}

pub(super) fn too_fast(detail: String) -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many messages",
        detail,
        Counter::PublishesTooFast,
    )
}

pub(super) fn unavailable(detail: String) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "Not kept",
        detail,
        Counter::PublishesUnavailable,
    )
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        // Two texts and a number always have a JSON form.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(
                    WWW_AUTHENTICATE,
                    HeaderValue::from_static("Basic realm=\"amanat\", Bearer realm=\"amanat\""),
                );
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let seconds = self.retry_after_s.unwrap_or(1);
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                let seconds = self.retry_after_s.unwrap_or(RETRY_AFTER_S);
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            _ => {}
        }
        response
    }
}
