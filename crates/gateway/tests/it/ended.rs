//! Who receives under the credential of a thing or a bridge: it ends with that credential, and with what ties the two.

use custody::{Identity, Token};
use gateway::{Counter, Limits};
use model::{RecipientId, ThingId, Timestamp};
use mqtt_proto::v5;
use tokio::net::TcpStream;

use crate::client::{Client, password};
use crate::fixture::{House, Served};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Reason codes of DISCONNECT (OASIS MQTT 5.0 section 3.14.2.1).
const NOT_AUTHORIZED: u8 = 0x87;
const ADMINISTRATIVE_ACTION: u8 = 0x98;

fn hub() -> Identity {
    Identity::Thing(ThingId::parse("box-1").unwrap())
}

impl House {
    fn tie_hub(&self, recipient: &str) {
        let recipient = RecipientId::parse(recipient).unwrap();
        self.custody
            .act(NOW, |act| act.tie(&hub(), Some(&recipient)))
            .unwrap();
    }

    /// The other thing says something, and somebody gets it or does not.
    async fn is_told(&self, served: &Served, listener: &mut Client<TcpStream>) -> bool {
        let mut thing = served.dial().await;
        thing.connect_v5("other", "box-2", &self.tokens.box_2).await;
        let refused = served.counters.value(Counter::DeliveriesNotPermitted);
        let sent = served.counters.value(Counter::DeliveriesSent);
        assert_eq!(thing.publish_v5(1, r#"{"dust":7}"#).await, 0);
        let decided = async {
            while served.counters.value(Counter::DeliveriesNotPermitted) == refused
                && served.counters.value(Counter::DeliveriesSent) == sent
            {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(crate::client::PATIENCE, decided)
            .await
            .unwrap();
        listener.send(&[0xc0, 0]).await;
        let mut is_told = false;
        loop {
            match listener.next_v5().await.unwrap() {
                v5::Packet::Publish(_) => is_told = true,
                v5::Packet::Pingresp => return is_told,
                it => panic!("neither a delivery nor an answer: {it:?}"),
            }
        }
    }
}

async fn resume(served: &Served, token: &Token) -> (Client<TcpStream>, bool) {
    let mut client = served.dial().await;
    let mut packet = v5::Connect::new("hub".into(), 60);
    packet.username = Some("box-1".into());
    packet.password = Some(password(token));
    packet.clean_start = false;
    packet.properties.session_expiry_interval = Some(600);
    client.send_v5(packet).await;
    match client.next_v5().await.unwrap() {
        v5::Packet::Connack(it) => (client, it.session_present),
        it => panic!("no CONNACK: {it:?}"),
    }
}

#[tokio::test]
async fn a_hub_whose_token_was_revoked_receives_nothing_more_over_what_is_open() {
    let house = House::new();
    house.tie_hub("health-office");
    let served = house.serve(Limits::default());
    let (mut listener, _) = resume(&served, &house.tokens.box_1).await;
    assert!(listener.subscribe_v5("for/health/#", None).await < 0x80);
    assert!(house.is_told(&served, &mut listener).await);
    house.custody.act(NOW, |act| act.revoke(&hub())).unwrap();
    assert_eq!(listener.disconnected_v5().await, NOT_AUTHORIZED);
    served.counted(Counter::CredentialsEnded, 1).await;
}

#[tokio::test]
async fn a_new_token_does_not_let_back_in_who_came_with_the_one_that_was_revoked() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut thief = served.dial().await;
    let recipient = Identity::Recipient(RecipientId::parse("health-office").unwrap());
    thief
        .connect_v5("thief", "health-office", &house.tokens.health_office)
        .await;
    assert!(thief.subscribe_v5("for/health/#", None).await < 0x80);
    let mut device = served.dial().await;
    device
        .connect_v5("thief", "box-1", &house.tokens.box_1)
        .await;
    assert_eq!(device.publish_v5(1, r#"{"dust":7}"#).await, 0);
    assert!(matches!(
        thief.next_v5().await,
        Some(v5::Packet::Publish(_))
    ));
    for identity in [recipient, hub()] {
        house.custody.act(NOW, |act| act.revoke(&identity)).unwrap();
        house
            .custody
            .act(NOW, |act| act.renew_token(&identity, NOW))
            .unwrap();
    }
    for client in [&mut thief, &mut device] {
        assert_eq!(client.disconnected_v5().await, NOT_AUTHORIZED);
    }
}

/// Renews and gives the new token; the one before is taken until then.
fn renew(house: &House, identity: &Identity, until: Timestamp) -> Token {
    let renewed = house
        .custody
        .act(now(), |act| act.renew_token(identity, until));
    renewed.unwrap()
}

fn now() -> Timestamp {
    gateway::Clock::start().now().wall
}

/// OASIS MQTT 5.0 section 3.14.2.1: 0x98 says that an administrator ended the connection.
#[tokio::test]
async fn what_the_former_token_opened_ends_with_the_renewal_where_there_is_no_overlap() {
    let house = House::new();
    let bridge = model::BridgeId::parse("hub-1").unwrap();
    let of_bridge = house.custody.act(NOW, |act| {
        let deployment = model::DeploymentId::parse("mall-road").unwrap();
        act.register_bridge(&bridge, &deployment, "zigbee2mqtt")
    });
    let office = RecipientId::parse("health-office").unwrap();
    let served = house.serve(Limits::default());
    for (identity, token) in [
        (hub(), &house.tokens.box_1),
        (Identity::Bridge(bridge), &of_bridge.unwrap()),
        (Identity::Recipient(office), &house.tokens.health_office),
    ] {
        let name = identity.as_str();
        let (mut newer, mut older, mut oldest) = (
            served.dial().await,
            served.dial().await,
            served.dial().await,
        );
        older.connect_v5("older", name, token).await;
        oldest.connect_v3("oldest", name, token).await;
        let renewed = renew(&house, &identity, now());
        assert_eq!(older.disconnected_v5().await, ADMINISTRATIVE_ACTION);
        assert_eq!(oldest.next_v3().await, None, "{name}");
        newer.connect_v5("newer", name, &renewed).await;
        newer.send(&[0xc0, 0]).await;
        assert!(matches!(newer.next_v5().await, Some(v5::Packet::Pingresp)));
    }
    served.counted(Counter::CredentialsEnded, 6).await;
}

#[tokio::test]
async fn what_the_former_token_opened_ends_with_the_overlap_whenever_it_was_opened() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let former = &house.tokens.box_1;
    let (mut before, mut after, mut newer) = (
        served.dial().await,
        served.dial().await,
        served.dial().await,
    );
    before.connect_v5("before", "box-1", former).await;
    let end = now().plus_millis(1_500);
    let renewed = renew(&house, &hub(), end);
    after.connect_v5("after", "box-1", former).await;
    newer.connect_v5("newer", "box-1", &renewed).await;
    for client in [&mut before, &mut after] {
        assert_eq!(client.publish_v5(1, r#"{"dust":7}"#).await, 0);
    }
    for client in [&mut before, &mut after] {
        assert_eq!(client.disconnected_v5().await, ADMINISTRATIVE_ACTION);
    }
    assert!(now() >= end, "they had the overlap");
    assert_eq!(newer.publish_v5(1, r#"{"dust":7}"#).await, 0);
    assert!(served.refusals().is_empty());
}

#[tokio::test]
async fn a_session_does_not_wait_for_who_came_with_a_token_that_is_not_taken_any_more() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let (mut device, _) = resume(&served, &house.tokens.box_1).await;
    house.custody.act(NOW, |act| act.revoke(&hub())).unwrap();
    assert_eq!(device.disconnected_v5().await, NOT_AUTHORIZED);
    let renewed = renew(&house, &hub(), now());
    let (mut device, is_present) = resume(&served, &renewed).await;
    assert!(!is_present);
    assert_eq!(device.publish_v5(1, r#"{"dust":7}"#).await, 0);
}

#[tokio::test]
async fn a_thing_that_was_removed_is_disconnected() {
    let house = House::new();
    let served = house.serve(Limits::default());
    let mut device = served.dial().await;
    device
        .connect_v5("device", "box-1", &house.tokens.box_1)
        .await;
    let thing = ThingId::parse("box-1").unwrap();
    house
        .custody
        .act(NOW, |act| act.remove_thing(&thing))
        .unwrap();
    assert_eq!(device.disconnected_v5().await, NOT_AUTHORIZED);
}

#[tokio::test]
async fn an_operator_can_ask_how_many_connections_somebody_has() {
    let house = House::new();
    let served = house.serve(Limits::default());
    assert_eq!(served.guard.connections_of("box-1"), 0);
    let mut clients = Vec::new();
    for id in ["one", "two"] {
        let mut device = served.dial().await;
        device.connect_v5(id, "box-1", &house.tokens.box_1).await;
        clients.push(device);
    }
    assert_eq!(served.guard.connections_of("box-1"), 2);
    assert_eq!(served.guard.connections_of("box-2"), 0);
    drop(clients);
    served.counted(Counter::ConnectionsClosed, 2).await;
    assert_eq!(served.guard.connections_of("box-1"), 0);
}

#[tokio::test]
async fn a_hub_that_was_untied_receives_nothing_more_over_what_is_open() {
    let house = House::new();
    house.tie_hub("health-office");
    let served = house.serve(Limits::default());
    let (mut listener, _) = resume(&served, &house.tokens.box_1).await;
    assert!(listener.subscribe_v5("for/health/#", None).await < 0x80);
    house.custody.act(NOW, |act| act.tie(&hub(), None)).unwrap();
    assert!(!house.is_told(&served, &mut listener).await);
}

#[tokio::test]
async fn a_session_of_a_hub_does_not_go_on_as_another_recipient() {
    let house = House::new();
    house.tie_hub("health-office");
    let served = house.serve(Limits::default());
    let (mut listener, _) = resume(&served, &house.tokens.box_1).await;
    assert!(listener.subscribe_v5("for/health/#", None).await < 0x80);
    let (listener, is_present) = {
        drop(listener);
        resume(&served, &house.tokens.box_1).await
    };
    assert!(is_present, "as the same recipient it goes on");
    drop(listener);
    house.tie_hub("university");
    let (mut listener, is_present) = resume(&served, &house.tokens.box_1).await;
    assert!(!is_present);
    assert!(listener.subscribe_v5("for/research/#", None).await < 0x80);
}
