//! CoAP over real UDP sockets, also with a client of another library.

mod bad_network;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use coap::UdpCoAPClient;
use coap::request::{CoapOption, CoapRequest, Method, Packet, RequestBuilder};
use custody::{ActError, Token, Transport};
use gateway::{
    Clock, CoapListener, CoapOptions, Counter, Counters, Guard, Limits, PlainReach, serve_coap,
};
use model::{DeploymentId, LicenceState, ThingId, Timestamp};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fixture::House;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const PATIENCE: Duration = Duration::from_secs(30);
/// How long silence is listened to.
const SILENCE: Duration = Duration::from_millis(300);

struct Station {
    house: House,
    address: SocketAddr,
    counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Station {
    fn new(limits: Limits) -> Self {
        let house = House::new();
        let listener = CoapListener::bind(local(), PlainReach::Private).unwrap();
        let address = listener.local_address();
        let counters = Arc::new(Counters::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let limits = Arc::new(limits);
        let options = CoapOptions {
            guard: Guard::new(Arc::clone(&limits)),
            limits,
            clock: Clock::start(),
            codecs: None,
        };
        let task = tokio::spawn(serve_coap(
            listener,
            house.custody.clone(),
            options,
            Arc::clone(&counters),
            async move {
                let _ = stopped.await;
            },
        ));
        Self {
            house,
            address,
            counters,
            stop: Some(stop),
            task,
        }
    }

    async fn client(&self) -> Client {
        Client::new(self.address).await
    }

    fn query(&self) -> [String; 2] {
        let token = self.house.tokens.box_1.expose_secret();
        ["u=box-1".to_owned(), format!("t={token}")]
    }

    /// A POST of the first thing, with a number and options of its own.
    fn post(&self, kind: u8, id: u16, options: &[(u16, &[u8])], payload: &[u8]) -> Vec<u8> {
        let query = self.query();
        let mut all: Vec<(u16, &[u8])> = vec![(11, b"ingest"), (11, b"v1")];
        all.extend(query.iter().map(|it| (15, it.as_bytes())));
        all.extend_from_slice(options);
        datagram(kind, 2, id, &all, payload)
    }

    fn count(&self, counter: Counter) -> u64 {
        self.counters.value(counter)
    }

    fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.counters
            .snapshot()
            .into_iter()
            .filter(|(counter, value)| counter.is_refusal() && *value > 0)
            .map(|(counter, value)| (counter.name(), value))
            .collect()
    }
}

fn local() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A message with the token `tk`; kind 0 is a CON, 1 a NON.
fn datagram(kind: u8, code: u8, id: u16, options: &[(u16, &[u8])], payload: &[u8]) -> Vec<u8> {
    let mut packet = Packet::new();
    for (number, value) in options {
        packet.add_option(CoapOption::from(*number), value.to_vec());
    }
    packet.set_token(b"tk".to_vec());
    packet.header.code = code.into();
    packet.header.message_id = id;
    packet.payload = payload.to_vec();
    let mut bytes = packet.to_bytes_unlimited().unwrap();
    bytes[0] = 0x42 | kind << 4;
    bytes
}

struct Client {
    socket: UdpSocket,
}

impl Client {
    async fn new(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind(local()).await.unwrap();
        socket.connect(server).await.unwrap();
        Self { socket }
    }

    async fn send(&self, datagram: &[u8]) {
        self.socket.send(datagram).await.unwrap();
    }

    async fn hear(&self) -> Vec<u8> {
        let mut buffer = [0; 4_096];
        let received = tokio::time::timeout(PATIENCE, self.socket.recv(&mut buffer)).await;
        let length = received.expect("no answer").unwrap();
        buffer[..length].to_vec()
    }

    async fn ask(&self, datagram: &[u8]) -> Vec<u8> {
        self.send(datagram).await;
        self.hear().await
    }

    /// Asserts the type, the code, the number and the token of an answer.
    async fn check(&self, datagram: &[u8], kind: u8, code: &str) -> Packet {
        let answer = self.ask(datagram).await;
        let packet = Packet::from_bytes(&answer).unwrap();
        assert_eq!(
            packet.header.get_code(),
            code,
            "{:?}",
            String::from_utf8_lossy(&packet.payload)
        );
        assert_eq!(answer[0] >> 4 & 3, kind, "{answer:02x?}");
        assert_eq!(packet.get_token(), b"tk");
        if kind == 2 {
            assert_eq!(answer[2..4], datagram[2..4], "it acknowledges that message");
        }
        packet
    }

