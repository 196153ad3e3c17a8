//! Devices of which each topic is a device of its own, and recipients that want it back as it was sent.
//!
//! `farm/tank/level` with `21.5` is `{"value": 21.5}` of the device `farm/tank/level`; with no bytes it is `{"value": ""}`.
//! What is a JSON number (RFC 8259 section 6), `true` or `false` is that, with all its digits. All else is a text, a JSON
//! object too: who wants its members declared sends as [`Adapter::Plain`](crate::Adapter::Plain).
//!
//! What MQTT 5.0 lets a publisher say beside the payload (section 3.3.2.3) is in the message too, under `mqtt`:
//! `user` (names that stand once), `user-list` (names that stand several times, each with all its values in order),
//! `content-type`, `response-topic`, `correlation-data` (base64, RFC 4648 section 4) and `payload-format`. None of it passes
//! unless the notice declares its pointer, such as `/mqtt/user/region` and `/mqtt/user-list/region/*`.
//!
//! [`give`] is the other way, after the decision: what is left becomes a payload and properties again. It is exact for
//! what passed whole; a value that was made less precise is the JSON that stands in its place.

use data_encoding::BASE64;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

use crate::TakeError;
use crate::json::{quoted, string};
use crate::take::{AllTaken, one};

/// What a publisher says beside the payload (OASIS MQTT 5.0 section 3.3.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Said<'a> {
    /// User properties, in their order.
    pub user: &'a [(&'a str, &'a str)],
    /// Content type.
    pub content_type: Option<&'a str>,
    /// Response topic.
    pub response_topic: Option<&'a str>,
    /// Correlation data.
    pub correlation_data: Option<&'a [u8]>,
    /// Payload format indicator: true says that the payload is UTF-8.
    pub payload_format: Option<bool>,
}

impl Said<'_> {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A message as its publisher sent it, or what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Given {
    /// The payload.
    pub payload: Vec<u8>,
    /// User properties: see [`Given::arrange`].
    pub user: Vec<(String, String)>,
    /// Content type.
    pub content_type: Option<String>,
    /// Response topic.
    pub response_topic: Option<String>,
    /// Correlation data.
    pub correlation_data: Option<Vec<u8>>,
    /// Payload format indicator.
    pub payload_format: Option<bool>,
}

/// The names of user properties in their order, where there is more than one: what [`Given::arrange`] needs.
#[must_use]
pub fn order(said: &Said<'_>) -> Option<Vec<Box<str>>> {
    let first = said.user.first()?.0;
    let is_mixed = said.user.iter().any(|it| it.0 != first);
    is_mixed.then(|| said.user.iter().map(|it| it.0.into()).collect())
}

impl Given {
    /// Puts the user properties into the order in which they were sent (OASIS MQTT 5.0, 3.3.2-18). What was sent and did not
    /// pass stays away.
    pub fn arrange(&mut self, order: &[Box<str>]) {
        let mut left = std::mem::take(&mut self.user);
        for name in order {
            if let Some(at) = left.iter().position(|it| it.0 == **name) {
                self.user.push(left.remove(at));
            }
        }
        self.user.append(&mut left);
    }
}

/// Takes a message apart.
///
/// # Errors
/// When the payload is not UTF-8, or the topic is too long for the name of a device.
pub fn take<'a>(
    topic: &'a str,
    payload: &'a [u8],
    said: &Said<'_>,
) -> Result<AllTaken<'a>, TakeError> {
    let text = std::str::from_utf8(payload).map_err(|_| TakeError::NotUtf8)?;
    let mut json = String::with_capacity(text.len() + 16);
    json.push_str("{\"value\":");
    match is_number_or_truth(text) {
        true => json.push_str(text),
        false => json.push_str(&quoted(text)),
    }
    if !said.is_empty() {
        json.push_str(",\"mqtt\":");
        json.push_str(&said_json(said));
    }
    json.push('}');
    one(topic, json.into_bytes())
}

