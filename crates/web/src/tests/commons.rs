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
    for (address, language) in [("feed.atom", "en"), ("feed.atom?lang=ur", "ur")] {
        let feed = browser.get(&format!("/commons/{address}")).await;
        let kind = feed.header("content-type");
        assert_eq!(kind, "application/atom+xml; charset=utf-8");
        feed.has(&format!("xml:lang=\"{language}\""))
            .has("/commons/home-energy</id>");
    }
    assert_eq!(browser.get("/commons/feed.atom?lang=xx").await.status, 404);
    let declaration = browser.get("/commons/home-energy/data-set.toml").await;
    assert_eq!(declaration.body, SOURCE);
    let tag = declaration.header("etag").to_owned();
    browser.headers.push(("if-none-match", tag));
    let again = browser.get("/commons/home-energy/data-set.toml").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    browser.headers.clear();
    for missing in [
        "home-energy/release-1.csv",
        "home-energy/release-1.parquet",
        "home-energy/x",
        "nope",
        "nope/data-set.toml",
    ] {
        let answer = browser.get(&format!("/commons/{missing}")).await;
        assert_eq!(answer.status, 404, "{missing}");
    }
    assert_eq!(browser.get("/me/unlink").await.status, 303);
}

#[tokio::test]
async fn gp_b4b_the_office_declares_a_table_and_decides_on_what_people_gave() {
    let world = World::new();
    let mut officer = world.signed_in(&world.officer).await;
    officer.get("/office").await.has("href=\"/office/commons\"");
    // A draft of a notice is a declaration that could be taken.
    let from = |it| [("act", "draft"), ("from", it)];
    let draft = officer.post("/office/commons", &from(HOME)).await;
    draft.has(&format!("deployment = &#34;{HOME}&#34;"));
    let unknown = officer.post("/office/commons", &from("nope")).await;
    assert_eq!(unknown.status, 404);
    let wrong = SOURCE.replace("k = 5", "k = 2");
    let look = |source: &str| vec![("act", "look".to_owned()), ("source", source.to_owned())];
    let post = |pairs: Vec<(&'static str, String)>| pairs;
    let send = async |browser: &mut super::browser::Browser, pairs: Vec<(&'static str, String)>| {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        browser.post("/office/commons", &pairs).await
    };
    let refused = send(&mut officer, look(&wrong)).await;
    assert_eq!(refused.status, 422);
    refused
        .has("role=\"alert\"")
        .has("`k` lies between 5")
        .has("k = 2");
    // What browsers make of line ends does not change what is declared.
    let typed = SOURCE.replace('\n', "\r\n");
    let looked = send(&mut officer, look(&typed)).await;
    assert_eq!(looked.status, 200, "{}", looked.body);
    looked.has("value=\"declare\"").has("Hour of the day");
    assert!(
        world.custody().data_sets().unwrap().is_empty(),
        "looking declares nothing"
    );
    let declare = post(vec![("act", "declare".to_owned()), ("source", typed)]);
    send(&mut officer, declare.clone())
        .await
        .has("role=\"status\"");
    let standing = world.custody().data_sets().unwrap();
    assert_eq!(
        standing.first().map(|it| it.document.as_str()),
        Some(SOURCE)
    );
    assert_eq!(send(&mut officer, declare.clone()).await.status, 409);
    let decide = post(vec![
        ("act", "decide".to_owned()),
        ("set", "home-energy".to_owned()),
    ]);
    let waits = send(&mut officer, decide).await;
    assert_eq!(waits.status, 409);
    waits.has("and 10 must have");
    let mut resident = world.signed_in(&world.resident).await;
    assert_eq!(send(&mut resident, declare).await.status, 404);
    world
        .stranger()
        .get("/record")
        .await
        .has("Energy of homes by hour");
}
