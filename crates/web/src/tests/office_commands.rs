//! The log of commands in the office: who asked for what, which interlock refused, and what came of it.

use alliance::Actor;
use custody::{CommandRefusal, CommandRequest};
use model::{CommandName, PurposeId, ThingId, Timestamp};

use super::world::{HOME, NOW, World};

/// The meter can be told to switch off, and is not while much power flows.
const COMMANDS: &str = r#"
[[commands]]
id = "switch"
title = { en = "Switch the socket", ur = "ساکٹ بند یا چالو کرنا" }
does = { en = "The socket goes on or off.", ur = "ساکٹ بند یا چالو ہوتا ہے۔" }
topic = "{thing}/set"
payload = "{state}"
recipients = ["energy-lab"]
purpose = "research"
expires-seconds = 60
least-seconds-between = 0
[[commands.arguments]]
name = "state"
kind = "choice"
words = ["on", "off"]
[[commands.interlocks]]
when = "/power > 2000"
max-age-seconds = 60
why = { en = "WHY-ONE", ur = "تاریں جل جائیں گی۔" }
"#;

fn publish(world: &World, version: u32, why: &str, at: Timestamp) {
    let notice = include_str!("../../samples/home.toml")
        .replace("version = 2", &format!("version = {version}"));
    let notice = format!("{notice}{}", COMMANDS.replace("WHY-ONE", why));
    world
        .alliance
        .publish_notice(&Actor::Operator, &notice, at)
        .unwrap();
}

fn switch(world: &World, at: Timestamp) -> Result<custody::CommandId, CommandRefusal> {
    let request = CommandRequest {
        thing: ThingId::parse("meter-17").unwrap(),
        command: CommandName::parse("switch").unwrap(),
        arguments: serde_json::from_str(r#"{"state": "off"}"#).unwrap(),
        purpose: PurposeId::parse("research").unwrap(),
        deployment: None,
        within_seconds: None,
    };
    world.custody().command(&world.lab(at), &request, at)
}

#[tokio::test]
async fn an_officer_sees_who_asked_for_what_and_which_interlock_refused() {
    let world = World::new();
    publish(&world, 2, "The wires would burn.", NOW);
    let mut officer = world.signed_in(&world.officer).await;
    let empty = officer.get("/office/commands").await;
    empty.has("Nobody asked for anything in this time.");
    world.send(r#"{"power": 100}"#, NOW);
    switch(&world, NOW).unwrap();
    world.send(r#"{"power": 2500}"#, NOW.plus_millis(1));
    switch(&world, NOW.plus_millis(2)).unwrap_err();
    let shown = officer.get("/office/commands").await;
    shown
        .has("Commands in all: 2")
        .has("meter-17")
        .has("Switch the socket")
        .has("Energy lab of the university")
        .has("Research on saving power")
        .has("state off")
        .has("Refused, to keep people safe:")
        .has("The wires would burn.")
        .has("Waiting");
    officer
        .get("/office")
        .await
        .has(&format!("/office/commands?deployment={HOME}"));
    let here = officer
        .get(&format!("/office/commands?deployment={HOME}"))
        .await;
    here.has("Commands in all: 2").has("Home energy meters");
    let other = officer.get("/office/commands?deployment=lahore-air").await;
    other.lacks("Switch the socket");
    // A later notice says it in other words, which were not the ones that refused.
    publish(&world, 3, "Another reason.", NOW.plus_millis(1_000));
    let later = officer.get("/office/commands").await;
    later
        .has("Refused, to keep people safe.")
        .lacks("Another reason.");
}

#[tokio::test]
async fn the_log_is_read_page_by_page_and_by_nobody_else() {
    let world = World::new();
    publish(&world, 2, "The wires would burn.", NOW);
    for place in 0..20 {
        // Every one is refused, and stands in the log: the meter has said nothing yet.
        switch(&world, NOW.plus_millis(place)).unwrap_err();
    }
    let mut officer = world.signed_in(&world.officer).await;
    let newest = officer.get("/office/commands").await;
    let count = |body: &str| body.matches("<section class=\"card office\">").count();
    assert_eq!(count(&newest.body), 15);
    let (_, rest) = newest.body.split_once("/office/commands?after=").unwrap();
    let (after, _) = rest.split_once('"').unwrap();
    let older = officer
        .get(&format!("/office/commands?after={after}"))
        .await;
    assert_eq!(count(&older.body), 5);
    older.lacks("rel=\"next\"");
    for wrong in ["after=x", "deployment=.."] {
        let answer = officer.get(&format!("/office/commands?{wrong}")).await;
        assert_eq!(answer.status, 404, "{wrong}");
    }
    for account in [&world.resident, &world.neighbour] {
        let mut other = world.signed_in(account).await;
        assert_eq!(other.get("/office/commands").await.status, 404);
    }
    assert_eq!(world.stranger().get("/office/commands").await.status, 404);
}
