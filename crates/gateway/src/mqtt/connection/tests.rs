//! One connection from its first packet to its end, in the order of the standard.

mod bench;

use std::task::Poll;

use super::{Connection, KEPT_INPUT_BYTES, Signal, Turn, Unflushed, goodbye};
use crate::mqtt::backend::Start;
use crate::mqtt::decode::Version;
use crate::mqtt::testing::{
    DISCONNECT, FakeBackend, bytes_v3, connect, connect_v3, puback, publish, subscribe, texts,
};
use crate::{Counter, Limits};
use Version::{V3, V5};
use bench::Bench;

#[tokio::test]
async fn a_publish_is_acknowledged_after_it_is_durable_and_all_in_one_write() {
    let mut bench = Bench::connected(V5, "thing", Limits::default());
    let publishes: Vec<u8> = (1..=20).flat_map(|it| publish(V5, it, "{}")).collect();
    bench.send(&publishes);
    assert_eq!(bench.turn(), Poll::Pending);
    assert!(bench.answers().is_empty());
    bench.durable(19);
    assert_eq!(bench.socket.0.lock().unwrap().writes, 1);
    let answers = bench.answers();
    assert_eq!(answers.len(), 19);
    assert_eq!(answers[18], "PUBACK 19");
    bench.durable(20);
    assert_eq!(bench.answers(), ["PUBACK 20"]);
    assert_eq!(bench.counters.value(Counter::PublishesAccepted), 20);
}

#[tokio::test]
async fn a_delivery_that_was_not_begun_is_decided_again() {
    let packet_bytes = 2 + 2 + "for/research/home-1/meter-7".len() + 10;
    for (room, begun) in [
        (packet_bytes / 2, 1),
        (packet_bytes, 1),
        (packet_bytes + 1, 2),
        (3 * packet_bytes - 1, 3),
    ] {
        let mut bench = Bench::subscribed(V3, 0);
        let payloads = [
            "aaaaaaaaaa",
            "bbbbbbbbbb",
            "cccccccccc",
            "dddddddddd",
            "eeeeeeeeee",
        ];
        bench.offer(&payloads);
        bench.room(room);
        assert_eq!(bench.turn(), Poll::Pending);
        assert_eq!(bench.written(), room);
        // From now on nothing of the old may leave, but what was begun is finished.
        bench.world.lock().unwrap().forbidden = payloads.map(str::to_owned).to_vec();
        bench.offer(&["ffffffffff"]);
        bench.room(1_000_000);
        assert_eq!(bench.turn(), Poll::Pending);
        let expected: Vec<_> = payloads[..begun]
            .iter()
            .chain(&["ffffffffff"])
            .map(|it| format!("PUBLISH for/research/home-1/meter-7 Level0 {it}"))
            .collect();
        assert_eq!(bench.answers(), expected, "room for {room} bytes");
        let receipts = bench.world.lock().unwrap().receipts.clone();
        assert_eq!(
            receipts.len(),
            expected.len(),
            "a receipt for what was sent: {receipts:?}"
        );
        let counters = &bench.counters;
        assert_eq!(counters.value(Counter::DeliveriesSent), begun as u64 + 1);
        assert_eq!(
            counters.value(Counter::DeliveriesNotPermitted),
            5 - begun as u64
        );
    }
}

#[tokio::test]
async fn a_blocked_socket_takes_no_decision_and_no_delivery_from_the_queue() {
    let mut bench = Bench::subscribed(V3, 0);
    bench.room(0);
    bench.offer(&["a", "b", "c"]);
    assert_eq!(bench.turn(), Poll::Pending);
    assert!(bench.world.lock().unwrap().released.is_empty());
    assert_eq!(bench.world.lock().unwrap().offered.len(), 2);
    bench.room(1_000_000);
    assert_eq!(bench.turn(), Poll::Pending);
    assert_eq!(bench.answers().len(), 3);
}

