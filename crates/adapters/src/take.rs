//! One message of a dialect, taken apart.

use std::borrow::Cow;

use smallvec::{SmallVec, smallvec};

use crate::Adapter;

/// What a connection must remember between its messages. Bounded.
#[derive(Debug, Default)]
pub struct State {}

/// One message of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken<'a> {
    /// What the dialect calls the device; nothing when it is the thing that owns the connection.
    pub device: Option<Cow<'a, str>>,
    /// One JSON object; with [`Adapter::Plain`] the bytes as they came.
    pub body: Cow<'a, [u8]>,
}

/// Why a message cannot be read. Nothing from the payload is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TakeError {}

/// Takes a message apart. Nothing comes out of one that belongs to the dialect and carries no reading.
///
/// # Errors
/// When it is not a message of the dialect.
pub fn take<'a>(
    adapter: Adapter,
    state: &mut State,
    topic: &'a str,
    payload: &'a [u8],
) -> Result<SmallVec<[Taken<'a>; 1]>, TakeError> {
    let _ = (state, topic);
    match adapter {
        Adapter::Plain => Ok(smallvec![Taken {
            device: None,
            body: Cow::Borrowed(payload),
        }]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_is_as_it_came() {
        let taken = take(Adapter::Plain, &mut State::default(), "any/topic", b"{}");
        assert_eq!(
            taken,
            Ok(smallvec![Taken {
                device: None,
                body: Cow::Borrowed(&b"{}"[..]),
            }])
        );
    }
}
