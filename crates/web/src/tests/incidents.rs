//! Incidents in the office, for everybody, and for whom they may have reached.

use super::consent::allow;
use super::world::{HOME, NOW, World};

fn moment(hours: i64) -> (String, String) {
    let at = NOW.plus_millis(hours * 3_600_000).as_millis();
    let at = jiff::Timestamp::from_millisecond(at).unwrap();
    let zone = jiff::tz::TimeZone::get(crate::DEFAULT_TIME_ZONE).unwrap();
    let at = zone.to_datetime(at);
    (
        at.date().to_string(),
        at.strftime("%Y-%m-%dT%H:%M").to_string(),
    )
}

#[expect(
    clippy::too_many_lines,
    reason = "one journey, from the opening until the people have been told"
)]
#[tokio::test]
async fn a_breach_has_a_clock_and_reaches_the_people_whom_it_is_about() {
    let world = World::new();
    allow(&mut world.signed_in(&world.resident).await).await;
    assert!(world.send(r#"{"power":1210,"energy":7}"#, NOW).is_some());
    let (from, until, aware) = (moment(-24).0, moment(0).0, moment(-2).1);
    let draft = |what_ur: &'static str| {
        vec![
            ("where", "deployment".to_owned()),
            ("party", HOME.to_owned()),
            ("from", from.clone()),
            ("until", until.clone()),
            ("aware", aware.clone()),
            ("what-en", "A disk was lost.".to_owned()),
            ("what-ur", what_ur.to_owned()),
            ("done-en", "The keys were changed.".to_owned()),
            ("done-ur", "کلیدیں بدل دی گئیں۔".to_owned()),
        ]
    };
    let pairs =
        |draft: &[(&'static str, String)]| -> Vec<(&'static str, String)> { draft.to_vec() };
    let mut office = world.signed_in(&world.officer).await;
    office
        .get("/office/incidents")
        .await
        .has("Open an incident");
    let sent = pairs(&draft(" "));
    let sent: Vec<_> = sent.iter().map(|it| (it.0, it.1.as_str())).collect();
    let wrong = office.post("/office/incidents", &sent).await;
    assert_eq!(wrong.status, 422);
    wrong.has("A disk was lost.").has("in both languages");
    let sent = pairs(&draft("ڈسک گم ہوئی۔"));
    let sent: Vec<_> = sent.iter().map(|it| (it.0, it.1.as_str())).collect();
    let opened = office.post("/office/incidents", &sent).await;
    assert_eq!(opened.status, 200);
    opened
        .has("The authority has to be told by")
        .has("People: 1.")
        .has("Notice of a breach: incident 1")
        .has("lang=\"ur\"")
        .has("ڈسک گم ہوئی۔");
    let mut stranger = world.stranger();
    stranger
        .get("/incidents")
        .await
        .has("Incident 1")
        .lacks("A disk was lost.");
    let mut home = world.signed_in(&world.resident).await;
    home.get("/me").await.lacks("/me/incidents");

    for act in ["report", "tell"] {
        let done = office.post("/office/incidents/1", &[("act", act)]).await;
        assert_eq!(done.status, 200, "{act}");
        let again = office.post("/office/incidents/1", &[("act", act)]).await;
        assert_eq!(again.status, 409, "{act}");
    }
    stranger
        .get("/incidents")
        .await
        .has("A disk was lost.")
        .has("told in time");
    home.get("/me").await.has("href=\"/me/incidents\"");
    home.get("/me/incidents")
        .await
        .has("A disk was lost.")
        .has("The keys were changed.");
    let mut neighbour = world.signed_in(&world.neighbour).await;
    neighbour
        .get("/me/incidents")
        .await
        .lacks("A disk was lost.");
    assert_eq!(
        office
            .post("/office/incidents/1", &[("act", "x")])
            .await
            .status,
        400
    );
    assert_eq!(office.get("/office/incidents/9").await.status, 404);
}
