//! `GET /receive/v1/erasures` over a real socket: told, asked for, acknowledged.

use std::net::SocketAddr;
use std::sync::Arc;

use custody::{EraseScope, Grace, HistoryQuery, Peer, Token};
use gateway::http::{ERASURE_REQUESTS_PER_SECOND, ERASURES_PATH};
use gateway::{Counter, Counters, Limits};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use model::{Assignment, DeploymentId, PersonId, PurposeId, Role, ThingId, Timestamp};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::PATIENCE;
use crate::fixture::House;

struct Site {
    house: House,
    address: SocketAddr,
    counters: Arc<Counters>,
}

fn now() -> Timestamp {
    gateway::Clock::start().now().wall
}

fn resident() -> PersonId {
    PersonId::parse("p-resident").unwrap()
}

impl Site {
    /// Box 1 senses a resident; the health office has asked for what it sent, and the resident has had it erased.
    async fn erased() -> Self {
        let house = House::new();
        sense(&house);
        let counters = Arc::new(Counters::default());
        let router = gateway::http::router(
            house.custody.clone(),
            Arc::new(Limits::default()),
            Arc::clone(&counters),
            Arc::new(|| Box::pin(std::future::pending())),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = TowerToHyperService::new(router.clone());
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self {
            house,
            address,
            counters,
        }
    }

    async fn ask(&self, method: &str, path: &str, who: &str) -> (u16, Value) {
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n{who}\r\n");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let _ = tokio::time::timeout(PATIENCE, read)
            .await
            .expect("no answer");
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let body = serde_json::from_str(body).unwrap_or(Value::Null);
        (head[9..12].parse().unwrap(), body)
    }

    fn office(&self) -> String {
        bearer("health-office", &self.house.tokens.health_office)
    }
}

fn bearer(name: &str, token: &Token) -> String {
    let token = token.expose_secret();
    format!("Authorization: Bearer {name}:{token}\r\n")
}

fn sense(house: &House) {
    let custody = &house.custody;
    let before = now().plus_millis(-10_000);
    let assignment = Assignment {
        thing: ThingId::parse("box-1").unwrap(),
        person: resident(),
        role: Role::Household,
        valid_from: Timestamp::EPOCH,
        valid_until: None,
    };
    custody.act(before, |act| act.assign(&assignment)).unwrap();
    let peer = |name: &str, token: &Token| {
        let token = token.expose_secret().as_bytes();
        custody.authenticate(name, token, now()).unwrap()
    };
    let Peer::Thing(thing) = peer("box-1", &house.tokens.box_1) else {
        panic!("box 1 is a thing")
    };
    let lsn = custody.ingest(&thing, br#"{"dust":7}"#, before).unwrap();
    custody.wait_durable(lsn).unwrap();
    let Peer::Recipient(office) = peer("health-office", &house.tokens.health_office) else {
        panic!("the office is a recipient")
    };
    let query = HistoryQuery {
        purpose: PurposeId::parse("health").unwrap(),
        deployment: DeploymentId::parse("mall-road").unwrap(),
        thing: None,
        condition: None,
        from: None,
        until: None,
        limit: 10,
        after: None,
    };
    let page = custody.history(&office, &query, now()).unwrap();
    let permits = page.deliveries.iter().map(|it| custody.permit(it, now()));
    let given: Vec<_> = permits.flatten().map(|it| it.into_payload().0).collect();
    assert_eq!(given.len(), 1);
    let scope = EraseScope::default();
    let digest = custody
        .plan_erasure(&resident(), &scope, now())
        .unwrap()
        .digest;
    let erased = custody.erase(&resident(), &scope, &digest, Grace::None, now());
    erased.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_is_told_and_acknowledges() {
    let site = Site::erased().await;
    let (status, body) = site.ask("GET", ERASURES_PATH, &site.office()).await;
    assert_eq!(status, 200, "{body}");
    let told = body["erasures"].as_array().unwrap();
    assert_eq!(told.len(), 1, "{body}");
    let first = &told[0];
    assert_eq!(first["thing"], "box-1");
    assert_eq!(first["deployment"], "mall-road");
    assert_eq!(first["fields"], serde_json::json!(["/dust"]));
    assert_eq!(first["of-one-person"], true);
    assert!(body.get("next").is_none() && first.get("from").is_none());
    assert!(!body.to_string().contains("resident"), "{body}");
    let id = first["id"].as_str().unwrap();
    let (_, page) = site
        .ask("GET", &format!("{ERASURES_PATH}?limit=1"), &site.office())
        .await;
    let next = page["next"].as_str().unwrap().to_owned();
    let (status, rest) = site.ask("GET", &next, &site.office()).await;
    assert_eq!(
        (status, rest["erasures"].as_array().unwrap().len()),
        (200, 0)
    );
    let done = format!("{ERASURES_PATH}/{id}/erased");
    let other = bearer("university", &site.house.tokens.university);
    assert_eq!(site.ask("POST", &done, &other).await.0, 404);
    assert_eq!(site.ask("POST", &done, &site.office()).await.0, 204);
    assert_eq!(site.ask("POST", &done, &site.office()).await.0, 204);
    let (_, none) = site.ask("GET", ERASURES_PATH, &site.office()).await;
    assert_eq!(none["erasures"], serde_json::json!([]));
    let view = site.house.custody.erasures(&resident()).unwrap().remove(0);
    assert!(view.notices[0].acknowledged_at.is_some());
    assert_eq!(site.counters.value(Counter::ErasuresAcknowledged), 2);
    assert_eq!(site.counters.value(Counter::ErasuresGiven), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_told_nothing_and_bad_questions_say_what_is_wrong() {
    let site = Site::erased().await;
    assert_eq!(site.ask("GET", ERASURES_PATH, "").await.0, 401);
    let thing = bearer("box-1", &site.house.tokens.box_1);
    assert_eq!(site.ask("GET", ERASURES_PATH, &thing).await.0, 403);
    for bad in ["?limit=0", "?limit=201", "?after=x", "?since=1"] {
        let path = format!("{ERASURES_PATH}{bad}");
        let (status, problem) = site.ask("GET", &path, &site.office()).await;
        assert_eq!(status, 400, "{bad}");
        assert_eq!(problem["title"], "Not done", "{bad}");
    }
    let unknown = format!("{ERASURES_PATH}/abcdefghijklmnopqrstuvwxyz/erased");
    assert_eq!(site.ask("POST", &unknown, &site.office()).await.0, 404);
    assert!(site.counters.value(Counter::ErasuresRefused) >= 6);
    let mut refused = 0;
    for _ in 0..=2 * ERASURE_REQUESTS_PER_SECOND {
        let other = bearer("university", &site.house.tokens.university);
        refused += u32::from(site.ask("GET", ERASURES_PATH, &other).await.0 == 429);
    }
    assert!(refused > 0, "too fast");
}
