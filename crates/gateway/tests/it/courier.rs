//! Readings on their way to a person's own endpoint, over real sockets and TLS.

pub(crate) mod endpoint;
mod mosquitto;

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use custody::{
    ActError, Broker, Bucket, BucketStyle, DestinationId, DestinationState, DestinationView,
    FailureClass, NewDestination, Peer, Placing, Secret, WebAddress,
};
use gateway::Clock;
use gateway::courier::{self, Boxed, CourierOptions, Reach, Resolve};
use model::{Assignment, DeploymentId, PersonId, Role, ThingId, Timestamp};
use rustls::RootCertStore;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fixture::House;
use endpoint::{Authority, Endpoint, Request, answer};

const PATIENCE: Duration = Duration::from_secs(20);

/// Answers from a list, the last one for ever.
struct Names {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Names {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = answers
            .iter()
            .map(|it| it.iter().map(|it| it.parse().unwrap()).collect());
        Arc::new(Self {
            answers: Mutex::new(parsed.rev().collect()),
            asked: AtomicUsize::new(0),
        })
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, _: &'a str) -> Boxed<'a, io::Result<Vec<IpAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop().unwrap(),
        };
        Box::pin(async move { Ok(answer) })
    }
}

struct Post {
    house: House,
    person: PersonId,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
    clock: Clock,
    options: CourierOptions,
}

impl Post {
    fn new(authority: &Authority, names: Arc<dyn Resolve>, private: bool) -> Self {
        let house = House::new();
        let person = PersonId::parse("p-resident").unwrap();
        house
            .custody
            .act(Timestamp::EPOCH, |act| {
                act.assign(&Assignment {
                    thing: ThingId::parse("box-1").unwrap(),
                    person: PersonId::parse("p-resident").unwrap(),
                    role: Role::Household,
                    valid_from: Timestamp::EPOCH,
                    valid_until: None,
                })?;
                Ok::<_, ActError>(())
            })
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate()).unwrap();
        let mut post = Self {
            house,
            person,
            stop: None,
            task: None,
            clock: Clock::start(),
            options: CourierOptions {
                in_flight: 4,
                parcels_per_second: 1_000,
                connect_timeout: Duration::from_secs(5),
                total_timeout: Duration::from_secs(10),
                reach: Reach {
                    high_ports: true,
                    danger_private_addresses: private,
                },
                roots: Arc::new(roots),
                resolver: names,
            },
        };
        post.start();
        post
    }

    fn start(&mut self) {
        let (stop, stopped) = oneshot::channel::<()>();
        let (custody, options, clock) =
            (self.house.custody.clone(), self.options.clone(), self.clock);
        self.stop = Some(stop);
        self.task = Some(tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            courier::run(custody, options, clock, stopped)
                .await
                .unwrap();
        }));
    }

    fn add(&self, wanted: NewDestination) -> (DestinationId, Option<Secret>) {
        let now = self.clock.now().wall;
        let added = self
            .house
            .custody
            .add_destination(&self.person, wanted, now);
        added.unwrap()
    }

    fn webhook(&self, endpoint: &Endpoint) -> (DestinationId, Secret) {
        let url = format!("https://endpoint.test:{}/in?token=1", endpoint.port);
        let (id, key) = self.add(NewDestination::Webhook(WebAddress::parse(&url).unwrap()));
        (id, key.unwrap())
    }

    fn view(&self, id: &DestinationId) -> DestinationView {
        let now = self.clock.now().wall;
        let all = self.house.custody.destinations(&self.person, now).unwrap();
        all.into_iter().find(|it| it.id == *id).unwrap()
    }

    /// Waits for a state of a destination.
    async fn until(
        &self,
        what: &str,
        id: &DestinationId,
        holds: impl Fn(&DestinationView) -> bool,
    ) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !holds(&self.view(id)) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let shown = waited.await;
        assert!(
            shown.is_ok(),
            "waited in vain until {what}: {:?}",
            self.view(id)
        );
    }

    async fn working(&self, id: &DestinationId) {
        let works = |it: &DestinationView| it.state == DestinationState::Working;
        self.until("it works", id, works).await;
    }

    async fn fails(&self, id: &DestinationId, class: FailureClass) {
        let fails = |it: &DestinationView| it.last_failure == Some(class);
        self.until(class.as_str(), id, fails).await;
    }

    fn place(&self, id: &DestinationId) {
        let deployment = DeploymentId::parse("mall-road").unwrap();
        let placing = Placing::OwnEndpoint(id.clone());
        let now = self.clock.now().wall;
        let placed = self
            .house
            .custody
            .place(&self.person, Some(&deployment), &placing, now);
        placed.unwrap();
    }

    fn measure(&self, dust: u32) {
        let token = self.house.tokens.box_1.expose_secret().as_bytes();
        let Some(Peer::Thing(thing)) =
            self.house
                .custody
                .authenticate("box-1", token, self.clock.now().wall)
        else {
            panic!("box-1 is a thing");
        };
        let payload = format!(r#"{{"dust":{dust}}}"#);
        let now = self.clock.now().wall;
        let lsn = self.house.custody.ingest(&thing, payload.as_bytes(), now);
        self.house.custody.wait_durable(lsn.unwrap()).unwrap();
    }

    async fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.task.take().unwrap().await.unwrap();
    }
}