#[tokio::test]
async fn deliveries_that_were_taken_back_keep_their_order_and_their_identifiers_are_free() {
    let mut bench = Bench::subscribed(V5, 1);
    let window = bench.connection.session.window();
    bench.offer(&["a", "b", "c"]);
    bench.room(1);
    assert_eq!(bench.turn(), Poll::Pending);
    assert_eq!(bench.connection.session.window(), window - 1);
    bench.room(1_000_000);
    assert_eq!(bench.turn(), Poll::Pending);
    let answers = bench.answers();
    let payloads: Vec<_> = answers.iter().map(|it| &it[it.len() - 1..]).collect();
    assert_eq!(payloads, ["a", "b", "c"]);
    assert_eq!(bench.connection.session.window(), window - 3);
}

#[tokio::test]
async fn long_deliveries_are_gathered_up_to_a_bound_and_keep_their_order() {
    let mut bench = Bench::subscribed(V3, 0);
    let payloads: Vec<String> = (0..30).map(|it| format!("{it:010000}")).collect();
    bench.offer(&payloads.iter().map(String::as_str).collect::<Vec<_>>());
    bench.room(200_000);
    assert_eq!(bench.turn(), Poll::Pending);
    assert!(bench.connection.output.unsent().len() < 80_000);
    bench.room(1_000_000);
    while bench.written() < 300_000 {
        assert_eq!(bench.turn(), Poll::Pending);
    }
    let answers = bench.answers();
    assert_eq!(answers.len(), 30);
    for (answer, payload) in answers.iter().zip(&payloads) {
        assert!(answer.ends_with(payload));
    }
}

#[tokio::test]
async fn deliveries_wait_while_the_window_is_closed() {
    let limits = Limits {
        max_inflight: 2,
        ..Limits::default()
    };
    let mut bench = Bench::connected(V5, "recipient", limits);
    bench.send(&subscribe(V5, &[("for/research/#", 1)], &[]));
    assert_eq!(bench.turn(), Poll::Pending);
    bench.answers();
    bench.offer(&["a", "b", "c"]);
    assert_eq!(bench.turn(), Poll::Pending);
    assert_eq!(bench.answers().len(), 2);
    assert_eq!(bench.world.lock().unwrap().offered.len(), 1);
    bench.send(&puback(2));
    assert_eq!(bench.turn(), Poll::Pending);
    assert_eq!(bench.answers().len(), 1);
}

