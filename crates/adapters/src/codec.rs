//! What a codec is asked, and where its answer goes. Nothing is run here: that is the crate `codec`.
//!
//! A codec stands for what no dialect knows: bytes that only the maker's script can read.
//! With The Things Stack and ChirpStack it reads the bytes of an uplink that the network server did not decode, by the
//! function `decodeUplink` of TS013 (LoRaWAN Payload Codec API); the answer stands where the server's own would stand.
//! With the adapter `codec` it reads whole messages, by `decode({topic, bytes})`; the answer is the message, or an array
//! of `{device, data}` where one connection speaks for several devices.

use std::borrow::Cow;

use serde::de::{SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::json;
use crate::take::{self, AllTaken, TakeError, Taken};
use crate::{Adapter, Uplink, chirpstack, the_things_stack};

/// What is to be asked of a codec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question<'a> {
    /// `decodeUplink({bytes, fPort, recvTime})`.
    Uplink(Uplink<'a>),
    /// `decode({topic, bytes})`.
    Message {
        /// Where it was published.
        topic: &'a str,
        /// What was published.
        bytes: &'a [u8],
    },
}

/// What a codec has to be asked about a message that was taken; nothing when it can be read as it is.
#[must_use]
pub fn question<'a>(
    adapter: Adapter,
    topic: &'a str,
    taken: &'a Taken<'_>,
) -> Option<Question<'a>> {
    match adapter {
        Adapter::TheThingsStack => the_things_stack::undecoded(&taken.body).map(Question::Uplink),
        Adapter::ChirpStack => chirpstack::undecoded(&taken.body).map(Question::Uplink),
        Adapter::Codec => Some(Question::Message {
            topic,
            bytes: &taken.body,
        }),
        _ => None,
    }
}

/// The messages, now that a codec has answered with `data`.
///
/// # Errors
/// When the codec's answer has another form than the dialect needs.
pub fn answered<'r>(
    adapter: Adapter,
    taken: &Taken<'_>,
    data: &str,
) -> Result<AllTaken<'r>, TakeError> {
    let device = taken.device.clone().map(|it| Cow::Owned(it.into_owned()));
    let body = match adapter {
        Adapter::Codec if data.starts_with('[') => return of_devices(data),
        Adapter::Codec => object(data)?.as_bytes().to_vec(),
        Adapter::TheThingsStack => the_things_stack::with_decoded(&taken.body, object(data)?)?,
        Adapter::ChirpStack => chirpstack::with_decoded(&taken.body, object(data)?)?,
        _ => taken.body.to_vec(),
    };
    let mut all = AllTaken::new();
    all.push(Taken {
        device,
        body: Cow::Owned(body),
    });
    Ok(all)
}

fn object(data: &str) -> Result<&str, TakeError> {
    json::members(data, |_, _| Ok(())).map_err(|_| TakeError::Missing("data"))?;
    Ok(data)
}

fn of_devices<'r>(data: &str) -> Result<AllTaken<'r>, TakeError> {
    let mut all = AllTaken::new();
    let mut failure = None;
    let mut reader = serde_json::Deserializer::from_str(data);
    let entries = Entries {
        into: &mut all,
        failure: &mut failure,
    };
    let read = serde::Deserializer::deserialize_seq(&mut reader, entries);
    match (failure, read) {
        (Some(failure), _) => Err(failure),
        (None, Err(_)) => Err(TakeError::NotJson),
        (None, Ok(())) => Ok(all),
    }
}

struct Entries<'f, 'r> {
    into: &'f mut AllTaken<'r>,
    failure: &'f mut Option<TakeError>,
}

