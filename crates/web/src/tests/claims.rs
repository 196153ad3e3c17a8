//! A resident takes a device with the code from its label.

use alliance::{Actor, ClaimCode, MAX_WRONG_CODES};
use model::{DeploymentId, Role, ThingId};

use super::world::{HOME, NOW, World};

/// The browser says that the person opened the link.
fn opened() -> (&'static str, String) {
    ("sec-fetch-site", "none".to_owned())
}

impl World {
    /// A code for a device of the home that nobody has.
    fn claim_code(&self, thing: &str) -> String {
        let id = ThingId::parse(thing).unwrap();
        let home = DeploymentId::parse(HOME).unwrap();
        if self.custody().thing(&id).is_none() {
            self.alliance
                .register_thing(&Actor::Operator, &id, &home, NOW)
                .unwrap();
        }
        let end = NOW.plus_millis(86_400_000);
        let code: ClaimCode = self
            .alliance
            .make_claim_code(&Actor::Operator, &id, Role::Holder, end, NOW)
            .unwrap();
        code.expose_secret()
    }
}

#[tokio::test]
async fn gp_a3_a_resident_reads_what_a_device_measures_and_takes_it_with_its_code() {
    let world = World::new();
    let code = world.claim_code("plug-9");
    let mut neighbour = world.signed_in(&world.neighbour).await;
    neighbour.headers.push(opened());
    let path = format!("/claim?code={code}");
    let home = DeploymentId::parse(HOME).unwrap();
    for _ in 0..2 {
        neighbour
            .get(&path)
            .await
            .has("What it measures")
            .has("plug-9")
            .has("Read the whole notice")
            .has("one that you own or carry");
    }
    assert!(
        !world.custody().concerns(&world.neighbour.id, &home),
        "looking takes nothing"
    );
    let typed = code.replace('-', "").to_uppercase();
    let taken = neighbour
        .post("/claim", &[("code", &typed), ("take", "1")])
        .await;
    assert_eq!(taken.status, 200);
    taken.has("plug-9 is linked to you from now on.");
    assert!(world.custody().concerns(&world.neighbour.id, &home));
    let mine = world
        .custody()
        .assignments(&world.neighbour.id, &home)
        .unwrap();
    assert_eq!(
        (mine.len(), mine[0].role, mine[0].valid_from),
        (1, Role::Holder, NOW)
    );
    let choices = neighbour.get(&format!("/me/choices/{HOME}")).await;
    assert_eq!(choices.status, 200);
}

#[tokio::test]
async fn who_changes_the_language_keeps_the_device_that_they_look_at() {
    let world = World::new();
    let code = world.claim_code("plug-9");
    let mut neighbour = world.signed_in(&world.neighbour).await;
    neighbour.headers.push(opened());
    let switch = format!("/lang/ur?back=/claim%3Fcode%3D{code}");
    let page = neighbour.get(&format!("/claim?code={code}")).await;
    page.has(&format!("href=\"{switch}\""));
    let typed = neighbour.post("/claim", &[("code", &code)]).await;
    typed.has(&format!("href=\"{switch}\""));
    neighbour.get(&switch).await;
    let again = neighbour.get(&format!("/claim?code={code}")).await;
    again.has("plug-9").has("یہ کیا ناپتا ہے");
}

#[tokio::test]
async fn a_claim_code_works_once_and_for_nobody_else_afterwards() {
    let world = World::new();
    let code = world.claim_code("plug-9");
    let take = [("code", code.as_str()), ("take", "1")];
    let mut neighbour = world.signed_in(&world.neighbour).await;
    let mut resident = world.signed_in(&world.resident).await;
    neighbour.get("/claim").await;
    resident.get("/claim").await;
    assert_eq!(neighbour.post("/claim", &take).await.status, 200);
    for browser in [&mut neighbour, &mut resident] {
        let replayed = browser.post("/claim", &take).await;
        assert_eq!(replayed.status, 422);
        replayed.has("This code does not work.");
    }
    let home = DeploymentId::parse(HOME).unwrap();
    let all = world
        .custody()
        .assignments(&world.neighbour.id, &home)
        .unwrap();
    assert_eq!(all.len(), 1);
    // A newer code for a thing ends the one before.
    resident.headers.push(opened());
    let old = world.claim_code("plug-9");
    let new = world.claim_code("plug-9");
    let gone = resident.get(&format!("/claim?code={old}")).await;
    assert_eq!(gone.status, 422);
    assert_eq!(
        resident.get(&format!("/claim?code={new}")).await.status,
        200
    );
}