fn is_number_or_truth(text: &str) -> bool {
    matches!(text, "true" | "false")
        || (text.starts_with(|it: char| it == '-' || it.is_ascii_digit())
            && text.ends_with(|it: char| it.is_ascii_digit())
            && serde_json::from_str::<&RawValue>(text).is_ok())
}

fn said_json(said: &Said<'_>) -> String {
    let mut members: Vec<String> = Vec::with_capacity(5);
    let mut user: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, text) in said.user {
        user.entry(name).or_default().push(quoted(text));
    }
    let (mut once, mut several) = (Vec::new(), Vec::new());
    for (name, texts) in user {
        match texts.as_slice() {
            [text] => once.push(format!("{}:{text}", quoted(name))),
            texts => several.push(format!("{}:[{}]", quoted(name), texts.join(","))),
        }
    }
    for (name, of_it) in [("user", once), ("user-list", several)] {
        if !of_it.is_empty() {
            members.push(format!("\"{name}\":{{{}}}", of_it.join(",")));
        }
    }
    let texts = [
        ("content-type", said.content_type),
        ("response-topic", said.response_topic),
    ];
    for (name, text) in texts {
        members.extend(text.map(|it| format!("\"{name}\":{}", quoted(it))));
    }
    members.extend(
        said.correlation_data
            .map(|it| format!("\"correlation-data\":\"{}\"", BASE64.encode(it))),
    );
    members.extend(
        said.payload_format
            .map(|it| format!("\"payload-format\":{}", u8::from(it))),
    );
    format!("{{{}}}", members.join(","))
}

#[derive(serde::Deserialize)]
struct Left<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(default)]
    mqtt: LeftSaid,
}

#[derive(serde::Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct LeftSaid {
    #[serde(default)]
    user: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    user_list: BTreeMap<String, Vec<serde_json::Value>>,
    content_type: Option<String>,
    response_topic: Option<String>,
    correlation_data: Option<String>,
    payload_format: Option<serde_json::Value>,
}

/// What is left of a message of this dialect, as a payload and properties. What does not read as such stays as it is: a
/// recipient gets nothing more by it, and sees why.
#[must_use]
pub fn give(json: &[u8]) -> Given {
    let Ok(left) = serde_json::from_slice::<Left<'_>>(json) else {
        return Given {
            payload: json.to_vec(),
            ..Given::default()
        };
    };
    let value = left.value.map_or("", RawValue::get);
    let said = left.mqtt;
    Given {
        payload: string(value).map_or_else(
            || value.as_bytes().to_vec(),
            |it| it.into_owned().into_bytes(),
        ),
        user: user(said.user, said.user_list),
        content_type: said.content_type,
        response_topic: said.response_topic,
        correlation_data: said
            .correlation_data
            .and_then(|it| BASE64.decode(it.as_bytes()).ok()),
        payload_format: said.payload_format.map(|it| it == 1 || it == true),
    }
}

