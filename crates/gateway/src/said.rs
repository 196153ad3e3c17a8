//! What MQTT 5 lets a publisher say beside the payload (3.3.2.3), on its way in and out.
//!
//! Only the dialect `value` takes it: there it becomes fields under `/mqtt`, which pass where the notice declares them and
//! the person's choices let them, like any other field. Out of every other dialect it never comes in.

use adapters::value::{Given, Said};
use smallvec::SmallVec;

/// How many user properties of a message are looked at; those after them do not come in.
const MAX_USER_PROPERTIES: usize = 64;

const PAYLOAD_FORMAT: u8 = 0x01;
const CONTENT_TYPE: u8 = 0x03;
const RESPONSE_TOPIC: u8 = 0x08;
const CORRELATION_DATA: u8 = 0x09;
const USER_PROPERTY: u8 = 0x26;

/// Reads properties that were checked when their packet was.
pub(crate) fn read<R>(properties: &[u8], then: impl FnOnce(&Said<'_>) -> R) -> R {
    let mut user: SmallVec<[(&str, &str); 4]> = SmallVec::new();
    let mut said = Said::default();
    let mut left = properties;
    while let Some(rest) = one(left, &mut said, &mut user) {
        left = rest;
    }
    then(&Said {
        user: &user,
        ..said
    })
}

/// Reads one property and gives what follows it.
fn one<'a>(
    bytes: &'a [u8],
    said: &mut Said<'a>,
    user: &mut SmallVec<[(&'a str, &'a str); 4]>,
) -> Option<&'a [u8]> {
    let (id, rest) = bytes.split_first()?;
    match *id {
        PAYLOAD_FORMAT => {
            let (format, rest) = rest.split_first()?;
            said.payload_format = Some(*format == 1);
            Some(rest)
        }
        // Message expiry interval.
        0x02 => rest.get(4..),
        CONTENT_TYPE => {
            let (text, rest) = text(rest)?;
            said.content_type = Some(text);
            Some(rest)
        }
        RESPONSE_TOPIC => {
            let (text, rest) = text(rest)?;
            said.response_topic = Some(text);
            Some(rest)
        }
        CORRELATION_DATA => {
            let (data, rest) = data(rest)?;
            said.correlation_data = Some(data);
            Some(rest)
        }
        // Topic alias.
        0x23 => rest.get(2..),
        USER_PROPERTY => {
            let (name, rest) = text(rest)?;
            let (value, rest) = text(rest)?;
            if user.len() < MAX_USER_PROPERTIES {
                user.push((name, value));
            }
            Some(rest)
        }
        _ => None,
    }
}

fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (text, rest) = data(bytes)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

fn data(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

/// Appends the properties of what is given. What does not fit into one, which nobody could have sent, is left out.
pub(crate) fn write(given: &Given, out: &mut Vec<u8>) {
    if let Some(is_text) = given.payload_format {
        out.extend_from_slice(&[PAYLOAD_FORMAT, is_text.into()]);
    }
    if let Some(text) = &given.content_type {
        push(CONTENT_TYPE, &[text.as_bytes()], out);
    }
    // A response topic has no wildcards (3.3.2-14).
    let response_topic = given.response_topic.as_ref();
    if let Some(topic) = response_topic.filter(|it| !it.contains(['+', '#'])) {
        push(RESPONSE_TOPIC, &[topic.as_bytes()], out);
    }
    if let Some(data) = &given.correlation_data {
        push(CORRELATION_DATA, &[data], out);
    }
    for (name, text) in &given.user {
        push(USER_PROPERTY, &[name.as_bytes(), text.as_bytes()], out);
    }
}

fn push(id: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
    let start = out.len();
    out.push(id);
    for part in parts {
        let Ok(length) = u16::try_from(part.len()) else {
            return out.truncate(start);
        };
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let given = Given {
            payload: Vec::new(),
            user: vec![
                ("a".to_owned(), "2".to_owned()),
                ("c".to_owned(), String::new()),
            ],
            content_type: Some("My name".to_owned()),
            response_topic: Some("TopicA".to_owned()),
            correlation_data: Some(b"334".to_vec()),
            payload_format: Some(true),
        };
        let mut bytes = vec![0x02, 0, 0, 0, 9, 0x23, 0, 1];
        write(&given, &mut bytes);
        read(&bytes, |said| {
            assert_eq!(said.user, [("a", "2"), ("c", "")]);
            assert_eq!(said.content_type, Some("My name"));
            assert_eq!(said.response_topic, Some("TopicA"));
            assert_eq!(said.correlation_data, Some(&b"334"[..]));
            assert_eq!(said.payload_format, Some(true));
        });
    }

    #[test]
    fn what_nobody_could_have_sent_is_left_out() {
        let given = Given {
            content_type: Some("x".repeat(70_000)),
            response_topic: Some("a/#".to_owned()),
            ..Given::default()
        };
        let mut bytes = Vec::new();
        write(&given, &mut bytes);
        assert!(bytes.is_empty());
    }

    #[test]
    fn user_properties_are_bounded_and_bytes_that_end_early_say_nothing() {
        let mut bytes = Vec::new();
        for _ in 0..100 {
            push(USER_PROPERTY, &[b"a", b"b"], &mut bytes);
        }
        read(&bytes, |said| {
            assert_eq!(said.user.len(), MAX_USER_PROPERTIES)
        });
        bytes.truncate(5);
        read(&bytes, |said| assert_eq!(*said, Said::default()));
        read(&[0x7f, 0x7f], |said| assert_eq!(*said, Said::default()));
    }
}
