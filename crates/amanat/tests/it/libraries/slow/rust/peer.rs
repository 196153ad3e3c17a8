//! One connection of rumqttc, of either version.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rumqttc::v5::mqttbytes::v5 as five;
use rumqttc::{Event, Packet, QoS, TlsConfiguration, Transport};
use rustls::ClientConfig;

use crate::harness::PATIENCE;

/// How long a connection may be quiet before it is asked whether it shall end.
const TURN: Duration = Duration::from_millis(50);
/// How many requests may wait.
const REQUESTS: usize = 32;

/// Who connects where, and how.
pub(super) struct Options {
    pub(super) is_v5: bool,
    pub(super) id: String,
    pub(super) server: SocketAddr,
    pub(super) credentials: Option<(&'static str, String)>,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) keeps: bool,
    pub(super) will: Option<String>,
}

/// A message as it came.
pub(super) struct Delivery {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) qos: u8,
    pub(super) is_retained: bool,
}

/// What a connection says.
enum Seen {
    Connected { had_session: bool },
    Subscribed(Option<u8>),
    Acknowledged,
    Delivery(Delivery),
    Left,
    Nothing,
    Failed(String),
}

/// A client with what came to it; dropping it leaves the connection open until the process ends.
pub(super) struct Peer {
    client: Client,
    /// Whether the server had a session for it.
    pub(super) had_session: bool,
    answers: Receiver<Seen>,
    deliveries: Receiver<Delivery>,
    ends: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

enum Client {
    Three(rumqttc::Client),
    Five(rumqttc::v5::Client),
}

enum Connection {
    Three(Box<rumqttc::Connection>),
    Five(Box<rumqttc::v5::Connection>),
}

fn qos(level: u8) -> QoS {
    rumqttc::qos(level).unwrap()
}

fn qos_v5(level: u8) -> rumqttc::v5::mqttbytes::QoS {
    rumqttc::v5::mqttbytes::qos(level).unwrap()
}

fn open_three(options: Options) -> (Client, Connection) {
    let Options { id, server, .. } = options;
    let mut all = rumqttc::MqttOptions::new(id, server.ip().to_string(), server.port());
    if let Some((name, password)) = options.credentials {
        all.set_credentials(name, password);
    }
    if let Some(tls) = options.tls {
        all.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)));
    }
    if let Some(will) = options.will {
        let will = rumqttc::LastWill::new("tele/gone", will, QoS::AtLeastOnce, false);
        all.set_last_will(will);
    }
    all.set_clean_session(!options.keeps);
    let (client, connection) = rumqttc::Client::new(all, REQUESTS);
    (
        Client::Three(client),
        Connection::Three(Box::new(connection)),
    )
}

fn open_five(options: Options) -> (Client, Connection) {
    let Options { id, server, .. } = options;
    let mut all = rumqttc::v5::MqttOptions::new(id, server.ip().to_string(), server.port());
    if let Some((name, password)) = options.credentials {
        all.set_credentials(name, password);
    }
    if let Some(tls) = options.tls {
        all.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)));
    }
    if let Some(will) = options.will {
        let will = five::LastWill::new("tele/gone", will, qos_v5(1), false, None);
        all.set_last_will(will);
    }
    all.set_clean_start(!options.keeps);
    all.set_session_expiry_interval(Some(if options.keeps { 600 } else { 0 }));
    let (client, connection) = rumqttc::v5::Client::new(all, REQUESTS);
    (Client::Five(client), Connection::Five(Box::new(connection)))
}

impl Connection {
    /// What comes within one turn.
    fn next(&mut self) -> Seen {
        match self {
            Self::Three(it) => match it.recv_timeout(TURN) {
                Ok(Ok(event)) => seen_three(event),
                Ok(Err(err)) => Seen::Failed(err.to_string()),
                Err(_) => Seen::Nothing,
            },
            Self::Five(it) => match it.recv_timeout(TURN) {
                Ok(Ok(event)) => seen_five(event),
                Ok(Err(err)) => Seen::Failed(err.to_string()),
                Err(_) => Seen::Nothing,
            },
        }
    }
}

fn seen_three(event: Event) -> Seen {
    match event {
        Event::Incoming(Packet::ConnAck(it)) => Seen::Connected {
            had_session: it.session_present,
        },
        Event::Incoming(Packet::SubAck(it)) => Seen::Subscribed(match it.return_codes[..] {
            [rumqttc::SubscribeReasonCode::Success(qos)] => Some(qos as u8),
            _ => None,
        }),
        Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_)) => Seen::Acknowledged,
        Event::Incoming(Packet::Publish(it)) => Seen::Delivery(Delivery {
            topic: it.topic,
            payload: it.payload.to_vec(),
            qos: it.qos as u8,
            is_retained: it.retain,
        }),
        Event::Outgoing(rumqttc::Outgoing::Disconnect) => Seen::Left,
        _ => Seen::Nothing,
    }
}