fn user(
    once: BTreeMap<String, serde_json::Value>,
    several: BTreeMap<String, Vec<serde_json::Value>>,
) -> Vec<(String, String)> {
    let once = once.into_iter().map(|(name, text)| (name, vec![text]));
    once.chain(several)
        .flat_map(|(name, texts)| {
            texts.into_iter().map(move |it| match it {
                serde_json::Value::String(text) => (name.clone(), text),
                other => (name.clone(), other.to_string()),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(payload: &[u8], said: &Said<'_>) -> String {
        let taken = take("farm/tank", payload, said).unwrap();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].device.as_deref(), Some("farm/tank"));
        String::from_utf8(taken[0].body.to_vec()).unwrap()
    }

    #[test]
    fn numbers_keep_their_digits_and_all_else_is_text() {
        let plain = |payload: &str| body(payload.as_bytes(), &Said::default());
        assert_eq!(plain("21.50"), r#"{"value":21.50}"#);
        assert_eq!(plain("-0"), r#"{"value":-0}"#);
        assert_eq!(plain("1e400"), r#"{"value":1e400}"#);
        assert_eq!(plain("true"), r#"{"value":true}"#);
        assert_eq!(plain("007"), r#"{"value":"007"}"#);
        assert_eq!(plain(" 7"), r#"{"value":" 7"}"#);
        assert_eq!(plain("qos 0"), r#"{"value":"qos 0"}"#);
        assert_eq!(plain(r#"{"a":1}"#), r#"{"value":"{\"a\":1}"}"#);
        assert_eq!(plain(""), r#"{"value":""}"#);
        let taken = take("a", b"\xff", &Said::default());
        assert_eq!(taken, Err(TakeError::NotUtf8));
    }

    #[test]
    fn what_is_said_beside_the_payload_is_under_names_of_its_own() {
        let said = Said {
            user: &[("region", "north"), ("a", "1"), ("region", "south")],
            content_type: Some("text/plain"),
            response_topic: Some("answers/1"),
            correlation_data: Some(b"\x00\xff"),
            payload_format: Some(true),
        };
        assert_eq!(
            body(b"x", &said),
            r#"{"value":"x","mqtt":{"user":{"a":"1"},"user-list":{"region":["north","south"]},"content-type":"text/plain","response-topic":"answers/1","correlation-data":"AP8=","payload-format":1}}"#
        );
    }

    #[test]
    fn what_passed_whole_is_given_back_as_it_was_sent() {
        let said = Said {
            user: &[
                ("b", "\"quoted\" \\ \n"),
                ("a", "1"),
                ("c", "2"),
                ("a", "0"),
            ],
            content_type: Some("My name"),
            response_topic: Some("TopicA"),
            correlation_data: Some(b"334"),
            payload_format: Some(true),
        };
        let payloads: [&[u8]; 9] = [
            b"",
            b"21.50",
            b"ON",
            b" 7 ",
            b"\"",
            b"\"x\"",
            b"\\u0041",
            b"{\"a\": 1}",
            "پانی".as_bytes(),
        ];
        for payload in payloads {
            let mut given = give(body(payload, &said).as_bytes());
            given.arrange(&order(&said).unwrap());
            assert_eq!(given.payload, payload);
            assert_eq!(
                given
                    .user
                    .iter()
                    .map(|(name, text)| (&**name, &**text))
                    .collect::<Vec<_>>(),
                said.user
            );
            assert_eq!(given.content_type.as_deref(), Some("My name"));
            assert_eq!(given.response_topic.as_deref(), Some("TopicA"));
            assert_eq!(given.correlation_data.as_deref(), Some(&b"334"[..]));
            assert_eq!(given.payload_format, Some(true));
        }
    }

    #[test]
    fn user_properties_that_pass_keep_their_order_when_others_do_not_section_3_3_2_3_7() {
        let order = ["c", "a", "b", "a", "c"].map(Into::into);
        let mut given = give(br#"{"mqtt":{"user":{"b":"3"},"user-list":{"c":["1","5"]}}}"#);
        given.arrange(&order);
        let user: Vec<_> = given.user.iter().map(|it| (&*it.0, &*it.1)).collect();
        assert_eq!(user, [("c", "1"), ("b", "3"), ("c", "5")]);
        let one = Said {
            user: &[("a", "1"), ("a", "2")],
            ..Said::default()
        };
        assert_eq!(super::order(&one), None, "its values are in order anyway");
    }

    #[test]
    fn what_did_not_pass_is_not_given() {
        assert_eq!(
            give(br#"{"value":21}"#),
            Given {
                payload: b"21".to_vec(),
                ..Given::default()
            }
        );
        assert_eq!(give(b"{}"), Given::default());
        let presence = give(br#"{"value":true,"@coarse":["/value"]}"#);
        assert_eq!(presence.payload, b"true");
    }
}
