//! What a request asks for: its path, who sends it, and in which pieces.
//!
//! | path | query |
//! |---|---|
//! | `ingest/v1` | `u=<id>`, `t=<token>`, and for a dialect `topic=<topic>` |
//! | `api/v1/{access token}/telemetry`, `…/attributes` | none; the access token is `<id>:<token>` |
//!
//! Options (RFC 7252 section 5.4): one that is critical and not known, is there twice though it may not be, or has a
//! length that it cannot have, refuses the request; one that is elective is passed over.

use smallvec::SmallVec;

use super::answer::{self, Wrong};
use super::block::Block;
use super::message::{self, Code, Message, option};
use crate::Counter;

/// The longest segment of a path, and the longest query (RFC 7252 section 5.10).
const SEGMENT_BYTES: usize = 255;

/// Where a request is addressed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// Our own.
    Ingest,
    /// ThingsBoard's device API: <https://thingsboard.io/docs/reference/coap-api/>.
    Telemetry,
    /// The same, for attributes.
    Attributes,
}

/// A request that can be looked at; it holds a token, so it has no `Debug`.
pub(super) struct Request<'a> {
    pub(super) door: Door,
    pub(super) user_name: &'a str,
    pub(super) token: &'a str,
    pub(super) topic: &'a str,
    pub(super) content_format: Option<u32>,
    pub(super) block: Option<Block>,
    pub(super) announced_bytes: Option<u32>,
    pub(super) tag: SmallVec<[u8; 8]>,
    pub(super) payload: &'a [u8],
}

/// The options of a request, each checked for itself.
#[derive(Default)]
struct Known<'a> {
    path: SmallVec<[&'a str; 4]>,
    query: SmallVec<[&'a str; 4]>,
    content_format: Option<u32>,
    block: Option<Result<Block, Wrong>>,
    size: Option<u32>,
    tag: SmallVec<[u8; 8]>,
    is_for_proxy: bool,
    has_host: bool,
    has_port: bool,
    has_accept: bool,
    has_block2: bool,
}

/// Reads a request.
pub(super) fn read<'a>(message: &Message<'a>) -> Result<Request<'a>, Wrong> {
    let known = known(message)?;
    if known.is_for_proxy {
        return Err(Wrong::new(
            Code::PROXYING_NOT_SUPPORTED,
            "this is no proxy",
            Counter::CoapRequestsRefused,
        ));
    }
    let (door, access_token) = match known.path.as_slice() {
        ["ingest", "v1"] => (Door::Ingest, None),
        ["api", "v1", token, "telemetry"] => (Door::Telemetry, Some(*token)),
        ["api", "v1", token, "attributes"] => (Door::Attributes, Some(*token)),
        _ => {
            let text = "there is /ingest/v1, and /api/v1/TOKEN/telemetry";
            let counter = Counter::CoapRequestsRefused;
            return Err(Wrong::new(Code::NOT_FOUND, text, counter));
        }
    };
    let method_fits = match door {
        Door::Ingest => matches!(message.code, Code::POST | Code::PUT),
        Door::Telemetry | Door::Attributes => message.code == Code::POST,
    };
    if !method_fits {
        let counter = Counter::CoapRequestsRefused;
        return Err(Wrong::new(Code::METHOD_NOT_ALLOWED, "use POST", counter));
    }
    let (shown, topic) = match door {
        Door::Ingest => read_query(&known.query)?,
        Door::Telemetry | Door::Attributes if !known.query.is_empty() => {
            return Err(answer::bad_request("there is no query on this path"));
        }
        Door::Telemetry => (of_access_token(access_token), "v1/devices/me/telemetry"),
        Door::Attributes => (of_access_token(access_token), "v1/devices/me/attributes"),
    };
    let (user_name, token) = shown.ok_or_else(answer::unauthorized)?;
    Ok(Request {
        door,
        user_name,
        token,
        topic,
        content_format: known.content_format,
        block: known.block.transpose()?,
        announced_bytes: known.size,
        tag: known.tag,
        payload: message.payload,
    })
}

/// Who somebody says they are, and the proof.
type Shown<'a> = Option<(&'a str, &'a str)>;

fn of_access_token(text: Option<&str>) -> Shown<'_> {
    text?.split_once(':')
}

fn read_query<'a>(query: &[&'a str]) -> Result<(Shown<'a>, &'a str), Wrong> {
    let (mut user_name, mut token, mut topic) = (None, None, None);
    for it in query {
        let place = match it.split_once('=') {
            Some(("u", value)) => user_name.replace(value),
            Some(("t", value)) => token.replace(value),
            Some(("topic", value)) => topic.replace(value),
            _ => return Err(answer::bad_request("the queries are u, t and topic")),
        };
        if place.is_some() {
            return Err(answer::bad_request("each query is there once"));
        }
    }
    Ok((user_name.zip(token), topic.unwrap_or_default()))
}

fn known<'a>(message: &Message<'a>) -> Result<Known<'a>, Wrong> {
    let mut known = Known::default();
    for (number, value) in &message.options {
        let (number, value) = (*number, *value);
        if !known.note(number, value) && number % 2 == 1 {
            return Err(answer::bad_option(number));
        }
    }
    Ok(known)
}

impl<'a> Known<'a> {
    /// Notes an option; false when it is not known, or is not what it can be.
    fn note(&mut self, number: u16, value: &'a [u8]) -> bool {
        let first = |was_there: &mut bool| !std::mem::replace(was_there, true);
        match number {
            option::URI_PATH | option::URI_QUERY => {
                let text = std::str::from_utf8(value).ok();
                let Some(text) = text.filter(|it| it.len() <= SEGMENT_BYTES) else {
                    return false;
                };
                match number {
                    option::URI_PATH => self.path.push(text),
                    _ => self.query.push(text),
                }
                true
            }
            option::URI_HOST => first(&mut self.has_host) && (1..=255).contains(&value.len()),
            option::URI_PORT => first(&mut self.has_port) && value.len() <= 2,
            // Our responses have no content, so every wish about it is met.
            option::ACCEPT => first(&mut self.has_accept) && value.len() <= 2,
            option::BLOCK2 => {
                first(&mut self.has_block2) && Block::read(value).is_some_and(|it| it.number == 0)
            }
            option::CONTENT_FORMAT => {
                self.content_format = self
                    .content_format
                    .or_else(|| message::read_number(value, 2));
                true
            }
            option::BLOCK1 => {
                if self.block.is_some() || value.len() > 3 {
                    return false;
                }
                // RFC 7959 section 2.2: the reserved size is a bad request.
                let reserved = || answer::bad_request("Block1 has a size that is reserved");
                self.block = Some(Block::read(value).ok_or_else(reserved));
                true
            }
            option::SIZE1 => {
                self.size = self.size.or_else(|| message::read_number(value, 4));
                true
            }
            option::REQUEST_TAG if value.len() <= 8 && self.tag.is_empty() => {
                self.tag.extend_from_slice(value);
                true
            }
            option::PROXY_URI | option::PROXY_SCHEME => {
                self.is_for_proxy = true;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
