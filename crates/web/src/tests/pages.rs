//! What the pages say, over real data.

use alliance::Actor;
use model::DeploymentId;

use super::world::{HOME, NOW, World};
use crate::assets::ASSETS;
use crate::headers::POLICY;

#[tokio::test]
async fn every_answer_says_what_the_browser_may_do() {
    let world = World::new();
    let mut browser = world.signed_in(&world.resident).await;
    let style = format!("/static/{}", ASSETS.style.name);
    for path in [
        "/",
        "/me",
        "/nowhere",
        "/health/live",
        "/record/log/checkpoint",
        "/d/city-bus/qr.svg",
        &style,
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.header("content-security-policy"), POLICY, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
    }
    assert!(!POLICY.contains("unsafe") && !POLICY.contains("script-src"));
}

#[tokio::test]
async fn pages_are_not_kept_and_files_are() {
    let world = World::new();
    let mut browser = world.stranger();
    let home = browser.get("/").await;
    assert_eq!(home.header("cache-control"), "no-store");
    assert_eq!(
        home.header("vary"),
        "accept-language, accept-encoding, cookie"
    );
    for asset in ASSETS.all() {
        let answer = browser.get(&format!("/static/{}", asset.name)).await;
        assert_eq!(
            answer.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(answer.header("content-type"), asset.media_type);
    }
    home.has(&format!("href=\"/static/{}\"", ASSETS.style.name));
}

#[tokio::test]
async fn the_first_page_shows_the_alliance() {
    let world = World::new();
    let home = world.stranger().get("/").await;
    home.has("Bus ticket readers")
        .has("href=\"/d/city-bus\"")
        .has("3 organisations in 2 chambers have joined.");
    let member = world.stranger().get("/m/lahore-power").await;
    member
        .has("Home energy meters")
        .lacks("Bus ticket readers")
        .has("Lahore Power joined the alliance.");
}

#[tokio::test]
async fn a_notice_says_who_receives_what_and_shows_drift() {
    let world = World::new();
    world.send(r#"{"power": 1, "wifi": {"ssid": "secret-name"}}"#, NOW);
    let notice = world.stranger().get("/d/gulberg-homes").await;
    notice
        .has("To work out your bill.")
        .has("Electricity safety rules, section 4")
        .has("1 year (365 days)");
    notice
        .has("/wifi")
        .has("never stored and never passed on")
        .lacks("secret-name");
    notice.has("Energy lab of the university was given access to data of Home energy meters, for Research on saving power.");
    let urdu = {
        let mut browser = world.stranger();
        browser.headers = vec![("accept-language", "ur-PK,ur;q=0.9".to_owned())];
        browser.get("/d/gulberg-homes").await
    };
    urdu.has("<html lang=\"ur\" dir=\"rtl\">")
        .has("آپ کا بل بنانے کے لیے۔")
        .lacks("To work out your bill.");
}

#[tokio::test]
async fn every_undeclared_value_stands_on_a_page_of_its_own() {
    let world = World::new();
    let mut anyone = world.stranger();
    let list = format!("/d/{HOME}/drift");
    anyone.get(&list).await.has("Nothing. The devices have");
    world.send(r#"{"power": 1, "real": 2}"#, NOW);
    for message in 0..6_i64 {
        let junk: Vec<_> = (0..10)
            .map(|it| format!(r#""j{message}-{it}":0"#))
            .collect();
        let junk = format!("{{{}}}", junk.join(","));
        world.send(&junk, NOW.plus_millis(1_000 * (message + 1)));
    }
    anyone
        .get(&format!("/d/{HOME}"))
        .await
        .lacks("/real")
        .has("/j5-4<")
        .lacks("/j5-5<")
        .has(&format!("href=\"{list}\""));
    let first = anyone.get(&list).await;
    first
        .has("Values 1 to 25 of 61")
        .has("/j5-0<")
        .lacks("/real");
    first.has(&format!("href=\"{list}?skip=25\" rel=\"next\""));
    let last = anyone.get(&format!("{list}?skip=50")).await;
    last.has("Values 51 to 61 of 61")
        .has("/real")
        .lacks("rel=\"next\"")
        .has(&format!("href=\"/d/{HOME}\""));
    for missing in [&format!("{list}?skip=61"), "/d/no-such/drift"] {
        assert_eq!(anyone.get(missing).await.status, 404, "{missing}");
    }
    for odd in ["-1", "x", "70000"] {
        let answer = anyone.get(&format!("{list}?skip={odd}")).await;
        assert_eq!(answer.status, 400, "{odd}");
    }
}

#[tokio::test]
async fn undeclared_values_without_a_name_to_show_are_told_in_words() {
    let world = World::new();
    world.send(r#"{"+923001234567": 1}"#, NOW);
    for message in 0..26_i64 {
        let junk: Vec<_> = (0..10)
            .map(|it| format!(r#""j{message}-{it}":0"#))
            .collect();
        world.send(&format!("{{{}}}", junk.join(",")), NOW);
    }
    let mut anyone = world.stranger();
    let mut all = String::new();
    for skip in (0..=250).step_by(25) {
        let path = format!("/d/{HOME}/drift?skip={skip}");
        all.push_str(&anyone.get(&path).await.body);
    }
    for part in [
        "Names that are not shown, as",
        "More values, which no longer fit",
    ] {
        assert_eq!(all.matches(part).count(), 1, "{part}");
    }
    assert!(!all.contains("(more fields)") && !all.contains("(names that"));
    assert!(!all.contains("923001234567"));
}

#[tokio::test]
async fn a_person_whom_no_device_senses_is_not_sent_to_choices() {
    let world = World::new();
    let button = "href=\"/me/choices/gulberg-homes\"";
    world.stranger().get("/d/gulberg-homes").await.has(button);
    world
        .signed_in(&world.resident)
        .await
        .get("/d/gulberg-homes")
        .await
        .has(button);
    world
        .signed_in(&world.neighbour)
        .await
        .get("/d/gulberg-homes")
        .await
        .lacks(button);
    world
        .stranger()
        .get("/d/lahore-air")
        .await
        .lacks("/me/choices/");
}

#[tokio::test]
async fn a_sign_leads_to_its_notice() {
    let world = World::at("https://amanat.example");
    let mut browser = world.stranger();
    let sign = browser.get("/d/city-bus/sign").await;
    sign.has("src=\"/d/city-bus/qr.svg\"")
        .has("https://amanat.example/d/city-bus");
    sign.has("This place is measured")
        .has("اس جگہ پیمائش ہوتی ہے");
    let code = browser.get("/d/city-bus/qr.svg").await;
    assert_eq!(code.header("content-type"), "image/svg+xml");
    assert_eq!(browser.get("/d/no-such/qr.svg").await.status, 404);
}

#[tokio::test]
async fn a_timeline_shows_what_was_recorded_and_who_received_it() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    resident
        .get("/me")
        .await
        .has("Nothing was recorded")
        .has("Home energy meters");
    let path = format!("/me/choices/{HOME}");
    resident.get(&path).await;
    let row = "research energy-lab /power";
    resident.post(&path, &[(row, "on"), ("only", row)]).await;
    assert!(
        world
            .send(r#"{"power": 412.50, "secret": 7}"#, NOW)
            .is_some()
    );
    let mine = resident.get("/me").await;
    mine.has("Sunday, 22 November 2026")
        .has("15:00:00")
        .has("412.50 W")
        .has("meter-17")
        .lacks("secret");
    mine.has("Energy lab of the university")
        .has("for Research on saving power")
        .has("Once");
    mine.has("Vanishes on 22 December 2026");
    let other = world.signed_in(&world.neighbour).await.get("/me").await;
    other.has("No device is linked to you").lacks("412.50");
}

#[tokio::test]
async fn a_long_timeline_is_read_page_by_page() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    let path = format!("/me/choices/{HOME}");
    resident.get(&path).await;
    let row = "research energy-lab /power";
    resident.post(&path, &[(row, "on"), ("only", row)]).await;
    for number in 0..45_i64 {
        world.send(
            &format!(r#"{{"power": {}}}"#, 1_000 + number),
            NOW.plus_millis(number),
        );
    }
    let mut seen = Vec::new();
    let mut next = Some("/me".to_owned());
    while let Some(path) = next {
        let answer = resident.get(&path).await;
        seen.extend((0..45).filter(|it| answer.body.contains(&format!("{} W", 1_000 + it))));
        let older = answer
            .body
            .split(" rel=\"next\"")
            .next()
            .filter(|it| it.len() < answer.body.len());
        next = older.map(|it| {
            it.rsplit("href=\"")
                .next()
                .unwrap()
                .trim_end_matches('"')
                .replace("&#38;", "&")
        });
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..45).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_record_shows_each_entry_with_its_proof() {
    let world = World::new();
    let mut browser = world.stranger();
    let record = browser.get("/record").await;
    record
        .has("amanat record verify http://127.0.0.1:8080/record/log")
        .has("amanat.example/record+");
    let newest = record
        .body
        .split("/record/entry/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let entry = browser.get(&format!("/record/entry/{newest}")).await;
    entry
        .has("Proof that it is in the record")
        .has("&#34;kind&#34;:&#34;grant-issued&#34;")
        .has("amanat.example/record");
    let checkpoint = browser.get("/record/log/checkpoint").await;
    let root = checkpoint.body.lines().nth(2).unwrap();
    entry.has(&root.replace('+', "&#43;").replace("&#43;", "+"));
    assert_eq!(checkpoint.header("cache-control"), "no-cache");
    assert_eq!(browser.get("/record/entry/999").await.status, 404);
    assert_eq!(browser.get("/record/log/tile/9/000").await.status, 404);
    assert_eq!(browser.get("/record?before=0").await.status, 200);
    let odd = browser.get("/record?before=x").await;
    assert_eq!(odd.status, 400);
    odd.has("We could not read that");
}

#[tokio::test]
async fn a_language_is_kept_and_leads_back_only_here() {
    let world = World::new();
    let mut browser = world.stranger();
    let answer = browser.get("/lang/ur?back=/record").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/record"));
    browser.get("/").await.has("<html lang=\"ur\" dir=\"rtl\">");
    for bad in [
        "//evil.example",
        "https://evil.example",
        "%2F%5Cevil.example",
        "",
    ] {
        let answer = browser.get(&format!("/lang/en?back={bad}")).await;
        assert_eq!(answer.header("location"), "/", "{bad}");
    }
    assert_eq!(browser.get("/lang/fr?back=/").await.status, 404);
}

#[tokio::test]
async fn refusals_are_pages_in_the_language_of_the_reader() {
    let world = World::new();
    let mut browser = world.stranger();
    let missing = browser.get("/nowhere").await;
    assert_eq!(missing.status, 404);
    missing
        .has("There is no such page")
        .has("Go to the first page")
        .lacks("aria-current");
    browser
        .get("/sign-in/once/aaaa")
        .await
        .lacks("aria-current");
    browser.get("/").await.has("aria-current");
    let method = browser.send("POST", "/record", String::new()).await;
    assert_eq!((method.status, method.header("allow")), (405, "GET,HEAD"));
    method.has("This address works in another way");
    browser.get("/lang/ur?back=/").await;
    browser.get("/nowhere").await.has("ایسا کوئی صفحہ نہیں");
}

#[tokio::test]
async fn health_says_whether_the_process_lives_and_works() {
    let world = World::new();
    let mut browser = world.stranger();
    assert_eq!(browser.get("/health/live").await.body, "live");
    assert_eq!(browser.get("/health/ready").await.body, "ready");
}

#[tokio::test]
async fn pages_are_small_on_the_wire_for_strangers_and_never_for_who_has_a_secret() {
    let world = World::new();
    let gzip = ("accept-encoding", "gzip, br".to_owned());
    let mut browser = world.stranger();
    let plain = browser.get("/d/gulberg-homes").await;
    browser.headers = vec![gzip.clone()];
    let small = browser.get("/d/gulberg-homes").await;
    assert_eq!(small.header("content-encoding"), "gzip");
    assert!(
        small.bytes < plain.bytes * 2 / 3,
        "{} of {}",
        small.bytes,
        plain.bytes
    );
    let style = browser.get(&format!("/static/{}", ASSETS.style.name)).await;
    assert_eq!(style.header("content-encoding"), "gzip");
    let font = browser
        .get(&format!("/static/{}", ASSETS.nastaliq.name))
        .await;
    assert_eq!(font.header("content-encoding"), "");

    let link = world.link(&world.resident);
    for _ in 0..2 {
        assert_eq!(
            browser.get(&link).await.header("content-encoding"),
            "",
            "a form with a token"
        );
    }
    let mut resident = world.signed_in(&world.resident).await;
    resident.headers = vec![gzip];
    assert_eq!(resident.get("/").await.header("content-encoding"), "");
}

#[tokio::test]
async fn a_card_says_how_its_person_is_known_there_to_nobody_else() {
    let world = World::new();
    let buses = DeploymentId::parse("city-bus").unwrap();
    let alliance = &world.alliance;
    alliance
        .link_subject(&Actor::Operator, &buses, "card-42", &world.resident.id, NOW)
        .unwrap();
    let known = "known by the “";
    let mine = world.signed_in(&world.resident).await.get("/me").await;
    mine.has("Bus ticket readers").has(known);
    mine.has("you live where it is");
    let theirs = world.signed_in(&world.neighbour).await.get("/me").await;
    theirs.lacks("Bus ticket readers").lacks(known);
}
