//! A person's own MQTT broker: MQTT 3.1.1 over TLS, each reading one PUBLISH with QoS 1.
//!
//! One connection a parcel. At most [`WINDOW`] publishes wait for their PUBACK; the parcel is delivered when every one has come.

use custody::{Broker, Contents, FailureClass, Parcel};
use mqtt_proto::{Protocol, v3};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::dial::Dialer;
use crate::mqtt::{Framed, Outgoing, Terms, Version, encode_publish, frame};

/// Publishes that wait for their PUBACK: fewer than brokers commonly take.
const WINDOW: u16 = 16;
/// The longest packet that a broker may send us: answers are short.
const MAX_ANSWER_BYTES: u32 = 1_024;
const KEEP_ALIVE_SECONDS: u16 = 60;
/// The topic parts of a check, where readings have deployment and thing.
const CHECK: [&str; 2] = ["amanat-check", "check"];

/// Sends a parcel.
pub(super) async fn send(
    dialer: &Dialer,
    broker: &Broker,
    parcel: &Parcel,
) -> Result<(), FailureClass> {
    let messages = messages(broker, parcel.contents());
    let stream = dialer.mqtt(&broker.host, broker.port).await?;
    let mut link = Link {
        stream,
        inbox: Vec::new(),
    };
    link.connect(broker, parcel).await?;
    for window in messages.chunks(usize::from(WINDOW)) {
        link.publish(window).await?;
    }
    // What is acknowledged is delivered, whether this arrives or not.
    let _ = link.stream.write_all(&[0xe0, 0x00]).await;
    let _ = link.stream.shutdown().await;
    Ok(())
}

/// Topic and payload of every publish.
fn messages(broker: &Broker, contents: &Contents) -> Vec<(String, Vec<u8>)> {
    match contents {
        Contents::Check { token } => {
            let [deployment, thing] = CHECK;
            let payload = format!(r#"{{"type":"amanat.check","token":"{token}"}}"#);
            vec![(broker.topic_for(deployment, thing), payload.into_bytes())]
        }
        Contents::Readings(readings) => readings
            .iter()
            .map(|it| {
                let mut payload = Vec::with_capacity(it.values.len() + 160);
                it.write_json(&mut payload);
                let topic = broker.topic_for(it.deployment.as_str(), it.thing.as_str());
                (topic, payload)
            })
            .collect(),
    }
}

/// A packet of the broker that we wait for.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Connack(u8),
    Puback(u16),
}

struct Link {
    stream: TlsStream<TcpStream>,
    inbox: Vec<u8>,
}

impl Link {
    async fn connect(&mut self, broker: &Broker, parcel: &Parcel) -> Result<(), FailureClass> {
        let id = parcel.destination().as_str();
        // 23 characters: what every broker must take.
        let client_id = format!("amanat-{}", id.get(..16).unwrap_or_default());
        let mut connect = v3::Connect::new(client_id.into(), KEEP_ALIVE_SECONDS);
        connect.protocol = Protocol::V311;
        if !broker.user.is_empty() {
            connect.username = Some(broker.user.as_str().into());
            let password = parcel.secret().expose_secret().as_bytes();
            connect.password = Some(password.to_vec().into());
        }
        let packet = v3::Packet::Connect(connect).encode();
        let packet = packet.map_err(|_| FailureClass::Protocol)?;
        self.write(packet.as_ref()).await?;
        match self.answer().await? {
            Answer::Connack(0) => Ok(()),
            Answer::Connack(4 | 5) => Err(FailureClass::Credentials),
            Answer::Connack(_) => Err(FailureClass::Refused),
            Answer::Puback(_) => Err(FailureClass::Protocol),
        }
    }

    /// Publishes, and waits until each one is acknowledged.
    async fn publish(&mut self, messages: &[(String, Vec<u8>)]) -> Result<(), FailureClass> {
        let terms = Terms {
            version: Version::V3,
            max_packet_bytes: u32::MAX,
            wants_problems: false,
        };
        let mut out = Vec::new();
        let mut waiting = Vec::new();
        for (packet_id, (topic, payload)) in (1_u16..).zip(messages) {
            let packet = Outgoing {
                topic: topic.as_bytes(),
                qos: 1,
                packet_id: Some(packet_id),
                payload,
                ..Outgoing::default()
            };
            if !encode_publish(packet, terms, &mut out) {
                return Err(FailureClass::Protocol);
            }
            waiting.push(packet_id);
        }
        self.write(&out).await?;
        while !waiting.is_empty() {
            let Answer::Puback(packet_id) = self.answer().await? else {
                return Err(FailureClass::Protocol);
            };
            waiting.retain(|it| *it != packet_id);
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), FailureClass> {
        let written = self.stream.write_all(bytes).await;
        written.map_err(|_| FailureClass::Refused)?;
        let flushed = self.stream.flush().await;
        flushed.map_err(|_| FailureClass::Refused)
    }

    async fn answer(&mut self) -> Result<Answer, FailureClass> {
        loop {
            let framed = frame(&self.inbox, MAX_ANSWER_BYTES);
            if let Framed::Whole(packet) = framed.map_err(|_| FailureClass::Protocol)? {
                let answer = answer_of(packet.first, packet.body);
                self.inbox.drain(..packet.total_bytes);
                return answer.ok_or(FailureClass::Protocol);
            }
            let read = self.stream.read_buf(&mut self.inbox).await;
            if read.map_err(|_| FailureClass::Refused)? == 0 {
                return Err(FailureClass::Refused); // MQTT 3.1.1 says no by hanging up.
            }
        }
    }
}

fn answer_of(first: u8, body: &[u8]) -> Option<Answer> {
    match (first, body) {
        (0x20, [_, code]) => Some(Answer::Connack(*code)),
        (0x40, [high, low]) => Some(Answer::Puback(u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_answers_that_are_waited_for_are_read() {
        assert_eq!(answer_of(0x20, &[0, 5]), Some(Answer::Connack(5)));
        assert_eq!(answer_of(0x40, &[1, 2]), Some(Answer::Puback(258)));
        for (first, body) in [
            (0x20, &[0][..]),
            (0x41, &[0, 1]),
            (0x30, &[0, 1]),
            (0x40, &[0, 1, 0]),
        ] {
            assert_eq!(answer_of(first, body), None);
        }
    }
}
