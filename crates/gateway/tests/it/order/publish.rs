//! A recipient asks for commands by publishing, and hears what becomes of them.

use bytes::Bytes;
use custody::{Custody, Identity, RecipientPeer};
use gateway::{Counter, Limits};
use mqtt_proto::{Pid, QoS, QosPid, TopicFilter, TopicName, v3, v5};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpStream;

use super::{GOOD, OFFICE, measure, site};
use crate::client::{Client, password};
use crate::fixture::{House, Served};
use crate::http::Site;

const TOPIC: &str = "command/health/mall-road/box-1/fan";
const OUTCOME: &str = "outcome/health/mall-road/box-1/fan";

struct Street {
    site: Site,
    served: Served,
}

impl Street {
    /// A fan that is safe.
    async fn new() -> Self {
        let site = site().await;
        measure(&site, "", r#"{"dust": 20}"#).await;
        let served = site.house.serve(Limits::default());
        Self { site, served }
    }

    async fn thing(&self) -> Client<TcpStream> {
        let mut thing = self.served.dial().await;
        let token = &self.site.house.tokens.box_1;
        thing.connect_v5("fan", "box-1", token).await;
        assert_eq!(thing.subscribe_v5("box-1/fan", None).await, 1);
        thing
    }

    async fn office(&self) -> Client<TcpStream> {
        let mut office = self.served.dial().await;
        let token = &self.site.house.tokens.health_office;
        office.connect_v5("office", OFFICE, token).await;
        office
    }

    fn logged(&self) -> Vec<&'static str> {
        let peer = recipient(&self.site.house);
        let now = model::Timestamp::from_millis(i64::MAX / 2);
        let all = self.custody().commands_of(&peer, 100, now).unwrap();
        all.iter().map(|it| it.outcome.as_str()).collect()
    }

    fn custody(&self) -> &Custody {
        &self.site.house.custody
    }
}

fn recipient(house: &House) -> Arc<RecipientPeer> {
    let password = house.tokens.health_office.expose_secret().as_bytes();
    let now = model::Timestamp::from_millis(1_700_000_000_000);
    let peer = house.custody.authenticate(OFFICE, password, now).unwrap();
    Arc::clone(peer.recipient().unwrap())
}

fn pid(id: u16) -> Pid {
    id.try_into().unwrap()
}

fn command(topic: &str, qos: QosPid, payload: &str) -> v5::Publish {
    let topic = TopicName::try_from(topic).unwrap();
    v5::Publish::new(qos, topic, Bytes::copy_from_slice(payload.as_bytes()))
}

fn said(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap()
}

/// The next outcome: topic, correlation data, and what it says.
async fn outcome(client: &mut Client<TcpStream>) -> (String, Option<Bytes>, Value) {
    match client.next_v5().await.unwrap() {
        v5::Packet::Publish(it) => (
            it.topic_name.to_string(),
            it.properties.correlation_data.clone(),
            said(&it.payload),
        ),
        it => panic!("no outcome: {it:?}"),
    }
}

/// The PUBACK and the outcome that a publish is refused with, in whichever order they come.
async fn refused(client: &mut Client<TcpStream>, publish: v5::Publish) -> (u8, Value) {
    client.send_v5(publish).await;
    let (mut code, mut told) = (None, None);
    while code.is_none() || told.is_none() {
        match client.next_v5().await.unwrap() {
            v5::Packet::Puback(it) => code = Some(it.reason_code as u8),
            v5::Packet::Publish(it) => told = Some(said(&it.payload)),
            it => panic!("neither PUBACK nor outcome: {it:?}"),
        }
    }
    (code.unwrap(), told.unwrap())
}

