//! `GET /receive/v1/history` over a real socket, behind the same gate as streams.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use custody::Token;
use gateway::http::PAGES_PER_SECOND;
use gateway::{Counter, Counters, Flushed, Gated, Limits};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use model::{LicenceState, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::PATIENCE;
use crate::fixture::House;

struct Site {
    house: House,
    address: SocketAddr,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: serde_json::Value,
}

impl Site {
    async fn new() -> Self {
        let house = House::new();
        let counters = Arc::new(Counters::default());
        let router = gateway::http::router(
            house.custody.clone(),
            Arc::new(Limits::default()),
            Arc::clone(&counters),
            Arc::new(|| Box::pin(std::future::pending())),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let custody = house.custody.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let gated = Gated::new(stream, custody.clone());
                let handover = gated.handover().clone();
                let flushed = Flushed::new(gated, handover.clone());
                let service = TowerToHyperService::new(router.clone().layer(Extension(handover)));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(flushed), service),
                );
            }
        });
        Self {
            house,
            address,
            counters,
        }
    }

    /// Takes a message of box 1, so many milliseconds ago.
    fn measure(&self, payload: &str, ago: i64) {
        let custody = &self.house.custody;
        let token = self.house.tokens.box_1.expose_secret().as_bytes();
        let now = now().plus_millis(-ago);
        let peer = custody.authenticate("box-1", token, now).unwrap();
        let thing = match peer {
            custody::Peer::Thing(thing) => thing,
            other => panic!("{other:?} is no thing"),
        };
        let lsn = custody.ingest(&thing, payload.as_bytes(), now).unwrap();
        custody.wait_durable(lsn).unwrap();
    }

    async fn ask_as(&self, name: &str, token: &Token, query: &str) -> Answer {
        let token = token.expose_secret();
        self.exchange(&format!("Authorization: Bearer {name}:{token}\r\n"), query)
            .await
    }

    async fn ask(&self, query: &str) -> Answer {
        let token = &self.house.tokens.health_office;
        self.ask_as("health-office", token, query).await
    }

    async fn exchange(&self, headers: &str, query: &str) -> Answer {
        let request =
            format!("GET {query} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n{headers}\r\n");
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
            body: serde_json::from_str(body).unwrap(),
        }
    }

    fn refusals(&self) -> Vec<(&'static str, u64)> {
        let all = self.counters.snapshot().into_iter();
        all.filter(|(counter, value)| counter.is_refusal() && *value > 0)
            .map(|(counter, value)| (counter.name(), value))
            .collect()
    }
}

/// The present, as the gateway's own clock has it.
fn now() -> Timestamp {
    gateway::Clock::start().now().wall
}

const ALL: &str = "/receive/v1/history?purpose=health&deployment=mall-road";

