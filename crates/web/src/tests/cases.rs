//! Cases in the browser: filed without an account, answered, decided by a panel, obeyed by the gateway, lifted.

use alliance::{Account, Actor, Member};
use model::{Chamber, MemberId, Text};

use super::browser::{Answer, Browser};
use super::consent::{MESSAGE, allow};
use super::world::{HOME, NOW, World};

const DAY: i64 = 86_400_000;

fn complaint<'a>(about: &'a str, protect: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("about", about),
        ("kind", "recording"),
        ("harm", "privacy"),
        ("text", "The meter tells when we sleep."),
        ("contact", "0300 1234567"),
        ("protect", protect),
    ]
}

/// Sends a form with files in it, as a browser does.
async fn upload(
    browser: &mut Browser,
    path: &str,
    pairs: &[(&str, &str)],
    photos: &[&[u8]],
) -> Answer {
    browser.get(path).await;
    let form = browser.token.clone();
    let mut body = Vec::new();
    for (name, value) in pairs.iter().chain(&[("form", form.as_str())]) {
        body.extend_from_slice(
            format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    }
    for photo in photos {
        let head = "--xx\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"home.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n";
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(photo);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--xx--\r\n");
    browser.headers.push((
        "content-type",
        "multipart/form-data; boundary=xx".to_owned(),
    ));
    let answer = browser.send_bytes("POST", path, body).await;
    browser.headers.pop();
    answer
}

/// The code on the page that says that a case was filed.
fn code_on(answer: &Answer) -> String {
    let (_, rest) = answer
        .body
        .split_once("<pre dir=\"ltr\" lang=\"en\">")
        .unwrap();
    rest.split_once('<').unwrap().0.to_owned()
}

impl World {
    pub(super) fn delegate(&self, member: &str) -> Account {
        let id = MemberId::parse(member).unwrap();
        self.alliance
            .create_delegate(&Actor::Operator, &id, NOW)
            .unwrap()
    }

    /// Delegates of three chambers that are no party.
    pub(super) fn panel(&self) -> Vec<Account> {
        let panel = [Chamber::Academia, Chamber::Ngos, Chamber::Communities];
        let seated = panel.iter().map(|chamber| {
            let text = |it: &str| Text {
                en: it.to_owned(),
                ur: "ادارہ".to_owned(),
            };
            let id = format!("m-{chamber}");
            let member = Member {
                id: MemberId::parse(&id).unwrap(),
                chamber: *chamber,
                name: text("Member"),
                about: text("Sits in panels."),
                joined_at: NOW,
            };
            self.alliance
                .register_member(&Actor::Operator, &member)
                .unwrap();
            self.delegate(&id)
        });
        seated.collect()
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one journey, from the complaint until the sanction is lifted"
)]
#[tokio::test]
async fn en_2_a_complaint_leads_to_a_decision_that_the_gateway_obeys_until_it_is_cured() {
    let world = World::new();
    let panel = world.panel();
    let accountable = world.delegate("lahore-power");
    allow(&mut world.signed_in(&world.resident).await).await;
    let mut stranger = world.stranger();
    stranger
        .get(&format!("/d/{HOME}"))
        .await
        .has(&format!("/cases/new?about={HOME}"));
    let filed = upload(&mut stranger, "/cases/new", &complaint(HOME, ""), &[]).await;
    assert_eq!(filed.status, 200);
    filed.has("We have it: case 1").has("Lahore Power");
    let mut member = world.signed_in(&accountable).await;
    member
        .get("/cases")
        .await
        .has("Cases that you answer")
        .has("Case 1");
    member
        .get("/cases/1")
        .await
        .has("The meter tells when we sleep.")
        .lacks("0300 1234567");
    let answer = member
        .post(
            "/cases/1",
            &[("do", "answered"), ("text", "It is declared.")],
        )
        .await;
    answer.has("Done.").has("It is declared.");
    // Who complained without an account comes back with the code.
    stranger
        .get("/cases/1")
        .await
        .has("It is declared.")
        .has("0300 1234567");
    stranger
        .post(
            "/cases/1",
            &[("do", "not-satisfied"), ("text", "It is not.")],
        )
        .await
        .has("Before a panel");
    let propose = [
        ("do", "propose"),
        ("outcome", "upheld"),
        ("text", "More is recorded than is needed."),
        ("sanction", "suspend-fields"),
        ("target", "/power"),
    ];
    let mut first = world.signed_in(&panel[0]).await;
    first.get("/cases").await.has("Cases that you decide");
    first.post("/cases/1", &propose).await.has("1 of 3 agree");
    let sent = |at: i64| world.send(MESSAGE, NOW.plus_millis(at));
    assert!(sent(1_000).is_some_and(|it| it.contains("power")));
    let mut second = world.signed_in(&panel[1]).await;
    second.get("/cases/1").await;
    second
        .post("/cases/1", &[("do", "agree"), ("decision", "1")])
        .await
        .has("Decided")
        .has("Sanctions");
    assert!(
        sent(2_000).is_none_or(|it| !it.contains("power")),
        "the next message obeys"
    );
    world
        .stranger()
        .get(&format!("/d/{HOME}"))
        .await
        .has("A panel decided against this deployment")
        .has("/power");
    world
        .stranger()
        .get("/record")
        .await
        .has("A panel decided")
        .has("Sanction imposed");
    member
        .post("/cases/1", &[("do", "cured"), ("sanction", "1")])
        .await
        .has("was cured on");
    first
        .post("/cases/1", &[("do", "lift"), ("sanction", "1")])
        .await
        .lacks("Lifted on");
    second
        .post("/cases/1", &[("do", "lift"), ("sanction", "1")])
        .await
        .has("Lifted on");
    assert!(sent(3_000).is_some_and(|it| it.contains("power")));
    world.stranger().get("/record").await.has("Sanction lifted");
}

#[tokio::test]
async fn a_code_opens_a_case_in_another_browser_and_a_wrong_one_does_not() {
    let world = World::new();
    let mut stranger = world.stranger();
    let filed = upload(&mut stranger, "/cases/new", &complaint("", ""), &[]).await;
    let code = code_on(&filed);
    let mut other = world.stranger();
    other.get("/cases/1").await.lacks("when we sleep");
    other.get("/cases").await;
    let wrong = other
        .post("/cases/open", &[("code", "AAAAA-BBBBB-CCCCC-DDDDD")])
        .await;
    assert_eq!(wrong.status, 422);
    wrong.has("No case has this code.");
    let opened = other
        .post("/cases/open", &[("code", &code.to_lowercase())])
        .await;
    assert_eq!(
        (opened.status, opened.header("location")),
        (303, "/cases/1")
    );
    other.get("/cases/1").await.has("when we sleep");
    other
        .post("/cases/1", &[("do", "withdrawn")])
        .await
        .has("Taken back");
}

#[tokio::test]
async fn photos_are_for_the_parties_and_what_a_telephone_wrote_into_them_is_gone() {
    let world = World::new();
    world.panel();
    let mut stranger = world.stranger();
    let photo = include_bytes!("../../samples/with-exif.jpg");
    let has = |bytes: &[u8]| bytes.windows(4).any(|it| it == b"Exif");
    assert!(has(photo));
    let filed = upload(&mut stranger, "/cases/new", &complaint(HOME, ""), &[photo]).await;
    assert_eq!(filed.status, 200, "{}", filed.body);
    let seen = stranger.get("/cases/1/photo/0").await;
    assert_eq!(
        (seen.status, seen.header("content-type")),
        (200, "image/jpeg")
    );
    assert!(!seen.body.contains("Exif") && !seen.body.contains("31.5204"));
    assert!(
        seen.header("content-disposition").contains("photo.jpg"),
        "no name of theirs is kept"
    );
    assert_eq!(world.stranger().get("/cases/1/photo/0").await.status, 404);
    assert_eq!(
        world
            .signed_in(&world.officer)
            .await
            .get("/cases/1/photo/0")
            .await
            .status,
        404
    );
    let broken = upload(
        &mut stranger,
        "/cases/new",
        &complaint(HOME, ""),
        &[b"GIF89a"],
    )
    .await;
    assert_eq!(broken.status, 422);
    broken
        .has("A photo could not be read")
        .has("The meter tells when we sleep.");
}

#[tokio::test]
async fn a_protected_reporter_leaks_through_no_page() {
    let world = World::new();
    let panel = world.panel();
    let accountable = world.delegate("lahore-power");
    let mut resident = world.signed_in(&world.resident).await;
    upload(&mut resident, "/cases/new", &complaint(HOME, "1"), &[])
        .await
        .has("A panel decides.");
    for account in [
        None,
        Some(&accountable),
        Some(&world.officer),
        Some(&world.neighbour),
    ] {
        let mut browser = match account {
            Some(account) => world.signed_in(account).await,
            None => world.stranger(),
        };
        assert_eq!(browser.get("/cases/1").await.status, 404);
        assert_eq!(browser.get("/cases/1/photo/0").await.status, 404);
        browser.get("/cases").await.lacks("Case 1");
        browser.get("/record").await.lacks("case:1");
    }
    resident.get("/cases").await.has("Your cases").has("Case 1");
    world
        .signed_in(&panel[0])
        .await
        .get("/cases/1")
        .await
        .has("when we sleep")
        .has("0300 1234567");
}

#[tokio::test]
async fn a_holiday_moves_a_deadline_and_the_page_shows_how_it_was_computed() {
    let world = World::new();
    let mut stranger = world.stranger();
    upload(&mut stranger, "/cases/new", &complaint(HOME, ""), &[]).await;
    // 22 November 2026 is a Sunday: two working days later it is Tuesday.
    let before = world.stranger().get("/cases/1").await;
    before
        .has("Say that it was seen by Tuesday, 24 November 2026")
        .has("How was this computed?")
        .has("day 2");
    let mut officer = world.signed_in(&world.officer).await;
    officer
        .get("/office/holidays")
        .await
        .has("There are no days off besides weekends.");
    let add = [
        ("day", "2026-11-24"),
        ("en", "Public holiday"),
        ("ur", "عام تعطیل"),
    ];
    officer
        .post("/office/holidays", &add)
        .await
        .has("Every clock that runs goes by this now.");
    world
        .stranger()
        .get("/cases/1")
        .await
        .has("Say that it was seen by Wednesday, 25 November 2026")
        .has("Public holiday: not counted");
    let wrong = officer
        .post(
            "/office/holidays",
            &[("day", "never"), ("en", "x"), ("ur", "x")],
        )
        .await;
    assert_eq!(wrong.status, 422);
    world
        .later
        .store(4 * DAY, std::sync::atomic::Ordering::Relaxed);
    world
        .stranger()
        .get("/cases/1")
        .await
        .has("Late: Say that it was seen was due by");
}

#[tokio::test]
async fn what_cannot_be_done_says_why_and_keeps_the_case() {
    let world = World::new();
    let mut stranger = world.stranger();
    let mut empty = complaint(HOME, "");
    empty[3].1 = " ";
    let refused = upload(&mut stranger, "/cases/new", &empty, &[]).await;
    assert_eq!(refused.status, 422);
    refused.has("<title>Error:").has("Write what happened");
    upload(&mut stranger, "/cases/new", &complaint(HOME, ""), &[]).await;
    let early = stranger.post("/cases/1", &[("do", "satisfied")]).await;
    assert_eq!(early.status, 409);
    early.has("That is not possible any more");
    assert_eq!(
        stranger
            .post("/cases/1", &[("do", "nonsense")])
            .await
            .status,
        400
    );
    assert_eq!(stranger.get("/cases/99").await.status, 404);
}
