//! The bytes of a message (RFC 7252 section 3): read without a copy, written in one piece.
//!
//! What is read is checked whole before anything is looked at, so an option is never half there.

use smallvec::SmallVec;

/// After how many seconds it is worth trying again.
const RETRY_AFTER_S: u32 = 5;

/// How many options a request may have; ours need fewer than twenty.
pub(super) const MAX_OPTIONS: usize = 64;
/// What every message has.
const HEADER_BYTES: usize = 4;
const PAYLOAD_MARKER: u8 = 0xff;

/// The numbers of options that are known here (RFC 7252 section 5.10, RFC 7959 section 6, RFC 9175 section 3.2).
pub(super) mod option {
    pub(in super::super) const URI_HOST: u16 = 3;
    pub(in super::super) const URI_PORT: u16 = 7;
    pub(in super::super) const URI_PATH: u16 = 11;
    pub(in super::super) const CONTENT_FORMAT: u16 = 12;
    pub(in super::super) const MAX_AGE: u16 = 14;
    pub(in super::super) const URI_QUERY: u16 = 15;
    pub(in super::super) const ACCEPT: u16 = 17;
    pub(in super::super) const BLOCK2: u16 = 23;
    pub(in super::super) const BLOCK1: u16 = 27;
    pub(in super::super) const PROXY_URI: u16 = 35;
    pub(in super::super) const PROXY_SCHEME: u16 = 39;
    pub(in super::super) const SIZE1: u16 = 60;
    pub(in super::super) const REQUEST_TAG: u16 = 292;
}

/// The type of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Confirmable,
    NonConfirmable,
    Acknowledgement,
    Reset,
}

impl Kind {
    fn of(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Confirmable,
            1 => Self::NonConfirmable,
            2 => Self::Acknowledgement,
            _ => Self::Reset,
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Confirmable => 0,
            Self::NonConfirmable => 1,
            Self::Acknowledgement => 2,
            Self::Reset => 3,
        }
    }
}

/// A code: three bits of class and five of detail, written `4.04`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code(pub(super) u8);

impl Code {
    pub(super) const EMPTY: Self = Self::of(0, 0);
    pub(super) const POST: Self = Self::of(0, 2);
    pub(super) const PUT: Self = Self::of(0, 3);
    pub(super) const CREATED: Self = Self::of(2, 1);
    pub(super) const CHANGED: Self = Self::of(2, 4);
    pub(super) const CONTINUE: Self = Self::of(2, 31);
    pub(super) const BAD_REQUEST: Self = Self::of(4, 0);
    pub(super) const UNAUTHORIZED: Self = Self::of(4, 1);
    pub(super) const BAD_OPTION: Self = Self::of(4, 2);
    pub(super) const FORBIDDEN: Self = Self::of(4, 3);
    pub(super) const NOT_FOUND: Self = Self::of(4, 4);
    pub(super) const METHOD_NOT_ALLOWED: Self = Self::of(4, 5);
    pub(super) const REQUEST_ENTITY_INCOMPLETE: Self = Self::of(4, 8);
    pub(super) const REQUEST_ENTITY_TOO_LARGE: Self = Self::of(4, 13);
    pub(super) const UNSUPPORTED_CONTENT_FORMAT: Self = Self::of(4, 15);
    pub(super) const UNPROCESSABLE_ENTITY: Self = Self::of(4, 22);
    pub(super) const TOO_MANY_REQUESTS: Self = Self::of(4, 29);
    pub(super) const SERVICE_UNAVAILABLE: Self = Self::of(5, 3);
    pub(super) const PROXYING_NOT_SUPPORTED: Self = Self::of(5, 5);

    const fn of(class: u8, detail: u8) -> Self {
        Self(class << 5 | detail)
    }

    pub(super) const fn class(self) -> u8 {
        self.0 >> 5
    }
}

/// What ties a response to its request: up to eight bytes that the client chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Token {
    length: u8,
    bytes: [u8; 8],
}

impl Token {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut token = Self {
            length: u8::try_from(bytes.len()).ok()?,
            bytes: [0; 8],
        };
        token.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(token)
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&[])
    }
}

/// A message as it came.
#[derive(Clone)]
pub(super) struct Message<'a> {
    pub(super) kind: Kind,
    pub(super) code: Code,
    pub(super) message_id: u16,
    pub(super) token: Token,
    /// Numbers and values, in ascending order of the numbers.
    pub(super) options: SmallVec<[(u16, &'a [u8]); 16]>,
    pub(super) payload: &'a [u8],
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadError {
    /// Not of this version, or too short to be anything: RFC 7252 section 3 wants silence.
    NotCoap,
    /// A format error in a message of this kind.
    Malformed(Kind, u16),
}

/// Reads a datagram.
pub(super) fn read(datagram: &[u8]) -> Result<Message<'_>, ReadError> {
    let (header, rest) = datagram
        .split_first_chunk::<HEADER_BYTES>()
        .ok_or(ReadError::NotCoap)?;
    let [first, code, high, low] = *header;
    if first >> 6 != 1 {
        return Err(ReadError::NotCoap);
    }
    let (kind, message_id) = (Kind::of(first >> 4), u16::from_be_bytes([high, low]));
    let malformed = ReadError::Malformed(kind, message_id);
    let code = Code(code);
    // Section 4.1: an empty message is the header and nothing else.
    if code == Code::EMPTY && (first & 0x0f != 0 || !rest.is_empty()) {
        return Err(malformed);
    }
    let (token, rest) = rest
        .split_at_checked(usize::from(first & 0x0f))
        .ok_or(malformed)?;
    let token = Token::of(token).ok_or(malformed)?;
    let (options, payload) = read_options(rest).ok_or(malformed)?;
    Ok(Message {
        kind,
        code,
        message_id,
        token,
        options,
        payload,
    })
}

/// The kind, the number and the token of a request of which not everything is there.
pub(super) fn read_beginning(datagram: &[u8]) -> Option<(Kind, u16, Token)> {
    let ([first, code, high, low], rest) = datagram.split_first_chunk::<HEADER_BYTES>()?;
    let (token, _) = rest.split_at_checked(usize::from(first & 0x0f))?;
    let is_request = first >> 6 == 1 && Code(*code).class() == 0 && *code != 0;
    let message_id = u16::from_be_bytes([*high, *low]);
    is_request.then_some((Kind::of(first >> 4), message_id, Token::of(token)?))
}

type Options<'a> = SmallVec<[(u16, &'a [u8]); 16]>;

