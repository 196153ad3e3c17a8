//! Signing in and the safety of an account, as browsers use the pages, without scripts.

use std::sync::atomic::Ordering;

use alliance::{
    ACCESS_WAIT_MILLIS, APPROVER_AGE_MILLIS, Account, Actor, AllianceError, MAX_WRONG_OF_NAME,
    Office, PROOF_MILLIS,
};
use model::{Assignment, DeploymentId, Role, ThingId, Timestamp};

use super::browser::{Answer, Browser};
use super::world::{HOME, NOW, World};
use crate::headers::{POLICY, SCRIPT_POLICY};

const SECRET: &str = "kite mango seven rivers";

impl World {
    fn wait(&self, millis: i64) {
        self.later.fetch_add(millis, Ordering::Relaxed);
    }

    fn now(&self) -> Timestamp {
        NOW.plus_millis(self.later.load(Ordering::Relaxed))
    }

    /// A resident as a person has it: not one that a demo made up.
    fn person(&self, office: Office) -> Account {
        self.alliance
            .create_account(&Actor::Operator, office, self.now())
            .unwrap()
    }

    fn asks_for(&self, account: &Account) -> Option<String> {
        let asked = self
            .alliance
            .one_time_link(&Actor::Operator, &account.id, self.now());
        match asked {
            Ok(_) => None,
            Err(AllianceError::SecondPerson(access)) => Some(access.id),
            Err(err) => panic!("{err}"),
        }
    }
}

async fn set_password(browser: &mut Browser, name: &str) -> Answer {
    browser.get("/me/safety").await;
    let form = [("act", "password"), ("name", name), ("password", SECRET)];
    browser.post("/me/safety", &form).await
}

async fn sign_in(browser: &mut Browser, name: &str, password: &str) -> Answer {
    browser.get("/sign-in").await;
    let form = [("act", "password"), ("name", name), ("password", password)];
    browser.post("/sign-in", &form).await
}

fn codes(page: &Answer) -> Vec<String> {
    let list = page.body.split("<ul class=\"plain mono\"").nth(1).unwrap();
    let list = list.split("</ul>").next().unwrap();
    let codes = list.split("<li>").skip(1);
    codes
        .map(|it| it.split('<').next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn gp_b0c_a_person_sets_a_password_and_signs_in_with_it_without_scripts() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    resident.get("/me").await.has("href=\"/me/safety\"");
    let empty = resident.get("/me/safety").await;
    empty
        .has("So far only a link signs you in")
        .has("you are here");
    let set = set_password(&mut resident, "Sana.Khan").await;
    assert_eq!(set.status, 200);
    set.has("Your password is set")
        .has("sana.khan")
        .lacks(SECRET);
    let mut elsewhere = world.stranger();
    elsewhere.headers = vec![(
        "user-agent",
        "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) Version/17.5 Safari/604.1".to_owned(),
    )];
    let answer = sign_in(&mut elsewhere, "sana.khan", SECRET).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), "/me");
    elsewhere.get("/me/safety").await.has("Safari, iPad");
    resident
        .get("/me/safety/events")
        .await
        .has("Signed in with a password")
        .has("Safari, iPad")
        .has("The password was set");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_page_and_then_have_to_wait() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    set_password(&mut resident, "sana.khan").await;
    let mut pages = Vec::new();
    for name in ["sana.khan", "nobody.at"] {
        let mut stranger = world.stranger();
        for _ in 0..MAX_WRONG_OF_NAME {
            let wrong = sign_in(&mut stranger, name, "a wrong password").await;
            assert_eq!(wrong.status, 422);
            wrong.has("Name and password do not fit together");
            let token = stranger.token.clone();
            pages.push(wrong.body.replace(name, "NAME").replace(&token, "TOKEN"));
        }
        let right = sign_in(&mut stranger, name, SECRET).await;
        assert_eq!(right.status, 429);
        right.has("Wait an hour");
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "nobody can tell which names there are");
    resident
        .get("/me/safety/events")
        .await
        .has("wrong password, 10 times");
}

#[tokio::test]
async fn a_session_that_was_left_open_changes_nothing_until_its_owner_proves_who_they_are() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    set_password(&mut resident, "sana.khan").await;
    world.wait(PROOF_MILLIS);
    let page = resident.get("/me/safety").await;
    page.has("show that it is you").lacks("new-password");
    for form in [
        vec![("act", "password"), ("name", "other"), ("password", SECRET)],
        vec![("act", "password-remove"), ("understood", "1")],
        vec![("act", "codes")],
        vec![("act", "passkey-add"), ("name", "x")],
        vec![("act", "passkey-remove"), ("id", "x"), ("understood", "1")],
    ] {
        let refused = resident.post("/me/safety", &form).await;
        assert_eq!(refused.status, 403, "{form:?}");
        refused.has("Nothing was changed");
    }
    let wrong = [("act", "prove-password"), ("password", "not it at all")];
    assert_eq!(resident.post("/me/safety", &wrong).await.status, 422);
    let right = [("act", "prove-password"), ("password", SECRET)];
    resident
        .post("/me/safety", &right)
        .await
        .has("Good: it is you.");
    let remove = resident
        .post("/me/safety", &[("act", "password-remove")])
        .await;
    remove
        .has("This is your last way to sign in")
        .has("sana.khan");
    let all_the_same = [("act", "password-remove"), ("understood", "1"), ("id", "")];
    let removed = resident.post("/me/safety", &all_the_same).await;
    removed
        .has("Your password is removed")
        .has("So far only a link");
}

