//! Orders of authorities, as the office, two delegates, the person and everybody see them.

use alliance::Actor;
use model::RecipientId;

use super::world::{HOME, NOW, World};

const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn draft<'a>(people: &'a str, until: &'a str, embargo: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("act", "file"),
        ("authority", "Cybercrime agency"),
        ("statute", "PECA 2016"),
        ("section", "34"),
        ("deployment", HOME),
        ("recipient", "investigators"),
        ("data", "content"),
        ("fields", "/power"),
        ("people", people),
        ("until", until),
        ("embargo", embargo),
        ("hash", HASH),
    ]
}

fn day(after: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(NOW.as_millis() + after * 86_400_000).unwrap();
    let zone = jiff::tz::TimeZone::get(crate::DEFAULT_TIME_ZONE).unwrap();
    zone.to_datetime(at).date().to_string()
}

#[expect(
    clippy::too_many_lines,
    reason = "one journey, from the filing until the person has been told and it is ended"
)]
#[tokio::test]
async fn gp_d2_an_order_takes_two_chambers_and_the_person_is_told() {
    let world = World::new();
    let police = RecipientId::parse("investigators").unwrap();
    let operator = Actor::Operator;
    world
        .alliance
        .register_recipient(&operator, &police, NOW)
        .unwrap();
    let panel = world.panel();
    let accountable = world.delegate("lahore-power");
    let mut office = world.signed_in(&world.officer).await;
    let (resident, until) = (world.resident.id.to_string(), day(5));
    office.get("/orders/desk").await.has("File an order");
    let wrong = office
        .post("/orders/desk", &draft("p-nobody", &until, ""))
        .await;
    assert_eq!(wrong.status, 422);
    wrong
        .has("Not known")
        .has("p-nobody")
        .has("value=\"PECA 2016\"")
        .has("aria-invalid");
    let filed = office
        .post("/orders/desk", &draft(&resident, &until, ""))
        .await;
    assert_eq!(filed.status, 200);
    filed.has("It waits for two chambers now").lacks(&resident);
    let mut stranger = world.stranger();
    stranger
        .get("/orders")
        .await
        .lacks("Cybercrime")
        .has("No order was decided on yet");

    let agree = [("act", "agree"), ("number", "1")];
    let mut part = world.signed_in(&accountable).await;
    part.get("/orders/desk").await;
    let refused = part.post("/orders/desk", &agree).await;
    assert_eq!(refused.status, 403);
    for account in panel.iter().take(2) {
        let mut delegate = world.signed_in(account).await;
        let seen = delegate.get("/orders/desk").await;
        seen.has("PECA 2016")
            .lacks(&resident)
            .lacks("File an order");
        let said = delegate.post("/orders/desk", &agree).await;
        assert_eq!(said.status, 200);
        assert_eq!(delegate.post("/orders/desk", &agree).await.status, 409);
    }
    let known = stranger.get("/orders").await;
    known
        .has("Cybercrime agency")
        .has("is carried out")
        .lacks(&resident);
    let file: serde_json::Value =
        serde_json::from_str(&stranger.get("/orders.json").await.body).unwrap();
    assert_eq!(file["years"][0]["approved"], 1);
    assert_eq!(file["orders"][0]["people"], 1);
    let mut home = world.signed_in(&world.resident).await;
    home.get("/me").await.has("href=\"/me/orders\"");
    home.get("/me/orders")
        .await
        .has("Cybercrime agency")
        .has("Messages about you");
    let mut neighbour = world.signed_in(&world.neighbour).await;
    neighbour.get("/me").await.lacks("/me/orders");
    neighbour.get("/me/orders").await.lacks("Cybercrime");

    let end = [
        ("act", "end"),
        ("number", "1"),
        ("reason", "A court quashed it."),
    ];
    office.get("/orders/desk").await;
    assert_eq!(office.post("/orders/desk", &end).await.status, 200);
    assert_eq!(office.post("/orders/desk", &end).await.status, 409);
    stranger.get("/orders").await.has("A court quashed it.");
}

#[tokio::test]
async fn gp_d2_under_an_embargo_nobody_sees_where_and_whom() {
    let world = World::new();
    let police = RecipientId::parse("investigators").unwrap();
    let operator = Actor::Operator;
    world
        .alliance
        .register_recipient(&operator, &police, NOW)
        .unwrap();
    let panel = world.panel();
    let mut office = world.signed_in(&world.officer).await;
    office.get("/orders/desk").await;
    let resident = world.resident.id.to_string();
    let (until, embargo) = (day(5), day(20));
    office
        .post("/orders/desk", &draft(&resident, &until, &embargo))
        .await;
    for account in panel.iter().take(2) {
        let mut delegate = world.signed_in(account).await;
        delegate.get("/orders/desk").await;
        let agree = [("act", "agree"), ("number", "1")];
        assert_eq!(delegate.post("/orders/desk", &agree).await.status, 200);
    }
    let mut stranger = world.stranger();
    stranger
        .get("/orders")
        .await
        .has("Cybercrime agency")
        .has("is secret until")
        .lacks(HOME);
    let file = stranger.get("/orders.json").await;
    file.lacks(HOME).lacks("/power").lacks("\"people\":1");
    stranger
        .get("/record")
        .await
        .has("order:1")
        .lacks("investigators");
    let notice = format!("/d/{HOME}");
    stranger
        .get(&notice)
        .await
        .lacks("investigators")
        .lacks("lawful");
    let why = stranger.get(&format!("{notice}/why.json")).await;
    assert_eq!(why.status, 200);
    why.lacks("investigators").lacks("lawful");
    let mut home = world.signed_in(&world.resident).await;
    for path in [
        "/me",
        "/me/orders",
        "/me/access",
        "/me/choices",
        "/me/export",
        "/me/erase",
    ] {
        home.get(path)
            .await
            .lacks("Cybercrime")
            .lacks("investigators")
            .lacks("lawful");
    }
    let choices = home.get(&format!("/me/choices/{HOME}")).await;
    choices.lacks("investigators").lacks("lawful");
}
