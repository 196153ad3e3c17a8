//! Recipients have things do something, over real sockets: HTTP in front, a thing behind MQTT or HTTP.

use gateway::Limits;
use model::{DeploymentId, Notice, Timestamp};
use mqtt_proto::v5;
use serde_json::Value;

use crate::fixture::House;
use crate::http::{Answer, Site};

mod behind;
mod publish;
mod sparkplug;
mod thingsboard;

/// A fan that must not turn while a hand is in it.
const FAN: &str = r#"
[[commands]]
id = "fan"
title = { en = "Turn the fan", ur = "پنکھا چلانا" }
does = { en = "The fan turns.", ur = "پنکھا چلتا ہے۔" }
topic = "{thing}/fan"
payload = '{"speed": {speed}}'
recipients = ["health-office"]
purpose = "health"
expires-seconds = 60
least-seconds-between = 0
[[commands.arguments]]
name = "speed"
kind = "number"
min = 0
max = 3
whole = true
[[commands.interlocks]]
when = "/dust > 900"
max-age-seconds = 60
why = { en = "The filter would burn.", ur = "فلٹر جل جائے گا۔" }
"#;

fn declare(house: &House) {
    declare_as(house, FAN);
}

fn declare_as(house: &House, command: &str) {
    let source = format!(
        "{}\n{command}",
        include_str!("air.toml").replace("version = 1", "version = 2")
    );
    let notice = Notice::parse(&source).unwrap();
    let now = Timestamp::from_millis(1_700_000_000_000);
    let published = house
        .custody
        .act(now, |act| act.publish_notice(&notice, &source));
    published.unwrap();
}

async fn site() -> Site {
    let site = Site::new(Limits::default()).await;
    declare(&site.house);
    site
}

async fn ask(site: &Site, who: &str, path: &str, headers: &str, body: &str) -> (Answer, Value) {
    let token = match who {
        "university" => &site.house.tokens.university,
        "health-office" => &site.house.tokens.health_office,
        _ => &site.house.tokens.box_1,
    };
    let method = if path.matches('/').count() == 4 {
        "POST"
    } else {
        "GET"
    };
    let (bearer, length) = (site.bearer(who, token), body.len());
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: {length}\r\n{bearer}{headers}\r\n{body}"
    );
    let answer = site.exchange(&request).await;
    let value = serde_json::from_str(&answer.body).unwrap_or_default();
    (answer, value)
}

const FAN_PATH: &str = "/commands/v1/box-1/fan?purpose=health";

