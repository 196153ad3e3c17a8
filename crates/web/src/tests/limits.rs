//! Limits of the rulebook: set and lifted in the office, in force at once, seen on the notice and in the record.

use super::world::{HOME, NOW, World};

/// A limit on one value.
fn limit<'a>(field: &'a str, most: &'a str, reason: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("sensitivity", ""),
        ("field", field),
        ("purpose", ""),
        ("most", most),
        ("reason", reason),
    ]
}

#[tokio::test]
async fn a_limit_is_in_force_for_the_next_message_and_everybody_can_read_why() {
    let world = World::new();
    let mut officer = world.signed_in(&world.officer).await;
    officer
        .get("/office/limits")
        .await
        .has("There are no limits.");
    let set = officer
        .post(
            "/office/limits",
            &limit("/power", "off", "It tells too much."),
        )
        .await;
    assert_eq!(set.status, 200);
    set.has("The limit is in force at every deployment.")
        .has("It tells too much.");
    let mut stranger = world.stranger();
    stranger
        .get(&format!("/d/{HOME}"))
        .await
        .has("Limits of the alliance")
        .has("given to nobody and not kept")
        .has("It tells too much.");
    stranger
        .get("/record")
        .await
        .has("The rulebook has a limit: Value /power")
        .lacks("every purpose at most:off");
    let lifted = officer
        .post(
            "/office/limits",
            &[
                ("lift", "field:/power"),
                ("purpose", ""),
                ("reason", "Done."),
            ],
        )
        .await;
    lifted
        .has("The limit is lifted.")
        .has("There are no limits.");
    stranger
        .get(&format!("/d/{HOME}"))
        .await
        .lacks("Limits of the alliance");
    stranger
        .get("/record")
        .await
        .has("A limit of the rulebook was lifted: Value /power");
    world.custody().check_in_force(NOW).unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_a_limit_is_said_and_what_was_written_stays() {
    let world = World::new();
    let mut officer = world.signed_in(&world.officer).await;
    officer.get("/office/limits").await;
    let mut send = async |pairs: &[(&str, &str)]| officer.post("/office/limits", pairs).await;
    let empty = send(&limit("/power", "off", " ")).await;
    assert_eq!(empty.status, 422);
    empty
        .has("Write a reason")
        .has("value=\"/power\"")
        .has("<title>Error: Limits of the rulebook</title>");
    for field in ["", "power"] {
        let wrong = send(&limit(field, "off", "<i>Why</i>")).await;
        assert_eq!(wrong.status, 422);
        wrong
            .has("Write the JSON Pointer")
            .has("&#60;i&#62;Why&#60;/i&#62;</textarea>");
    }
    let both = send(&limit("power", "off", " ")).await;
    assert_eq!(both.status, 422);
    both.has("<a href=\"#field\">Write the JSON Pointer")
        .has("<a href=\"#reason\">Write a reason")
        .has("id=\"error-field\"")
        .has("id=\"error-reason\"");
    let gone = send(&[("lift", "field:/x"), ("purpose", ""), ("reason", "Why.")]).await;
    assert_eq!(gone.status, 409);
    for pairs in [
        limit("/power", "on", "Why."),
        limit("/power", "half", "Why."),
        vec![("lift", "nothing"), ("reason", "Why.")],
    ] {
        assert_eq!(send(&pairs).await.status, 400, "{pairs:?}");
    }
    let none = send(&limit("/power", "off", "")).await;
    none.has("There are no limits.");
}
