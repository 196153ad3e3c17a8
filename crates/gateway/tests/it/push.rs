//! Readings on their way to webhooks of recipients, over real sockets and TLS.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use custody::{
    ActError, FailureClass, NewWebhook, Peer, Secret, WebAddress, WebhookId, WebhookState,
    WebhookView,
};
use gateway::courier::{Boxed, CourierOptions, Reach, Resolve, push};
use gateway::{Clock, Counter, Counters};
use model::{Assignment, PersonId, PurposeId, RecipientId, Role, ThingId, Timestamp};
use rustls::RootCertStore;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::courier::endpoint::{Authority, Endpoint, Request, answer};
use crate::fixture::House;

const PATIENCE: Duration = Duration::from_secs(20);

/// Every name is one address.
struct Names(IpAddr);

impl Resolve for Names {
    fn resolve<'a>(&'a self, _: &'a str) -> Boxed<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(vec![self.0]) })
    }
}

struct Sender {
    house: House,
    counters: Arc<Counters>,
    options: CourierOptions,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Sender {
    fn new(authority: &Authority) -> Self {
        let house = House::new();
        let resident = Assignment {
            thing: ThingId::parse("box-1").unwrap(),
            person: PersonId::parse("p-resident").unwrap(),
            role: Role::Household,
            valid_from: Timestamp::EPOCH,
            valid_until: None,
        };
        let assigned = house.custody.act(Timestamp::EPOCH, |act| {
            act.assign(&resident)?;
            Ok::<_, ActError>(())
        });
        assigned.unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate()).unwrap();
        Self {
            house,
            counters: Arc::new(Counters::default()),
            options: CourierOptions {
                in_flight: 4,
                parcels_per_second: 1_000,
                connect_timeout: Duration::from_secs(2),
                total_timeout: Duration::from_secs(4),
                reach: Reach {
                    high_ports: true,
                    danger_private_addresses: true,
                },
                roots: Arc::new(roots),
                resolver: Arc::new(Names("127.0.0.1".parse().unwrap())),
            },
            running: None,
        }
    }

    fn start(&mut self) {
        let (stop, stopped) = oneshot::channel::<()>();
        let run = push::run(
            self.house.custody.clone(),
            self.options.clone(),
            Arc::clone(&self.counters),
            Clock::start(),
            async move {
                let _ = stopped.await;
            },
        );
        let task = tokio::spawn(async move { run.await.unwrap() });
        self.running = Some((stop, task));
    }

    async fn stop(&mut self) {
        let (stop, task) = self.running.take().unwrap();
        stop.send(()).unwrap();
        task.await.unwrap();
    }

    /// A webhook of an hour ago.
    fn webhook(&self, port: u16) -> (WebhookId, Secret) {
        let url = format!("https://endpoint.test:{port}/in?token=1");
        let wanted = NewWebhook {
            recipient: RecipientId::parse("health-office").unwrap(),
            address: WebAddress::parse(&url).unwrap(),
            purpose: PurposeId::parse("health").unwrap(),
            deployment: None,
            thing: None,
            condition: None,
        };
        let added = self.house.custody.add_webhook(&wanted, ago(3_600));
        added.unwrap()
    }