async fn measure(site: &Site, headers: &str, body: &str) -> Value {
    let thing = site.bearer("box-1", &site.house.tokens.box_1);
    let answer = site.post(&format!("{thing}{headers}"), body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap_or_default()
}

#[tokio::test]
async fn a_command_over_http_reaches_a_thing_that_asks_and_its_standing_can_be_asked_for() {
    let site = site().await;
    let told = measure(&site, "Amanat-Commands: none\r\n", r#"{"dust": 20}"#).await;
    assert_eq!(told["commands"], serde_json::json!([]));
    let (answer, taken) = ask(&site, "health-office", FAN_PATH, "", r#"{"speed": 2}"#).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(taken["outcome"], "queued");
    assert_eq!(taken["arguments"], serde_json::json!({"speed": 2}));
    let id = taken["id"].as_str().unwrap();
    assert!(
        answer.has(&format!("location: /commands/v1/{id}")),
        "{answer:?}"
    );
    let told = measure(&site, "Amanat-Commands: none\r\n", r#"{"dust": 21}"#).await;
    let expected =
        serde_json::json!([{"id": id, "topic": "box-1/fan", "payload": "{\"speed\": 2}"}]);
    assert_eq!(told["commands"], expected);
    let path = format!("/commands/v1/{id}");
    let (_, sent) = ask(&site, "health-office", &path, "", "").await;
    assert_eq!(sent["outcome"], "sent");
    // The thing repeats the id: it has it, and gets it once.
    let told = measure(
        &site,
        &format!("Amanat-Commands: {id}\r\n"),
        r#"{"dust": 21}"#,
    )
    .await;
    assert_eq!(told["commands"], serde_json::json!([]));
    let (_, has_it) = ask(&site, "health-office", &path, "", "").await;
    assert_eq!(has_it["outcome"], "acknowledged");
    let (_, list) = ask(&site, "health-office", "/commands/v1", "", "").await;
    assert_eq!(list["commands"], serde_json::json!([has_it]));
    // It is nobody else's.
    let (other, _) = ask(&site, "university", &path, "", "").await;
    assert_eq!(other.status, 404);
    let (_, none) = ask(&site, "university", "/commands/v1", "", "").await;
    assert_eq!(none["commands"], serde_json::json!([]));
}

/// Who asks, for what, with which headers and arguments; the status and what is said.
type Case<'a> = (&'a str, &'a str, &'a str, &'a str, u16, &'a str);

const OFFICE: &str = "health-office";
const GOOD: &str = r#"{"speed": 2}"#;

async fn check(site: &Site, cases: &[Case<'_>]) {
    for (who, path, headers, body, status, detail) in cases {
        let (answer, said) = ask(site, who, path, headers, body).await;
        assert_eq!(answer.status, *status, "{path} {answer:?}");
        let is_problem = answer.has("content-type: application/problem+json");
        assert!(is_problem, "{answer:?}");
        let text = said["detail"].as_str().unwrap();
        assert!(text.contains(detail), "{text}");
        assert!(!answer.body.contains("shibboleth"), "{answer:?}");
    }
    assert_eq!(site.refusals(), [("commands_refused", cases.len() as u64)]);
}

#[tokio::test]
async fn what_is_not_safe_or_not_known_to_be_is_refused_and_never_comes() {
    let site = site().await;
    let unknown = (OFFICE, FAN_PATH, "", GOOD, 409, "interlock 1: The filter");
    check(&site, &[unknown]).await;
    measure(&site, "", r#"{"dust": 901}"#).await;
    let (answer, _) = ask(&site, OFFICE, FAN_PATH, "", GOOD).await;
    assert_eq!(answer.status, 409, "{answer:?}");
    let told = measure(&site, "Amanat-Commands: none\r\n", r#"{"dust": 900}"#).await;
    assert_eq!(told["commands"], serde_json::json!([]));
    // And now it may.
    let (answer, _) = ask(&site, OFFICE, FAN_PATH, "", GOOD).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

#[tokio::test]
async fn what_is_refused_says_what_to_do_and_repeats_nothing() {
    let site = site().await;
    measure(&site, "", r#"{"dust": 20}"#).await;
    let bare = "/commands/v1/box-1/fan";
    let other = "/commands/v1/box-1/shibboleth?purpose=health";
    let nowhere = "/commands/v1/Shibboleth/fan?purpose=health";
    let research = "Amanat-Purpose: research\r\n";
    let long = format!(r#"{{"speed": "{}"}}"#, "x".repeat(4_096));
    let whole = "a whole number from 0 to 3";
    let cases: [Case<'_>; 13] = [
        (OFFICE, bare, "", GOOD, 400, "name one purpose"),
        (OFFICE, FAN_PATH, research, GOOD, 400, "name one purpose"),
        (OFFICE, other, "", GOOD, 403, "ask the member"),
        (OFFICE, nowhere, "", GOOD, 400, "`thing`"),
        ("university", FAN_PATH, "", GOOD, 403, "ask the member"),
        ("box-1", FAN_PATH, "", GOOD, 403, "only a recipient"),
        (OFFICE, FAN_PATH, "", "[2]", 400, "one JSON object"),
        (OFFICE, FAN_PATH, "", r#"{"speed": 4}"#, 422, whole),
        (OFFICE, FAN_PATH, "", r#"{"speed": 1.5}"#, 422, whole),
        (
            OFFICE,
            FAN_PATH,
            "",
            r#"{"speed": "shibboleth"}"#,
            422,
            whole,
        ),
        (
            OFFICE,
            FAN_PATH,
            "",
            r#"{"shibboleth": 1}"#,
            422,
            "it has speed",
        ),
        (OFFICE, FAN_PATH, "", &long, 413, "at most 4096 bytes"),
        (OFFICE, "/commands/v1/123", "", "", 404, "of this number"),
    ];
    check(&site, &cases).await;
    let told = measure(&site, "Amanat-Commands: none\r\n", r#"{"dust": 20}"#).await;
    assert_eq!(told["commands"], serde_json::json!([]));
}

#[tokio::test]
async fn a_command_waits_until_its_thing_subscribes_and_not_while_the_licence_is_suspended() {
    let site = site().await;
    measure(&site, "", r#"{"dust": 20}"#).await;
    let (_, first) = ask(&site, "health-office", FAN_PATH, "", r#"{"speed": 1}"#).await;
    site.house.set_licence(model::LicenceState::Suspended);
    let served = site.house.serve(Limits::default());
    let mut thing = served.dial().await;
    thing
        .connect_v5("fan", "box-1", &site.house.tokens.box_1)
        .await;
    assert_eq!(thing.subscribe_v5("box-1/fan", None).await, 1);
    let path = format!("/commands/v1/{}", first["id"].as_str().unwrap());
    let (_, standing) = ask(&site, "health-office", &path, "", "").await;
    assert_eq!(standing["outcome"], "refused-not-allowed");
    site.house.set_licence(model::LicenceState::Active);
    let (answer, _) = ask(&site, "health-office", FAN_PATH, "", r#"{"speed": 3}"#).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    // The first thing that comes is the second command.
    let Some(v5::Packet::Publish(got)) = thing.next_v5().await else {
        panic!("no command came");
    };
    assert_eq!(&*got.topic_name, "box-1/fan");
    assert_eq!(&got.payload[..], br#"{"speed": 3}"#);
    let id = DeploymentId::parse("mall-road").unwrap();
    let counts = site.house.custody.command_counts(&id).unwrap().unwrap();
    assert_eq!(counts.sent, custody::PublicCount::FewerThan(5));
}
