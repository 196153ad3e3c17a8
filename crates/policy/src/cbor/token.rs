//! The tokens of CBOR: heads (RFC 8949 section 3) and strings, with every length held against what is there.
//!
//! Reading them ourselves costs less than a crate: the message lies whole in memory, nothing is allocated for a length that
//! is only claimed, and what is not well-formed (RFC 8949 appendix C) is refused at its byte.

use std::borrow::Cow;

use crate::decode::DecodeError;

/// What begins an item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Head {
    /// The number itself.
    Unsigned(u64),
    /// `-1 - n`.
    Negative(u64),
    /// So many bytes follow; `None`: chunks up to a break.
    Bytes(Option<usize>),
    /// So many bytes of UTF-8 follow; `None`: chunks up to a break.
    Text(Option<usize>),
    /// So many items follow; `None`: items up to a break.
    Array(Option<usize>),
    /// So many pairs of items follow; `None`: pairs up to a break.
    Map(Option<usize>),
    /// One item follows, with this meaning.
    Tag(u64),
    /// `false`, `true`, `null`, `undefined`, or without a meaning.
    Simple(u8),
    /// Half, single or double precision.
    Float(f64),
    /// The end of something whose length was not given.
    Break,
}

impl Head {
    /// The number of an integer.
    pub(crate) fn integer(self) -> Option<i128> {
        match self {
            Self::Unsigned(it) => Some(i128::from(it)),
            Self::Negative(it) => Some(-1 - i128::from(it)),
            _ => None,
        }
    }
}

/// A message, read from its start.
#[derive(Debug)]
pub(crate) struct Tokens<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Tokens<'b> {
    pub(crate) fn of(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The error for what stands here.
    pub(crate) fn wrong<T>(&self) -> Result<T, DecodeError> {
        Err(DecodeError::NotCbor(self.at))
    }

    /// Whether all was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Reads a head.
    pub(crate) fn head(&mut self) -> Result<Head, DecodeError> {
        let start = self.at;
        let head = self.read_head();
        if head.is_err() {
            self.at = start;
            return self.wrong();
        }
        head
    }

    fn read_head(&mut self) -> Result<Head, DecodeError> {
        let [first] = self.array()?;
        let (major, info) = (first >> 5, first & 0x1f);
        let argument = match info {
            0..=23 => Some(u64::from(info)),
            24 => Some(u64::from(u8::from_be_bytes(self.array()?))),
            25 => Some(u64::from(u16::from_be_bytes(self.array()?))),
            26 => Some(u64::from(u32::from_be_bytes(self.array()?))),
            27 => Some(u64::from_be_bytes(self.array()?)),
            31 => None,
            _ => return self.wrong(),
        };
        let count = match argument.map(usize::try_from).transpose() {
            Ok(count) => count,
            Err(_) if matches!(major, 2..=5) => return self.wrong(),
            Err(_) => None,
        };
        Ok(match (major, argument) {
            (0, Some(it)) => Head::Unsigned(it),
            (1, Some(it)) => Head::Negative(it),
            (2, _) => Head::Bytes(count),
            (3, _) => Head::Text(count),
            (4, _) => Head::Array(count),
            (5, _) => Head::Map(count),
            (6, Some(it)) => Head::Tag(it),
            (7, None) => Head::Break,
            (7, Some(it)) => return self.simple(info, it),
            _ => return self.wrong(),
        })
    }

    fn simple(&self, info: u8, argument: u64) -> Result<Head, DecodeError> {
        let small = |it: u64| u32::try_from(it).unwrap_or_default();
        Ok(match info {
            25 => Head::Float(half(argument)),
            26 => Head::Float(f64::from(f32::from_bits(small(argument)))),
            27 => Head::Float(f64::from_bits(argument)),
            // Two bytes for what fits into one is not well-formed here.
            24 if argument < 32 => return self.wrong(),
            _ => Head::Simple(u8::try_from(argument).unwrap_or(u8::MAX)),
        })
    }

    /// Reads the text after its head.
    pub(crate) fn text(&mut self, length: Option<usize>) -> Result<Cow<'b, str>, DecodeError> {
        let Some(length) = length else {
            let mut whole = String::new();
            loop {
                match self.head()? {
                    Head::Break => return Ok(Cow::Owned(whole)),
                    Head::Text(Some(length)) => whole.push_str(self.utf8(length)?),
                    _ => return self.wrong(),
                }
            }
        };
        self.utf8(length).map(Cow::Borrowed)
    }

    /// Reads the bytes after their head.
    pub(crate) fn bytes(&mut self, length: Option<usize>) -> Result<Cow<'b, [u8]>, DecodeError> {
        let Some(length) = length else {
            let mut whole = Vec::new();
            loop {
                match self.head()? {
                    Head::Break => return Ok(Cow::Owned(whole)),
                    Head::Bytes(Some(length)) => whole.extend_from_slice(self.take(length)?),
                    _ => return self.wrong(),
                }
            }
        };
        self.take(length).map(Cow::Borrowed)
    }

    fn utf8(&mut self, length: usize) -> Result<&'b str, DecodeError> {
        let start = self.at;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|err| DecodeError::NotCbor(start + err.valid_up_to()))
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], DecodeError> {
        let end = self.at.checked_add(length);
        match end.and_then(|end| Some((end, self.bytes.get(self.at..end)?))) {
            Some((end, taken)) => {
                self.at = end;
                Ok(taken)
            }
            None => self.wrong(),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let taken = self.take(N)?;
        taken.try_into().or_else(|_| self.wrong())
    }
}

/// A number of half precision (RFC 8949 appendix D).
fn half(bits: u64) -> f64 {
    let bits = u16::try_from(bits).unwrap_or_default();
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => mantissa * 2_f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2_f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 {
        magnitude
    } else {
        -magnitude
    }
}