fn seen_five(event: rumqttc::v5::Event) -> Seen {
    use rumqttc::v5::Event;
    match event {
        Event::Incoming(five::Packet::ConnAck(it)) => Seen::Connected {
            had_session: it.session_present,
        },
        Event::Incoming(five::Packet::SubAck(it)) => Seen::Subscribed(match it.return_codes[..] {
            [five::SubscribeReasonCode::Success(qos)] => Some(qos as u8),
            _ => None,
        }),
        Event::Incoming(five::Packet::PubAck(_) | five::Packet::PubComp(_)) => Seen::Acknowledged,
        Event::Incoming(five::Packet::Publish(it)) => Seen::Delivery(Delivery {
            topic: String::from_utf8(it.topic.to_vec()).unwrap(),
            payload: it.payload.to_vec(),
            qos: it.qos as u8,
            is_retained: it.retain,
        }),
        Event::Outgoing(rumqttc::Outgoing::Disconnect) => Seen::Left,
        _ => Seen::Nothing,
    }
}

/// Drives the connection until it ends or shall end; it is gone then, with or without DISCONNECT.
fn drive(
    mut connection: Connection,
    ends: &AtomicBool,
    answers: &Sender<Seen>,
    into: &Sender<Delivery>,
) {
    while !ends.load(Ordering::SeqCst) {
        match connection.next() {
            Seen::Nothing => {}
            Seen::Delivery(it) => drop(into.send(it)),
            last @ (Seen::Left | Seen::Failed(_)) => return drop(answers.send(last)),
            answer => drop(answers.send(answer)),
        }
    }
}

impl Peer {
    /// Connects, and waits until it is let in.
    #[track_caller]
    pub(super) fn connect(options: Options) -> Self {
        let (client, connection) = match options.is_v5 {
            true => open_five(options),
            false => open_three(options),
        };
        let (say, answers) = channel();
        let (deliver, deliveries) = channel();
        let ends = Arc::new(AtomicBool::new(false));
        let its_ends = Arc::clone(&ends);
        let thread = thread::spawn(move || drive(connection, &its_ends, &say, &deliver));
        let mut peer = Self {
            client,
            had_session: false,
            answers,
            deliveries,
            ends,
            thread,
        };
        match peer.answer() {
            Seen::Connected { had_session } => peer.had_session = had_session,
            _ => panic!("something came before CONNACK"),
        }
        peer
    }

    #[track_caller]
    fn answer(&self) -> Seen {
        match self.answers.recv_timeout(PATIENCE) {
            Ok(Seen::Failed(why)) => panic!("the connection failed: {why}"),
            Ok(answer) => answer,
            Err(err) => panic!("no answer came: {err}"),
        }
    }

    /// Subscribes, with a purpose in a user property of MQTT 5; gives what was granted.
    #[track_caller]
    pub(super) fn subscribe(&self, filter: &str, level: u8, purpose: Option<&str>) -> Option<u8> {
        match &self.client {
            Client::Three(it) => it.subscribe(filter, qos(level)).unwrap(),
            Client::Five(it) => {
                let property = |it: &str| ("purpose".to_owned(), it.to_owned());
                let properties = five::SubscribeProperties {
                    id: None,
                    user_properties: purpose.map(property).into_iter().collect(),
                };
                it.subscribe_with_properties(filter, qos_v5(level), properties)
                    .unwrap();
            }
        }
        match self.answer() {
            Seen::Subscribed(granted) => granted,
            _ => panic!("something else came than SUBACK"),
        }
    }

    /// Publishes; with QoS 1 and 2 it waits until the server has the message.
    #[track_caller]
    pub(super) fn publish(&self, payload: &str, level: u8, retain: bool) {
        let topic = "tele/sensor";
        match &self.client {
            Client::Three(it) => it.publish(topic, qos(level), retain, payload).unwrap(),
            Client::Five(it) => it
                .publish(topic, qos_v5(level), retain, payload.to_owned())
                .unwrap(),
        }
        if level > 0 {
            assert!(matches!(self.answer(), Seen::Acknowledged));
        }
    }

    /// The next message.
    #[track_caller]
    pub(super) fn next(&self) -> Delivery {
        match self.deliveries.recv_timeout(PATIENCE) {
            Ok(delivery) => delivery,
            Err(err) => panic!("no message came: {err}"),
        }
    }

    /// What came so far and was not looked at.
    pub(super) fn so_far(&self) -> impl Iterator<Item = Delivery> + '_ {
        self.deliveries.try_iter()
    }

    /// Ends the connection with DISCONNECT.
    #[track_caller]
    pub(super) fn leave(self) {
        match &self.client {
            Client::Three(it) => it.disconnect().unwrap(),
            Client::Five(it) => it.disconnect().unwrap(),
        }
        assert!(matches!(self.answer(), Seen::Left));
        self.thread.join().unwrap();
    }

    /// Ends the connection without a word.
    pub(super) fn break_off(self) {
        self.ends.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
    }
}
