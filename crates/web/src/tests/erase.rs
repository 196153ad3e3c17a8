//! A person erases: sees what would go, decides, undoes, and sees what became of it.

use std::sync::atomic::Ordering;

use custody::Place;
use model::{Choice, DeploymentId, Level, Pointer, PurposeId, RecipientId};

use super::world::{HOME, NOW, World};

/// The person agrees to research, and the lab has received something.
fn allow_and_measure(world: &World) {
    let consent = Choice {
        person: world.resident.id.clone(),
        deployment: DeploymentId::parse(HOME).unwrap(),
        field: Pointer::parse("/power").unwrap(),
        purpose: PurposeId::parse("research").unwrap(),
        recipient: RecipientId::parse("energy-lab").unwrap(),
        level: Level::ON,
    };
    world.custody().choose(&[consent], NOW).unwrap();
    let got = world.send(r#"{"power":1210,"energy":7}"#, NOW);
    assert!(got.is_some(), "the lab has it");
}

fn readings(world: &World) -> usize {
    let later = NOW.plus_millis(world.later.load(Ordering::Relaxed) + 1);
    let timeline = world
        .custody()
        .timeline(&world.resident.id, Place::before(later), 9, later);
    timeline.unwrap().readings.len()
}

/// What stands between two texts.
fn part<'a>(body: &'a str, before: &str, after: &str) -> &'a str {
    let found = body.split(before).nth(1);
    let found = found.and_then(|it| it.split(after).next());
    found.unwrap_or_else(|| panic!("no `{before}` in {body}"))
}

#[tokio::test]
async fn gp_b4a_a_person_sees_what_goes_erases_it_and_gets_the_proof() {
    let world = World::new();
    allow_and_measure(&world);
    world.later.store(60_000, Ordering::Relaxed);
    assert!(readings(&world) > 0);
    let mut browser = world.signed_in(&world.resident).await;
    let form = browser.get("/me/erase").await;
    assert!(
        form.body.contains("/me/erase?place=gulberg-homes"),
        "{}",
        form.body
    );
    let form = browser.get("/me/erase?place=gulberg-homes").await;
    assert!(form.body.contains("value=\"/power\""), "{}", form.body);
    let look = [
        ("act", "look"),
        ("place", HOME),
        ("thing", ""),
        ("field", ""),
        ("from", ""),
        ("until", "2026-11-30"),
    ];
    let path = "/me/erase/preview?place=gulberg-homes&until=2026-11-30";
    let asked = browser.post("/me/erase", &look).await;
    assert_eq!(
        (asked.status, &asked.headers["location"]),
        (303, &path.parse().unwrap())
    );
    let preview = browser.get(path).await;
    assert_eq!(preview.status, 200);
    assert!(preview.body.contains("Energy lab") || preview.body.contains("energy-lab"));
    let seen = part(&preview.body, "name=\"seen\" value=\"", "\"").to_owned();
    let wrong = browser
        .post(path, &[("seen", "other"), ("grace", "none")])
        .await;
    assert_eq!(wrong.status, 409, "what was shown is what is done");
    assert!(readings(&world) > 0);
    // With a week to undo it: undone.
    let week = [("seen", seen.as_str()), ("grace", "week")];
    assert_eq!(browser.post(path, &week).await.status, 303);
    let waiting = browser.get("/me/erase").await;
    let id = part(&waiting.body, "name=\"id\" value=\"", "\"").to_owned();
    let undo = [("act", "undo"), ("id", id.as_str())];
    let mut other = world.signed_in(&world.neighbour).await;
    other.get("/me/erase").await;
    assert_eq!(other.post("/me/erase", &undo).await.status, 404);
    assert_eq!(browser.post("/me/erase", &undo).await.status, 200);
    assert!(readings(&world) > 0);
    // At once.
    browser.get(path).await;
    let now = [("seen", seen.as_str()), ("grace", "none")];
    assert_eq!(browser.post(path, &now).await.status, 303);
    assert_eq!(readings(&world), 0);
    let done = browser.get("/me/erase").await;
    let entry = part(&done.body, "href=\"/record/entry/", "\"").to_owned();
    let file = part(&done.body, "href=\"/me/erase/", "\"").to_owned();
    let proof = browser.get(&format!("/me/erase/{file}")).await;
    assert_eq!(proof.status, 200);
    let sha256 = custody::document_sha256(proof.body.as_bytes());
    let recorded = browser.get(&format!("/record/entry/{entry}")).await;
    assert!(recorded.body.contains(&sha256), "{}", recorded.body);
    let strange = other.get(&format!("/me/erase/{file}")).await;
    assert_eq!(strange.status, 404);
    let nothing = browser.get("/me/erase/preview?from=2026-12-01").await;
    assert_eq!(nothing.status, 200);
    assert!(!nothing.body.contains("name=\"seen\""));
}

#[tokio::test]
async fn days_that_make_no_sense_are_asked_for_again_and_an_old_session_erases_nothing() {
    let world = World::new();
    allow_and_measure(&world);
    world.later.store(60_000, Ordering::Relaxed);
    let mut browser = world.signed_in(&world.resident).await;
    for days in [
        "from=2026-11-09&until=2026-11-02",
        "from=yesterday",
        "until=2026-02-30",
    ] {
        let answer = browser.get(&format!("/me/erase/preview?{days}")).await;
        assert_eq!(answer.status, 422, "{days}");
    }
    assert_eq!(browser.get("/me/erase?place=nowhere").await.status, 404);
    assert_eq!(browser.get("/me/erase/preview?thing=%20").await.status, 404);
    let path = "/me/erase/preview";
    let preview = browser.get(path).await;
    let seen = part(&preview.body, "name=\"seen\" value=\"", "\"").to_owned();
    // A way in of their own, and then a session that was left open.
    let named = [
        ("act", "password"),
        ("name", "sana.khan"),
        ("password", "a boat on the old canal"),
    ];
    browser.get("/me/safety").await;
    assert_eq!(browser.post("/me/safety", &named).await.status, 200);
    world.later.store(3_600_000, Ordering::Relaxed);
    browser.get(path).await;
    let now = [("seen", seen.as_str()), ("grace", "none")];
    assert_eq!(browser.post(path, &now).await.status, 403);
    assert!(readings(&world) > 0);
}
