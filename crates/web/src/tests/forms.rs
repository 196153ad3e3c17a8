//! Forms: tokens, origins, sessions, limits.

use super::world::{HOME, NOW, World};

#[tokio::test]
async fn a_link_preview_does_not_use_the_link_up_and_the_button_does() {
    let world = World::new();
    let link = world.link(&world.resident);
    let mut browser = world.stranger();
    for _ in 0..2 {
        browser.get(&link).await.has("Sign me in");
    }
    let answer = browser.post(&link, &[]).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/me"));
    browser.get("/me").await.has("My data").has("Sign out");
    let again = world.stranger().get(&link).await;
    assert_eq!(again.status, 410);
    again.has("This link no longer works");
}

#[tokio::test]
async fn a_session_ends_when_its_owner_signs_out() {
    let world = World::new();
    let mut browser = world.signed_in(&world.resident).await;
    let stolen = browser.clone();
    browser.get("/me").await;
    let answer = browser.post("/sign-out", &[]).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"));
    assert!(!browser.cookies.contains_key("amanat-session"));
    let mut stolen = stolen;
    assert_eq!(stolen.get("/me").await.header("location"), "/sign-in");
}

#[tokio::test]
async fn cookies_over_https_are_tied_to_the_host() {
    let world = World::at("https://amanat.example");
    let mut browser = world.stranger();
    let link = world.link(&world.resident);
    let first = browser.get(&link).await;
    assert!(
        first
            .header("set-cookie")
            .starts_with("__Host-amanat-visit=")
    );
    assert!(
        first
            .header("strict-transport-security")
            .starts_with("max-age=")
    );
    let answer = browser.post(&link, &[]).await;
    let session = answer.header("set-cookie");
    assert!(session.starts_with("__Host-amanat-session="), "{session}");
    assert!(
        session.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure"),
        "{session}"
    );
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let world = World::new();
    let mut officer = world.signed_in(&world.officer).await;
    officer.get("/office").await;
    let honest = officer.token.clone();
    for forged in ["", "x", &"a".repeat(43)] {
        forged.clone_into(&mut officer.token);
        let answer = officer
            .post("/office/city-bus/suspend", &[("reason", "Because.")])
            .await;
        assert_eq!(answer.status, 403);
        answer.has("This form is too old");
    }
    assert!(
        world
            .custody()
            .in_force(NOW)
            .iter()
            .all(|it| it.licence.in_force())
    );
    let mut neighbour = world.signed_in(&world.neighbour).await;
    neighbour.get("/me").await;
    officer.token = neighbour.token;
    let answer = officer
        .post("/office/city-bus/suspend", &[("reason", "Because.")])
        .await;
    assert_eq!(answer.status, 403, "the token of another session");
    officer.token = honest;
    let answer = officer
        .post("/office/city-bus/suspend", &[("reason", "Because.")])
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let world = World::new();
    let mut officer = world.signed_in(&world.officer).await;
    officer.get("/office").await;
    officer.headers = vec![("origin", "https://evil.example".to_owned())];
    let answer = officer
        .post("/office/city-bus/suspend", &[("reason", "Because.")])
        .await;
    assert_eq!(answer.status, 403);
    officer.headers = vec![("origin", "http://127.0.0.1:8080".to_owned())];
    let answer = officer
        .post("/office/city-bus/suspend", &[("reason", "Because.")])
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn the_office_keeps_what_was_written_and_says_what_is_wrong() {
    let world = World::new();
    let mut officer = world.signed_in(&world.officer).await;
    officer.get("/office").await.lacks("Reason given");
    let empty = officer
        .post("/office/city-bus/suspend", &[("reason", "  ")])
        .await;
    assert_eq!(empty.status, 422);
    empty
        .has("href=\"#reason-city-bus\"")
        .has("Write a reason")
        .has("<title>Error: Office</title>");
    let long = "<b>smoke</b> ".repeat(50);
    let answer = officer
        .post("/office/city-bus/suspend", &[("reason", &long)])
        .await;
    assert_eq!(answer.status, 422);
    answer
        .has("649 characters long")
        .has("&#60;b&#62;smoke")
        .lacks("<b>smoke");
    let wrong = officer
        .post("/office/city-bus/reinstate", &[("reason", "Mended.")])
        .await;
    assert_eq!(wrong.status, 409);
    wrong
        .has("no longer in the state you saw")
        .has(">Mended.</textarea>");
}

#[tokio::test]
async fn an_act_on_a_deployment_that_is_not_there_finds_nothing() {
    let world = World::new();
    let mut officer = world.signed_in(&world.officer).await;
    officer.get("/office").await;
    for path in ["/office/nope/suspend", "/office/nope/reinstate"] {
        for reason in ["Because.", ""] {
            let answer = officer.post(path, &[("reason", reason)]).await;
            assert_eq!(answer.status, 404, "{path} `{reason}`");
            answer.has("There is no such page");
        }
    }
}

#[tokio::test]
async fn a_suspension_shows_in_the_office_on_the_notice_and_in_the_record() {
    let world = World::new();
    let mut officer = world.signed_in(&world.officer).await;
    officer.get("/office").await;
    let reason = [("reason", "It sent card numbers.")];
    let done = officer.post("/office/city-bus/suspend", &reason).await;
    done.has("The licence of Bus ticket readers is suspended")
        .has("Put the licence in force again");
    let mut stranger = world.stranger();
    stranger
        .get("/d/city-bus")
        .await
        .has("data-state=\"suspended\"")
        .has("It sent card numbers.");
    stranger
        .get("/record")
        .await
        .has("The licence of Bus ticket readers was suspended.");
    let back = officer
        .post("/office/city-bus/reinstate", &[("reason", "Mended.")])
        .await;
    back.has("is in force again");
    stranger
        .get("/d/city-bus")
        .await
        .has("data-state=\"active\"");
}

#[tokio::test]
async fn one_choice_is_in_force_for_the_next_message() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    let path = format!("/me/choices/{HOME}");
    resident
        .get(&path)
        .await
        .has("Energy lab of the university")
        .has("Off until you say yes");
    let message = r#"{"power": 412.5, "energy": 2310}"#;
    assert_eq!(
        world.send(message, NOW),
        None,
        "consent is off until chosen"
    );

    let row = "research energy-lab /power";
    let saved = resident.post(&path, &[(row, "on"), ("only", row)]).await;
    saved.has("In force now").has(
        "Power in use to Energy lab of the university for Research on saving power: Off → Exact",
    );
    let got = world.send(message, NOW).unwrap();
    assert!(got.contains("412.5") && !got.contains("2310"), "{got}");

    let saved = resident.post(&path, &[(row, "coarse-2")]).await;
    saved.has("Exact → To within ±");
    let got = world.send(message, NOW).unwrap();
    assert!(
        !got.contains("412.5") && got.contains("\"power\":500"),
        "{got}"
    );

    resident
        .post(&path, &[(row, "off"), ("only", row)])
        .await
        .has("In force now");
    assert_eq!(world.send(message, NOW), None);
    resident
        .post(&path, &[(row, "off"), ("only", row)])
        .await
        .has("Nothing changed");
}

