//! A person brings a key, shows that it is theirs, has a day sealed to it and downloads it.

use std::io::Read as _;
use std::sync::atomic::Ordering;

use custody::{OWN_KEY_DELAY_MILLIS, OwnIdentities};
use model::{Choice, DeploymentId, Level, Pointer, PurposeId, RecipientId};

use super::browser::{Answer, Browser};
use super::world::{HOME, NOW, World};

const SECRET: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const PUBLIC: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const DAY_MS: i64 = 86_400_000;

async fn post(browser: &mut Browser, pairs: &[(&str, &str)]) -> Answer {
    browser.get("/me/key").await;
    let disposition = "Content-Disposition: form-data; name=";
    let token = browser.token.clone();
    let mut body = String::new();
    for (name, value) in pairs.iter().chain(&[("form", token.as_str())]) {
        body.push_str(&format!(
            "--xx\r\n{disposition}\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str("--xx--\r\n");
    let kind = "multipart/form-data; boundary=xx".to_owned();
    browser.headers = vec![("content-type", kind)];
    let answer = browser.send("POST", "/me/key", body).await;
    browser.headers.clear();
    answer
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let at = text
        .split_once(begin)
        .unwrap_or_else(|| panic!("{begin}: {text}"));
    at.1.split_once(end).unwrap().0
}

fn opened(sealed: &str) -> String {
    let identities = OwnIdentities::read(SECRET.as_bytes(), &mut || None).unwrap();
    let mut text = String::new();
    let mut reader = identities.open(sealed.as_bytes()).unwrap();
    reader.read_to_string(&mut text).unwrap();
    text
}

/// The person agrees to research, so that the reading is kept.
fn allow(world: &World) {
    let consent = Choice {
        person: world.resident.id.clone(),
        deployment: DeploymentId::parse(HOME).unwrap(),
        field: Pointer::parse("/power").unwrap(),
        purpose: PurposeId::parse("research").unwrap(),
        recipient: RecipientId::parse("energy-lab").unwrap(),
        level: Level::ON,
    };
    world.custody().choose(&[consent], NOW).unwrap();
}

async fn tells_of_the_keys(browser: &mut Browser) {
    browser
        .get("/me/safety/events")
        .await
        .has("A key of your own was added")
        .has("The secret half of a key of your own was shown")
        .has("Your history began to be sealed to your own keys")
        .lacks("was taken out of use")
        .lacks("Nothing more is sealed");
}

#[tokio::test]
async fn gp_b2_a_person_brings_a_key_and_from_then_on_the_site_says_that_it_cannot_read_this() {
    let world = World::new();
    allow(&world);
    let mut browser = world.signed_in(&world.resident).await;
    let secret = post(&mut browser, &[("act", "add"), ("key", SECRET)]).await;
    assert_eq!(secret.status, 422);
    secret.has("That is a secret key").lacks("GFPYYSJZ");
    let asked = post(
        &mut browser,
        &[("act", "add"), ("key", ""), ("file", PUBLIC)],
    )
    .await;
    asked.has("Now type its word below.").has("SHA256:");
    let id = between(&asked.body, "name=\"id\" value=\"", "\"").to_owned();
    let armor = between(&asked.body, "-----BEGIN", "</textarea>");
    let armor = format!(
        "-----BEGIN{}",
        armor.replace("&#10;", "\n").replace("&#43;", "+")
    );
    let wrong = post(
        &mut browser,
        &[("act", "word"), ("id", &id), ("word", "abcd")],
    )
    .await;
    assert_eq!(wrong.status, 422);
    let word = opened(&armor);
    let right = post(
        &mut browser,
        &[("act", "word"), ("id", &id), ("word", &word)],
    )
    .await;
    right
        .has("That is the word.")
        .has("You have no recovery key.");
    let one = post(&mut browser, &[("act", "begin")]).await;
    assert_eq!(one.status, 422);
    let begun = post(&mut browser, &[("act", "begin"), ("knows", "1")]).await;
    begun.has("Your history is sealed to your keys");
    tells_of_the_keys(&mut browser).await;

    world.send(r#"{"power":1210,"energy":7}"#, NOW);
    world.custody().tick(NOW).unwrap();
    let later = DAY_MS + OWN_KEY_DELAY_MILLIS + DAY_MS / 2;
    world.custody().tick(NOW.plus_millis(later)).unwrap();
    world.later.store(later, Ordering::Relaxed);
    let mut browser = world.signed_in(&world.resident).await;
    let me = browser.get("/me").await;
    me.has("can be opened by you only. We cannot read this.")
        .lacks("1,210");
    let list = browser.get("/me/sealed").await;
    list.has("We cannot read this.");
    let file = between(&list.body, "href=\"/me/sealed/", "\"").to_owned();
    let path = format!("/me/sealed/{file}");
    let download = browser.get(&path).await;
    assert_eq!(download.status, 200);
    assert_eq!(
        download.header("content-length"),
        download.bytes.to_string()
    );
    assert!(download.header("content-disposition").ends_with(".age\""));
    assert!(download.body.starts_with("age-encryption.org/v1\n"));
    let mut other = world.signed_in(&world.neighbour).await;
    assert_eq!(other.get(&path).await.status, 404);
    other
        .get("/me/sealed")
        .await
        .has("Nothing is sealed to a key of yours.");
}

#[tokio::test]
async fn gp_b2_who_has_not_just_shown_who_they_are_changes_no_key() {
    let world = World::new();
    let mut browser = world.signed_in(&world.resident).await;
    browser.get("/me/safety").await;
    let password = [
        ("act", "password"),
        ("name", "amina"),
        ("password", "four words that stay"),
    ];
    assert_eq!(browser.post("/me/safety", &password).await.status, 200);
    world.later.store(3_600_000, Ordering::Relaxed);
    for act in ["add", "retire", "begin", "stop"] {
        let answer = post(&mut browser, &[("act", act), ("key", PUBLIC)]).await;
        assert_eq!(answer.status, 403, "{act}");
        answer.has("href=\"/me/safety\"");
    }
    let keys = world.custody().own_keys(&world.resident.id, NOW).unwrap();
    assert!(keys.keys.is_empty());
}
