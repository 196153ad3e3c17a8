//! A person gives to the commons and takes back; everybody reads what is open.

use std::sync::atomic::Ordering;

use alliance::Actor;
use model::{Choice, DeploymentId, Level, Pointer, PurposeId, RecipientId};

use super::world::{HOME, NOW, World};

const SOURCE: &str = include_str!("../../samples/data_set.toml");

fn with_data_set() -> World {
    let world = World::new();
    let declared = world
        .alliance
        .declare_data_set(&Actor::Operator, SOURCE, NOW);
    declared.unwrap();
    world
}

/// The person agrees to research, so that the reading is kept.
fn measure(world: &World) {
    let consent = Choice {
        person: world.resident.id.clone(),
        deployment: DeploymentId::parse(HOME).unwrap(),
        field: Pointer::parse("/power").unwrap(),
        purpose: PurposeId::parse("research").unwrap(),
        recipient: RecipientId::parse("energy-lab").unwrap(),
        level: Level::ON,
    };
    world.custody().choose(&[consent], NOW).unwrap();
    world.send(r#"{"power":1210,"energy":7}"#, NOW);
    // Two hours later it has settled.
    world.later.store(7_200_000, Ordering::Relaxed);
}

fn hidden(body: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let at = body.rsplit(&mark).next().unwrap();
    at.split('"').next().unwrap().to_owned()
}

fn kept(world: &World) -> usize {
    let now = NOW.plus_millis(7_200_000);
    let place = custody::Place::before(now);
    let timeline = world.custody().timeline(&world.resident.id, place, 50, now);
    timeline.unwrap().readings.len()
}

#[tokio::test]
async fn gp_b4b_a_person_looks_gives_and_takes_back() {
    let world = with_data_set();
    measure(&world);
    assert!(kept(&world) > 0);
    let mut browser = world.signed_in(&world.resident).await;
    browser.get("/me/choices").await.has("/me/unlink");
    browser.get("/me/unlink").await.has("home-energy");
    let wrong = [
        ("act", "look"),
        ("set", "home-energy"),
        ("from", "tomorrow"),
    ];
    assert_eq!(browser.post("/me/unlink", &wrong).await.status, 422);
    let none = [
        ("act", "look"),
        ("set", "home-energy"),
        ("until", "2020-01-01"),
    ];
    let nothing = browser.post("/me/unlink", &none).await;
    assert_eq!(nothing.status, 422);
    nothing.has("role=\"alert\"");
    let look = [("act", "look"), ("set", "home-energy")];
    let preview = browser.post("/me/unlink", &look).await;
    assert_eq!(preview.status, 200);
    // 15:00 in Karachi, and 1210 W in steps of 250.
    preview.has("<bdi>15</bdi>").has("<bdi>1000</bdi>");
    let (shown, until) = (
        hidden(&preview.body, "shown"),
        hidden(&preview.body, "until"),
    );
    let same = [
        ("act", "give"),
        ("set", "home-energy"),
        ("thing", ""),
        ("from", ""),
        ("until", &*until),
        ("shown", &*shown),
    ];
    let mut other = same;
    other[5].1 = "0";
    assert_eq!(browser.post("/me/unlink", &other).await.status, 409);
    assert!(kept(&world) > 0, "nothing was erased");
    let mut stolen = world.signed_in(&world.neighbour).await;
    stolen.get("/me/unlink").await;
    assert_eq!(
        stolen.post("/me/unlink", &same).await.status,
        422,
        "it is not theirs"
    );
    let given = browser.post("/me/unlink", &same).await;
    assert_eq!(given.status, 200, "{}", given.body);
    given.has("role=\"status\"");
    assert_eq!(kept(&world), 0);
    let back = [("act", "back"), ("set", "home-energy")];
    browser
        .post("/me/unlink", &back)
        .await
        .has("role=\"status\"");
    browser
        .post("/me/unlink", &back)
        .await
        .has("role=\"alert\"");
    assert_eq!(kept(&world), 0, "it is deleted, not returned");
}

#[tokio::test]
async fn everybody_reads_what_is_open() {
    let world = with_data_set();
    let mut browser = world.stranger();
    browser.get("/").await.has("href=\"/commons\"");
    browser.get("/commons").await.has("/commons/home-energy");
    browser.get("/commons/home-energy").await.has("CC-BY-4.0");
    for (file, kind) in [
        ("catalog.jsonld", "application/ld+json"),
        ("home-energy/datapackage.json", "application/json"),
        ("home-energy/data-set.jsonld", "application/ld+json"),
    ] {
        let answer = browser.get(&format!("/commons/{file}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind));
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let _: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    }
    let declaration = browser.get("/commons/home-energy/data-set.toml").await;
    assert_eq!(declaration.body, SOURCE);
    let tag = declaration.header("etag").to_owned();
    browser.headers.push(("if-none-match", tag));
    let again = browser.get("/commons/home-energy/data-set.toml").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    browser.headers.clear();
    for missing in [
        "home-energy/release-1.csv",
        "home-energy/x",
        "nope",
        "nope/data-set.toml",
    ] {
        let answer = browser.get(&format!("/commons/{missing}")).await;
        assert_eq!(answer.status, 404, "{missing}");
    }
    assert_eq!(browser.get("/me/unlink").await.status, 303);
}