fn dusts(answer: &Answer) -> Vec<i64> {
    let readings = answer.body["readings"].as_array().unwrap().iter();
    readings
        .map(|it| it["reading"]["dust"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn the_past_is_given_page_by_page_and_counted_once_it_is_written() {
    let site = Site::new().await;
    for dust in 1..=5 {
        site.measure(&format!(r#"{{"dust":{dust}}}"#), 10_000 - 1_000 * dust);
    }
    let whole = site.ask(ALL).await;
    assert_eq!(whole.status, 200, "{whole:?}");
    assert!(whole.head.contains("cache-control: no-store"));
    assert!(whole.head.contains("content-type: application/json"));
    assert_eq!(dusts(&whole), [1, 2, 3, 4, 5]);
    assert!(whole.body.get("next").is_none());
    let first = &whole.body["readings"][0];
    assert_eq!(first["purpose"], "health");
    assert_eq!(first["deployment"], "mall-road");
    assert_eq!(first["thing"], "box-1");
    assert_eq!(first["coarse"], false);
    let page = site
        .ask(&format!("{ALL}&limit=3&where=%2Fdust%20%3E%201"))
        .await;
    assert_eq!(
        dusts(&page),
        [2, 3],
        "a page of three, of which one is not asked for"
    );
    let next = page.body["next"].as_str().unwrap().to_owned();
    assert!(
        next.contains("&where=%2Fdust%20%3E%201&limit=3&after="),
        "{next}"
    );
    let page = site.ask(&next).await;
    assert_eq!(dusts(&page), [4, 5]);
    assert!(page.body.get("next").is_none());
    // The other purpose, by the header: rounded, as live.
    let token = site.house.tokens.university.expose_secret();
    let headers =
        format!("Authorization: Bearer university:{token}\r\nAmanat-Purpose: research\r\n");
    let research = site
        .exchange(&headers, "/receive/v1/history?deployment=mall-road")
        .await;
    assert_eq!(dusts(&research), [0; 5]);
    assert_eq!(research.body["readings"][0]["coarse"], true);
    assert_eq!(site.counters.value(Counter::HistoryPages), 4);
    assert_eq!(site.counters.value(Counter::HistoryReadings), 14);
    assert!(site.refusals().is_empty(), "{:?}", site.refusals());
}

/// An order of an authority about somebody whom box 1 senses, from an hour ago on.
fn order(number: u64, data: custody::OrderData) -> custody::LawfulOrder {
    custody::LawfulOrder {
        number,
        recipient: model::RecipientId::parse("investigators").unwrap(),
        deployment: model::DeploymentId::parse("mall-road").unwrap(),
        data,
        fields: match data {
            custody::OrderData::Content => vec![model::Pointer::parse("/dust").unwrap()],
            custody::OrderData::Traffic => Vec::new(),
        },
        people: vec![model::PersonId::parse("p-resident").unwrap()],
        from: now().plus_millis(-3_600_000),
        began_at: now().plus_millis(-1_000),
        until: now().plus_millis(3_600_000),
        embargo_until: None,
        ended_at: None,
        traffic_reads: 0,
    }
}

#[tokio::test]
async fn gp_d2_an_authority_gets_by_http_what_its_order_names_and_no_more() {
    let site = Site::new().await;
    let custody = &site.house.custody;
    let police = model::RecipientId::parse("investigators").unwrap();
    let token = custody
        .act(now(), |act| act.register_recipient(&police))
        .unwrap();
    let assignment = model::Assignment {
        thing: model::ThingId::parse("box-1").unwrap(),
        person: model::PersonId::parse("p-resident").unwrap(),
        role: model::Role::Household,
        valid_from: Timestamp::EPOCH,
        valid_until: None,
    };
    custody.act(now(), |act| act.assign(&assignment)).unwrap();
    site.measure(r#"{"dust":7}"#, 5_000);
    let content = "/receive/v1/history?purpose=lawful-order-1&deployment=mall-road";
    assert_eq!(
        site.ask_as("investigators", &token, content).await.status,
        403
    );
    for order in [
        order(1, custody::OrderData::Content),
        order(2, custody::OrderData::Traffic),
    ] {
        custody.act(now(), |act| act.put_order(&order)).unwrap();
    }
    let got = site.ask_as("investigators", &token, content).await;
    assert_eq!((got.status, dusts(&got)), (200, vec![7]));
    assert_eq!(site.ask(content).await.status, 403, "it is nobody else's");

    // Traffic: who received, how many; not what, and nothing about the order itself.
    assert_eq!(dusts(&site.ask(ALL).await), [7]);
    custody.tick(now()).unwrap();
    let facts = "/receive/v1/orders/2/traffic";
    let told = site.ask_as("investigators", &token, facts).await;
    assert_eq!(told.status, 200);
    let facts_told = told.body["facts"].as_array().unwrap();
    assert_eq!(facts_told.len(), 1, "{told:?}");
    assert_eq!(facts_told[0]["recipient"], "health-office");
    assert_eq!(facts_told[0]["messages"], 1);
    assert!(!told.body.to_string().contains("p-resident"));
    for (path, status) in [
        ("/receive/v1/orders/1/traffic", 404),
        ("/receive/v1/orders/x/traffic", 404),
        ("/receive/v1/orders/2/traffic?from=soon", 400),
    ] {
        let refused = site.ask_as("investigators", &token, path).await;
        assert_eq!(refused.status, status, "{path}");
    }
    assert_eq!(site.ask(facts).await.status, 404);
}

#[tokio::test]
async fn nothing_is_given_without_licence() {
    let site = Site::new().await;
    site.measure(r#"{"dust":1}"#, 1_000);
    site.house.set_licence(LicenceState::Suspended);
    assert!(dusts(&site.ask(ALL).await).is_empty());
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_with_what_to_do() {
    let site = Site::new().await;
    let base = "/receive/v1/history";
    for (query, detail) in [
        ("?deployment=mall-road", "name one purpose"),
        ("?purpose=health", "name the deployment"),
        (
            "?purpose=health&deployment=Mall%20Road",
            "`deployment` is not an identifier",
        ),
        (
            "?purpose=health&deployment=mall-road&thing=%00",
            "`thing` is not an identifier",
        ),
        (
            "?purpose=health&deployment=mall-road&limit=0",
            "from 1 to 500",
        ),
        (
            "?purpose=health&deployment=mall-road&limit=501",
            "from 1 to 500",
        ),
        (
            "?purpose=health&deployment=mall-road&limit=99999999999",
            "each once",
        ),
        (
            "?purpose=health&deployment=mall-road&from=yesterday",
            "`from` is a time",
        ),
        (
            "?purpose=health&deployment=mall-road&from=2020-01-01T00:00:00Z",
            "at most 31 days",
        ),
        ("?purpose=health&deployment=mall-road&where=dust", "where"),
        (
            "?purpose=health&deployment=mall-road&after=AAAA",
            "begin without it",
        ),
        ("?purpose=health&deployment=mall-road&wehre=x", "each once"),
    ] {
        let answer = site.ask(&format!("{base}{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        assert!(answer.head.contains("application/problem+json"));
        let said = answer.body["detail"].as_str().unwrap();
        assert!(said.contains(detail), "{query}: {said}");
    }
    assert_eq!(site.refusals(), [("history_invalid", 12)]);
}

#[tokio::test]
async fn who_may_not_ask_learns_nothing() {
    let site = Site::new().await;
    site.measure(r#"{"dust":1}"#, 1_000);
    let tokens = &site.house.tokens;
    let nobody = site.exchange("", ALL).await;
    assert_eq!(nobody.status, 401);
    let thing = site.ask_as("box-1", &tokens.box_1, ALL).await;
    assert_eq!(thing.status, 403);
    let other = site.ask_as("university", &tokens.university, ALL).await;
    assert_eq!(other.status, 403);
    let nowhere = "/receive/v1/history?purpose=health&deployment=nowhere";
    let nowhere = site.ask(nowhere).await;
    assert_eq!(nowhere.status, 403, "as if there were no grant");
    let expected = [("bad_credentials", 1), ("history_denied", 3)];
    assert_eq!(site.refusals(), expected);
}

#[tokio::test]
async fn whoever_asks_too_fast_waits_and_others_do_not() {
    let site = Site::new().await;
    let mut over = 0;
    for _ in 0..=4 * PAGES_PER_SECOND {
        over += u32::from(site.ask(ALL).await.status == 429);
    }
    assert!(over > 0);
    let token = &site.house.tokens.university;
    let query = "/receive/v1/history?purpose=research&deployment=mall-road";
    assert_eq!(site.ask_as("university", token, query).await.status, 200);
    let counted = site.counters.value(Counter::HistoryOverLimit);
    assert_eq!(counted, u64::from(over));
}
