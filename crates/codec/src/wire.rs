//! How a worker is asked and answers: frames on its standard input and output.
//!
//! ```text
//! frame = length, 4 bytes, little endian ‖ JSON, UTF-8
//! ```
//!
//! Each question has one answer, in order. Both ends are the same program, so there is no version.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

/// The longest frame, in bytes: a source and a message, each as JSON at its longest.
pub const MAX_FRAME_BYTES: usize = 2 * 1024 * 1024;

/// What a worker is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question<'a> {
    /// The source of the codec.
    pub source: Cow<'a, str>,
    /// What is called in it.
    pub call: Call<'a>,
}

/// A call of a codec's function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Call<'a> {
    /// `decodeUplink({bytes, fPort, recvTime})` of the LoRaWAN Payload Codec API (TS013-1.0.0 section 4.1).
    DecodeUplink {
        /// FRMPayload.
        bytes: Cow<'a, [u8]>,
        /// The port of the application.
        f_port: u8,
        /// When it was received, RFC 3339.
        received_at: Option<Cow<'a, str>>,
    },
    /// `decode({topic, bytes})`, for messages of any kind.
    Decode {
        /// Where the message was published.
        topic: Cow<'a, str>,
        /// The message.
        bytes: Cow<'a, [u8]>,
    },
}

impl Call<'_> {
    /// How long the message is.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::DecodeUplink { bytes, .. } | Self::Decode { bytes, .. } => bytes.len(),
        }
    }

    /// Whether there is no message at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a worker answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// What the codec made of the message: JSON.
    Data(String),
    /// It made nothing of it.
    Refused {
        /// Why.
        refusal: Refusal,
        /// What the codec or the engine said. It may tell of the message, so it is for whoever tries the codec and for
        /// nothing that is kept.
        detail: String,
    },
}

/// Why a codec did not decode a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The source cannot be run.
    #[error("the codec cannot be run: try it with `amanat codec try`")]
    Broken,
    /// The function is not there.
    #[error(
        "the codec has no function `decodeUplink` (for uplinks) or `decode` (for other messages): add it"
    )]
    NoFunction,
    /// The function threw.
    #[error("the codec threw an error on this message: try it with `amanat codec try`")]
    Threw,
    /// The function returned `errors` (TS013-1.0.0 section 4.1).
    #[error("the codec says that it cannot read this message")]
    Errors,
    /// Too much work.
    #[error("the codec works too long on this message: nothing was kept of it")]
    TooLong,
    /// Too much memory.
    #[error(
        "the codec needs more than {} MiB for this message",
        crate::MEMORY_BYTES / 1024 / 1024
    )]
    TooMuchMemory,
    /// The message, the source or the answer is too large.
    #[error(
        "the codec, the message or what the codec makes of it is too large: at most {}, {} and {} KiB",
        crate::MAX_SOURCE_BYTES / 1024,
        crate::MAX_INPUT_BYTES / 1024,
        crate::MAX_OUTPUT_BYTES / 1024
    )]
    TooLarge,
    /// Not `{data: …}`, with an object in it.
    #[error(
        "the codec returned no `{{data: …}}` with an object in it (with `decode` also an array of `{{device, data}}`)"
    )]
    NoData,
}

/// Writes a frame.
///
/// # Errors
/// When it cannot be written whole.
pub fn write<T: Serialize>(into: &mut impl Write, message: &T) -> io::Result<()> {
    into.write_all(&frame(message)?)?;
    into.flush()
}

/// A frame.
///
/// # Errors
/// When it is longer than [`MAX_FRAME_BYTES`].
pub fn frame<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let len = frame.len() - 4;
    let len = u32::try_from(len)
        .ok()
        .filter(|_| len <= MAX_FRAME_BYTES)
        .ok_or(io::ErrorKind::FileTooLarge)?;
    if let Some(head) = frame.first_chunk_mut::<4>() {
        *head = len.to_le_bytes();
    }
    Ok(frame)
}

/// The length that the head of a frame says.
///
/// # Errors
/// When it is longer than [`MAX_FRAME_BYTES`].
pub fn length(head: [u8; 4]) -> io::Result<usize> {
    usize::try_from(u32::from_le_bytes(head))
        .ok()
        .filter(|it| *it <= MAX_FRAME_BYTES)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Reads a frame; nothing at the end.
///
/// # Errors
/// When it cannot be read whole.
pub fn read(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; 4];
    match from.read_exact(&mut head) {
        Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        outcome => outcome?,
    }
    let mut body = vec![0; length(head)?];
    from.read_exact(&mut body)?;
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_and_an_answer_come_through() {
        let question = Question {
            source: Cow::Borrowed("function decode() {}"),
            call: Call::Decode {
                topic: Cow::Borrowed("a/b"),
                bytes: Cow::Borrowed(&[0, 255]),
            },
        };
        let mut bytes = Vec::new();
        write(&mut bytes, &question).unwrap();
        write(&mut bytes, &Answer::Data("{}".to_owned())).unwrap();
        let mut rest = bytes.as_slice();
        let first = read(&mut rest).unwrap().unwrap();
        assert_eq!(
            serde_json::from_slice::<Question<'_>>(&first).unwrap(),
            question
        );
        let second = read(&mut rest).unwrap().unwrap();
        assert_eq!(
            serde_json::from_slice::<Answer>(&second).unwrap(),
            Answer::Data("{}".to_owned())
        );
        assert_eq!(read(&mut rest).unwrap(), None);
    }

    #[test]
    fn a_frame_is_bounded() {
        assert!(frame(&"a".repeat(MAX_FRAME_BYTES)).is_err());
        assert!(read(&mut &[0xff, 0xff, 0xff, 0x7f, 0][..]).is_err());
        assert!(read(&mut &[5, 0, 0, 0, 0][..]).is_err());
    }
}