#[tokio::test]
async fn packets_that_had_to_wait_are_taken_without_new_bytes() {
    let limits = Limits {
        max_pending_acks: 1,
        ..Limits::default()
    };
    let mut bench = Bench::connected(V3, "thing", limits);
    bench.send(
        &[
            publish(V3, 1, "{}"),
            publish(V3, 2, "{}"),
            publish(V3, 3, "{}"),
        ]
        .concat(),
    );
    assert_eq!(bench.turn(), Poll::Pending);
    assert_eq!(bench.world.lock().unwrap().ingested.len(), 1);
    bench.durable(1);
    assert_eq!(bench.answers(), ["PUBACK 1"]);
    assert_eq!(bench.world.lock().unwrap().ingested.len(), 2);
    bench.durable(2);
    bench.durable(3);
    assert_eq!(bench.answers(), ["PUBACK 2", "PUBACK 3"]);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_not_read_either() {
    let limits = Limits {
        max_output_bytes: 100,
        requests_per_second: 0,
        ..Limits::default()
    };
    let mut bench = Bench::connected(V3, "thing", limits);
    bench.room(0);
    bench.send(&[0xc0, 0].repeat(10_000));
    for _ in 0..20 {
        assert_eq!(bench.turn(), Poll::Pending);
    }
    assert!(bench.connection.output.unsent().len() <= 102);
    assert!(!bench.socket.0.lock().unwrap().to_server.is_empty());
    bench.room(1_000_000);
    for _ in 0..1_000 {
        assert_eq!(bench.turn(), Poll::Pending);
    }
    assert_eq!(bench.answers().len(), 10_000);
}

#[tokio::test]
async fn a_long_packet_is_put_together_and_its_memory_given_back() {
    let mut bench = Bench::connected(V5, "thing", Limits::default());
    let payload = "x".repeat(200_000);
    let bytes = [publish(V5, 1, &payload), publish(V5, 2, "{}")].concat();
    for piece in bytes.chunks(3_000) {
        bench.send(piece);
        let _ = bench.turn();
    }
    bench.durable(2);
    assert_eq!(bench.answers(), ["PUBACK 1", "PUBACK 2"]);
    assert_eq!(bench.world.lock().unwrap().ingested[0], payload);
    assert!(bench.connection.input.capacity() <= KEPT_INPUT_BYTES);
}

#[tokio::test]
async fn a_connection_at_rest_holds_no_buffers() {
    let mut bench = Bench::connected(V5, "thing", Limits::default());
    for round in 0..10 {
        let first = round * 100 + 1;
        let publishes: Vec<u8> = (first..first + 100)
            .flat_map(|it| publish(V5, it, "{\"value\":12345.678}"))
            .collect();
        bench.send(&publishes);
        let _ = bench.turn();
        bench.durable(u64::from(first) + 99);
    }
    assert_eq!(bench.answers().len(), 1_000);
    assert!(bench.connection.input.capacity() <= KEPT_INPUT_BYTES);
    assert!(bench.connection.output.buffer().capacity() <= 512);
    let own = size_of_val(&bench.connection);
    assert!(own <= 1_024, "the connection itself has {own} bytes");
}

#[tokio::test]
async fn a_lost_connection_publishes_the_will() {
    let mut connect = connect_v3();
    connect.last_will = Some(mqtt_proto::v3::LastWill::new(
        mqtt_proto::QoS::Level0,
        mqtt_proto::TopicName::try_from("gone").unwrap(),
        bytes::Bytes::from_static(b"{\"gone\":1}"),
    ));
    for (last, ingested) in [(&[][..], 1), (DISCONNECT, 0)] {
        let bench = Bench::new(V3, Limits::default());
        bench.room(1_000);
        bench.send(&bytes_v3(connect.clone().into()));
        bench.send(last);
        bench.socket.0.lock().unwrap().client_closed = true;
        bench.connection.run().await;
        assert_eq!(bench.world.lock().unwrap().ingested.len(), ingested);
        assert_eq!(bench.counters.value(Counter::ConnectionsClosed), 1);
    }
}

#[tokio::test]
async fn the_last_words_are_sent_before_the_socket_is_closed() {
    let bench = Bench::new(V5, Limits::default());
    bench.room(1_000);
    bench.send(&connect(V5, "thing"));
    bench.send(&[0xf0, 0]);
    bench.socket.0.lock().unwrap().client_closed = true;
    bench.connection.run().await;
    let wire = bench.socket.0.lock().unwrap();
    assert_eq!(
        texts(&wire.written, V5),
        ["CONNACK 0x00", "DISCONNECT 0x82"]
    );
    assert!(wire.server_closed);
}

#[tokio::test]
async fn a_connection_hears_that_it_is_taken_over_or_that_the_server_stops() {
    for (signal, answer) in [
        (
            Signal::TakenOver {
                start: Start::Clean,
                reply: None,
            },
            "DISCONNECT 0x8e",
        ),
        (Signal::Stop, "DISCONNECT 0x8b"),
    ] {
        let mut bench = Bench::connected(V5, "thing", Limits::default());
        assert!(bench.signal.take().unwrap().send(signal).is_ok());
        assert_eq!(bench.turn(), Poll::Ready(Turn::Closed));
        bench.socket.0.lock().unwrap().client_closed = true;
        let Connection {
            transport, output, ..
        } = bench.connection;
        goodbye(
            transport,
            output,
            Unflushed::<FakeBackend>::default(),
            Turn::Closed,
        )
        .await;
        let written = bench.socket.0.lock().unwrap().written.clone();
        assert_eq!(texts(&written, V5), [answer]);
    }
}

#[tokio::test]
async fn when_custody_is_closed_nothing_is_acknowledged() {
    let bench = Bench::new(V5, Limits::default());
    bench.room(1_000);
    bench.send(&connect(V5, "thing"));
    bench.send(&publish(V5, 1, "{}"));
    bench.world.lock().unwrap().is_stopped = true;
    bench.connection.run().await;
    let written = bench.socket.0.lock().unwrap().written.clone();
    assert_eq!(texts(&written, V5), ["CONNACK 0x00"]);
}

#[tokio::test]
async fn what_was_durable_before_custody_stopped_is_acknowledged() {
    let mut bench = Bench::connected(V5, "thing", Limits::default());
    bench.send(&[publish(V5, 1, "{}"), publish(V5, 2, "{}")].concat());
    assert_eq!(bench.turn(), Poll::Pending);
    bench.world.lock().unwrap().durable = 1;
    bench.world.lock().unwrap().is_stopped = true;
    assert_eq!(bench.turn(), Poll::Ready(Turn::Gone));
    assert_eq!(bench.answers(), ["PUBACK 1"]);
}

#[tokio::test]
async fn a_thing_is_not_read_while_a_starved_recipient_has_no_room() {
    let mut bench = Bench::connected(V3, "thing", Limits::default());
    bench.world.lock().unwrap().room = Some(3);
    let publishes: Vec<u8> = (1..=5).flat_map(|it| publish(V3, it, "{}")).collect();
    let (together, rest) = publishes.split_at(publishes.len() - 5);
    bench.send(together);
    assert_eq!(bench.turn(), Poll::Pending);
    assert_eq!(bench.world.lock().unwrap().ingested.len(), 3);
    bench.send(rest);
    assert_eq!(bench.turn(), Poll::Pending);
    let unread = bench.socket.0.lock().unwrap().to_server.len();
    assert_eq!(unread, rest.len(), "nothing is read meanwhile");
    bench.durable(2);
    let answers = bench.answers();
    assert_eq!(answers, ["PUBACK 1", "PUBACK 2"], "but answers go out");
    bench.world.lock().unwrap().room = Some(4);
    assert_eq!(bench.turn(), Poll::Pending);
    assert_eq!(bench.world.lock().unwrap().ingested.len(), 4);
    bench.world.lock().unwrap().room = None;
    bench.durable(5);
    assert_eq!(bench.answers(), ["PUBACK 3", "PUBACK 4", "PUBACK 5"]);
}

#[tokio::test]
async fn a_session_says_whether_its_client_takes_deliveries() {
    let limits = Limits {
        max_inflight: 2,
        ..Limits::default()
    };
    let mut bench = Bench::connected(V5, "recipient", limits);
    bench.send(&subscribe(V5, &[("for/research/#", 1)], &[]));
    let settled = |bench: &mut Bench| {
        assert_eq!(bench.turn(), Poll::Pending);
        bench.world.lock().unwrap().takes_nothing.take().unwrap()
    };
    assert!(!settled(&mut bench), "nothing is in the way");
    bench.room(10);
    bench.offer(&["aaaaaaaaaa"]);
    assert!(settled(&mut bench), "the socket took a part");
    bench.offer(&["b"]);
    assert!(settled(&mut bench), "the socket takes nothing");
    bench.room(1_000_000);
    assert!(settled(&mut bench), "the window is closed");
    assert_eq!(bench.answers().len(), 3);
    bench.send(&puback(1));
    assert!(!settled(&mut bench), "the window is open again");
    bench.connection.end();
    let is_parked = bench.world.lock().unwrap().is_parked;
    assert!(is_parked, "nobody waits for who is gone");
}

#[tokio::test]
async fn a_session_whose_client_takes_nothing_has_its_turn_when_it_was_waited_for_long_enough() {
    let limits = Limits {
        max_inflight: 1,
        ..Limits::default()
    };
    let mut bench = Bench::connected(V5, "recipient", limits);
    bench.send(&subscribe(V5, &[("for/research/#", 1)], &[]));
    bench.room(1_000_000);
    bench.offer(&["a", "b"]);
    assert_eq!(bench.turn(), Poll::Pending);
    let soon = bench.connection.clock.now().uptime_ms + 30;
    bench.world.lock().unwrap().patience_ms = Some(soon);
    assert_eq!(bench.turn(), Poll::Pending);
    let before = bench.world.lock().unwrap().settled;
    let Connection { clock, timer, .. } = &bench.connection;
    assert_eq!(timer.deadline(), clock.instant(soon));
    tokio::time::sleep_until(clock.instant(soon + 5)).await;
    assert_eq!(bench.turn(), Poll::Pending);
    assert!(bench.world.lock().unwrap().settled > before);
}

#[tokio::test]
async fn a_turn_sends_more_than_one_batch() {
    let mut bench = Bench::subscribed(V3, 0);
    let payloads: Vec<String> = (0..700).map(|it| it.to_string()).collect();
    bench.offer(&payloads.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(bench.turn(), Poll::Pending);
    assert_eq!(bench.socket.0.lock().unwrap().writes, 3);
    assert_eq!(bench.answers().len(), payloads.len());
}

#[tokio::test]
async fn a_client_that_takes_nothing_for_too_long_is_given_up_and_a_slow_one_is_not() {
    let limits = Limits {
        write_timeout_ms: 150,
        ..Limits::default()
    };
    let mut bench = Bench::connected(V3, "thing", limits);
    bench.room(0);
    bench.send(&[0xc0, 0].repeat(20));
    assert_eq!(bench.turn(), Poll::Pending);
    for _ in 0..4 {
        tokio::time::sleep(std::time::Duration::from_millis(80)).await;
        bench.room(1);
        assert_eq!(bench.turn(), Poll::Pending, "it takes a byte now and then");
    }
    tokio::time::sleep(std::time::Duration::from_millis(160)).await;
    assert_eq!(bench.turn(), Poll::Ready(Turn::Gone));
    assert_eq!(bench.counters.value(Counter::ClientsNotReading), 1);
}

#[test]
fn a_connection_at_rest_is_small() {
    fn size<F>(_: impl Fn(Connection<tokio::net::TcpStream, crate::mqtt::Desk>) -> F) -> usize {
        size_of::<F>()
    }
    let bytes = size(Connection::run);
    assert!(
        bytes <= 3 * 1024,
        "{bytes} bytes, and 20,000 of them may be open"
    );
}

#[tokio::test]
async fn a_command_is_not_decided_before_the_socket_takes_it() {
    let mut bench = Bench::connected(V5, "thing", Limits::default());
    bench.world.lock().unwrap().command_topics = vec!["lamp/set".to_owned()];
    bench.send(&subscribe(V5, &[("lamp/set", 0)], &[]));
    assert_eq!(bench.turn(), Poll::Pending);
    assert_eq!(bench.answers().len(), 1);
    bench.room(0);
    let command = crate::mqtt::testing::FakeCommand {
        id: 7,
        topic: "lamp/set".to_owned(),
        payload: "on".to_owned(),
        is_void: false,
    };
    bench.world.lock().unwrap().commands.push_back(command);
    for _ in 0..3 {
        assert_eq!(bench.turn(), Poll::Pending);
    }
    assert_eq!(bench.world.lock().unwrap().commands.len(), 1);
    bench.room(1_000_000);
    assert_eq!(bench.turn(), Poll::Pending);
    assert!(bench.world.lock().unwrap().commands.is_empty());
    assert_eq!(bench.answers().len(), 1);
}
