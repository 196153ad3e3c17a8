//! Things that show a certificate instead of a token.

use std::sync::Arc;

use bytes::Bytes;
use custody::{Custody, IssuedCertificate, NewCertificate, Token};
use futures_util::{SinkExt, StreamExt};
use gateway::{ClientCertificates, Clock, Counter, Limits, Listener};
use mqtt_proto::{QoS, v3, v5};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore, ServerConfig, SupportedProtocolVersion, version,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::client::{Client, PATIENCE, password, publish_v5};
use crate::fixture::{House, Served};
use crate::sessions::websocket::check_is_told_to_upgrade;

/// A server that asks for certificates, and what a client needs to reach it.
struct Place {
    house: House,
    served: Served,
    roots: Arc<RootCertStore>,
}

/// A key and a certificate for it.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn now() -> model::Timestamp {
    Clock::start().now().wall
}

impl Place {
    fn new() -> Self {
        Self::listening(|it| it)
    }

    fn listening(how: impl FnOnce(Listener) -> Listener) -> Self {
        let house = House::new();
        house
            .custody
            .act(now(), |act| act.begin_device_authority("test").map(drop))
            .unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let server = ServerConfig::builder()
            .with_client_cert_verifier(ClientCertificates::new(house.custody.clone()))
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::tls(address, Arc::new(server)).unwrap();
        let served = house.serve_on(how(listener), Limits::default());
        Self {
            house,
            served,
            roots: Arc::new(roots),
        }
    }

    fn config(
        &self,
        version: &'static SupportedProtocolVersion,
        identity: Option<Identity>,
    ) -> Arc<ClientConfig> {
        let config = ClientConfig::builder_with_protocol_versions(&[version])
            .with_root_certificates(Arc::clone(&self.roots));
        Arc::new(match identity {
            Some(it) => config.with_client_auth_cert(it.chain, it.key).unwrap(),
            None => config.with_no_client_auth(),
        })
    }

    async fn dial(&self, config: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.served.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::clone(config));
        connector.connect(name, stream).await
    }
}

fn certified(custody: &Custody, id: &str) -> (Identity, IssuedCertificate) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).unwrap();
    let issued = custody
        .act(now(), |act| {
            act.issue_certificate(NewCertificate {
                thing: &model::ThingId::parse(id).unwrap(),
                request: request.der(),
                days: 1,
            })
        })
        .unwrap();
    let identity = Identity {
        chain: vec![issued.certificate.clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    };
    (identity, issued)
}

async fn connect(
    stream: TlsStream<TcpStream>,
    user_name: Option<&str>,
    password: Option<&str>,
) -> (Client<TlsStream<TcpStream>>, Option<v5::ConnectReasonCode>) {
    connect_as("device", stream, user_name, password).await
}

/// CONNECT with what is given, and the code of the answer; nothing when there is none.
async fn connect_as(
    client_id: &str,
    stream: TlsStream<TcpStream>,
    user_name: Option<&str>,
    password: Option<&str>,
) -> (Client<TlsStream<TcpStream>>, Option<v5::ConnectReasonCode>) {
    let mut client = Client::new(stream);
    let mut packet = v5::Connect::new(client_id.into(), 60);
    packet.username = user_name.map(Into::into);
    packet.password = password.map(|it| it.to_owned().into());
    client.send_v5(packet).await;
    let code = match client.next_v5().await {
        Some(v5::Packet::Connack(it)) => Some(it.reason_code),
        Some(it) => panic!("no CONNACK: {it:?}"),
        None => None,
    };
    (client, code)
}

