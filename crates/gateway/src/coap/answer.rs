//! Response codes and their words: the one place where CoAP answers to refused messages are worded.
//!
//! | code | when | counter |
//! |---|---|---|
//! | 2.04 (2.01 on ThingsBoard's paths) | the message is kept for good | `publishes_accepted` |
//! | 2.31 | a piece was taken, more are to come | |
//! | 4.00 | a query that is not understood, a bad Block1 | `coap_requests_refused` |
//! | 4.01 | no or wrong credentials | `bad_credentials` |
//! | 4.02 | a critical option that is not known | `coap_requests_refused` |
//! | 4.03 | not a thing, no licence in force, quarantine, removed | `publishes_not_allowed`, `…_unlicensed`, `…_quarantined` |
//! | 4.04 | another path | `coap_requests_refused` |
//! | 4.05 | another method, GET with Observe too | `coap_requests_refused` |
//! | 4.08 | a piece is missing | `coap_transfers_refused` |
//! | 4.13 | the message is too long | `publishes_too_large` |
//! | 4.15 | a Content-Format that is not JSON, CBOR or SenML | `unsupported_media_type` |
//! | 4.22 | the message cannot be read | `publishes_malformed` |
//! | 4.29 (RFC 8516) | faster than the limit; too many wrong credentials | `publishes_too_fast`, `bad_credentials` |
//! | 5.03 | nothing can be kept now | `publishes_unavailable` |
//! | 5.05 | a request for a proxy | `coap_requests_refused` |

pub(super) use super::message::unavailable;
use super::message::{Code, Response, option};
use crate::Counter;
use crate::refusal::{Refusal, RefusalKind};

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) response: Response,
    pub(super) counter: Counter,
    /// A NON with a critical option that is not known is not answered (RFC 7252 section 5.4.1).
    pub(super) is_silent_for_non: bool,
}

impl Wrong {
    pub(super) fn new(code: Code, text: impl Into<String>, counter: Counter) -> Self {
        Self {
            response: Response::new(code).saying(text),
            counter,
            is_silent_for_non: false,
        }
    }
}

pub(super) fn bad_request(text: &str) -> Wrong {
    Wrong::new(Code::BAD_REQUEST, text, Counter::CoapRequestsRefused)
}

pub(super) fn bad_option(number: u16) -> Wrong {
    let text = format!("option {number} is not known here");
    Wrong {
        is_silent_for_non: true,
        ..Wrong::new(Code::BAD_OPTION, text, Counter::CoapRequestsRefused)
    }
}

pub(super) fn unauthorized() -> Wrong {
    Wrong::new(
        Code::UNAUTHORIZED,
        "send ?u=ID&t=TOKEN",
        Counter::BadCredentials,
    )
}

/// Of one address, by the limit of this door or by that which all share. Nothing is said of when: who tries tokens learns
/// nothing.
pub(super) fn too_many_failures() -> Wrong {
    Wrong::new(Code::TOO_MANY_REQUESTS, "", Counter::BadCredentials)
}

pub(super) fn too_fast() -> Wrong {
    let text = "too many messages a second from this thing or its deployment";
    let mut wrong = Wrong::new(Code::TOO_MANY_REQUESTS, text, Counter::PublishesTooFast);
    wrong.response = wrong.response.with(option::MAX_AGE, 1);
    wrong
}

pub(super) fn refused(refusal: Refusal) -> Wrong {
    let counter = refusal.kind.counter();
    let code = match refusal.kind {
        RefusalKind::Unlicensed | RefusalKind::Quarantined | RefusalKind::Unregistered => {
            Code::FORBIDDEN
        }
        RefusalKind::Malformed | RefusalKind::Unreadable => Code::UNPROCESSABLE_ENTITY,
        RefusalKind::TooLarge => Code::REQUEST_ENTITY_TOO_LARGE,
        RefusalKind::TooFast => Code::TOO_MANY_REQUESTS,
        RefusalKind::Unavailable => {
            return Wrong {
                response: unavailable(&refusal.text),
                counter,
                is_silent_for_non: false,
            };
        }
    };
    Wrong::new(code, refusal.text, counter)
}