#[tokio::test]
async fn recovery_codes_are_shown_once_and_each_signs_in_once() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    resident.get("/me/safety").await;
    let page = resident.post("/me/safety", &[("act", "codes")]).await;
    assert_eq!(page.header("cache-control"), "no-store");
    let codes = codes(&page);
    assert_eq!(codes.len(), alliance::RECOVERY_CODES);
    resident
        .get("/me/safety")
        .await
        .has("8 left")
        .lacks(&codes[0]);
    for expected in [303, 422] {
        let mut stranger = world.stranger();
        stranger.get("/sign-in").await;
        let form = [("act", "code"), ("code", codes[0].as_str())];
        let answer = stranger.post("/sign-in", &form).await;
        assert_eq!(answer.status, expected);
    }
    resident
        .get("/me/safety")
        .await
        .has("7 left")
        .has("Signed in with a recovery code");
}

#[tokio::test]
async fn places_are_signed_out_one_by_one_or_all_but_this() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(world.signed_in(&world.resident).await);
    }
    let page = resident.get("/me/safety").await;
    let id = page.body.split("name=\"id\" value=\"").nth(1).unwrap();
    let id = id.split('"').next().unwrap().to_owned();
    let mut neighbour = world.signed_in(&world.neighbour).await;
    neighbour.get("/me/safety").await;
    let end = [("act", "end"), ("id", id.as_str())];
    assert_eq!(neighbour.post("/me/safety", &end).await.status, 404);
    let ended = resident.post("/me/safety", &end).await;
    ended.has("That place is signed out.");
    let mut signed_in = 0;
    for other in &mut others {
        signed_in += usize::from(other.get("/me").await.status == 200);
    }
    assert_eq!(signed_in, 2);
    resident
        .post("/me/safety", &[("act", "others")])
        .await
        .has("All other places are signed out.")
        .lacks("Sign out everywhere else");
    for other in &mut others {
        assert_eq!(other.get("/me").await.status, 303);
    }
    assert_eq!(resident.get("/me").await.status, 200);
}

#[tokio::test]
async fn signing_in_makes_a_new_session_and_ends_the_one_before() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    set_password(&mut resident, "sana.khan").await;
    let before = resident.clone();
    let answer = sign_in(&mut resident, "sana.khan", SECRET).await;
    assert_eq!(answer.status, 303);
    assert_ne!(resident.cookies, before.cookies);
    let mut stolen = before;
    assert_eq!(
        stolen.get("/me").await.status,
        303,
        "the old cookie is dead"
    );
    // Forms of other sites, and of other visits, sign nobody in.
    let mut stranger = world.stranger();
    stranger.get("/sign-in").await;
    stranger.token = "made-up".to_owned();
    let form = [
        ("act", "password"),
        ("name", "sana.khan"),
        ("password", SECRET),
    ];
    assert_eq!(stranger.post("/sign-in", &form).await.status, 403);
    stranger.headers = vec![("origin", "https://evil.example".to_owned())];
    stranger.get("/sign-in").await;
    assert_eq!(stranger.post("/sign-in", &form).await.status, 403);
}

#[tokio::test]
async fn only_pages_with_a_form_for_passkeys_run_a_script_and_only_where_passkeys_work() {
    let numbers = World::new();
    let page = numbers.stranger().get("/sign-in").await;
    page.lacks("<script");
    assert_eq!(page.header("content-security-policy"), POLICY);
    let named = World::at("https://amanat.example");
    let mut stranger = named.stranger();
    let page = stranger.get("/sign-in").await;
    page.has("<script type=\"module\" src=\"/static/passkey.")
        .has("data-site=\"amanat.example\"");
    assert_eq!(page.header("content-security-policy"), SCRIPT_POLICY);
    assert!(!SCRIPT_POLICY.contains("unsafe"));
    let home = stranger.get("/").await;
    home.lacks("<script");
    assert_eq!(home.header("content-security-policy"), POLICY);
    stranger.get("/sign-in").await;
    let odd = [("act", "passkey"), ("client", "not base64url!")];
    assert_eq!(stranger.post("/sign-in", &odd).await.status, 400);
    let made_up = [
        ("act", "passkey"),
        ("client", "e30"),
        ("credential", "AAAA"),
    ];
    let refused = stranger.post("/sign-in", &made_up).await;
    assert_eq!(refused.status, 422);
    refused.has("This passkey was not accepted");
}