#[tokio::test]
async fn a_wrong_code_stays_in_the_form_to_be_corrected() {
    let world = World::new();
    let code = world.claim_code("plug-9");
    let mut neighbour = world.signed_in(&world.neighbour).await;
    neighbour.headers.push(opened());
    neighbour.get("/claim").await;
    let wrong = neighbour
        .post("/claim", &[("code", " aaaa-bbbb-cccc-dddd")])
        .await;
    assert_eq!(wrong.status, 422);
    wrong
        .has("This code does not work.")
        .has("value=\"aaaa-bbbb-cccc-dddd\"")
        .has("aria-invalid=\"true\"")
        .has("aria-describedby=\"hint-code error-code\"")
        .has("role=\"alert\"");
    // A code that cannot be one: it is said what a code looks like.
    let start = code.get(..9).unwrap();
    let short = neighbour
        .post("/claim", &[("code", start), ("take", "1")])
        .await;
    assert_eq!(short.status, 422);
    short
        .has("A code has 16 letters and digits.")
        .has(&format!("value=\"{start}\""));
    let followed = neighbour.get("/claim?code=%3Ci%3E").await;
    assert_eq!(followed.status, 422);
    followed.has("value=\"&#60;i&#62;\"").lacks("<i>");
    let long = "a".repeat(2_000);
    let long = neighbour.post("/claim", &[("code", &long)]).await;
    long.has(&format!("value=\"{}\"", "a".repeat(64)));
    neighbour.get("/lang/ur?back=/claim").await;
    let urdu = neighbour.post("/claim", &[("code", start)]).await;
    urdu.has("کوڈ میں 16 حروف اور ہندسے ہوتے ہیں۔")
        .has(&format!("value=\"{start}\""));
}

#[tokio::test]
async fn who_guesses_codes_has_to_wait_and_strangers_cannot_guess_at_all() {
    let world = World::new();
    let code = world.claim_code("plug-9");
    let mut stranger = world.stranger();
    let said = stranger.get(&format!("/claim?code={code}")).await;
    said.has("Sign in first.").lacks("plug-9");
    let mut neighbour = world.signed_in(&world.neighbour).await;
    neighbour.get("/claim").await;
    for _ in 0..MAX_WRONG_CODES {
        let wrong = neighbour
            .post("/claim", &[("code", "aaaa-bbbb-cccc-dddd")])
            .await;
        assert_eq!(wrong.status, 422);
    }
    let right = neighbour
        .post("/claim", &[("code", &code), ("take", "1")])
        .await;
    assert_eq!(right.status, 429);
    right.has("Wait an hour");
    let home = DeploymentId::parse(HOME).unwrap();
    assert!(!world.custody().concerns(&world.neighbour.id, &home));
    // Somebody else's guesses do not keep the right person out.
    let mut resident = world.signed_in(&world.resident).await;
    resident.headers.push(opened());
    resident
        .get(&format!("/claim?code={code}"))
        .await
        .has("plug-9");
}

#[tokio::test]
async fn another_site_cannot_try_wrong_codes_until_a_resident_has_to_wait() {
    let world = World::new();
    let code = world.claim_code("plug-9");
    let mut neighbour = world.signed_in(&world.neighbour).await;
    for site in ["cross-site", "same-site", "?"] {
        neighbour.headers = vec![("sec-fetch-site", site.to_owned())];
        for wrong in 0..MAX_WRONG_CODES {
            let last = if wrong % 2 == 0 { 'a' } else { '!' };
            let path = format!("/claim?code=aaaa-bbbb-cccc-ddd{last}");
            let shown = neighbour.get(&path).await;
            assert_eq!(shown.status, 200);
            shown.lacks("This code does not work.").lacks("ddd!");
        }
        // Who really follows a link from elsewhere presses a button.
        let shown = neighbour.get(&format!("/claim?code={code}")).await;
        shown.has(&format!("value=\"{code}\"")).lacks("plug-9");
    }
    neighbour.headers.clear();
    neighbour.get("/claim").await;
    let found = neighbour.post("/claim", &[("code", &code)]).await;
    assert_eq!(found.status, 200);
    found.has("plug-9");
}

#[tokio::test]
async fn a_resident_says_that_a_device_is_not_theirs_and_ends_nothing_of_others() {
    let world = World::new();
    let code = world.claim_code("plug-9");
    let mut neighbour = world.signed_in(&world.neighbour).await;
    neighbour.get("/claim").await;
    let take = [("code", code.as_str()), ("take", "1")];
    assert_eq!(neighbour.post("/claim", &take).await.status, 200);
    neighbour
        .get("/me")
        .await
        .has("This device is not mine any more")
        .has("nothing more is recorded for you from the device")
        .has("<option>plug-9</option>");
    let thing = ThingId::parse("plug-9").unwrap();
    let people = || world.custody().people_sensed(&thing, NOW).unwrap();
    let mut resident = world.signed_in(&world.resident).await;
    resident.get("/me").await.lacks("plug-9");
    let not_mine = [("thing", "plug-9")];
    let refused = resident.post("/me/not-mine", &not_mine).await;
    assert_eq!(refused.status, 404, "only what is one's own");
    assert_eq!(people(), 1);
    let done = neighbour.post("/me/not-mine", &not_mine).await;
    assert_eq!(done.status, 303);
    assert_eq!(people(), 0);
    neighbour.get("/me").await.lacks("<option>plug-9</option>");
    let again = neighbour.post("/me/not-mine", &not_mine).await;
    assert_eq!(again.status, 404);
}
