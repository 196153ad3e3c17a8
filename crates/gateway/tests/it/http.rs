//! `POST /ingest/v1` over a real socket.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::{Extension, Router};
use custody::Token;
use gateway::{Arrival, Counters, Limits};
use model::LicenceState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::PATIENCE;
use crate::fixture::House;

pub(crate) struct Site {
    pub(crate) house: House,
    address: SocketAddr,
    pub(crate) counters: Arc<Counters>,
    router: Router,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Whether the head has these words.
    pub(crate) fn has(&self, words: &str) -> bool {
        self.head.contains(words)
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

impl Site {
    pub(crate) async fn new(limits: Limits) -> Self {
        let house = House::new();
        let counters = Arc::new(Counters::default());
        let router = gateway::http::router(
            house.custody.clone(),
            Arc::new(limits),
            Arc::clone(&counters),
            Arc::new(|| Box::pin(std::future::pending())),
        );
        Self {
            house,
            address: serve(router.clone()).await,
            counters,
            router,
        }
    }

    /// From now on requests come in like this.
    pub(crate) async fn comes_by(&mut self, arrival: Arrival) {
        self.address = serve(self.router.clone().layer(Extension(arrival))).await;
    }

    pub(crate) fn bearer(&self, name: &str, token: &Token) -> String {
        format!("Authorization: Bearer {name}:{}\r\n", token.expose_secret())
    }

    fn thing(&self) -> String {
        self.bearer("box-1", &self.house.tokens.box_1)
    }

    pub(crate) async fn post(&self, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let request = format!(
            "POST /ingest/v1 HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        self.exchange(&request).await
    }

    pub(crate) async fn exchange(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let _ = tokio::time::timeout(PATIENCE, read)
            .await
            .expect("no answer");
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head[9..12].parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.counters
            .snapshot()
            .into_iter()
            .filter(|(counter, value)| counter.is_refusal() && *value > 0)
            .map(|(counter, value)| (counter.name(), value))
            .collect()
    }
}

/// Asserts a problem of RFC 9457 that repeats nothing of what was sent.
#[track_caller]
fn check_problem(answer: &Answer, status: u16, detail: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(
        answer
            .head
            .contains("content-type: application/problem+json"),
        "{answer:?}"
    );
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["status"], status);
    assert!(body["title"].is_string());
    let said = body["detail"].as_str().unwrap();
    assert!(said.contains(detail), "{said}");
    assert!(!answer.body.contains("shibboleth"), "{answer:?}");
}

#[tokio::test]
async fn a_message_is_taken_and_answered_with_nothing() {
    let site = Site::new(Limits::default()).await;
    let json = "Content-Type: application/json; charset=utf-8\r\n";
    for headers in [site.thing(), site.thing() + json] {
        let answer = site.post(&headers, r#"{"dust":1}"#).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        assert!(answer.body.is_empty());
    }
    assert!(site.refusals().is_empty());
}

#[tokio::test]
async fn without_credentials_there_is_401() {
    let site = Site::new(Limits::default()).await;
    for headers in [
        String::new(),
        site.bearer("box-1", &site.house.tokens.box_2),
        "Authorization: Bearer shibboleth\r\n".to_owned(),
    ] {
        let answer = site.post(&headers, r#"{"dust":"shibboleth"}"#).await;
        check_problem(&answer, 401, "Authorization: Bearer");
        assert!(
            answer.head.contains("www-authenticate: basic"),
            "{answer:?}"
        );
    }
    assert_eq!(site.refusals(), [("bad_credentials", 3)]);
}

#[tokio::test]
async fn who_may_not_send_gets_403() {
    let site = Site::new(Limits::default()).await;
    let recipient = site.bearer("health-office", &site.house.tokens.health_office);
    check_problem(&site.post(&recipient, "{}").await, 403, "recipient");
    site.house.set_licence(LicenceState::Suspended);
    let answer = site.post(&site.thing(), r#"{"dust":"shibboleth"}"#).await;
    check_problem(&answer, 403, "suspended");
    assert_eq!(
        site.refusals(),
        [("publishes_not_allowed", 1), ("publishes_unlicensed", 1)]
    );
}

#[tokio::test]
async fn a_long_body_gets_413_by_its_length_and_by_its_bytes() {
    let limits = Limits {
        max_packet_bytes: 100,
        ..Limits::default()
    };
    let site = Site::new(limits).await;
    let body = format!(r#"{{"x":"{}"}}"#, "shibboleth".repeat(20));
    check_problem(&site.post(&site.thing(), &body).await, 413, "100 bytes");
    let head = site.thing();
    let chunked = format!(
        "POST /ingest/v1 HTTP/1.1\r\nHost: here\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n{head}\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    check_problem(&site.exchange(&chunked).await, 413, "100 bytes");
    assert_eq!(site.refusals(), [("publishes_too_large", 2)]);
}

#[tokio::test]
async fn what_is_not_json_gets_415_by_its_type_and_422_by_its_content() {
    let site = Site::new(Limits::default()).await;
    let form = site.thing() + "Content-Type: application/x-www-form-urlencoded\r\n";
    check_problem(&site.post(&form, "{}").await, 415, "application/json");
    let cbor = site.thing() + "Content-Type: application/senml+cbor\r\n";
    // Not refused by its type: the notice asks for JSON, and this is not.
    check_problem(&site.post(&cbor, "no").await, 422, "not JSON");
    let answer = site.post(&site.thing(), r#"{"dust": shibboleth}"#).await;
    check_problem(&answer, 422, "cannot be read");
    assert_eq!(
        site.refusals(),
        [("publishes_malformed", 2), ("unsupported_media_type", 1)]
    );
}

#[tokio::test]
async fn too_many_messages_get_429_and_other_things_do_not_notice() {
    let limits = Limits {
        publishes_per_second: 1,
        ..Limits::default()
    };
    let site = Site::new(limits).await;
    assert_eq!(site.post(&site.thing(), r#"{"dust":1}"#).await.status, 202);
    let answer = site.post(&site.thing(), r#"{"dust":1}"#).await;
    check_problem(&answer, 429, "1 messages a second");
    assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
    let other = site.bearer("box-2", &site.house.tokens.box_2);
    assert_eq!(site.post(&other, r#"{"dust":1}"#).await.status, 202);
    assert_eq!(site.refusals(), [("publishes_too_fast", 1)]);
}

#[tokio::test]
async fn a_body_that_does_not_come_gets_408() {
    let limits = Limits {
        connect_timeout_ms: 50,
        ..Limits::default()
    };
    let site = Site::new(limits).await;
    let head = site.thing();
    let request = format!(
        "POST /ingest/v1 HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\nConnection: close\r\n{head}\r\n{{"
    );
    check_problem(&site.exchange(&request).await, 408, "50 ms");
    assert_eq!(site.refusals(), [("bodies_too_slow", 1)]);
}

#[tokio::test]
async fn a_store_that_is_closed_gets_503() {
    let site = Site::new(Limits::default()).await;
    site.house.custody.close().unwrap();
    let answer = site.post(&site.thing(), r#"{"dust":1}"#).await;
    check_problem(&answer, 503, "again");
    assert!(answer.head.contains("retry-after: 5"), "{answer:?}");
    assert_eq!(site.refusals(), [("publishes_unavailable", 1)]);
}
