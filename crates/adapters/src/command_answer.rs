//! What a device answers to a command, where its dialect has a word for that.
//!
//! <https://thingsboard.io/docs/reference/mqtt-api/>, <https://thingsboard.io/docs/reference/gateway-mqtt-api/>
//!
//! ```text
//! v1/devices/me/rpc/response/7        anything            a device of ThingsBoard (short: v2/r/res/7)
//! v1/gateway/rpc                      {"device": "Lamp", "id": 7, "data": …}
//! ```
//!
//! What is answered beside the number is not handed on: it may tell what nobody declared. Only an `error` in it, or a
//! `success` that is false, is noticed: then the device has the command and has not done it.

use std::borrow::Cow;

use crate::json;
use crate::take::MAX_MESSAGE_BYTES;
use crate::{Adapter, TakeError};

/// A device answers a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandAnswer<'a> {
    /// What the dialect calls the device; nothing when it is the thing that owns the connection.
    pub device: Option<Cow<'a, str>>,
    /// The number of the command.
    pub number: u32,
    /// The device says that it could not do it.
    pub is_error: bool,
}

/// Reads an answer; nothing where it is none.
#[must_use]
pub fn command_answer<'a>(
    adapter: Adapter,
    topic: &'a str,
    payload: &'a [u8],
) -> Option<CommandAnswer<'a>> {
    if payload.len() > MAX_MESSAGE_BYTES {
        return None;
    }
    match adapter {
        Adapter::ThingsBoard => of_device(topic, payload),
        Adapter::ThingsBoardGateway if topic == "v1/gateway/rpc" => of_gateway(payload).ok()?,
        Adapter::ThingsBoardGateway => of_device(topic, payload),
        _ => None,
    }
}

fn of_device<'a>(topic: &'a str, payload: &'a [u8]) -> Option<CommandAnswer<'a>> {
    let number = ["v1/devices/me/rpc/response/", "v2/r/res/"]
        .iter()
        .find_map(|it| topic.strip_prefix(it))?;
    Some(CommandAnswer {
        device: None,
        number: number.parse().ok()?,
        is_error: json::text(payload).is_ok_and(is_error),
    })
}

fn of_gateway(payload: &[u8]) -> Result<Option<CommandAnswer<'_>>, TakeError> {
    let [device, number, data] = json::find(json::text(payload)?, ["device", "id", "data"])?;
    let device = device.and_then(json::string);
    let number = number.and_then(|it| it.parse().ok());
    Ok(device.zip(number).map(|(device, number)| CommandAnswer {
        device: Some(device),
        number,
        is_error: data.is_some_and(is_error),
    }))
}

fn is_error(answer: &str) -> bool {
    let found = json::find(answer, ["error", "success"]);
    found.is_ok_and(|[error, success]| {
        error.is_some_and(|it| it != "null") || success == Some("false")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(adapter: Adapter, topic: &str, payload: &str, expected: Option<(&str, u32, bool)>) {
        let answer = command_answer(adapter, topic, payload.as_bytes());
        let answer = answer
            .as_ref()
            .map(|it| (it.device.as_deref().unwrap_or(""), it.number, it.is_error));
        assert_eq!(answer, expected, "{topic} {payload}");
    }

    #[test]
    fn a_device_of_thingsboard_answers_on_a_topic_with_the_number() {
        let check = |topic, payload, expected| {
            check(Adapter::ThingsBoard, topic, payload, expected);
            check(Adapter::ThingsBoardGateway, topic, payload, expected);
        };
        let topic = "v1/devices/me/rpc/response/7";
        check(topic, r#"{"result":"ok"}"#, Some(("", 7, false)));
        check(topic, "", Some(("", 7, false)));
        check(topic, "21", Some(("", 7, false)));
        check(topic, r#"{"success":true}"#, Some(("", 7, false)));
        check(topic, r#"{"success":false}"#, Some(("", 7, true)));
        check(topic, r#"{"error":"no pin 9"}"#, Some(("", 7, true)));
        check(topic, r#"{"error":null}"#, Some(("", 7, false)));
        check(
            "v2/r/res/2147483647",
            "{}",
            Some(("", 2_147_483_647, false)),
        );
        for none in [
            "v1/devices/me/rpc/response/",
            "v1/devices/me/rpc/response/x",
            "v1/devices/me/rpc/response/-1",
            "v1/devices/me/rpc/response/99999999999",
            "v1/devices/me/rpc/request/7",
            "v1/devices/me/telemetry",
        ] {
            check(none, "{}", None);
        }
    }

    #[test]
    fn a_gateway_answers_for_its_devices_by_name() {
        let check = |payload, expected| {
            check(
                Adapter::ThingsBoardGateway,
                "v1/gateway/rpc",
                payload,
                expected,
            );
        };
        let good = r#"{"device":"Device A","id":9,"data":{"success":true}}"#;
        check(good, Some(("Device A", 9, false)));
        let failed = r#"{"device":"A\"","id":9,"data":{"error":"offline"}}"#;
        check(failed, Some(("A\"", 9, true)));
        check(r#"{"device":"A","id":9}"#, Some(("A", 9, false)));
        for none in [
            "",
            "[]",
            "{}",
            r#"{"device":"A"}"#,
            r#"{"device":1,"id":9}"#,
            r#"{"device":"A","id":"9"}"#,
        ] {
            check(none, None);
        }
        super::tests::check(Adapter::ThingsBoard, "v1/gateway/rpc", good, None);
        super::tests::check(Adapter::Plain, "v1/devices/me/rpc/response/7", "{}", None);
    }
}
