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
}

/// The address of the file on a page.
fn file_of(body: &str) -> Option<&str> {
    let at = body.split("href=\"/me/export/").nth(1)?;
    at.split('"').next()
}

#[tokio::test]
async fn a_person_asks_waits_downloads_in_parts_and_deletes() {
    let world = World::new();
    allow_and_measure(&world);
    world.later.store(60_000, Ordering::Relaxed);
    let mut browser = world.signed_in(&world.resident).await;
    assert_eq!(browser.get("/me/export").await.status, 200);
    let ask = [("act", "make"), ("csv", "1"), ("place", HOME)];
    assert_eq!(browser.post("/me/export", &ask).await.status, 303);
    let waiting = browser.get("/me/export").await;
    assert!(waiting.body.contains("<progress"), "{}", waiting.body);
    assert_eq!(waiting.headers.get("refresh").unwrap(), "3");
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
    assert!(ready.headers.get("refresh").is_none());
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
    let now = NOW.plus_millis(60_000);
    let mut sealed = world
        .custody()
        .open_export(&world.resident.id, id, now)
        .unwrap()
        .unwrap();
    while file.len() < total {
        file.extend(sealed.read_from(file.len() as u64, u64::MAX).unwrap());
    }
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
