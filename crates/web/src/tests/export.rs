//! A person takes their data along: asks, waits, downloads in parts, deletes.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use custody::verify_export;
use jiff::tz::TimeZone;
use model::{Choice, DeploymentId, Level, Pointer, PurposeId, RecipientId};

use super::world::{HOME, NOW, World};
use crate::{PublicUrl, SiteOptions};

fn options(world: &World) -> SiteOptions {
    let clock = Arc::clone(&world.later);
    SiteOptions {
        alliance: world.alliance.clone(),
        public_url: PublicUrl::parse("http://127.0.0.1:8080").unwrap(),
        time_zone: TimeZone::get(crate::DEFAULT_TIME_ZONE).unwrap(),
        private_destinations: false,
        clock: Arc::new(move || NOW.plus_millis(clock.load(Ordering::Relaxed))),
        ready: Arc::new(|| true),
    }
}

/// The person agrees to research, so that the reading is kept.
fn allow_and_measure(world: &World) {
    let consent = Choice {
        person: world.resident.id.clone(),
        deployment: DeploymentId::parse(HOME).unwrap(),
        field: Pointer::parse("/power").unwrap(),
        purpose: PurposeId::parse("research").unwrap(),
        recipient: RecipientId::parse("energy-lab").unwrap(),
        level: Level::ON,
    };
    world.custody().choose(&[consent], NOW).unwrap();
    world.send(r#"{"power":1210,"energy":7}"#, NOW);
    world.send(r#"{"power":1310,"energy":8}"#, NOW.plus_millis(120_000));
}

/// The address of the file on a page.
fn file_of(body: &str) -> Option<&str> {
    let at = body.split("href=\"/me/export/").nth(1)?;
    at.split('"').next()
}

/// An entry of a ZIP file: sizes stand before the bytes (APPNOTE 4.3.7), because exports have no data descriptors.
fn entry_of(file: &[u8], name: &str) -> Vec<u8> {
    let number = |at: usize, len: usize| {
        let bytes = &file[at..at + len];
        bytes
            .iter()
            .rev()
            .fold(0_usize, |sum, it| sum << 8 | usize::from(*it))
    };
    let mut at = 0;
    while number(at, 4) == 0x0403_4b50 {
        let (packed, named, extra) = (number(at + 18, 4), number(at + 26, 2), number(at + 28, 2));
        let begins = at + 30 + named + extra;
        if &file[at + 30..at + 30 + named] == name.as_bytes() {
            let packed = &file[begins..begins + packed];
            let mut plain = Vec::new();
            let mut reader = flate2::read::DeflateDecoder::new(packed);
            std::io::Read::read_to_end(&mut reader, &mut plain).unwrap();
            return plain;
        }
        at = begins + packed;
    }
    panic!("no {name}");
}

/// The file has what is kept about the account, and a page that can be read.
fn says_what_is_kept(file: &[u8], world: &World) {
    let account = entry_of(file, "account.json");
    let account: serde_json::Value = serde_json::from_slice(&account).unwrap();
    assert_eq!(account["format"], "amanat-account");
    assert_eq!(account["person"], world.resident.id.as_str());
    assert_eq!(account["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(account["sessions"][0]["way"], "link");
    assert_eq!(account["security_events"][0]["event"], "signed-in-link");
    assert_eq!(account["statistics"]["epsilon_of_a_year"], "4");
    assert_eq!(account["gifts_waiting"], serde_json::json!([]));
    let page = String::from_utf8(entry_of(file, "index.html")).unwrap();
    assert!(page.contains("href=\"account.json\""), "{page}");
    assert!(
        page.contains("<svg") && page.contains("<polyline"),
        "a picture: {page}"
    );
}

#[tokio::test]
async fn gp_b4a_a_person_asks_waits_downloads_in_parts_and_deletes() {
    let world = World::new();
    allow_and_measure(&world);
    world.later.store(180_000, Ordering::Relaxed);
    let mut browser = world.signed_in(&world.resident).await;
    assert_eq!(browser.get("/me/export").await.status, 200);
    let ask = [("act", "make"), ("csv", "1"), ("place", HOME)];
    assert_eq!(browser.post("/me/export", &ask).await.status, 303);
    let waiting = browser.get("/me/export").await;
    assert!(waiting.body.contains("<progress"), "{}", waiting.body);
    // WCAG 2.2, success criteria 2.2.2 and 3.2.5: nothing moves or loads again but on request.
    assert!(waiting.headers.get("refresh").is_none());
    waiting.has("class=\"btn\" href=\"/me/export\"");
    assert_eq!(browser.post("/me/export", &ask).await.status, 409);
    let made = options(&world);
    let run = tokio::task::spawn_blocking(move || {
        let never = AtomicBool::new(false);
        (
            crate::run_exports(&made, &never),
            crate::run_exports(&made, &never),
        )
    });
    let (first, second) = run.await.unwrap();
    assert_eq!((first.unwrap(), second.unwrap()), (true, false));
    let ready = browser.get("/me/export").await;
    let path = format!("/me/export/{}", file_of(&ready.body).unwrap());
    let whole = browser.get(&path).await;
    assert_eq!(whole.status, 200);
    assert_eq!(whole.headers["accept-ranges"], "bytes");
    let tag = whole.headers["etag"].to_str().unwrap().to_owned();
    let total = whole.bytes;
    browser.headers.push(("range", "bytes=100-199".to_owned()));
    browser.headers.push(("if-range", tag));
    let part = browser.get(&path).await;
    assert_eq!((part.status, part.bytes), (206, 100));
    let range = part.headers["content-range"].to_str().unwrap();
    assert_eq!(range, format!("bytes 100-199/{total}"));
    browser.headers.clear();
    browser.headers.push(("range", format!("bytes={total}-")));
    assert_eq!(browser.get(&path).await.status, 416);
    browser.headers.clear();
    let id = path.trim_start_matches("/me/export/");
    let mut file = Vec::new();
    let now = NOW.plus_millis(180_000);
    let mut sealed = world
        .custody()
        .open_export(&world.resident.id, id, now)
        .unwrap()
        .unwrap();
    while file.len() < total {
        file.extend(sealed.read_from(file.len() as u64, u64::MAX).unwrap());
    }
    says_what_is_kept(&file, &world);
    let verified = verify_export(Cursor::new(&file), None).unwrap();
    assert_eq!(verified.person, world.resident.id.to_string());
    let place = custody::Place::before(now);
    let timeline = world
        .custody()
        .timeline(&world.resident.id, place, 9, now)
        .unwrap();
    let shown = timeline.readings.len() as u64;
    assert_eq!(verified.readings, shown, "what the timeline shows");
    assert!(shown > 0);
    let mut other = world.signed_in(&world.neighbour).await;
    assert_eq!(other.get(&path).await.status, 404);
    let delete = [("act", "delete")];
    browser.get("/me/export").await;
    assert_eq!(browser.post("/me/export", &delete).await.status, 303);
    assert_eq!(browser.get(&path).await.status, 404);
}