impl Entries<'_, '_> {
    fn entry(&mut self, text: &str) -> Result<(), TakeError> {
        if self.into.len() >= take::MAX_DEVICES_OF_A_MESSAGE {
            return Err(TakeError::TooManyDevices);
        }
        let [device, data] = json::find(text, ["device", "data"])?;
        let device = device
            .and_then(json::string)
            .ok_or(TakeError::Missing("device"))?;
        let data = object(data.ok_or(TakeError::Missing("data"))?)?;
        self.into
            .push(take::named(device.into_owned(), data.as_bytes().to_vec())?);
        Ok(())
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(raw) = seq.next_element::<&'de RawValue>()? {
            if let Err(failure) = self.entry(raw.get()) {
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

    fn taken(body: &str) -> Taken<'_> {
        Taken {
            device: Some(Cow::Borrowed("dev1")),
            body: Cow::Borrowed(body.as_bytes()),
        }
    }

    #[track_caller]
    fn check(
        adapter: Adapter,
        body: &str,
        data: &str,
        expected: Result<&[(&str, &str)], TakeError>,
    ) {
        let all = answered(adapter, &taken(body), data).map(|all| {
            all.into_iter()
                .map(|it| {
                    let device = it.device.unwrap_or_default().into_owned();
                    (device, String::from_utf8(it.body.into_owned()).unwrap())
                })
                .collect::<Vec<_>>()
        });
        let expected = expected.map(|all| {
            all.iter()
                .map(|(device, body)| ((*device).to_owned(), (*body).to_owned()))
                .collect::<Vec<_>>()
        });
        assert_eq!(all, expected);
    }

    #[test]
    fn the_bytes_of_an_uplink_are_asked_about_only_when_the_server_did_not_decode_them() {
        let raw = taken(r#"{"time":"2026-01-01T00:00:00Z","fPort":7,"data":"qgE="}"#);
        assert_eq!(
            question(Adapter::ChirpStack, "up", &raw),
            Some(Question::Uplink(Uplink {
                bytes: vec![0xaa, 1],
                f_port: 7,
                received_at: Some(Cow::Borrowed("2026-01-01T00:00:00Z")),
            }))
        );
        let raw = taken(r#"{"uplink_message":{"frm_payload":"qgE="}}"#);
        assert_eq!(
            question(Adapter::TheThingsStack, "", &raw),
            Some(Question::Uplink(Uplink {
                bytes: vec![0xaa, 1],
                f_port: 0,
                received_at: None,
            }))
        );
        for (adapter, body) in [
            (Adapter::ChirpStack, r#"{"data":"qgE=","object":{}}"#),
            (Adapter::ChirpStack, r#"{"data":"!!"}"#),
            (Adapter::ChirpStack, r#"{"data":"qgE=","fPort":256}"#),
            (Adapter::ChirpStack, r#"{"fPort":2}"#),
            (
                Adapter::TheThingsStack,
                r#"{"uplink_message":{"frm_payload":"qgE=","decoded_payload":{}}}"#,
            ),
            (Adapter::TheThingsStack, r#"{"location_solved":{}}"#),
            (Adapter::ThingsBoard, r#"{"data":"qgE="}"#),
        ] {
            assert_eq!(question(adapter, "", &taken(body)), None, "{body}");
        }
        let long = format!(r#"{{"data":"{}"}}"#, "AAAA".repeat(90));
        assert_eq!(question(Adapter::ChirpStack, "up", &taken(&long)), None);
    }

    #[test]
    fn an_answer_stands_where_the_servers_own_would_stand() {
        check(
            Adapter::ChirpStack,
            r#" {"data":"qg==","n":1.50} "#,
            r#"{"t":2}"#,
            Ok(&[("dev1", r#"{"object":{"t":2},"data":"qg==","n":1.50}"#)]),
        );
        check(
            Adapter::TheThingsStack,
            r#"{"end_device_ids":{},"uplink_message":{ }}"#,
            r#"{"t":2}"#,
            Ok(&[(
                "dev1",
                r#"{"end_device_ids":{},"uplink_message":{"decoded_payload":{"t":2} }}"#,
            )]),
        );
        check(
            Adapter::ChirpStack,
            "{}",
            "[1]",
            Err(TakeError::Missing("data")),
        );
    }

    #[test]
    fn a_codec_of_whole_messages_may_speak_for_several_devices() {
        check(
            Adapter::Codec,
            "any bytes",
            r#"{"t":2}"#,
            Ok(&[("dev1", r#"{"t":2}"#)]),
        );
        check(
            Adapter::Codec,
            "",
            r#"[{"device":"a","data":{"t":1}},{"data":{"t":2},"device":"b"}]"#,
            Ok(&[("a", r#"{"t":1}"#), ("b", r#"{"t":2}"#)]),
        );
        check(Adapter::Codec, "", "[]", Ok(&[]));
        check(Adapter::Codec, "", "21", Err(TakeError::Missing("data")));
        check(
            Adapter::Codec,
            "",
            r#"[{"data":{}}]"#,
            Err(TakeError::Missing("device")),
        );
        check(
            Adapter::Codec,
            "",
            r#"[{"device":"a","data":1}]"#,
            Err(TakeError::Missing("data")),
        );
        let many = vec![r#"{"device":"a","data":{}}"#; take::MAX_DEVICES_OF_A_MESSAGE + 1];
        check(
            Adapter::Codec,
            "",
            &format!("[{}]", many.join(",")),
            Err(TakeError::TooManyDevices),
        );
    }
}
