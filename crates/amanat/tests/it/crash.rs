//! What was acknowledged is kept, whenever the process dies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use alliance::{Alliance, Office};
use custody::{Custody, CustodyOptions};
use model::Timestamp;
use rumqttc::{Client, Event, MqttOptions, Outgoing, Packet, QoS};

use crate::run::{Server, amanat, stderr};

/// No value of the replayed data is this large.
const FIRST: u64 = 1_000_000;
const MESSAGES: u64 = 3000;

#[test]
fn every_acknowledged_message_survives_kill_9_in_the_middle_of_traffic() {
    let place = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..2 {
        let arguments = ["demo", "--data", "data", "--mqtts", "127.0.0.1:0"];
        let server = Server::start(place.path(), &arguments, "sign-in-officer");
        let first = FIRST + round * MESSAGES;
        let acks = publish_and_kill(server, place.path(), first, 400 + 700 * round);
        assert!(acks.len() > 300, "only {} acknowledged", acks.len());
        assert!(
            acks.len() < usize::try_from(MESSAGES).unwrap(),
            "killed too late"
        );
        acknowledged.extend(acks);
    }
    let kept = kept(&place.path().join("data"));
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(
        lost.is_empty(),
        "{} of {} lost: {lost:?}",
        lost.len(),
        acknowledged.len()
    );
    let verified = amanat(place.path())
        .args(["record", "verify", "data"])
        .output()
        .unwrap();
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
}

/// Publishes until `count` messages are acknowledged, kills the server, and gives the values of those acknowledged.
fn publish_and_kill(server: Server, place: &Path, first: u64, count: u64) -> BTreeSet<u64> {
    let token = fs::read_to_string(place.join("data/demo/tokens/home-meter")).unwrap();
    let mut options = MqttOptions::new("crash-test", "127.0.0.1", server.mqtt_port());
    options.set_credentials("home-meter", token);
    options.set_inflight(50);
    options.set_keep_alive(Duration::from_secs(30));
    let (client, mut connection) = Client::new(options, 100);
    let sending = std::thread::spawn(move || {
        for value in first..first + MESSAGES {
            let message = format!("{{\"Appliances\":{value}}}");
            if client
                .publish("home/meter", QoS::AtLeastOnce, false, message)
                .is_err()
            {
                return;
            }
        }
    });
    let mut server = Some(server);
    let mut values = first..;
    let mut in_flight = BTreeMap::new();
    let mut acknowledged = BTreeSet::new();
    for event in connection.iter() {
        match event {
            Ok(Event::Outgoing(Outgoing::Publish(packet_id))) => {
                in_flight.insert(packet_id, values.next().unwrap());
            }
            Ok(Event::Incoming(Packet::PubAck(ack))) => {
                acknowledged.extend(in_flight.remove(&ack.pkid));
                if acknowledged.len() as u64 == count {
                    server.take().unwrap().kill();
                }
            }
            Ok(_) => (),
            Err(_) => break,
        }
    }
    drop(connection);
    sending.join().unwrap();
    acknowledged
}

/// The values of `/Appliances` that the resident finds in the data directory.
fn kept(data: &Path) -> BTreeSet<u64> {
    let db = store::Db::open(&format!("sqlite:{}", data.join("amanat.db").display())).unwrap();
    let options = CustodyOptions {
        directory: data.to_owned(),
        record_origin: "localhost/amanat".to_owned(),
    };
    let custody = Custody::open(&options, db.clone()).unwrap();
    let alliance = Alliance::open(custody.clone(), db).unwrap();
    let resident = alliance.accounts_of(Office::Resident).unwrap().remove(0).id;
    let mut values = BTreeSet::new();
    // Far in the future, so that every reading is older; not so far that any is past its retention.
    let (mut before, now) = (
        Timestamp::parse("2100-01-01T00:00:00Z").unwrap(),
        Timestamp::EPOCH,
    );
    loop {
        let page = custody
            .timeline(&resident, before, custody::MAX_READINGS, now)
            .unwrap();
        let fields = page.readings.iter().flat_map(|it| &it.fields);
        values.extend(
            fields
                .filter(|(pointer, _)| pointer == "/Appliances")
                .filter_map(|(_, value)| value.parse::<u64>().ok()),
        );
        match page.readings.last() {
            // The next page begins in the same millisecond: two readings may share it.
            Some(oldest) if oldest.at.plus_millis(1) < before => before = oldest.at.plus_millis(1),
            _ => break,
        }
    }
    custody.close().unwrap();
    values
}
