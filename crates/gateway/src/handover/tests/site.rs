//! A server with one thing and one recipient, over sockets in memory.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use axum::Extension;
use custody::{ActError, Custody, CustodyOptions, Peer, ThingPeer, Token};
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use model::{
    DeploymentId, Grant, Licence, LicenceState, Notice, PurposeId, RecipientId, ThingId, Timestamp,
};
use mqtt_proto::{QoS, TopicFilter, v5};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::clock::Clock;
use crate::handover::{Flushed, Gated, Handover};
use crate::listener::Carries;
use crate::mqtt::Transport;
use crate::serve::Server;
use crate::{Counters, Limits, http};

/// How many bytes lie between the two ends.
pub(super) const CAPACITY: u64 = 2_048;
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// How data goes out, with something that buffers in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Mqtts,
    Wss,
    Ws,
    Https,
}

pub(super) const WAYS: [Way; 4] = [Way::Mqtts, Way::Wss, Way::Ws, Way::Https];

/// What one socket of the server was given.
#[derive(Clone)]
pub(super) struct Line {
    ticks: Arc<AtomicU64>,
    writes: Arc<Mutex<Vec<(u64, u64)>>>,
    read: Arc<AtomicU64>,
    /// The client takes what is there, as long as it does not matter with which byte something came.
    is_hasty: Arc<AtomicBool>,
}

impl Line {
    pub(super) fn given(&self) -> u64 {
        self.writes.lock().unwrap().last().map_or(0, |it| it.1)
    }

    pub(super) fn writes(&self) -> Vec<(u64, u64)> {
        self.writes.lock().unwrap().clone()
    }

    /// How many bytes the client has read.
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::SeqCst)
    }

    pub(super) fn waiting(&self) -> u64 {
        let read = self.read();
        self.given() - read
    }
}

/// The server's end.
struct Recorder {
    stream: DuplexStream,
    line: Line,
}

/// The client's end, read byte by byte, so that it is known with which byte something came.
struct Reader {
    stream: DuplexStream,
    line: Line,
}