fn dust(values: &[serde_json::Value]) -> Vec<u64> {
    let dust = values.iter().map(|it| it["values"]["dust"].as_u64());
    dust.map(Option::unwrap).collect()
}

/// Verified the way that the how-to says, with nothing of ours.
fn assert_signed(request: &Request, key: &Secret) {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let key = key.expose_secret().strip_prefix("whsec_").unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &engine.decode(key).unwrap());
    let mut signed = format!(
        "{}.{}.",
        request.header("webhook-id"),
        request.header("webhook-timestamp")
    )
    .into_bytes();
    signed.extend_from_slice(&request.body);
    let signature = request.header("webhook-signature");
    let signature = engine
        .decode(signature.strip_prefix("v1,").unwrap())
        .unwrap();
    ring::hmac::verify(&key, &signed, &signature).unwrap();
}

/// Answers a check with its token.
fn echo(request: &Request) -> Vec<u8> {
    let json = request.json();
    answer(200, json["data"]["token"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_checked_and_gets_signed_batches_in_order() {
    let authority = Authority::new();
    let mut endpoint = Endpoint::serve(&authority, echo).await;
    let mut post = Post::new(&authority, Names::new(&[&["127.0.0.1"]]), true);
    let (id, key) = post.webhook(&endpoint);
    let check = endpoint.next().await;
    assert_eq!(
        (check.method.as_str(), check.path.as_str()),
        ("POST", "/in?token=1")
    );
    assert_eq!(
        check.header("host"),
        format!("endpoint.test:{}", endpoint.port)
    );
    assert_eq!(check.json()["type"], "amanat.check");
    assert_signed(&check, &key);
    post.working(&id).await;
    post.place(&id);
    (0..50).for_each(|it| post.measure(it));
    let mut got = Vec::new();
    while got.len() < 50 {
        let request = endpoint.next().await;
        assert_signed(&request, &key);
        let json = request.json();
        assert_eq!(json["type"], "amanat.readings");
        got.extend(json["data"].as_array().unwrap().clone());
    }
    assert_eq!(dust(&got), (0..50).collect::<Vec<_>>());
    assert_eq!(got[0]["deployment"], "mall-road");
    assert_eq!(got[0]["thing"], "box-1");
    post.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_does_not_echo_gets_nothing() {
    let authority = Authority::new();
    let mut endpoint = Endpoint::serve(&authority, |_| answer(200, "hello")).await;
    let mut post = Post::new(&authority, Names::new(&[&["127.0.0.1"]]), true);
    let (id, _) = post.webhook(&endpoint);
    endpoint.next().await;
    post.fails(&id, FailureClass::Challenge).await;
    assert_eq!(post.view(&id).state, DestinationState::Unverified);
    post.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_endpoint_refuses_comes_again_and_nothing_is_lost() {
    let authority = Authority::new();
    let refusals = AtomicUsize::new(0);
    let mut endpoint = Endpoint::serve(&authority, move |request| {
        let is_readings = request.json()["type"] == "amanat.readings";
        match is_readings && refusals.fetch_add(1, Ordering::SeqCst) == 0 {
            true => answer(500, ""),
            false => echo(request),
        }
    })
    .await;
    let mut post = Post::new(&authority, Names::new(&[&["127.0.0.1"]]), true);
    let (id, _) = post.webhook(&endpoint);
    endpoint.next().await;
    post.working(&id).await;
    post.place(&id);
    post.measure(1);
    let refused = endpoint.next().await;
    post.fails(&id, FailureClass::Refused).await;
    assert_eq!(post.view(&id).state, DestinationState::Failing);
    post.measure(2);
    // The courier ends before the pause does; the next one knows where it was.
    post.stop().await;
    post.start();
    post.house
        .custody
        .try_destination_now(&post.person, &id, post.clock.now().wall)
        .unwrap();
    let again = endpoint.next().await.json();
    let again = again["data"].as_array().unwrap();
    assert_eq!(dust(again), [1, 2]);
    assert_eq!(again[0]["id"], refused.json()["data"][0]["id"]);
    post.working(&id).await;
    post.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_into_the_own_network_is_not_followed() {
    let authority = Authority::new();
    let mut endpoint = Endpoint::serve(&authority, |_| {
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: https://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n"
            .to_vec()
    })
    .await;
    let names = Names::new(&[&["127.0.0.1"]]);
    let mut post = Post::new(&authority, names.clone(), true);
    let (id, _) = post.webhook(&endpoint);
    endpoint.next().await;
    post.fails(&id, FailureClass::Redirect).await;
    assert_eq!(names.asked.load(Ordering::SeqCst), 1);
    post.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_changes_is_checked_each_time_and_asked_for_once() {
    let authority = Authority::new();
    let mut endpoint = Endpoint::serve(&authority, echo).await;
    let names = Names::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let mut post = Post::new(&authority, names.clone(), true);
    let (id, _) = post.webhook(&endpoint);
    endpoint.next().await;
    post.working(&id).await;
    assert_eq!(
        names.asked.load(Ordering::SeqCst),
        1,
        "one lookup, connected to as checked"
    );
    post.place(&id);
    post.measure(1);
    post.fails(&id, FailureClass::Address).await;
    assert_eq!(names.asked.load(Ordering::SeqCst), 2);
    assert!(endpoint.is_untouched());
    post.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_somebody_else_is_not_trusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let endpoint = Endpoint::serve(&other, echo).await;
    let mut post = Post::new(&authority, Names::new(&[&["127.0.0.1"]]), true);
    let (id, _) = post.webhook(&endpoint);
    post.fails(&id, FailureClass::Tls).await;
    // The right authority, for another name.
    let endpoint = Endpoint::serve(&authority, echo).await;
    let url = format!("https://other.test:{}/", endpoint.port);
    let (id, _) = post.add(NewDestination::Webhook(WebAddress::parse(&url).unwrap()));
    post.fails(&id, FailureClass::Tls).await;
    post.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_gets_objects_that_are_signed_for_it() {
    let authority = Authority::new();
    let mut endpoint = Endpoint::serve(&authority, |request| {
        let signed = endpoint::is_signed_v4(request, "AKIDEXAMPLE", "hush/+hush", "eu-1");
        answer(if signed { 200 } else { 403 }, "")
    })
    .await;
    let mut post = Post::new(&authority, Names::new(&[&["127.0.0.1"]]), true);
    let port = endpoint.port;
    let bucket = |style, key_id: &str| {
        let service = format!("https://endpoint.test:{port}");
        let bucket = Bucket::parse(&service, "eu-1", "mine", "home/data", style, key_id);
        NewDestination::Bucket(bucket.unwrap(), Secret::new("hush/+hush".to_owned()))
    };
    let (wrong, _) = post.add(bucket(BucketStyle::Path, "OTHER"));
    endpoint.next().await;
    post.fails(&wrong, FailureClass::Credentials).await;
    let (id, _) = post.add(bucket(BucketStyle::VirtualHost, "AKIDEXAMPLE"));
    let check = endpoint.next().await;
    assert_eq!(
        check.header("host"),
        format!("mine.endpoint.test:{}", endpoint.port)
    );
    assert_eq!(check.path, "/home/data/amanat-check.txt");
    post.working(&id).await;
    let (id, _) = post.add(bucket(BucketStyle::Path, "AKIDEXAMPLE"));
    assert_eq!(
        endpoint.next().await.path,
        "/mine/home/data/amanat-check.txt"
    );
    post.working(&id).await;
    post.place(&id);
    post.measure(7);
    let object = endpoint.next().await;
    assert_eq!(object.method, "PUT");
    let reading = object.json();
    let day = reading["at"].as_str().unwrap()[..10].replace('-', "/");
    let name = reading["id"].as_str().unwrap();
    assert_eq!(
        object.path,
        format!("/mine/home/data/mall-road/{day}/{name}.jsonl")
    );
    assert_eq!(dust(std::slice::from_ref(&reading)), [7]);
    post.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_own_mosquitto_gets_each_reading_and_acknowledges_it() {
    let authority = Authority::new();
    let mosquitto = mosquitto::Mosquitto::start(&authority, "me", "hush");
    let mut post = Post::new(&authority, Names::new(&[&["127.0.0.1"]]), true);
    let broker = |user: &str| {
        let url = format!("mqtts://endpoint.test:{}", mosquitto.port);
        let broker = Broker::parse(&url, "house/{deployment}/{thing}/in", user);
        NewDestination::Broker(broker.unwrap(), Secret::new("hush".to_owned()))
    };
    let (wrong, _) = post.add(broker("you"));
    post.fails(&wrong, FailureClass::Credentials).await;
    let subscriber = mosquitto.subscribe("house/#", 101);
    let (id, _) = post.add(broker("me"));
    post.working(&id).await;
    post.place(&id);
    (0..100).for_each(|it| post.measure(it));
    let lines = subscriber.lines();
    assert!(
        lines[0].starts_with("house/amanat-check/check/in "),
        "{}",
        lines[0]
    );
    let readings: Vec<serde_json::Value> = lines[1..]
        .iter()
        .map(|it| {
            let payload = it.strip_prefix("house/mall-road/box-1/in ").unwrap();
            serde_json::from_str(payload).unwrap()
        })
        .collect();
    assert_eq!(dust(&readings), (0..100).collect::<Vec<_>>());
    post.stop().await;
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn names_that_lead_into_the_own_network_are_not_connected_to() {
        let authority = Authority::new();
        let mut endpoint = Endpoint::serve(&authority, echo).await;
        for answer in [
            &["127.0.0.1"][..],
            &["93.184.215.14", "127.0.0.1"],
            &["127.0.0.1", "93.184.215.14"],
            &["::ffff:127.0.0.1"],
            &["169.254.169.254"],
            &["::1", "2606:4700::1111"],
        ] {
            let mut post = Post::new(&authority, Names::new(&[answer]), false);
            let (id, _) = post.webhook(&endpoint);
            post.fails(&id, FailureClass::Address).await;
            post.stop().await;
        }
        for host in [
            "127.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
        ] {
            let mut post = Post::new(&authority, Names::new(&[&["93.184.215.14"]]), false);
            let url = format!("https://{host}:{}/", endpoint.port);
            let (id, _) = post.add(NewDestination::Webhook(WebAddress::parse(&url).unwrap()));
            post.fails(&id, FailureClass::Address).await;
            post.stop().await;
        }
        assert!(endpoint.is_untouched());
    }
}
