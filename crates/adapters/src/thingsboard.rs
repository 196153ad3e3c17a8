//! ThingsBoard's device API and gateway API over MQTT, and the JSON of its HTTP API.
//!
//! <https://thingsboard.io/docs/reference/mqtt-api/>, <https://thingsboard.io/docs/reference/gateway-mqtt-api/>
//!
//! A device publishes to `v1/devices/me/telemetry` (short: `v2/t`) one of
//!
//! ```text
//! {"temperature": 21.5}
//! {"ts": 1451649600512, "values": {"temperature": 21.5}}
//! [ either of the two, … ]
//! ```
//!
//! and to `v1/devices/me/attributes` (short: `v2/a`) an object. Each object of values is one message: the pointer is
//! `/temperature` whichever form the device chooses. With several times the messages come in ascending order, those
//! without a time last; the time orders them and no more, a reading is of the moment at which it arrives.
//! A gateway publishes the same for its devices, by their names, to `v1/gateway/telemetry` and `v1/gateway/attributes`.
//!
//! Requests, RPC, claims, firmware, and connects and disconnects of a gateway's devices carry no reading.
//! Two requests are answered, because devices wait for that when they start, see [`answer`].
//! The protobuf topics (`v2/t/p`, `v2/a/p`) have a schema of their own in each device profile and are refused.

mod answer;

use std::borrow::Cow;

pub(crate) use answer::Memory;
use serde::de::{SeqAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::json;
use crate::take::{self, AllTaken, TakeError, Taken};

/// The most messages (times and devices) of one packet.
pub const MAX_THINGSBOARD_MESSAGES: usize = 512;

/// Topics that the dialect has and that carry no reading; those that end with a slash are beginnings.
const OTHER_DEVICE_TOPICS: [&str; 11] = [
    "v1/devices/me/attributes/",
    "v1/devices/me/rpc/",
    "v1/devices/me/claim",
    "v2/a/req/",
    "v2/a/res/",
    "v2/r/req/",
    "v2/r/res/",
    "v2/fw/",
    "v2/sw/",
    "/provision/",
    "provision/",
];
/// The same, of a gateway.
const OTHER_GATEWAY_TOPICS: [&str; 7] = [
    "v1/gateway/connect",
    "v1/gateway/disconnect",
    "v1/gateway/attributes/",
    "v1/gateway/rpc",
    "v1/gateway/claim",
    "v1/gateway/metrics",
    "v1/gateway/provision/",
];

/// Takes a message of the device API.
pub(crate) fn take_device<'a>(
    memory: &mut Memory,
    topic: &'a str,
    payload: &'a [u8],
) -> Result<AllTaken<'a>, TakeError> {
    match topic {
        "v1/devices/me/telemetry" | "v2/t" | "v2/t/j" => telemetry(payload),
        "v1/devices/me/attributes" | "v2/a" | "v2/a/j" => {
            json::object(payload)?;
            Ok(take::own(payload))
        }
        _ if is_among(topic, &OTHER_DEVICE_TOPICS) => {
            memory.device_asks(topic, payload);
            take::nothing()
        }
        _ => Err(TakeError::OtherTopic),
    }
}

/// Takes a message of the gateway API; a gateway uses the device API for itself.
pub(crate) fn take_gateway<'a>(
    memory: &mut Memory,
    topic: &'a str,
    payload: &'a [u8],
) -> Result<AllTaken<'a>, TakeError> {
    match topic {
        "v1/gateway/telemetry" => of_devices(payload, series),
        "v1/gateway/attributes" => of_devices(payload, |values, into| {
            json::object(values.as_bytes())?;
            push(into, None, values)
        }),
        _ if is_among(topic, &OTHER_GATEWAY_TOPICS) => {
            memory.gateway_asks(topic, payload);
            take::nothing()
        }
        _ => take_device(memory, topic, payload),
    }
}

fn is_among(topic: &str, topics: &[&str]) -> bool {
    topics.iter().any(|it| match it.ends_with('/') {
        true => topic.starts_with(it),
        false => topic == *it,
    })
}

/// An object of values, with the time that was given for it.
type Timed<'a> = (Option<i64>, &'a str);

fn telemetry(payload: &[u8]) -> Result<AllTaken<'_>, TakeError> {
    let mut values = Vec::new();
    series(json::text(payload)?, &mut values)?;
    Ok(in_order(values)
        .map(|values| Taken {
            device: None,
            body: Cow::Borrowed(values.as_bytes()),
        })
        .collect())
}

