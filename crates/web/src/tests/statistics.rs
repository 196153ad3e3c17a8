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

#[tokio::test]
async fn gp_b4b_the_office_asks_for_figures_until_the_budget_of_a_period_is_used_up() {
    let world = World::new();
    let now = released(&world);
    let later = u32::try_from(now.as_millis() - NOW.as_millis()).unwrap();
    world
        .later
        .store(later.into(), std::sync::atomic::Ordering::Relaxed);
    let mut officer = world.signed_in(&world.officer).await;
    officer
        .get("/office")
        .await
        .has("href=\"/office/statistics\"");
    officer
        .get("/commons/statistics")
        .await
        .has("href=\"/office/statistics\"");
    officer
        .get("/office/statistics")
        .await
        .has("/office/statistics/home-power");
    let address = "/office/statistics/home-power";
    // Two figures of 0.5 each are out of 3.
    officer.get(address).await.has("ε = 2 is left");
    let id = custody::StatisticId::parse("home-power").unwrap();
    let view = world.custody().statistic(&id).unwrap().unwrap();
    let from = view.declared.before(view.declared.period_of(now));
    let from = from.as_millis().to_string();
    let question = |figure: &'static str, percent: &'static str, epsilon: &'static str| {
        [
            ("from", from.clone()),
            ("figure", figure.to_owned()),
            ("percent", percent.to_owned()),
            ("epsilon", epsilon.to_owned()),
        ]
    };
    for (asked, status, expected) in [
        (question("mean", "", "much"), 422, "such as 0.5"),
        (question("quantile", "100", "0.5"), 422, "from 1 to 99"),
        (question("mean", "", "0.0001"), 409, "Below 0.001"),
        (
            question("mean", "", "2.5"),
            409,
            "would tell 2.5, and only 2 is left",
        ),
        (question("sum", "", "0.25"), 200, "asked for. It will be"),
        (question("mean", "", "0.25"), 200, "asked for. It will be"),
        (question("quantile", "90", "1.5"), 200, "ε = 0 is left"),
        (question("people", "", "3"), 200, "Nothing more was used up"),
        (question("quantile", "50", "0.001"), 409, "only 0 is left"),
        (question("mode", "", "0.5"), 400, ""),
    ] {
        let pairs: Vec<_> = asked.iter().map(|it| (it.0, it.1.as_str())).collect();
        let answer = officer.post(address, &pairs).await;
        assert_eq!(answer.status, status, "{asked:?}: {}", answer.body);
        answer.has(expected);
    }
    // All five kinds of figures were asked for, and all of them are drawn.
    let drawn = world.custody().draw_releases(&AtomicBool::new(false), now);
    assert_eq!(drawn.unwrap(), 3);
    let releases = world.custody().releases(&id).unwrap();
    assert_eq!(
        releases.iter().filter(|it| it.released.is_some()).count(),
        5
    );
    let mut resident = world.signed_in(&world.resident).await;
    assert_eq!(resident.get(address).await.status, 404);
}
