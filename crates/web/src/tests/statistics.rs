//! Figures about many people: anybody sees them and how they were made, a person sees where they are counted and how to leave.

use std::sync::atomic::AtomicBool;

use custody::{DeclareStatisticError, DeclaredStatistic, Epsilon, Measure};
use model::{Choice, DeploymentId, Level, Pointer, PurposeId, RecipientId, Timestamp};

use super::world::{HOME, NOW, World};

const HOUR: i64 = 3_600_000;

/// The person agrees, a reading comes in, and when the hour is over figures are drawn. Gives when that was.
fn released(world: &World) -> Timestamp {
    let from = Timestamp::from_millis(NOW.as_millis().div_euclid(HOUR) * HOUR + HOUR);
    let now = from.plus_millis(HOUR + 120_000);
    let custody = world.custody();
    let consent = Choice {
        person: world.resident.id.clone(),
        deployment: DeploymentId::parse(HOME).unwrap(),
        field: Pointer::parse("/power").unwrap(),
        purpose: PurposeId::parse("research").unwrap(),
        recipient: RecipientId::parse("energy-lab").unwrap(),
        level: Level::ON,
    };
    custody.choose(&[consent], NOW).unwrap();
    world.send(r#"{"power":1210,"energy":7}"#, from.plus_millis(600_000));
    let source = format!(
        r#"{{"id":"home-power","title":{{"en":"Power in homes","ur":"گھروں میں بجلی"}},"deployment":"{HOME}",
            "recipient":"energy-lab","purpose":"research","field":"/power","each":"mean","low":"0","high":"3000","steps":10,
            "period":"hour","budget":"3","least-people":5}}"#
    );
    let declared = DeclaredStatistic::parse(&source).unwrap();
    custody
        .act(NOW, |act| {
            act.declare_statistic(&declared, "office:licensing")
        })
        .map_err(|err: DeclareStatisticError| err)
        .unwrap();
    for measure in [Measure::People, Measure::Histogram] {
        let asked = (measure, Epsilon::parse("0.5").unwrap());
        let by = "office:licensing";
        custody
            .ask_release(&declared.id, from, asked, by, now)
            .unwrap();
    }
    assert_eq!(
        custody.draw_releases(&AtomicBool::new(false), now).unwrap(),
        2
    );
    now
}

#[tokio::test]
async fn gp_b4b_anybody_sees_the_figures_with_how_they_were_made() {
    let world = World::new();
    let mut stranger = world.stranger();
    let before = stranger.get("/commons/statistics").await;
    assert_eq!(before.status, 200);
    assert!(!before.body.contains("home-power"));
    released(&world);
    let list = stranger.get("/commons/statistics").await;
    assert!(
        list.body.contains("/commons/statistics/home-power"),
        "{}",
        list.body
    );
    let page = stranger.get("/commons/statistics/home-power").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("ε = 3"), "{}", page.body);
    let file = stranger.get("/commons/statistics/home-power.json").await;
    assert_eq!(file.headers["content-type"], "application/json");
    let read: serde_json::Value = serde_json::from_str(&file.body).unwrap();
    assert_eq!(read["declaration"]["id"], "home-power");
    let releases = read["releases"].as_array().unwrap();
    assert_eq!(releases.len(), 2);
    for release in releases {
        assert_eq!(release["epsilon"], "0.5");
        assert_eq!(release["mechanism"], "discrete Laplace");
        assert!(release["people"]["scale"].is_string());
    }
    // What is hashed into the record is what the file has, byte for byte.
    let entries = world
        .custody()
        .record_about("statistics:home-power", 9)
        .unwrap();
    let hashes: Vec<_> = entries
        .iter()
        .filter_map(|it| it.entry.document_sha256.clone())
        .collect();
    for release in world
        .custody()
        .releases(&custody::StatisticId::parse("home-power").unwrap())
        .unwrap()
    {
        let document = release.released.unwrap().document;
        assert!(file.body.contains(&document));
        assert!(hashes.contains(&custody::document_sha256(document.as_bytes())));
    }
    assert!(!file.body.contains(world.resident.id.as_str()));
    assert_eq!(
        stranger.get("/commons/statistics/nothing").await.status,
        404
    );
    assert_eq!(
        stranger
            .get("/commons/statistics/nothing.json")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn gp_b4b_a_person_sees_where_they_are_counted_what_it_told_and_how_to_leave() {
    let world = World::new();
    let now = released(&world);
    let later = u32::try_from(now.as_millis() - NOW.as_millis()).unwrap();
    world
        .later
        .store(later.into(), std::sync::atomic::Ordering::Relaxed);
    let mut browser = world.signed_in(&world.resident).await;
    let page = browser.get("/me/statistics").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("ε = 1 of 4"), "{}", page.body);
    assert_eq!(
        page.body.matches("/commons/statistics/home-power").count(),
        3,
        "{}",
        page.body
    );
    assert!(page.body.contains(&format!("/me/choices/{HOME}")));
    let choices = browser.get("/me/choices").await;
    assert!(choices.body.contains("href=\"/me/statistics\""));
    let mut other = world.signed_in(&world.neighbour).await;
    let theirs = other.get("/me/statistics").await;
    assert!(!theirs.body.contains("home-power"), "{}", theirs.body);
    let mut stranger = world.stranger();
    assert_eq!(stranger.get("/me/statistics").await.status, 303);
}
