//! Who receives under the credential of a thing or a bridge: it ends with that credential, and with what ties the two.

use custody::{Identity, Token};
use gateway::{Counter, Limits};
use model::{RecipientId, ThingId, Timestamp};
use mqtt_proto::v5;
use tokio::net::TcpStream;

use crate::client::{Client, password};
use crate::fixture::{House, Served};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

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
    assert!(!house.is_told(&served, &mut listener).await);
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
    assert!(!house.is_told(&served, &mut thief).await);
    assert_eq!(device.publish_v5(2, r#"{"dust":7}"#).await, 0x87);
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