#[tokio::test]
async fn the_operator_gets_into_an_account_only_with_an_officer_and_its_owner_sees_and_refuses() {
    let world = World::new();
    let (person, officer) = (
        world.person(Office::Resident),
        world.person(Office::Licensing),
    );
    let mut owner = world.signed_in(&person).await;
    let mut office = world.signed_in(&officer).await;
    set_password(&mut office, "officer").await;
    world.wait(APPROVER_AGE_MILLIS);
    let id = world.asks_for(&person).unwrap();
    for path in ["/me", "/me/safety"] {
        let page = owner.get(path).await;
        page.has("Somebody asks for a way into your account")
            .has(&id);
    }
    let entry = owner.get("/record").await;
    entry.has(&id).lacks(person.id.as_str());
    // Who came by a link of the operator is no second person.
    let by_link = office.get("/office/access").await;
    by_link.has(&id).lacks(person.id.as_str());
    let agree = [("id", id.as_str())];
    let refused = office.post("/office/access", &agree).await;
    assert_eq!(refused.status, 403);
    refused.has("of your own");
    let mut office = world.stranger();
    sign_in(&mut office, "officer", SECRET).await;
    office.get("/office/access").await;
    assert_eq!(office.post("/office/access", &agree).await.status, 200);
    assert_eq!(office.post("/office/access", &agree).await.status, 409);
    owner.get("/me/safety").await;
    let refuse = [("act", "refuse"), ("id", id.as_str())];
    let done = owner.post("/me/safety", &refuse).await;
    done.has("You refused it").lacks("Somebody asks for a way");
    owner
        .get("/record")
        .await
        .has("the person whose account it is");
    world.wait(ACCESS_WAIT_MILLIS);
    assert_ne!(world.asks_for(&person), None, "it begins anew");
    let mut neighbour = world.signed_in(&world.neighbour).await;
    assert_eq!(neighbour.get("/office/access").await.status, 404);
}

#[tokio::test]
async fn gp_b0c_a_person_sees_who_may_read_and_changes_the_key_of_their_own_device() {
    let world = World::new();
    let plug = ThingId::parse("plug-9").unwrap();
    let home = DeploymentId::parse(HOME).unwrap();
    let operator = Actor::Operator;
    let old = world
        .alliance
        .register_thing(&operator, &plug, &home, NOW)
        .unwrap();
    let assignment = Assignment {
        thing: plug.clone(),
        person: world.resident.id.clone(),
        role: Role::Holder,
        valid_from: NOW,
        valid_until: None,
    };
    world.alliance.assign(&operator, &assignment, NOW).unwrap();
    let mut resident = world.signed_in(&world.resident).await;
    resident
        .get("/me/access")
        .await
        .has("nobody but you may read");
    let row = "research energy-lab /power";
    resident.get(&format!("/me/choices/{HOME}")).await;
    let share = [("only", row), (row, "on")];
    let chosen = resident.post(&format!("/me/choices/{HOME}"), &share).await;
    assert_eq!(chosen.status, 200);
    let page = resident.get("/me/access").await;
    page.has("Energy lab of the university")
        .has("Research on saving power")
        .has("<option value=\"plug-9\">")
        .lacks("<option value=\"meter-17\">");
    let renew = [("act", "renew"), ("thing", "plug-9")];
    let shown = resident.post("/me/access", &renew).await;
    assert_eq!(shown.status, 200);
    let token = shown.body.split("<pre dir=\"ltr\">").nth(1).unwrap();
    let token = token.split('<').next().unwrap();
    let opens = |token: &str| {
        let now = NOW.plus_millis(1);
        let peer = world
            .custody()
            .authenticate("plug-9", token.as_bytes(), now);
        peer.is_some()
    };
    assert!(opens(token) && !opens(old.expose_secret()));
    let others = [("act", "renew"), ("thing", "meter-17")];
    assert_eq!(resident.post("/me/access", &others).await.status, 404);
    let revoke = [("act", "revoke"), ("thing", "plug-9")];
    resident
        .post("/me/access", &revoke)
        .await
        .has("The key of this device is ended")
        .has("no key now");
    assert!(!opens(token));
    let mut neighbour = world.signed_in(&world.neighbour).await;
    neighbour
        .get("/me/access")
        .await
        .has("No device is linked to you");
    assert_eq!(neighbour.post("/me/access", &renew).await.status, 404);
    set_password(&mut resident, "sana.khan").await;
    world.wait(PROOF_MILLIS);
    let stale = resident.post("/me/access", &renew).await;
    assert_eq!(stale.status, 403);
    stale.has("First show on the page");
}
