//! People are told of a model before it is at work, and see what it worked out.

use custody::MODEL_NOTICE_MILLIS;

use super::consent::allow;
use super::world::{HOME, NOW, World};

#[tokio::test]
async fn gp_b3_people_are_told_before_and_what_it_worked_out_is_marked() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    let at = NOW.plus_millis(MODEL_NOTICE_MILLIS);
    let model = format!(
        r#"[[models]]
id = "forecast"
title = {{ en = "Load forecast", ur = "بوجھ کی پیش گوئی" }}
decides = {{ en = "It guesses when you use power.", ur = "یہ اندازہ لگاتا ہے۔" }}
version = "1.4"
in-force = "{at}"

[[declarations]]"#
    );
    let text = include_str!("../../samples/home.toml")
        .replacen(
            "pointer = \"/power\"",
            "pointer = \"/power\"\nmade-by = \"forecast\"",
            1,
        )
        .replacen("[[declarations]]", &model, 1);
    let published = world
        .alliance
        .publish_notice(&alliance::Actor::Operator, &text, NOW);
    published.unwrap();
    resident
        .get("/me")
        .await
        .has("a program works with your data on its own: Load forecast")
        .has("It guesses when you use power.");
    resident
        .get(&format!("/d/{HOME}"))
        .await
        .has("Version 1.4, at work from")
        .has("Works out:");
    resident
        .get(&format!("/d/{HOME}/changes"))
        .await
        .has("Load forecast now also works out")
        .has("Version 1.4, at work from 2026-12-06.");
    world.neighbour_sees_no_model().await;
    let later = std::sync::atomic::Ordering::Relaxed;
    world.later.store(MODEL_NOTICE_MILLIS, later);
    let mut resident = world.signed_in(&world.resident).await;
    allow(&mut resident).await;
    assert!(world.send(r#"{"power":1210,"energy":7}"#, at).is_some());
    resident
        .get("/me")
        .await
        .lacks("a program works with your data on its own")
        .has("worked out by Load forecast 1.4, not measured");
}

impl World {
    async fn neighbour_sees_no_model(&self) {
        let mut neighbour = self.signed_in(&self.neighbour).await;
        neighbour.get("/me").await.lacks("Load forecast");
    }
}