/// The members of an object, each of which is what one device says.
fn of_devices<'a>(
    payload: &'a [u8],
    read: impl Fn(&'a str, &mut Vec<Timed<'a>>) -> Result<(), TakeError>,
) -> Result<AllTaken<'a>, TakeError> {
    let mut devices = 0;
    let mut all: AllTaken<'a> = SmallVec::new();
    json::members(json::text(payload)?, |device, said| {
        devices += 1;
        if devices > take::MAX_DEVICES_OF_A_MESSAGE {
            return Err(TakeError::TooManyDevices);
        }
        let mut values = Vec::new();
        read(said, &mut values)?;
        if all.len() + values.len() > MAX_THINGSBOARD_MESSAGES {
            return Err(TakeError::TooManyMessages);
        }
        for values in in_order(values) {
            all.push(take::named(device.clone(), values.as_bytes())?);
        }
        Ok(())
    })?;
    Ok(all)
}

fn in_order<'a>(mut values: Vec<Timed<'a>>) -> impl Iterator<Item = &'a str> {
    values.sort_by_key(|(at, _)| (at.is_none(), *at));
    values.into_iter().map(|(_, values)| values)
}

/// One object of values, or an array of them.
fn series<'a>(text: &'a str, into: &mut Vec<Timed<'a>>) -> Result<(), TakeError> {
    if !text.starts_with('[') {
        return entry(text, into);
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let mut failure = None;
    let visitor = Entries {
        into,
        failure: &mut failure,
    };
    let read = serde::Deserializer::deserialize_seq(&mut reader, visitor);
    match (failure, read.and_then(|()| reader.end())) {
        (Some(failure), _) => Err(failure),
        (None, Ok(())) => Ok(()),
        (None, Err(_)) => Err(TakeError::NotJson),
    }
}

/// `{"ts": …, "values": {…}}` or the values themselves: as in ThingsBoard, it is the former when it has both members.
fn entry<'a>(text: &'a str, into: &mut Vec<Timed<'a>>) -> Result<(), TakeError> {
    match json::find(text, ["ts", "values"])? {
        [Some(at), Some(values)] => {
            let at = at.parse().map_err(|_| TakeError::Missing("ts"))?;
            json::members(values, |_, _| Ok(())).map_err(|err| match err {
                TakeError::NotAnObject => TakeError::Missing("values"),
                other => other,
            })?;
            push(into, Some(at), values)
        }
        _ => push(into, None, text),
    }
}

fn push<'a>(into: &mut Vec<Timed<'a>>, at: Option<i64>, values: &'a str) -> Result<(), TakeError> {
    if into.len() >= MAX_THINGSBOARD_MESSAGES {
        return Err(TakeError::TooManyMessages);
    }
    into.push((at, values));
    Ok(())
}

struct Entries<'f, 'a> {
    into: &'f mut Vec<Timed<'a>>,
    failure: &'f mut Option<TakeError>,
}

