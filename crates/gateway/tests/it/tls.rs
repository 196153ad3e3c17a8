//! The same over TLS.

use std::sync::Arc;

use gateway::{Counter, Limits, Listener};
use mqtt_proto::v5;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::{Client, publish_v5};
use crate::fixture::House;

fn configs() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

#[tokio::test]
async fn a_thing_publishes_and_a_recipient_receives_over_tls() {
    let house = House::new();
    let (server, client) = configs();
    let listener = Listener::tls("127.0.0.1:0".parse().unwrap(), server).unwrap();
    let served = house.serve_on(listener, Limits::default());
    let dial = async || {
        let stream = TcpStream::connect(served.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::clone(&client));
        Client::new(connector.connect(name, stream).await.unwrap())
    };
    let mut health = dial().await;
    health
        .connect_v5("a", "health-office", &house.tokens.health_office)
        .await;
    health.subscribe_v5("for/health/#", None).await;
    let mut thing = dial().await;
    thing.connect_v5("b", "box-1", &house.tokens.box_1).await;
    let mut bytes = Vec::new();
    for packet_id in 1..=200 {
        let payload = format!(r#"{{"dust":{packet_id},"note":"{}"}}"#, "x".repeat(1_000));
        bytes.extend(publish_v5(packet_id, &payload));
    }
    thing.send(&bytes).await;
    for packet_id in 1..=200 {
        match thing.next_v5().await {
            Some(v5::Packet::Puback(it)) => assert_eq!(it.pid.value(), packet_id),
            it => panic!("no PUBACK: {it:?}"),
        }
    }
    for dust in 1..=200 {
        let Some(v5::Packet::Publish(publish)) = health.next_v5().await else {
            panic!("nothing was delivered");
        };
        assert_eq!(publish.payload, format!(r#"{{"dust":{dust}}}"#));
        if let mqtt_proto::QosPid::Level1(pid) = publish.qos_pid {
            health.send_v5(v5::Puback::new_success(pid)).await;
        }
    }
}

#[tokio::test]
async fn a_handshake_that_is_none_is_counted() {
    let house = House::new();
    let listener = Listener::tls("127.0.0.1:0".parse().unwrap(), configs().0).unwrap();
    let served = house.serve_on(listener, Limits::default());
    let mut plain = served.dial().await;
    plain
        .send(b"this is no client hello, and long enough")
        .await;
    served.counted(Counter::TlsHandshakeFailed, 1).await;
    assert_eq!(served.refusals(), [("tls_handshake_failed", 1)]);
}