#[tokio::test]
async fn a_certificate_stands_in_for_user_name_and_password() {
    let place = Place::new();
    for version in [&version::TLS12, &version::TLS13] {
        let (identity, _) = certified(
            &place.house.custody,
            if *version == version::TLS12 {
                "box-1"
            } else {
                "box-2"
            },
        );
        let config = place.config(version, Some(identity));
        let stream = place.dial(&config).await.unwrap();
        let (mut client, code) = connect(stream, None, None).await;
        assert_eq!(code, Some(v5::ConnectReasonCode::Success));
        client.send(&publish_v5(1, r#"{"dust":5}"#)).await;
        assert!(matches!(
            client.next_v5().await,
            Some(v5::Packet::Puback(_))
        ));
    }
    assert_eq!(place.served.refusals(), []);
}

#[tokio::test]
async fn a_user_name_or_password_that_disagrees_with_the_certificate_is_refused() {
    let place = Place::new();
    let (identity, _) = certified(&place.house.custody, "box-1");
    let config = place.config(&version::TLS13, Some(identity));
    let tokens = &place.house.tokens;
    let secret = |it: &Token| it.expose_secret().to_owned();
    let (right, other) = (secret(&tokens.box_1), secret(&tokens.box_2));
    let refused = Some(v5::ConnectReasonCode::BadUserNameOrPassword);
    let taken = Some(v5::ConnectReasonCode::Success);
    for (user_name, password, expected) in [
        (Some("box-1"), None, taken),
        (Some(""), Some(""), taken),
        (Some("box-1"), Some(right.as_str()), taken),
        (Some("box-2"), None, refused),
        (Some("box-2"), Some(other.as_str()), refused),
        (Some("box-1"), Some("wrong"), refused),
        (Some("health-office"), None, refused),
        (Some("nobody"), None, refused),
    ] {
        let stream = place.dial(&config).await.unwrap();
        let (_, code) = connect(stream, user_name, password).await;
        assert_eq!(code, expected, "{user_name:?}");
    }
    assert_eq!(place.served.refusals(), [("bad_credentials", 5)]);
}

#[tokio::test]
async fn who_shows_no_certificate_shows_a_token() {
    let place = Place::new();
    let config = place.config(&version::TLS13, None);
    let token = place.house.tokens.box_1.expose_secret();
    for (user_name, password, expected) in [
        (None, None, v5::ConnectReasonCode::BadUserNameOrPassword),
        (
            Some("box-1"),
            None,
            v5::ConnectReasonCode::BadUserNameOrPassword,
        ),
        (Some("box-1"), Some(token), v5::ConnectReasonCode::Success),
    ] {
        let stream = place.dial(&config).await.unwrap();
        let (_, code) = connect(stream, user_name, password).await;
        assert_eq!(code, Some(expected), "{user_name:?}");
    }
}

/// Whether a connection opens; with TLS 1.3 a client learns only after its handshake that it was refused.
async fn opens(place: &Place, config: &Arc<ClientConfig>) -> bool {
    match place.dial(config).await {
        Ok(stream) => connect(stream, None, None).await.1 == Some(v5::ConnectReasonCode::Success),
        Err(_) => false,
    }
}

#[tokio::test]
async fn a_revoked_certificate_ends_its_connection_and_opens_none() {
    let place = Place::new();
    let (identity, issued) = certified(&place.house.custody, "box-1");
    let config = place.config(&version::TLS13, Some(identity));
    let stream = place.dial(&config).await.unwrap();
    let (mut client, code) = connect_as("first", stream, None, None).await;
    assert_eq!(code, Some(v5::ConnectReasonCode::Success));
    // The second one resumes: no certificate crosses the line, and the first one's is believed once more.
    let again = place.dial(&config).await.unwrap();
    assert_eq!(
        again.get_ref().1.handshake_kind(),
        Some(HandshakeKind::Resumed)
    );
    let (_again, code) = connect(again, None, Some("")).await;
    assert_eq!(code, Some(v5::ConnectReasonCode::Success));
    let custody = &place.house.custody;
    custody
        .act(now(), |act| act.revoke_certificate(&issued.serial))
        .unwrap();
    match client.next_v5().await {
        Some(v5::Packet::Disconnect(it)) => {
            assert_eq!(it.reason_code, v5::DisconnectReasonCode::NotAuthorized);
        }
        it => panic!("no DISCONNECT: {it:?}"),
    }
    assert!(client.next_v5().await.is_none());
    place.served.counted(Counter::CertificatesEnded, 2).await;
    assert!(!opens(&place, &config).await);
    assert!(!opens(&place, &config).await);
    place.served.counted(Counter::CertificatesRefused, 2).await;
    assert_eq!(place.served.refusals(), [("certificates_refused", 2)]);
}

#[tokio::test]
async fn certificates_of_strangers_end_the_handshake() {
    let place = Place::new();
    let alone = rcgen::generate_simple_self_signed(["box-1".to_owned()]).unwrap();
    let stranger = Identity {
        chain: vec![alone.cert.der().clone()],
        key: PrivateKeyDer::try_from(alone.signing_key.serialize_der()).unwrap(),
    };
    let (theirs, _) = certified(&Place::new().house.custody, "box-1");
    // The certificate of somebody else, without the key for it.
    let (mut stolen, _) = certified(&place.house.custody, "box-1");
    stolen.key = PrivateKeyDer::try_from(KeyPair::generate().unwrap().serialize_der()).unwrap();
    for (number, identity) in [stranger, theirs].into_iter().enumerate() {
        for version in [&version::TLS12, &version::TLS13] {
            let identity = Identity {
                chain: identity.chain.clone(),
                key: identity.key.clone_key(),
            };
            let config = place.config(version, Some(identity));
            assert!(!opens(&place, &config).await, "{number}");
        }
    }
    place.served.counted(Counter::CertificatesRefused, 4).await;
    assert_eq!(place.served.refusals(), [("certificates_refused", 4)]);
    let provider = rustls::crypto::ring::default_provider();
    let key = provider.key_provider.load_private_key(stolen.key).unwrap();
    let stolen = rustls::sign::CertifiedKey::new(stolen.chain, key);
    let config = ClientConfig::builder()
        .with_root_certificates(Arc::clone(&place.roots))
        .with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(stolen)));
    assert!(!opens(&place, &Arc::new(config)).await);
    place.served.counted(Counter::CertificatesRefused, 5).await;
}

