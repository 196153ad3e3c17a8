//! A client that speaks both versions in whole packets.

use std::time::Duration;

use bytes::Bytes;
use custody::Token;
use mqtt_proto::{QoS, QosPid, TopicFilter, TopicName, v3, v5};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Client<T> {
    transport: T,
    unread: Vec<u8>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    pub(crate) fn new(transport: T) -> Self {
        Self {
            transport,
            unread: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.transport.write_all(bytes).await.unwrap();
        self.transport.flush().await.unwrap();
    }

    /// Sends as much as the server takes before it closes the connection.
    pub(crate) async fn send_what_is_taken(&mut self, bytes: &[u8]) {
        let _ = self.transport.write_all(bytes).await;
    }

    pub(crate) async fn send_v5(&mut self, packet: impl Into<v5::Packet>) {
        self.send(packet.into().encode().unwrap().as_ref()).await;
    }

    pub(crate) async fn send_v3(&mut self, packet: impl Into<v3::Packet>) {
        self.send(packet.into().encode().unwrap().as_ref()).await;
    }

    /// The next packet; nothing when the server has closed the connection.
    pub(crate) async fn next_v5(&mut self) -> Option<v5::Packet> {
        loop {
            if let Some(packet) = v5::Packet::decode(&self.unread).unwrap() {
                self.unread.drain(..packet.encode_len().unwrap());
                return Some(packet);
            }
            self.read_more().await?;
        }
    }

    pub(crate) async fn next_v3(&mut self) -> Option<v3::Packet> {
        loop {
            if let Some(packet) = v3::Packet::decode(&self.unread).unwrap() {
                self.unread.drain(..packet.encode_len().unwrap());
                return Some(packet);
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Option<()> {
        let mut buffer = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, self.transport.read(&mut buffer))
            .await
            .expect("nothing came");
        match read {
            Ok(count) if count > 0 => {
                self.unread.extend_from_slice(&buffer[..count]);
                Some(())
            }
            Ok(_) | Err(_) => None,
        }
    }

    pub(crate) async fn connect_v5(&mut self, client_id: &str, user_name: &str, token: &Token) {
        let mut packet = v5::Connect::new(client_id.into(), 60);
        packet.username = Some(user_name.into());
        packet.password = Some(password(token));
        self.send_v5(packet).await;
        match self.next_v5().await.unwrap() {
            v5::Packet::Connack(it) => {
                assert_eq!(it.reason_code, v5::ConnectReasonCode::Success);
            }
            it => panic!("no CONNACK: {it:?}"),
        }
    }

    pub(crate) async fn connect_v3(&mut self, client_id: &str, user_name: &str, token: &Token) {
        let mut packet = v3::Connect::new(client_id.into(), 60);
        packet.username = Some(user_name.into());
        packet.password = Some(password(token));
        self.send_v3(packet).await;
        match self.next_v3().await.unwrap() {
            v3::Packet::Connack(it) => assert_eq!(it.code, v3::ConnectReturnCode::Accepted),
            it => panic!("no CONNACK: {it:?}"),
        }
    }

    /// Subscribes to one filter and gives the reason code.
    pub(crate) async fn subscribe_v5(&mut self, filter: &str, purpose: Option<&str>) -> u8 {
        let options = v5::SubscriptionOptions::new(QoS::Level1);
        let filter = TopicFilter::try_from(filter).unwrap();
        let mut packet = v5::Subscribe::new(1.try_into().unwrap(), vec![(filter, options)]);
        packet.properties.user_properties = purpose
            .map(|it| v5::UserProperty {
                name: "purpose".into(),
                value: it.into(),
            })
            .into_iter()
            .collect();
        self.send_v5(packet).await;
        match self.next_v5().await.unwrap() {
            v5::Packet::Suback(it) => it.topics[0] as u8,
            it => panic!("no SUBACK: {it:?}"),
        }
    }

    pub(crate) async fn subscribe_v3(&mut self, filter: &str) -> v3::SubscribeReturnCode {
        let filter = TopicFilter::try_from(filter).unwrap();
        let filters = vec![(filter, QoS::Level0)];
        self.send_v3(v3::Subscribe::new(1.try_into().unwrap(), filters))
            .await;
        match self.next_v3().await.unwrap() {
            v3::Packet::Suback(it) => it.topics[0],
            it => panic!("no SUBACK: {it:?}"),
        }
    }

    /// Publishes with QoS 1 and gives the reason code of the PUBACK.
    pub(crate) async fn publish_v5(&mut self, packet_id: u16, payload: &str) -> u8 {
        self.send(&publish_v5(packet_id, payload)).await;
        match self.next_v5().await.unwrap() {
            v5::Packet::Puback(it) => {
                assert_eq!(it.pid.value(), packet_id);
                it.reason_code as u8
            }
            it => panic!("no PUBACK: {it:?}"),
        }
    }

    /// The reason code of the DISCONNECT that ends the connection.
    pub(crate) async fn disconnected_v5(&mut self) -> u8 {
        let code = match self.next_v5().await.unwrap() {
            v5::Packet::Disconnect(it) => it.reason_code as u8,
            it => panic!("no DISCONNECT: {it:?}"),
        };
        assert_eq!(self.next_v5().await, None);
        code
    }
}

pub(crate) fn password(token: &Token) -> Bytes {
    Bytes::copy_from_slice(token.expose_secret().as_bytes())
}

pub(crate) fn publish_v5(packet_id: u16, payload: &str) -> Vec<u8> {
    let topic = TopicName::try_from("any/topic/at/all").unwrap();
    let qos = QosPid::Level1(packet_id.try_into().unwrap());
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    let packet = v5::Packet::from(v5::Publish::new(qos, topic, payload));
    packet.encode().unwrap().as_ref().to_vec()
}

pub(crate) fn publish_v3(packet_id: u16, payload: &str) -> v3::Publish {
    let topic = TopicName::try_from("any/topic/at/all").unwrap();
    let qos = QosPid::Level1(packet_id.try_into().unwrap());
    v3::Publish::new(qos, topic, Bytes::copy_from_slice(payload.as_bytes()))
}