#[tokio::test]
async fn a_level_that_is_not_offered_keeps_the_form_and_changes_nothing() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    let path = format!("/me/choices/{HOME}");
    resident.get(&path).await;
    let (power, energy) = ("research energy-lab /power", "research energy-lab /energy");
    let answer = resident
        .post(&path, &[(power, "coarse-7"), (energy, "on")])
        .await;
    assert_eq!(answer.status, 422);
    answer
        .has("<title>Error: What you share</title>")
        .has("Choose one of the levels shown for Power in use");
    answer.has("name=\"research energy-lab /energy\" value=\"on\" checked");
    let sheet = world.custody().choice_sheet(
        &world.resident.id,
        &model::DeploymentId::parse(HOME).unwrap(),
        NOW,
    );
    let rows = sheet.unwrap().rows;
    let research = rows.iter().filter(|it| it.purpose.as_str() == "research");
    assert!(
        research
            .into_iter()
            .all(|it| it.chosen == model::Level::OFF)
    );
    let gone = resident.post(&path, &[("research spy /power", "on")]).await;
    assert_eq!(gone.status, 400);
}

#[tokio::test]
async fn what_the_law_fixes_is_shown_with_its_source_and_cannot_be_sent() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    let path = format!("/me/choices/{HOME}");
    let sheet = resident.get(&path).await;
    sheet.has("Electricity safety rules, section 4");
    sheet.has("name=\"safety fire-service /power\" value=\"on\" checked disabled");
    let answer = resident
        .post(&path, &[("safety fire-service /power", "off")])
        .await;
    answer.has("Nothing changed");
}

#[tokio::test]
async fn a_form_that_is_too_long_is_refused() {
    let world = World::new();
    let mut officer = world.signed_in(&world.officer).await;
    officer.get("/office").await;
    let long = "a".repeat(crate::MAX_FORM_BYTES);
    let answer = officer
        .post("/office/city-bus/suspend", &[("reason", &long)])
        .await;
    assert_eq!(answer.status, 413);
    answer.has("That was too long");
    let no_form = officer
        .send("POST", "/office/city-bus/suspend", "%".to_owned())
        .await;
    assert_eq!(no_form.status, 403, "a form without a token");
}