#[tokio::test]
async fn a_will_that_waits_is_not_published_once_what_opened_its_session_is_revoked() {
    let place = Place::new();
    let custody = &place.house.custody;
    let (identity, issued) = certified(custody, "box-1");
    let config = place.config(&version::TLS13, Some(identity));
    let anonymous = place.config(&version::TLS13, None);
    let token = &place.house.tokens.box_2;
    for (config, user_name) in [(&config, None), (&anonymous, Some("box-2"))] {
        let mut client = Client::new(place.dial(config).await.unwrap());
        let mut packet = v5::Connect::new("device".into(), 60);
        packet.username = user_name.map(Into::into);
        packet.password = user_name.map(|_| password(token));
        packet.properties.session_expiry_interval = Some(60);
        let payload = bytes::Bytes::from_static(br#"{"dust":1}"#);
        let mut will = v5::LastWill::new(QoS::Level1, "gone".try_into().unwrap(), payload);
        will.properties.delay_interval = Some(1);
        packet.last_will = Some(will);
        client.send_v5(packet).await;
        assert!(client.next_v5().await.is_some());
    }
    place.served.counted(Counter::ConnectionsClosed, 2).await;
    let before = custody.durable();
    custody
        .act(now(), |act| act.revoke_certificate(&issued.serial))
        .unwrap();
    let box_2 = custody::Identity::Thing(model::ThingId::parse("box-2").unwrap());
    custody.act(now(), |act| act.revoke(&box_2)).unwrap();
    // With the certificate its session is over; with the token it is refused when it is due, which both are at once.
    place.served.counted(Counter::WillsRefused, 1).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(place.served.counters.value(Counter::WillsAccepted), 0);
    assert_eq!(custody.durable(), before);
}

/// The return code of CONNACK (MQTT 3.1.1 section 3.2.2.3) to a browser with a certificate, on a page of `origin`.
async fn code_in_browser(
    place: &Place,
    config: &Arc<ClientConfig>,
    origin: Option<&str>,
    token: Option<&Token>,
) -> u8 {
    let stream = place.dial(config).await.unwrap();
    let mut request = "ws://localhost:443/mqtt".into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("Sec-WebSocket-Protocol", "mqtt".parse().unwrap());
    if let Some(origin) = origin {
        headers.insert("Origin", origin.parse().unwrap());
    }
    let opened = tokio_tungstenite::client_async(request, stream).await;
    let (mut socket, _) = opened.unwrap();
    let mut packet = v3::Connect::new("web".into(), 60);
    if let Some(token) = token {
        packet.username = Some("box-1".into());
        packet.password = Some(password(token));
    }
    let packet = v3::Packet::from(packet).encode().unwrap();
    let frame = Message::Binary(Bytes::copy_from_slice(packet.as_ref()));
    socket.send(frame).await.unwrap();
    match tokio::time::timeout(PATIENCE, socket.next()).await {
        Ok(Some(Ok(Message::Binary(it)))) => it[3],
        it => panic!("no CONNACK: {it:?}"),
    }
}

#[tokio::test]
async fn another_site_cannot_use_the_certificate_of_a_browser_rfc_6455_10_2() {
    let place = Place::listening(Listener::over_websocket);
    let (identity, _) = certified(&place.house.custody, "box-1");
    let config = place.config(&version::TLS13, Some(identity));
    let token = &place.house.tokens.box_1;
    let (taken, refused) = (0, 4);
    for (origin, token, expected) in [
        (None, None, taken),
        (Some("https://localhost"), None, taken),
        (Some("https://LOCALHOST:443"), None, taken),
        (Some("https://evil.example"), None, refused),
        (Some("https://localhost.evil.example"), None, refused),
        (Some("https://localhost:8443"), None, refused),
        (Some("http://localhost"), None, refused),
        (Some("null"), None, refused),
        (Some("https://evil.example"), Some(token), taken),
    ] {
        let code = code_in_browser(&place, &config, origin, token).await;
        assert_eq!(code, expected, "{origin:?}");
    }
    assert_eq!(place.served.refusals(), [("bad_credentials", 5)]);
}

#[tokio::test]
async fn who_asks_for_a_page_over_tls_is_told_what_this_is_too() {
    let place = Place::listening(Listener::over_websocket);
    let config = place.config(&version::TLS13, None);
    let mut stream = place.dial(&config).await.unwrap();
    check_is_told_to_upgrade(&mut stream).await;
    assert_eq!(place.served.refusals(), [("not_mqtt", 1)]);
}
