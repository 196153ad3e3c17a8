//! What ThingsBoard answers to requests of devices, as far as it is answered here.
//!
//! | request | answer |
//! |---|---|
//! | `v1/devices/me/attributes/request/7`, `v2/a/req/7` | `v1/devices/me/attributes/response/7`, `v2/a/res/7`: `{}` |
//! | `v1/gateway/attributes/request` with `{"id": 7, "device": "A", …}` | `v1/gateway/attributes/response`: `{"id":7,"device":"A"}` |
//! | `v1/devices/me/rpc/request/7` with the method `getSessionLimits` | `v1/devices/me/rpc/response/7`: no rates, and the size of a message |
//!
//! Nothing that a device said is ever read back from here, and nobody sets shared attributes, so there are none: that is
//! what the empty answers say (`{}` is what ThingsBoard answers where no attribute has the names that were asked for).
//! The gateway of ThingsBoard asks for its limits when it connects, and sends nothing until it knows them.
//!
//! <https://thingsboard.io/docs/reference/mqtt-api/#request-attribute-values-from-the-server>,
//! <https://thingsboard.io/docs/reference/gateway-mqtt-api/#request-attribute-values-from-the-server>

use crate::json;
use crate::take::{Answer, MAX_DEVICE_NAME_BYTES, MAX_MESSAGE_BYTES};

/// The most answers that wait; each is fetched after the message that asked for it.
const MAX_ANSWERS: usize = 8;
/// The most digits of the number of a request.
const MAX_NUMBER_DIGITS: usize = 19;

/// The answers that wait.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    answers: Vec<Answer>,
}

impl Memory {
    pub(crate) fn answers(&mut self, into: &mut Vec<Answer>) {
        into.append(&mut self.answers);
    }

    fn answer(&mut self, topic: String, payload: String) {
        if self.answers.len() < MAX_ANSWERS {
            self.answers.push(Answer {
                topic,
                payload: payload.into_bytes(),
                is_retained: false,
            });
        }
    }

    /// A device sent something to a topic without readings.
    pub(super) fn device_asks(&mut self, topic: &str, payload: &[u8]) {
        let attributes = [
            (
                "v1/devices/me/attributes/request/",
                "v1/devices/me/attributes/response/",
            ),
            ("v2/a/req/", "v2/a/res/"),
        ];
        for (request, response) in attributes {
            if let Some(number) = topic.strip_prefix(request).filter(|it| is_number(it)) {
                self.answer(format!("{response}{number}"), "{}".to_owned());
            }
        }
        let calls = [
            ("v1/devices/me/rpc/request/", "v1/devices/me/rpc/response/"),
            ("v2/r/req/", "v2/r/res/"),
        ];
        for (request, response) in calls {
            let number = topic.strip_prefix(request).filter(|it| is_number(it));
            if let Some(number) = number.filter(|_| asks_for_limits(payload)) {
                let limits = format!(
                    "{{\"maxPayloadSize\":{MAX_MESSAGE_BYTES},\"rateLimits\":{{}},\"gatewayRateLimits\":{{}}}}"
                );
                self.answer(format!("{response}{number}"), limits);
            }
        }
    }

    /// A gateway sent something to a topic without readings.
    pub(super) fn gateway_asks(&mut self, topic: &str, payload: &[u8]) {
        if topic != "v1/gateway/attributes/request" {
            return;
        }
        let Ok([Some(number), Some(device)]) =
            json::text(payload).and_then(|it| json::find(it, ["id", "device"]))
        else {
            return;
        };
        let device = json::string(device).filter(|it| it.len() <= MAX_DEVICE_NAME_BYTES);
        if let Some(device) = device.filter(|_| is_number(number)) {
            let device = json::quoted(&device);
            self.answer(
                "v1/gateway/attributes/response".to_owned(),
                format!("{{\"id\":{number},\"device\":{device}}}"),
            );
        }
    }
}

fn is_number(text: &str) -> bool {
    (1..=MAX_NUMBER_DIGITS).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit())
}

fn asks_for_limits(payload: &[u8]) -> bool {
    let method = json::text(payload).and_then(|it| json::find(it, ["method"]));
    matches!(method, Ok([Some(it)]) if it == "\"getSessionLimits\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(topic: &str, payload: &str, answers: &[(&str, &str)]) {
        let mut memory = Memory::default();
        memory.device_asks(topic, payload.as_bytes());
        memory.gateway_asks(topic, payload.as_bytes());
        let mut given = Vec::new();
        memory.answers(&mut given);
        let given: Vec<_> = given
            .iter()
            .map(|it| (it.topic.as_str(), std::str::from_utf8(&it.payload).unwrap()))
            .collect();
        assert_eq!(given, answers, "{topic}");
    }

    #[test]
    fn a_device_that_asks_for_attributes_learns_that_there_are_none() {
        let asked = r#"{"clientKeys":"attribute1","sharedKeys":"fw_title,fw_version"}"#;
        check(
            "v1/devices/me/attributes/request/1",
            asked,
            &[("v1/devices/me/attributes/response/1", "{}")],
        );
        check("v2/a/req/42", asked, &[("v2/a/res/42", "{}")]);
        for topic in [
            "v1/devices/me/attributes/request/",
            "v1/devices/me/attributes/request/+",
            "v1/devices/me/attributes/request/1/2",
            "v1/devices/me/attributes/request/12345678901234567890",
            "v1/devices/me/claim",
        ] {
            check(topic, asked, &[]);
        }
    }

    #[test]
    fn a_gateway_learns_the_same_of_its_devices() {
        let topic = "v1/gateway/attributes/request";
        check(
            topic,
            r#"{"id":7,"device":"Meter \"A\"","client":true,"key":"model"}"#,
            &[(
                "v1/gateway/attributes/response",
                r#"{"id":7,"device":"Meter \"A\""}"#,
            )],
        );
        for payload in ["", "[]", "{}", r#"{"id":"x","device":"A"}"#, r#"{"id":1}"#] {
            check(topic, payload, &[]);
        }
    }

    #[test]
    fn a_gateway_learns_its_limits_when_it_starts_and_no_other_call_is_answered() {
        let limits = r#"{"maxPayloadSize":262144,"rateLimits":{},"gatewayRateLimits":{}}"#;
        check(
            "v1/devices/me/rpc/request/1",
            r#"{"method":"getSessionLimits","params":{"timeout":5000}}"#,
            &[("v1/devices/me/rpc/response/1", limits)],
        );
        check(
            "v1/devices/me/rpc/request/2",
            r#"{"method":"getCurrentTime","params":{}}"#,
            &[],
        );
    }

    #[test]
    fn answers_that_nobody_fetches_are_bounded() {
        let mut memory = Memory::default();
        for number in 0..100 {
            memory.device_asks(&format!("v2/a/req/{number}"), b"{}");
        }
        assert_eq!(memory.answers.len(), MAX_ANSWERS);
    }
}