    /// Takes a message of box 1 of so many seconds ago.
    fn measure(&self, dust: u32, seconds: i64) {
        let custody = &self.house.custody;
        let token = self.house.tokens.box_1.expose_secret().as_bytes();
        let Some(Peer::Thing(thing)) = custody.authenticate("box-1", token, now()) else {
            panic!("box-1 is a thing");
        };
        let payload = format!(r#"{{"dust":{dust}}}"#);
        let lsn = custody.ingest(&thing, payload.as_bytes(), ago(seconds));
        custody.wait_durable(lsn.unwrap()).unwrap();
    }

    fn view(&self, id: &WebhookId) -> WebhookView {
        let all = self.house.custody.webhooks(None).unwrap();
        all.into_iter().find(|it| it.id == *id).unwrap()
    }

    async fn until(&self, id: &WebhookId, what: &str, holds: impl Fn(&WebhookView) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !holds(&self.view(id)) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let shown = waited.await;
        assert!(shown.is_ok(), "in vain until {what}: {:?}", self.view(id));
    }

    async fn fails(&self, id: &WebhookId, class: FailureClass) {
        let fails = |it: &WebhookView| it.last_failure.is_some_and(|it| it.class == class);
        self.until(id, class.as_str(), fails).await;
    }

    fn count(&self, counter: Counter) -> u64 {
        self.counters.value(counter)
    }

    /// How many deliveries the person was told of.
    fn receipts(&self) -> i64 {
        let custody = &self.house.custody;
        custody.tick(now()).unwrap();
        let person = PersonId::parse("p-resident").unwrap();
        let until = custody::Place::before(now().plus_millis(1));
        let timeline = custody.timeline(&person, until, 1, now()).unwrap();
        let receipts = timeline.receipts.iter();
        receipts.map(|it| it.deliveries).sum()
    }
}

fn now() -> Timestamp {
    Clock::start().now().wall
}

fn ago(seconds: i64) -> Timestamp {
    now().plus_millis(-1_000 * seconds)
}

fn dust(request: &Request) -> Vec<u64> {
    let json = request.json();
    let data = json["data"].as_array().unwrap().iter();
    data.map(|it| it["reading"]["dust"].as_u64().unwrap())
        .collect()
}

/// The signatures of the Standard Webhooks specification 1.0, as a receiver would check them: HMAC after RFC 2104 on a SHA-256,
/// with nothing of ours. Gives how many there are, after one of them is found to be right.
fn signatures(request: &Request, key: &Secret) -> usize {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let key = key.expose_secret().strip_prefix("whsec_").unwrap();
    let key = engine.decode(key).unwrap();
    assert_eq!(key.len(), 32);
    let id = request.header("webhook-id");
    let timestamp = request.header("webhook-timestamp");
    let seconds: i64 = timestamp.parse().unwrap();
    assert!(
        (now().as_millis() / 1_000 - seconds).abs() < 30,
        "of this try"
    );
    let sha256 = |parts: &[&[u8]]| {
        ring::digest::digest(&ring::digest::SHA256, &parts.concat())
            .as_ref()
            .to_vec()
    };
    let pad = |byte: u8| -> Vec<u8> {
        let padded = (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ byte);
        padded.collect()
    };
    let head = format!("{id}.{timestamp}.");
    let inner = sha256(&[&pad(0x36), head.as_bytes(), &request.body]);
    let expected = format!("v1,{}", engine.encode(sha256(&[&pad(0x5c), &inner])));
    let given: Vec<_> = request.header("webhook-signature").split(' ').collect();
    assert!(given.contains(&expected.as_str()), "{given:?}");
    given.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_signed_batches_in_the_shape_of_the_history_and_they_are_counted() {
    let authority = Authority::new();
    let mut endpoint = Endpoint::serve(&authority, |_| answer(204, "")).await;
    let mut sender = Sender::new(&authority);
    let (id, key) = sender.webhook(endpoint.port);
    for number in 0..600 {
        sender.measure(number, 1_000 - i64::from(number));
    }
    sender.start();
    let mut got = Vec::new();
    while got.len() < 600 {
        let request = endpoint.next().await;
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/in?token=1")
        );
        assert_eq!(request.header("content-type"), "application/json");
        assert_eq!(signatures(&request, &key), 1);
        let json = request.json();
        assert_eq!(json["type"], "amanat.readings");
        let first = &json["data"][0];
        assert_eq!(first["purpose"], "health");
        assert_eq!(first["deployment"], "mall-road");
        assert_eq!(first["thing"], "box-1");
        assert_eq!(first["coarse"], false);
        assert!(Timestamp::parse(first["at"].as_str().unwrap()).is_ok());
        assert!(
            json["data"].as_array().unwrap().len() <= 500,
            "a named limit"
        );
        got.extend(dust(&request));
    }
    assert_eq!(got, (0..600).collect::<Vec<_>>(), "in the order of time");
    let works = |it: &WebhookView| it.last_success_at.is_some() && it.waits_since.is_none();
    sender.until(&id, "all is taken", works).await;
    assert_eq!(sender.count(Counter::WebhookReadings), 600);
    assert_eq!(sender.receipts(), 600);
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_holds_up_nobody() {
    let authority = Authority::new();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut endpoint = Endpoint::serve(&authority, |_| answer(200, "")).await;
    let mut sender = Sender::new(&authority);
    let (stuck, _) = sender.webhook(silent.local_addr().unwrap().port());
    sender.measure(1, 100);
    sender.start();
    let _held = silent.accept().await.unwrap();
    // The other one is added, and served, while the first is waited for.
    let (id, _) = sender.webhook(endpoint.port);
    assert_eq!(dust(&endpoint.next().await), [1]);
    assert_eq!(
        sender.view(&stuck).state,
        WebhookState::Working,
        "still waited for"
    );
    sender.fails(&stuck, FailureClass::Timeout).await;
    let shown = sender.view(&stuck);
    assert_eq!((shown.state, shown.attempts), (WebhookState::Failing, 1));
    assert!(shown.waits_since.is_some());
    assert_eq!(sender.view(&id).state, WebhookState::Working);
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_gone_gets_nothing_until_a_test_succeeds() {
    let authority = Authority::new();
    let is_gone = Arc::new(AtomicBool::new(true));
    let gone = Arc::clone(&is_gone);
    let mut endpoint = Endpoint::serve(&authority, move |_| {
        answer(
            if gone.load(Ordering::SeqCst) {
                410
            } else {
                200
            },
            "",
        )
    })
    .await;
    let mut sender = Sender::new(&authority);
    let (id, key) = sender.webhook(endpoint.port);
    sender.measure(1, 100);
    sender.start();
    endpoint.next().await;
    let disabled = |it: &WebhookView| it.state == WebhookState::Disabled;
    sender.until(&id, "it is disabled", disabled).await;
    assert_eq!(sender.view(&id).last_failure.unwrap().status, Some(410));
    assert_eq!(sender.count(Counter::WebhooksDisabled), 1);
    sender.measure(2, 50);
    let tested = |taken: bool| {
        let custody = sender.house.custody.clone();
        let id = id.clone();
        async move {
            custody.test_webhook(&id).unwrap();
            while custody.webhook_tested(&id).is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(custody.webhook_tested(&id).unwrap().is_ok(), taken);
        }
    };
    tested(false).await;
    let test = endpoint.next().await;
    assert_eq!(test.json()["type"], "amanat.test");
    assert_eq!(test.json()["data"], serde_json::json!({}));
    signatures(&test, &key);
    assert_eq!(sender.view(&id).state, WebhookState::Disabled);
    is_gone.store(false, Ordering::SeqCst);
    tested(true).await;
    assert_eq!(endpoint.next().await.json()["type"], "amanat.test");
    assert_eq!(dust(&endpoint.next().await), [1, 2], "nothing is lost");
    let is_taken = |it: &WebhookView| it.waits_since.is_none();
    sender.until(&id, "it is taken", is_taken).await;
    assert_eq!(sender.receipts(), 3, "the first left twice");
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_redirect_is_followed_and_no_address_of_the_own_network_is_connected_to() {
    let authority = Authority::new();
    let mut endpoint = Endpoint::serve(&authority, |_| {
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: https://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n"
            .to_vec()
    })
    .await;
    let mut sender = Sender::new(&authority);
    let (id, _) = sender.webhook(endpoint.port);
    sender.measure(1, 100);
    sender.start();
    endpoint.next().await;
    sender.fails(&id, FailureClass::Redirect).await;
    let pause = sender.view(&id).next_attempt_at.unwrap();
    assert!(
        pause.as_millis() - now().as_millis() > 250_000,
        "not soon again"
    );
    sender.stop().await;
    sender.options.reach.danger_private_addresses = false;
    sender.start();
    let (id, _) = sender.webhook(endpoint.port);
    sender.fails(&id, FailureClass::Address).await;
    sender.stop().await;
    sender.options.reach = Reach {
        high_ports: false,
        danger_private_addresses: true,
    };
    sender.start();
    let (id, _) = sender.webhook(endpoint.port);
    sender.fails(&id, FailureClass::Port).await;
    assert!(endpoint.is_untouched());
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_not_read_beyond_its_head() {
    let authority = Authority::new();
    let mut endpoint = Endpoint::serve(&authority, |_| {
        let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n".to_vec();
        answer.resize(100_000, b'x');
        answer
    })
    .await;
    let mut sender = Sender::new(&authority);
    let (id, _) = sender.webhook(endpoint.port);
    sender.measure(1, 100);
    sender.start();
    endpoint.next().await;
    let taken = |it: &WebhookView| it.last_success_at.is_some();
    sender.until(&id, "it is taken", taken).await;
    sender.stop().await;
}

mod slow {
    mod erasures;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn both_keys_sign_while_they_overlap_and_what_came_while_nobody_sent_is_sent() {
        let authority = Authority::new();
        let mut endpoint = Endpoint::serve(&authority, |_| answer(200, "")).await;
        let mut sender = Sender::new(&authority);
        let (id, key) = sender.webhook(endpoint.port);
        sender.measure(1, 100);
        sender.start();
        assert_eq!(signatures(&endpoint.next().await, &key), 1);
        let works = |it: &WebhookView| it.last_success_at.is_some();
        sender.until(&id, "it is taken", works).await;
        let newer = sender
            .house
            .custody
            .rotate_webhook(&id, now().plus_millis(60_000), now());
        sender.stop().await;
        sender.measure(1_000, 0);
        assert!(endpoint.is_untouched());
        sender.start();
        let request = endpoint.next().await;
        assert_eq!(dust(&request), [1_000]);
        assert_eq!(signatures(&request, &key), 2);
        assert_eq!(signatures(&request, &newer.unwrap()), 2);
        sender.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_refused_comes_again_after_a_pause_under_its_identifier() {
        let authority = Authority::new();
        let asked = AtomicUsize::new(0);
        let mut endpoint = Endpoint::serve(&authority, move |_| {
            let is_first = asked.fetch_add(1, Ordering::SeqCst) < 2;
            answer(if is_first { 503 } else { 200 }, "")
        })
        .await;
        let mut sender = Sender::new(&authority);
        let (id, key) = sender.webhook(endpoint.port);
        sender.measure(1, 100);
        sender.start();
        let first = endpoint.next().await;
        let failed = |it: &WebhookView| it.attempts == 1;
        sender.until(&id, "it failed", failed).await;
        let shown = sender.view(&id);
        assert_eq!(shown.last_failure.unwrap().status, Some(503));
        let second = endpoint.next().await;
        assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
        let time = |it: &Request| it.header("webhook-timestamp").parse::<u64>().unwrap();
        assert!(
            time(&second) >= time(&first) + 2,
            "half of the pause at least"
        );
        assert_eq!(signatures(&second, &key), 1);
        sender.measure(2, 0);
        let third = endpoint.next().await;
        assert_eq!(dust(&third), [1], "the same part, then what came after it");
        assert_eq!(dust(&endpoint.next().await), [2]);
        sender.until(&id, "it works", |it| it.attempts == 0).await;
        assert_eq!(sender.count(Counter::WebhookFailures), 2);
        let both = async {
            while sender.count(Counter::WebhookBatches) < 2 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, both).await.unwrap();
        sender.stop().await;
    }
}