#[tokio::test]
async fn a_command_is_asked_for_and_answered_on_the_response_topic_of_mqtt_5_section_4_10() {
    let street = Street::new().await;
    let (mut thing, mut office) = (street.thing().await, street.office().await);
    assert_eq!(office.subscribe_v5("outcome/#", None).await, 0);
    let mut publish = command(TOPIC, QosPid::Level1(pid(7)), GOOD);
    publish.properties.response_topic = Some(TopicName::try_from("outcome/desk/4").unwrap());
    publish.properties.correlation_data = Some(Bytes::from_static(b"\x00call 9"));
    office.send_v5(publish).await;
    let mut outcomes = Vec::new();
    let mut puback = None;
    let mut is_told = false;
    while outcomes.last().map(String::as_str) != Some("acknowledged") {
        match office.next_v5().await.unwrap() {
            v5::Packet::Puback(it) => puback = Some((it.pid.value(), it.reason_code as u8)),
            v5::Packet::Publish(it) => {
                assert_eq!(&*it.topic_name, "outcome/desk/4");
                let data = it.properties.correlation_data.as_deref();
                assert_eq!(data, Some(&b"\x00call 9"[..]));
                let told = said(&it.payload);
                assert_eq!(told["arguments"], json!({"speed": 2}));
                assert_eq!(told["id"].as_str().unwrap().len(), 16);
                outcomes.push(told["outcome"].as_str().unwrap().to_owned());
            }
            it => panic!("{it:?}"),
        }
        if !is_told && puback.is_some() {
            is_told = true;
            let Some(v5::Packet::Publish(got)) = thing.next_v5().await else {
                panic!("no command came");
            };
            assert_eq!(
                (&*got.topic_name, &got.payload[..]),
                ("box-1/fan", &br#"{"speed": 2}"#[..])
            );
            let QosPid::Level1(id) = got.qos_pid else {
                panic!("{got:?}");
            };
            thing.send_v5(v5::Puback::new_success(id)).await;
        }
    }
    assert_eq!(puback, Some((7, 0)));
    assert_eq!(outcomes, ["queued", "sent", "acknowledged"]);
    street.served.counted(Counter::CommandsTaken, 1).await;
}

#[tokio::test]
async fn with_mqtt_3_the_outcome_comes_on_a_topic_of_its_own_and_so_does_a_refusal() {
    let street = Street::new().await;
    let mut thing = street.thing().await;
    let mut office = street.served.dial().await;
    let token = &street.site.house.tokens.health_office;
    office.connect_v3("office", OFFICE, token).await;
    let granted = office.subscribe_v3("outcome/health/+/+/fan").await;
    assert_eq!(granted, v3::SubscribeReturnCode::MaxLevel0);
    let publish = |qos, payload: &'static str| {
        let topic = TopicName::try_from(TOPIC).unwrap();
        v3::Publish::new(qos, topic, Bytes::from_static(payload.as_bytes()))
    };
    office
        .send_v3(publish(QosPid::Level0, r#"{"speed": 9}"#))
        .await;
    office
        .send_v3(publish(QosPid::Level1(pid(3)), r#"{"speed": 1}"#))
        .await;
    let mut outcomes = Vec::new();
    let mut is_acknowledged = false;
    while outcomes.len() < 3 || !is_acknowledged {
        match office.next_v3().await.unwrap() {
            v3::Packet::Puback(it) => is_acknowledged = it == pid(3),
            v3::Packet::Publish(it) => {
                assert_eq!(&*it.topic_name, OUTCOME);
                outcomes.push(said(&it.payload)["outcome"].as_str().unwrap().to_owned());
            }
            it => panic!("{it:?}"),
        }
    }
    assert_eq!(outcomes, ["refused-arguments", "queued", "sent"]);
    let Some(v5::Packet::Publish(got)) = thing.next_v5().await else {
        panic!("no command came");
    };
    assert_eq!(&got.payload[..], br#"{"speed": 1}"#);
    assert_eq!(street.served.refusals(), [("commands_refused", 1)]);
}

#[tokio::test]
async fn what_is_refused_has_a_reason_code_and_says_no_more_than_over_http() {
    let street = Street::new().await;
    let mut office = street.office().await;
    office.subscribe_v5("outcome/#", None).await;
    let other = |it: &str| format!("command/{it}");
    let cases = [
        (
            other("health/mall-road/box-1/door"),
            GOOD,
            0x87,
            "refused-not-allowed",
        ),
        (
            other("research/mall-road/box-1/fan"),
            GOOD,
            0x87,
            "refused-not-allowed",
        ),
        (
            other("health/elsewhere/box-1/fan"),
            GOOD,
            0x87,
            "refused-not-allowed",
        ),
        (
            other("health/mall-road/box-9/fan"),
            GOOD,
            0x87,
            "refused-not-allowed",
        ),
        (TOPIC.to_owned(), "[2]", 0x99, "refused-arguments"),
        (
            TOPIC.to_owned(),
            r#"{"speed": 4}"#,
            0x99,
            "refused-arguments",
        ),
        (TOPIC.to_owned(), "", 0x99, "refused-arguments"),
        (
            other("health/mall-road/box-1"),
            GOOD,
            0x90,
            "refused-malformed",
        ),
        (
            other("health/Mall Road/box-1/fan"),
            GOOD,
            0x90,
            "refused-malformed",
        ),
    ];
    let number = u64::try_from(cases.len()).unwrap();
    for (topic, payload, code, word) in cases {
        let publish = command(&topic, QosPid::Level1(pid(1)), payload);
        let (got, told) = refused(&mut office, publish).await;
        assert_eq!(
            (got, told["outcome"].as_str().unwrap()),
            (code, word),
            "{topic} {payload}"
        );
        assert!(told["detail"].is_string());
    }
    assert_eq!(
        street.served.refusals(),
        [("commands_refused", number)],
        "and its connection goes on"
    );
}

#[tokio::test]
async fn an_interlock_refuses_and_the_next_command_may_be_safe() {
    let street = Street::new().await;
    let mut office = street.office().await;
    office.subscribe_v5("outcome/#", None).await;
    // Which interlock it is this recipient may know, because it gets its field.
    measure(&street.site, "", r#"{"dust": 901}"#).await;
    let publish = command(TOPIC, QosPid::Level1(pid(1)), GOOD);
    let (code, told) = refused(&mut office, publish).await;
    assert_eq!(
        (code, &told["outcome"]),
        (0x83, &json!("refused-interlock"))
    );
    assert_eq!(told["interlock"], 1);
    measure(&street.site, "", r#"{"dust": 20}"#).await;
    let publish = command(TOPIC, QosPid::Level1(pid(2)), GOOD);
    office.send_v5(publish).await;
    let (topic, _, told) = loop {
        match office.next_v5().await.unwrap() {
            v5::Packet::Puback(it) => assert_eq!(it.reason_code as u8, 0),
            v5::Packet::Publish(it) => break (it.topic_name.to_string(), (), said(&it.payload)),
            it => panic!("{it:?}"),
        }
    };
    assert_eq!(
        (topic.as_str(), &told["outcome"]),
        (OUTCOME, &json!("queued"))
    );
    assert_eq!(street.served.refusals(), [("commands_refused", 1)]);
}

#[tokio::test]
async fn nothing_is_done_because_of_a_publish_that_is_retained_sent_again_or_answered_elsewhere() {
    let street = Street::new().await;
    let mut office = street.office().await;
    office.subscribe_v5("outcome/#", None).await;
    let mut retained = command(TOPIC, QosPid::Level1(pid(1)), GOOD);
    retained.retain = true;
    let (code, told) = refused(&mut office, retained).await;
    assert_eq!(
        (code, &told["outcome"]),
        (0x83, &json!("refused-malformed"))
    );
    let mut again = command(TOPIC, QosPid::Level1(pid(2)), GOOD);
    again.dup = true;
    let (code, told) = refused(&mut office, again).await;
    assert_eq!((code, &told["outcome"]), (0x83, &json!("unknown")));
    let mut elsewhere = command(TOPIC, QosPid::Level1(pid(3)), GOOD);
    elsewhere.properties.response_topic = Some(TopicName::try_from("for/health/x").unwrap());
    let (code, _) = refused(&mut office, elsewhere).await;
    assert_eq!(code, 0x90);
    let mut long = command(TOPIC, QosPid::Level1(pid(4)), GOOD);
    long.properties.correlation_data = Some(Bytes::from(vec![1; 257]));
    let (code, _) = refused(&mut office, long).await;
    assert_eq!(code, 0x97);
    assert_eq!(street.logged(), [""; 0]);
}

#[tokio::test]
async fn with_qos_2_a_command_whose_acknowledgement_was_lost_is_done_once() {
    let street = Street::new().await;
    let mut thing = street.thing().await;
    let connect = || {
        let mut packet = v3::Connect::new("office".into(), 60);
        packet.clean_session = false;
        packet.username = Some(OFFICE.into());
        packet.password = Some(password(&street.site.house.tokens.health_office));
        packet
    };
    let publish = |dup| {
        let topic = TopicName::try_from(TOPIC).unwrap();
        let payload = Bytes::from_static(GOOD.as_bytes());
        let mut it = v3::Publish::new(QosPid::Level2(pid(5)), topic, payload);
        it.dup = dup;
        it
    };
    let mut office = street.served.dial().await;
    office.send_v3(connect()).await;
    assert!(matches!(
        office.next_v3().await,
        Some(v3::Packet::Connack(_))
    ));
    office.send_v3(publish(false)).await;
    assert!(matches!(
        office.next_v3().await,
        Some(v3::Packet::Pubrec(_))
    ));
    drop(office);
    let mut office = street.served.dial().await;
    office.send_v3(connect()).await;
    let Some(v3::Packet::Connack(it)) = office.next_v3().await else {
        panic!("no CONNACK");
    };
    assert!(it.session_present);
    office.send_v3(publish(true)).await;
    assert!(matches!(
        office.next_v3().await,
        Some(v3::Packet::Pubrec(_))
    ));
    office.send_v3(v3::Packet::Pubrel(pid(5))).await;
    assert!(matches!(
        office.next_v3().await,
        Some(v3::Packet::Pubcomp(_))
    ));
    let Some(v5::Packet::Publish(_)) = thing.next_v5().await else {
        panic!("no command came");
    };
    assert_eq!(street.logged().len(), 1);
}

#[tokio::test]
async fn a_recipient_hears_of_its_own_commands_only_also_of_those_that_it_asked_for_over_http() {
    let street = Street::new().await;
    let mut university = street.served.dial().await;
    let token = &street.site.house.tokens.university;
    university.connect_v5("desk", "university", token).await;
    assert_eq!(university.subscribe_v5("outcome/#", None).await, 0);
    let mut office = street.office().await;
    assert_eq!(office.subscribe_v5("outcome/#", None).await, 0);
    let (answer, taken) = super::ask(&street.site, OFFICE, super::FAN_PATH, "", GOOD).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let (topic, correlation, told) = outcome(&mut office).await;
    assert_eq!((topic.as_str(), correlation), (OUTCOME, None));
    assert_eq!(told, taken);
    // The first thing that comes to the other one is the answer to its own question.
    let asked = command(TOPIC, QosPid::Level1(pid(1)), GOOD);
    let (code, told) = refused(&mut university, asked).await;
    assert_eq!(
        (code, &told["outcome"]),
        (0x87, &json!("refused-not-allowed"))
    );
    // Who has unsubscribed hears nothing more.
    let filter = TopicFilter::try_from("outcome/#").unwrap();
    office
        .send_v5(v5::Unsubscribe::new(pid(9), vec![filter]))
        .await;
    let Some(v5::Packet::Unsuback(it)) = office.next_v5().await else {
        panic!("no UNSUBACK");
    };
    assert_eq!(it.topics[0] as u8, 0);
    let publish = command(TOPIC, QosPid::Level1(pid(2)), GOOD);
    office.send_v5(publish).await;
    assert!(matches!(
        office.next_v5().await,
        Some(v5::Packet::Puback(_))
    ));
    office.send_v5(v5::Packet::Pingreq).await;
    assert!(matches!(office.next_v5().await, Some(v5::Packet::Pingresp)));
}

#[tokio::test]
async fn the_sixty_first_command_of_a_minute_is_refused() {
    let street = Street::new().await;
    let mut office = street.office().await;
    for number in 1..=60 {
        let publish = command(TOPIC, QosPid::Level1(pid(number)), r#"{"speed": 9}"#);
        office.send_v5(publish).await;
        let Some(v5::Packet::Puback(it)) = office.next_v5().await else {
            panic!("no PUBACK");
        };
        assert_eq!(it.reason_code as u8, 0x99, "{number}");
    }
    office
        .send_v5(command(TOPIC, QosPid::Level1(pid(61)), GOOD))
        .await;
    let Some(v5::Packet::Puback(it)) = office.next_v5().await else {
        panic!("no PUBACK");
    };
    assert_eq!(it.reason_code as u8, 0x97);
}

#[tokio::test]
async fn a_message_expiry_interval_ends_a_command_sooner_than_the_notice_does() {
    let street = Street::new().await;
    let mut office = street.office().await;
    office.subscribe_v5("outcome/#", None).await;
    let mut publish = command(TOPIC, QosPid::Level0, GOOD);
    publish.properties.message_expiry_interval = Some(5);
    office.send_v5(publish).await;
    let (_, _, told) = outcome(&mut office).await;
    let at = |name: &str| {
        let text = told[name].as_str().unwrap();
        model::Timestamp::parse(text).unwrap().as_millis()
    };
    let waits = at("expires-at") - at("asked-at");
    assert_eq!(waits, 5_000);
}

#[tokio::test]
async fn who_is_both_asks_as_the_recipient_that_it_is_tied_to_and_never_with_its_will() {
    let street = Street::new().await;
    let house = &street.site.house;
    let tied = house
        .custody
        .act(model::Timestamp::from_millis(1_700_000_000_000), |act| {
            let thing = Identity::Thing(model::ThingId::parse("box-2").unwrap());
            act.tie(&thing, Some(recipient(house).id()))
        });
    tied.unwrap();
    let mut hub = street.served.dial().await;
    hub.connect_v5("both", "box-2", &house.tokens.box_2).await;
    assert_eq!(hub.subscribe_v5("outcome/#", None).await, 0);
    hub.send_v5(command(TOPIC, QosPid::Level0, GOOD)).await;
    assert_eq!(outcome(&mut hub).await.2["outcome"], "queued");
    let mut connect = v5::Connect::new("dying".into(), 60);
    connect.username = Some("box-2".into());
    connect.password = Some(password(&house.tokens.box_2));
    let topic = TopicName::try_from(TOPIC).unwrap();
    let words = Bytes::from_static(GOOD.as_bytes());
    connect.last_will = Some(v5::LastWill::new(QoS::Level0, topic, words));
    let mut hub = street.served.dial().await;
    hub.send_v5(connect).await;
    let Some(v5::Packet::Connack(it)) = hub.next_v5().await else {
        panic!("no CONNACK");
    };
    assert_eq!(it.reason_code as u8, 0x90);
    assert_eq!(street.logged().len(), 1);
}

#[tokio::test]
async fn a_device_does_not_ask_for_commands() {
    let street = Street::new().await;
    let mut thing = street.thing().await;
    // What a thing publishes there is a message of its own, as on every other topic.
    let publish = command(TOPIC, QosPid::Level1(pid(1)), r#"{"dust": 3}"#);
    thing.send_v5(publish).await;
    let Some(v5::Packet::Puback(it)) = thing.next_v5().await else {
        panic!("no PUBACK");
    };
    assert_eq!(it.reason_code as u8, 0);
    assert_eq!(street.logged(), [""; 0]);
    assert_ne!(
        thing.subscribe_v5("outcome/#", None).await,
        QoS::Level0 as u8
    );
}