impl AsyncRead for Recorder {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Recorder {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let line = self.line.clone();
        // Noted before anybody else can look, though the client may have read it.
        let mut writes = line.writes.lock().unwrap();
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        let given = writes.last().map_or(0, |it| it.1) + count as u64;
        // Whoever writes deliveries holds the gate here: no act returns before this moment.
        writes.push((line.ticks.fetch_add(1, Ordering::SeqCst), given));
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Transport for Recorder {
    fn poll_writable(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; 256];
        let most = match self.line.is_hasty.load(Ordering::SeqCst) {
            true => bytes.len().min(buffer.remaining()),
            false => 1,
        };
        let mut some = ReadBuf::new(&mut bytes[..most]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut some))?;
        let count = some.filled().len() as u64;
        self.line.read.fetch_add(count, Ordering::SeqCst);
        buffer.put_slice(some.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Reader {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A recipient that is subscribed, and its socket.
pub(super) struct Client {
    pub(super) stream: Box<dyn Stream>,
    pub(super) line: Line,
    pub(super) handover: Handover,
}

pub(super) struct Site {
    custody: Custody,
    server: Server,
    thing: Arc<ThingPeer>,
    token: Token,
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    ticks: Arc<AtomicU64>,
    _directory: tempfile::TempDir,
}

impl Site {
    pub(super) fn new() -> Self {
        let directory = testkit::temp_dir();
        let options = CustodyOptions {
            directory: directory.path().to_owned(),
            record_origin: "record.example/test".to_owned(),
        };
        let db = store::Db::open(&testkit::sqlite_with(&custody::MIGRATION_SETS)).unwrap();
        let custody = Custody::open(&options, db).unwrap();
        let (thing, token) = found(&custody);
        let (acceptor, connector) = tls();
        Self {
            server: Server::alone(custody.clone()),
            custody,
            thing,
            token,
            acceptor,
            connector,
            ticks: Arc::default(),
            _directory: directory,
        }
    }

    /// A moment in the order of everything that is noted.
    pub(super) fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    /// Lets the recipient have something, or not.
    pub(super) fn allow(&self, is_allowed: bool) {
        let grant = grant((!is_allowed).then_some(NOW.plus_millis(1)));
        self.custody.act(NOW, |act| act.grant(&grant)).unwrap();
    }

    pub(super) fn publish(&self, numbers: Range<u32>) {
        for number in numbers {
            let payload = format!(r#"{{"dust":{number}}}"#);
            let now = Clock::start().now().wall;
            let kept = self.custody.ingest(&self.thing, payload.as_bytes(), now);
            kept.unwrap();
        }
    }

    /// Connects and subscribes; nothing when there is no grant, or the rules change meanwhile.
    pub(super) async fn subscribe(&self, way: Way) -> Option<Client> {
        let line = Line {
            ticks: Arc::clone(&self.ticks),
            writes: Arc::default(),
            read: Arc::default(),
            is_hasty: Arc::new(AtomicBool::new(way == Way::Ws)),
        };
        let (server, client) = duplex(CAPACITY as usize);
        let gated = Gated::new(
            Recorder {
                stream: server,
                line: line.clone(),
            },
            self.custody.clone(),
        );
        let handover = gated.handover().clone();
        let reader = Reader {
            stream: client,
            line: line.clone(),
        };
        let stream: Option<Box<dyn Stream>> = match way {
            Way::Mqtts => {
                self.serve_tls(gated, Carries::Mqtt);
                over_mqtt(self.dial(reader).await, &self.token).await
            }
            Way::Wss => {
                self.serve_tls(gated, Carries::WebSocket);
                over_websocket(self.dial(reader).await, &line, &self.token).await
            }
            Way::Ws => {
                tokio::spawn(self.server.clone().over_websocket(gated));
                over_websocket(reader, &line, &self.token).await
            }
            Way::Https => {
                self.serve_https(gated);
                over_http(self.dial(reader).await, &self.token).await
            }
        };
        Some(Client {
            stream: stream?,
            line,
            handover,
        })
    }

    async fn dial(&self, reader: Reader) -> impl Stream + 'static {
        let name = ServerName::try_from("localhost").unwrap();
        self.connector.connect(name, reader).await.unwrap()
    }

    fn serve_tls(&self, gated: Gated<Recorder>, carries: Carries) {
        let (server, acceptor) = (self.server.clone(), self.acceptor.clone());
        tokio::spawn(async move {
            let stream = acceptor.accept(gated).await.unwrap();
            server.over_tls(stream, carries).await;
        });
    }

    fn serve_https(&self, gated: Gated<Recorder>) {
        let acceptor = self.acceptor.clone();
        let router = http::router(
            self.custody.clone(),
            Arc::new(Limits::default()),
            Arc::new(Counters::default()),
            Arc::new(|| Box::pin(std::future::pending())),
        );
        let handover = gated.handover().clone();
        let service = TowerToHyperService::new(router.layer(Extension(handover.clone())));
        tokio::spawn(async move {
            let stream = acceptor.accept(gated).await.unwrap();
            let stream = TokioIo::new(Flushed::new(stream, handover));
            let http = hyper::server::conn::http1::Builder::new();
            let _ = http.serve_connection(stream, service).await;
        });
    }
}

fn deployment() -> DeploymentId {
    DeploymentId::parse("mall-road").unwrap()
}

fn grant(valid_until: Option<Timestamp>) -> Grant {
    Grant {
        recipient: RecipientId::parse("health-office").unwrap(),
        purpose: PurposeId::parse("health").unwrap(),
        deployment: deployment(),
        valid_from: NOW,
        valid_until,
    }
}

fn found(custody: &Custody) -> (Arc<ThingPeer>, Token) {
    let source = include_str!("../../../tests/it/air.toml");
    let founded = custody.act(NOW, |act| {
        act.publish_notice(&Notice::parse(source).unwrap(), source)?;
        let licence = Licence {
            state: LicenceState::Active,
            until: None,
        };
        act.set_licence(&deployment(), licence)?;
        let thing = act.register_thing(&ThingId::parse("box-1").unwrap(), &deployment())?;
        let token = act.register_recipient(&RecipientId::parse("health-office").unwrap())?;
        act.grant(&grant(None))?;
        Ok::<_, ActError>((thing, token))
    });
    let (thing, token) = founded.unwrap();
    let password = thing.expose_secret().as_bytes();
    match custody.authenticate("box-1", password, NOW) {
        Some(Peer::Thing(thing)) => (thing, token),
        other => panic!("{other:?} is no thing"),
    }
}

fn tls() -> (TlsAcceptor, TlsConnector) {
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
    (Arc::new(server).into(), Arc::new(client).into())
}

fn packets(token: &Token) -> [Vec<u8>; 2] {
    let mut connect = v5::Connect::new("a".into(), 60);
    connect.username = Some("health-office".into());
    let password = token.expose_secret().as_bytes();
    connect.password = Some(bytes::Bytes::copy_from_slice(password));
    let filter = TopicFilter::try_from("for/health/#").unwrap();
    let options = v5::SubscriptionOptions::new(QoS::Level0);
    let subscribe = v5::Subscribe::new(1.try_into().unwrap(), vec![(filter, options)]);
    [
        v5::Packet::from(connect)
            .encode()
            .unwrap()
            .as_ref()
            .to_vec(),
        v5::Packet::from(subscribe)
            .encode()
            .unwrap()
            .as_ref()
            .to_vec(),
    ]
}

fn is_granted(suback: &[u8]) -> bool {
    match v5::Packet::decode(suback).unwrap() {
        Some(v5::Packet::Suback(it)) => (it.topics[0] as u8) < 0x80,
        other => panic!("no SUBACK: {other:?}"),
    }
}

/// One packet.
async fn packet(stream: &mut impl Stream) -> Option<Vec<u8>> {
    let mut packet = Vec::new();
    loop {
        packet.push(stream.read_u8().await.ok()?);
        if v5::Packet::decode(&packet).unwrap().is_some() {
            return Some(packet);
        }
    }
}

async fn over_mqtt(mut stream: impl Stream + 'static, token: &Token) -> Option<Box<dyn Stream>> {
    let [connect, subscribe] = packets(token);
    stream.write_all(&connect).await.ok()?;
    packet(&mut stream).await?;
    stream.write_all(&subscribe).await.ok()?;
    is_granted(&packet(&mut stream).await?).then(|| Box::new(stream) as _)
}

async fn over_websocket(
    stream: impl Stream + 'static,
    line: &Line,
    token: &Token,
) -> Option<Box<dyn Stream>> {
    let mut request = "ws://localhost/mqtt".into_client_request().unwrap();
    let protocol = "mqtt".parse().unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    let (mut frames, _) = tokio_tungstenite::client_async(request, stream)
        .await
        .ok()?;
    line.is_hasty.store(false, Ordering::SeqCst);
    let mut answer = Vec::new();
    for packet in packets(token) {
        frames.send(Message::binary(packet)).await.ok()?;
        answer = frames.next().await?.ok()?.into_data().to_vec();
    }
    // What comes from now on is read as it is.
    is_granted(&answer).then(|| Box::new(frames.into_inner()) as _)
}

async fn over_http(mut stream: impl Stream + 'static, token: &Token) -> Option<Box<dyn Stream>> {
    let token = token.expose_secret();
    let request = format!(
        "GET /receive/v1?purpose=health HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer health-office:{token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    head.starts_with(b"HTTP/1.1 200")
        .then(|| Box::new(stream) as _)
}