    async fn is_silent(&self) -> bool {
        let mut buffer = [0; 4_096];
        let received = tokio::time::timeout(SILENCE, self.socket.recv(&mut buffer)).await;
        received.is_err()
    }
}

#[tokio::test]
async fn a_message_is_answered_in_its_acknowledgement_once_it_is_kept() {
    let station = Station::new(Limits::default());
    let client = station.client().await;
    let before = station.house.custody.durable();
    let answer = client
        .check(&station.post(0, 7, &[], br#"{"dust":1}"#), 2, "2.04")
        .await;
    assert!(answer.payload.is_empty());
    assert!(station.house.custody.durable() > before);
    // PUT, and a NON.
    client
        .check(&station.post(1, 8, &[], br#"{"dust":2}"#), 1, "2.04")
        .await;
    let mut put = station.post(0, 9, &[(12, b"\x32")], br#"{"dust":3}"#);
    put[1] = 3;
    client.check(&put, 2, "2.04").await;
    assert_eq!(station.count(Counter::PublishesAccepted), 3);
    assert!(station.refusals().is_empty());
    let came = station
        .house
        .custody
        .transport_of(&ThingId::parse("box-1").unwrap());
    assert_eq!(came.map(|it| it.0), Some(Transport::Local));
}

/// RFC 7252 section 4.5.
#[tokio::test]
async fn a_copy_of_a_con_gets_the_same_answer_and_a_copy_of_a_non_gets_none() {
    let station = Station::new(Limits::default());
    let client = station.client().await;
    let request = station.post(0, 7, &[], br#"{"dust":1}"#);
    let first = client.ask(&request).await;
    assert_eq!(client.ask(&request).await, first);
    let non = station.post(1, 8, &[], br#"{"dust":1}"#);
    client.ask(&non).await;
    client.send(&non).await;
    assert!(client.is_silent().await);
    assert_eq!(station.count(Counter::PublishesAccepted), 2);
    assert_eq!(station.count(Counter::CoapDuplicates), 2);
    // The same number from another port is another message.
    station.client().await.ask(&request).await;
    assert_eq!(station.count(Counter::PublishesAccepted), 3);
}

#[tokio::test]
async fn what_is_refused_says_why_and_moves_one_counter() {
    let station = Station::new(Limits::default());
    let client = station.client().await;
    let health = station.house.tokens.health_office.expose_secret();
    let wrong = |query: &[(u16, &[u8])]| {
        let all = [[(11, b"ingest".as_slice()), (11, b"v1")].as_slice(), query].concat();
        datagram(0, 2, 7, &all, b"{}")
    };
    client.check(&wrong(&[]), 2, "4.01").await;
    client
        .check(
            &wrong(&[(15, b"u=box-1"), (15, b"t=shibboleth")]),
            2,
            "4.01",
        )
        .await;
    let recipient = format!("t={health}");
    client
        .check(
            &wrong(&[(15, b"u=health-office"), (15, recipient.as_bytes())]),
            2,
            "4.03",
        )
        .await;
    client
        .check(&station.post(0, 8, &[(9, b"x")], b"{}"), 2, "4.02")
        .await;
    client
        .check(
            &datagram(0, 1, 9, &[(6, b""), (11, b"ingest"), (11, b"v1")], b""),
            2,
            "4.05",
        )
        .await;
    client
        .check(&datagram(0, 2, 10, &[(11, b"x")], b""), 2, "4.04")
        .await;
    client
        .check(&station.post(0, 11, &[(12, b"\x2a")], b"{}"), 2, "4.15")
        .await;
    let unread = client
        .check(&station.post(0, 12, &[], b"shibboleth"), 2, "4.22")
        .await;
    let said = String::from_utf8(unread.payload).unwrap();
    assert!(!said.is_empty() && !said.contains("shibboleth"), "{said}");
    assert_eq!(
        station.refusals(),
        [
            ("bad_credentials", 2),
            ("publishes_not_allowed", 1),
            ("publishes_malformed", 1),
            ("unsupported_media_type", 1),
            ("coap_requests_refused", 3),
        ]
    );
    station.house.set_licence(LicenceState::Suspended);
    client
        .check(&station.post(0, 13, &[], br#"{"dust":1}"#), 2, "4.03")
        .await;
    assert_eq!(station.count(Counter::PublishesUnlicensed), 1);
}

/// RFC 7252 sections 4.2, 4.3, 5.4.1.
#[tokio::test]
async fn what_cannot_be_answered_is_reset_or_passed_over_in_silence() {
    let station = Station::new(Limits::default());
    let client = station.client().await;
    for (con, what) in [
        (b"\x40\0\x12\x34".as_slice(), "a ping"),
        (b"\x40\x02\x12\x34\xff", "a format error"),
        (b"\x40\x45\x12\x34", "a response to nothing"),
        (b"\x40\xe1\x12\x34", "a reserved class"),
    ] {
        assert_eq!(client.ask(con).await, b"\x70\0\x12\x34", "{what}");
    }
    let unknown_critical = station.post(1, 7, &[(9, b"x")], b"{}");
    for silent in [
        b"".as_slice(),
        b"\x40",
        b"\x80\x02\x12\x34",
        b"\x50\0\x12\x34",
        b"\x50\x02\x12\x34\xff",
        b"\x50\x45\x12\x34",
        b"\x60\0\x12\x34",
        b"\x70\0\x12\x34",
        b"\x60\x02\x12\x34\xff",
        unknown_critical.as_slice(),
    ] {
        client.send(silent).await;
    }
    assert!(client.is_silent().await);
    assert_eq!(station.count(Counter::CoapMalformed), 3 + 7);
}

/// RFC 7252 section 11.3.
#[tokio::test]
async fn a_stranger_gets_no_more_bytes_than_they_sent() {
    let station = Station::new(Limits::default());
    let client = station.client().await;
    let paths: [&[(u16, &[u8])]; 5] = [
        &[],
        &[(11, b"ingest"), (11, b"v1")],
        &[(11, b"x"), (9, b"")],
        &[(11, b"ingest"), (11, b"v1"), (27, b"\x07")],
        &[(11, b".well-known"), (11, b"core")],
    ];
    for options in paths {
        for code in [1, 2, 4] {
            let request = datagram(0, code, 7, options, b"");
            let answer = client.ask(&request).await;
            assert!(
                answer.len() <= request.len(),
                "{request:02x?} {answer:02x?}"
            );
        }
    }
}

#[tokio::test]
async fn wrong_tokens_in_a_row_are_not_looked_at_any_more() {
    let station = Station::new(Limits {
        counts_loopback: true,
        ..Limits::default()
    });
    let client = station.client().await;
    let mut answers = Vec::new();
    for id in 0..40 {
        let options: [(u16, &[u8]); 4] = [
            (11, b"ingest"),
            (11, b"v1"),
            (15, b"u=box-1"),
            (15, b"t=guess"),
        ];
        let answer = client.ask(&datagram(0, 2, id, &options, b"{}")).await;
        answers.push(Packet::from_bytes(&answer).unwrap().header.get_code());
    }
    assert_eq!(answers[0], "4.01");
    assert!(answers.contains(&"4.29".to_owned()), "{answers:?}");
    assert_eq!(station.count(Counter::BadCredentials), 40);
}

#[tokio::test]
async fn more_than_an_address_may_send_is_not_looked_at() {
    let station = Station::new(Limits {
        counts_loopback: true,
        ..Limits::default()
    });
    let client = station.client().await;
    for _ in 0..4_000 {
        client.send(b"\x60\0\x12\x34").await;
    }
    let answered = async { while client.ask(b"\x40\0\x12\x34").await != b"\x70\0\x12\x34" {} };
    // What comes within a second after that many is lost; later somebody is there again.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    tokio::time::timeout(PATIENCE, answered).await.unwrap();
    assert!(station.count(Counter::CoapTooFast) > 0);
}

/// RFC 8516, RFC 7252 section 5.10.5.
#[tokio::test]
async fn a_thing_that_sends_too_fast_is_told_when_to_try_again() {
    let limits = Limits {
        publishes_per_second: 1,
        ..Limits::default()
    };
    let station = Station::new(limits);
    let client = station.client().await;
    client
        .check(&station.post(0, 1, &[], br#"{"dust":1}"#), 2, "2.04")
        .await;
    let second = client
        .check(&station.post(0, 2, &[], br#"{"dust":1}"#), 2, "4.29")
        .await;
    assert_eq!(second.get_first_option(CoapOption::MaxAge), Some(&vec![1]));
    assert_eq!(station.refusals(), [("publishes_too_fast", 1)]);
}

/// RFC 7959 section 3.2.
#[tokio::test]
async fn a_message_in_pieces_is_one_message_and_a_lost_piece_is_asked_for() {
    let station = Station::new(Limits::default());
    let client = station.client().await;
    let message = br#"{"dust": 1, "padding": "0123456789"}"#;
    let piece = |id: u16, number: u8, more: u8| {
        let at = usize::from(number) * 16;
        let bytes = &message[at..message.len().min(at + 16)];
        station.post(0, id, &[(27, &[number << 4 | more << 3])], bytes)
    };
    let first = client.check(&piece(1, 0, 1), 2, "2.31").await;
    assert_eq!(
        first.get_first_option(CoapOption::Block1),
        Some(&vec![0x08])
    );
    client.check(&piece(2, 2, 0), 2, "4.08").await;
    client.check(&piece(3, 0, 1), 2, "2.31").await;
    client.check(&piece(4, 1, 1), 2, "2.31").await;
    client.check(&piece(4, 1, 1), 2, "2.31").await;
    let last = client.check(&piece(5, 2, 0), 2, "2.04").await;
    assert_eq!(last.get_first_option(CoapOption::Block1), Some(&vec![0x20]));
    assert_eq!(station.count(Counter::PublishesAccepted), 1);
    assert_eq!(station.refusals(), [("coap_transfers_refused", 1)]);
}

/// RFC 7252 section 4.6, RFC 7959 section 2.9.3.
#[tokio::test]
async fn a_datagram_or_a_message_that_is_too_long_is_4_13() {
    let limits = Limits {
        max_packet_bytes: 1_024,
        ..Limits::default()
    };
    let station = Station::new(limits);
    let client = station.client().await;
    let long = client
        .check(&station.post(0, 1, &[], &[b' '; 3_000]), 2, "4.13")
        .await;
    assert_eq!(long.get_first_option(CoapOption::Block1), Some(&vec![6]));
    let announced = station.post(0, 2, &[(27, b"\x08"), (60, b"\x04\x01")], &[b' '; 16]);
    let announced = client.check(&announced, 2, "4.13").await;
    assert_eq!(
        announced.get_first_option(CoapOption::Size1),
        Some(&vec![4, 0])
    );
    assert_eq!(
        station.refusals(),
        [("oversized_packets", 1), ("publishes_too_large", 1)]
    );
}

#[tokio::test]
async fn a_device_of_thingsboard_is_answered_as_there() {
    let station = Station::new(Limits::default());
    let thing = ThingId::parse("tb-1").unwrap();
    let token = adapted(&station.house, &thing, "thingsboard");
    let client = station.client().await;
    let shown = format!("tb-1:{}", token.expose_secret());
    let path = |last: &'static str| {
        [b"api".as_slice(), b"v1", shown.as_bytes(), last.as_bytes()].map(|it| (11, it))
    };
    let before = station.house.custody.durable();
    let telemetry = datagram(0, 2, 1, &path("telemetry"), br#"{"dust": 4.5}"#);
    client.check(&telemetry, 2, "2.01").await;
    assert!(station.house.custody.durable() > before);
    client
        .check(
            &datagram(0, 2, 2, &path("attributes"), br#"{"dust": 5}"#),
            2,
            "2.01",
        )
        .await;
    client
        .check(&datagram(0, 2, 3, &path("rpc"), b"{}"), 2, "4.04")
        .await;
    client
        .check(&datagram(0, 1, 4, &path("attributes"), b""), 2, "4.05")
        .await;
}

fn adapted(house: &House, thing: &ThingId, adapter: &str) -> Token {
    let deployment = DeploymentId::parse("mall-road").unwrap();
    house
        .custody
        .act(NOW, |act| {
            let token = act.register_thing(thing, &deployment)?;
            act.set_adapter(thing, Some(adapter))?;
            Ok::<_, ActError>(token)
        })
        .unwrap()
}

/// A request of another library's client, which sends messages over 1,024 bytes in pieces.
fn theirs(station: &Station, payload: Vec<u8>, confirmable: bool) -> CoapRequest<SocketAddr> {
    let query = station.query().map(String::into_bytes).to_vec();
    RequestBuilder::new("/ingest/v1", Method::Post)
        .queries(query)
        .confirmable(confirmable)
        .data(Some(payload))
        .build()
}

#[tokio::test]
async fn a_client_of_another_library_sends_short_and_long_messages() {
    let station = Station::new(Limits::default());
    let client = UdpCoAPClient::new(station.address).await.unwrap();
    for confirmable in [true, false] {
        let answer = client
            .send(theirs(&station, br#"{"dust": 1}"#.to_vec(), confirmable))
            .await
            .unwrap();
        assert_eq!(answer.message.header.get_code(), "2.04");
    }
    let long = format!(r#"{{"dust": 1, "padding": "{}"}}"#, "x".repeat(20_000));
    let answer = client
        .send(theirs(&station, long.into_bytes(), true))
        .await
        .unwrap();
    assert_eq!(answer.message.header.get_code(), "2.04");
    assert_eq!(station.count(Counter::PublishesAccepted), 3);
    assert!(station.refusals().is_empty());
}

#[tokio::test]
async fn it_listens_on_private_addresses_only_unless_told_and_stops_when_told() {
    let everywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let refused = CoapListener::bind(everywhere, PlainReach::Private).unwrap_err();
    assert!(refused.to_string().contains("0.0.0.0:0"), "{refused}");
    assert!(CoapListener::bind(everywhere, PlainReach::DangerPlainAnywhere).is_ok());
    let mut station = Station::new(Limits::default());
    let taken = CoapListener::bind(station.address, PlainReach::Private).unwrap_err();
    assert!(taken.to_string().contains(&station.address.to_string()));
    station.stop.take().unwrap().send(()).unwrap();
    tokio::time::timeout(PATIENCE, station.task)
        .await
        .unwrap()
        .unwrap();
    assert!(CoapListener::bind(station.address, PlainReach::Private).is_ok());
}