impl<'a> Visitor<'a> for Entries<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(raw) = seq.next_element::<&'a RawValue>()? {
            if let Err(failure) = entry(raw.get(), self.into) {
                *self.failure = Some(failure);
                return Err(serde::de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        take: impl for<'a> Fn(&mut Memory, &'a str, &'a [u8]) -> Result<AllTaken<'a>, TakeError>,
        topic: &str,
        payload: &str,
        expected: Result<&[(&str, &str)], TakeError>,
    ) {
        let taken = take(&mut Memory::default(), topic, payload.as_bytes()).map(|all| {
            all.into_iter()
                .map(|it| {
                    (
                        it.device.unwrap_or_default().into_owned(),
                        String::from_utf8(it.body.into_owned()).unwrap(),
                    )
                })
                .collect::<Vec<_>>()
        });
        let expected = expected.map(|all| {
            all.iter()
                .map(|(device, body)| ((*device).to_owned(), (*body).to_owned()))
                .collect::<Vec<_>>()
        });
        assert_eq!(taken, expected, "{topic} {payload}");
    }

    #[test]
    fn telemetry_has_four_forms_and_one_pointer() {
        let check = |payload, expected: &[(&str, &str)]| {
            for topic in ["v1/devices/me/telemetry", "v2/t", "v2/t/j"] {
                check(take_device, topic, payload, Ok(expected));
                check(take_gateway, topic, payload, Ok(expected));
            }
        };
        check(
            r#"{"temperature":21.50}"#,
            &[("", r#"{"temperature":21.50}"#)],
        );
        check(
            r#" {"ts":1451649600512,"values":{"t":1.0}} "#,
            &[("", r#"{"t":1.0}"#)],
        );
        check(
            r#"[{"k1":"v"},{"k2":true}]"#,
            &[("", r#"{"k1":"v"}"#), ("", r#"{"k2":true}"#)],
        );
        check(
            r#"[{"n":1},{"ts":20,"values":{"t":2}},{"values":{"t":1},"ts":10}]"#,
            &[("", r#"{"t":1}"#), ("", r#"{"t":2}"#), ("", r#"{"n":1}"#)],
        );
        check("[]", &[]);
        check(r#"{"ts":5}"#, &[("", r#"{"ts":5}"#)]);
    }

    #[test]
    fn a_gateway_speaks_for_its_devices_by_name() {
        check(
            take_gateway,
            "v1/gateway/telemetry",
            r#"{"Device A":[{"ts":2,"values":{"t":42}},{"ts":1,"values":{"t":41}}],"B":[{"h":1}],"C":{"x":0}}"#,
            Ok(&[
                ("Device A", r#"{"t":41}"#),
                ("Device A", r#"{"t":42}"#),
                ("B", r#"{"h":1}"#),
                ("C", r#"{"x":0}"#),
            ]),
        );
        check(
            take_gateway,
            "v1/gateway/attributes",
            r#"{"Device A":{"attribute1":"value1","attribute2":42}}"#,
            Ok(&[("Device A", r#"{"attribute1":"value1","attribute2":42}"#)]),
        );
        check(
            take_device,
            "v1/gateway/telemetry",
            "{}",
            Err(TakeError::OtherTopic),
        );
    }

    #[test]
    fn requests_answers_and_connections_carry_no_reading() {
        for topic in [
            "v1/devices/me/attributes/request/1",
            "v1/devices/me/rpc/request/1",
            "v1/devices/me/rpc/response/1",
            "v1/devices/me/claim",
            "v2/a/req/1",
            "v2/r/res/7",
            "v2/fw/request/1/chunk/0",
            "/provision/request",
            "v1/gateway/connect",
            "v1/gateway/disconnect",
            "v1/gateway/rpc",
            "v1/gateway/claim",
        ] {
            check(take_gateway, topic, "anything", Ok(&[]));
        }
        for topic in ["v2/t/p", "v2/a/p", "v1/devices/you/telemetry", "telemetry"] {
            check(take_gateway, topic, "{}", Err(TakeError::OtherTopic));
        }
    }

    #[test]
    fn what_is_no_telemetry_is_refused() {
        let check = |payload: &str, error| {
            check(take_device, "v1/devices/me/telemetry", payload, Err(error));
        };
        check("", TakeError::NotJson);
        check("21", TakeError::NotAnObject);
        check("[21]", TakeError::NotAnObject);
        check("[[{}]]", TakeError::NotAnObject);
        check("[{}", TakeError::NotJson);
        check("[{}] x", TakeError::NotJson);
        check(r#"{"ts":1.5,"values":{}}"#, TakeError::Missing("ts"));
        check(r#"{"ts":1,"values":[]}"#, TakeError::Missing("values"));
        check(r#"{"ts":1,"ts":2,"values":{}}"#, TakeError::Twice("ts"));
        let many = format!("[{}{{}}]", "{},".repeat(MAX_THINGSBOARD_MESSAGES));
        check(&many, TakeError::TooManyMessages);
    }

    #[test]
    fn a_gateway_cannot_say_more_than_the_limits() {
        let check = |payload: &str, error| {
            check(take_gateway, "v1/gateway/telemetry", payload, Err(error));
        };
        check(r#"{"":[{}]}"#, TakeError::DeviceName);
        check("[]", TakeError::NotAnObject);
        let array = format!("[{}{{}}]", "{},".repeat(MAX_THINGSBOARD_MESSAGES / 2));
        check(
            &format!(r#"{{"a":{array},"b":{array}}}"#),
            TakeError::TooManyMessages,
        );
        let names: Vec<_> = (0..=take::MAX_DEVICES_OF_A_MESSAGE)
            .map(|it| format!(r#""d{it}":[]"#))
            .collect();
        check(
            &format!("{{{}}}", names.join(",")),
            TakeError::TooManyDevices,
        );
    }
}