/// Section 3.1; what is behind the marker is the payload, and there has to be one.
fn read_options(mut rest: &[u8]) -> Option<(Options<'_>, &[u8])> {
    let mut options = Options::new();
    let mut number = 0_u16;
    while let Some((first, after)) = rest.split_first() {
        if *first == PAYLOAD_MARKER {
            return (!after.is_empty()).then_some((options, after));
        }
        rest = after;
        let delta = read_extended(first >> 4, &mut rest)?;
        let length = read_extended(first & 0x0f, &mut rest)?;
        number = number.checked_add(u16::try_from(delta).ok()?)?;
        let (value, after) = rest.split_at_checked(length)?;
        rest = after;
        if options.len() == MAX_OPTIONS {
            return None;
        }
        options.push((number, value));
    }
    Some((options, &[]))
}

fn read_extended(nibble: u8, rest: &mut &[u8]) -> Option<usize> {
    match nibble {
        13 => {
            let (byte, after) = rest.split_first()?;
            *rest = after;
            Some(usize::from(*byte) + 13)
        }
        14 => {
            let (two, after) = rest.split_first_chunk::<2>()?;
            *rest = after;
            Some(usize::from(u16::from_be_bytes(*two)) + 269)
        }
        15 => None,
        small => Some(usize::from(small)),
    }
}

/// A number as an option has it (section 3.2): no more bytes than it needs. None when there are more than `most`.
pub(super) fn read_number(value: &[u8], most: usize) -> Option<u32> {
    (value.len() <= most.min(4)).then(|| {
        value
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte))
    })
}

/// What is answered: every option of ours is a number, and a payload says in words what is wrong (section 5.5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) code: Code,
    /// In ascending order of the numbers.
    pub(super) options: SmallVec<[(u16, u32); 2]>,
    pub(super) text: String,
}

impl Response {
    pub(super) fn new(code: Code) -> Self {
        Self {
            code,
            options: SmallVec::new(),
            text: String::new(),
        }
    }

    pub(super) fn saying(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    pub(super) fn with(mut self, number: u16, value: u32) -> Self {
        let behind = self.options.partition_point(|it| it.0 < number);
        self.options.insert(behind, (number, value));
        self
    }
}

/// A message without anything: an acknowledgement or a reset.
pub(super) fn write_empty(kind: Kind, message_id: u16) -> Vec<u8> {
    let [high, low] = message_id.to_be_bytes();
    vec![1 << 6 | kind.bits() << 4, Code::EMPTY.0, high, low]
}

/// A response.
pub(super) fn write(kind: Kind, message_id: u16, token: &Token, response: &Response) -> Vec<u8> {
    let [high, low] = message_id.to_be_bytes();
    let mut bytes = Vec::with_capacity(24 + response.text.len());
    bytes.extend([
        1 << 6 | kind.bits() << 4 | token.length,
        response.code.0,
        high,
        low,
    ]);
    bytes.extend(token.as_slice());
    let mut before = 0;
    for (number, value) in &response.options {
        let value = value.to_be_bytes();
        let zeros = value.iter().take_while(|it| **it == 0).count();
        let value = value.get(zeros..).unwrap_or(&[]);
        write_option(&mut bytes, number - before, value);
        before = *number;
    }
    if !response.text.is_empty() {
        bytes.push(PAYLOAD_MARKER);
        bytes.extend(response.text.as_bytes());
    }
    bytes
}

/// A value of at most four bytes; no option of ours is further than 268 behind the one before.
fn write_option(bytes: &mut Vec<u8>, delta: u16, value: &[u8]) {
    let length = u8::try_from(value.len()).unwrap_or(0);
    match u8::try_from(delta) {
        Ok(delta) if delta < 13 => bytes.push(delta << 4 | length),
        _ => {
            bytes.push(13 << 4 | length);
            bytes.push(u8::try_from(delta.saturating_sub(13)).unwrap_or(u8::MAX));
        }
    }
    bytes.extend(value);
}

/// 5.03 with when to try again (RFC 7252 section 5.9.3.4).
pub(super) fn unavailable(text: &str) -> Response {
    Response::new(Code::SERVICE_UNAVAILABLE)
        .saying(text)
        .with(option::MAX_AGE, RETRY_AFTER_S)
}

#[cfg(test)]
mod tests;
