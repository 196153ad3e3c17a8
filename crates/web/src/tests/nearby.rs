//! Who turned tracking off is told what else may sense them, and what betrays that they are there.

use alliance::Actor;

use super::world::{HOME, NOW, World};

const SPEAKERS: &str =
    r#"bystanders = { en = "Cameras see who passes.", ur = "کیمرے گزرنے والوں کو دیکھتے ہیں۔" }"#;

/// The next notice of a deployment, with more lines at the top.
fn publish(world: &World, source: &str, lines: &str) {
    let next = source.replacen("\n[contact]", &format!("\n{lines}\n\n[contact]"), 1);
    let publish = world.alliance.publish_notice(&Actor::Operator, &next, NOW);
    publish.unwrap();
}

#[tokio::test]
async fn gp_b1c_who_turned_tracking_off_is_told_what_else_may_sense_them_and_whom_to_ask() {
    let world = World::new();
    let home = include_str!("../../samples/home.toml");
    let bus = include_str!("../../samples/bus.toml").replacen("version = 3", "version = 2", 1);
    publish(&world, home, "position = { lat = 31.5204, lon = 74.3587 }");
    let place = format!("{SPEAKERS}\nposition = {{ lat = 31.5214, lon = 74.3587 }}");
    publish(&world, &bus, &place);
    let mut resident = world.signed_in(&world.resident).await;
    let choices = resident.get(&format!("/me/choices/{HOME}")).await;
    choices.has(&format!("/nearby?from={HOME}"));
    let near = resident.get(&format!("/nearby?from={HOME}")).await;
    near.has("Bus ticket readers")
        .has("Cameras see who passes.")
        .has("about 110 m away")
        .has("mailto:")
        .has("too little is kept to say");
    let anywhere = world.stranger().get("/nearby").await;
    anywhere.has("Cameras see who passes.").lacks("m away");
    assert_eq!(
        world.stranger().get("/nearby?from=nowhere").await.status,
        404
    );
    assert_eq!(world.stranger().get("/nearby?from=A%20B").await.status, 404);
}

#[tokio::test]
async fn what_the_kept_readings_of_a_person_betray_is_told_to_that_person_only() {
    let world = World::new();
    // Above zero, the energy used so far stands for somebody being there: what matters is that power follows it.
    let home = include_str!("../../samples/home.toml").replacen(
        "pointer = \"/energy\"",
        "pointer = \"/energy\"\ntells-presence = true",
        1,
    );
    publish(&world, &home, "");
    let mut resident = world.signed_in(&world.resident).await;
    resident.get(&format!("/me/choices/{HOME}")).await;
    for row in ["research energy-lab /power", "research energy-lab /energy"] {
        let form = [(row, "on"), ("only", row)];
        resident.post(&format!("/me/choices/{HOME}"), &form).await;
    }
    for minute in 0..120_u32 {
        let is_there = minute % 3 == 0;
        let power = if is_there { 900 + minute } else { 100 + minute };
        let message = format!(r#"{{"power":{power},"energy":{}}}"#, u8::from(is_there));
        world.send(&message, NOW.plus_millis(i64::from(minute) - 7_200_000));
    }
    let told = "the value alone picks the right one in 100 of 100 tries (120 readings)";
    resident
        .get(&format!("/nearby?from={HOME}"))
        .await
        .has(told);
    let mut neighbour = world.signed_in(&world.neighbour).await;
    neighbour
        .get(&format!("/nearby?from={HOME}"))
        .await
        .lacks("of 100 tries (");
    world
        .stranger()
        .get(&format!("/nearby?from={HOME}"))
        .await
        .lacks("of 100 tries (");
}
