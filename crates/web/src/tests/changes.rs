//! What each version of a notice changed: for everybody, and for those who chose before.

use alliance::Actor;

use super::world::{HOME, NOW, World};

const SECOND: &str = include_str!("../../samples/home.toml");

/// Publishes the next version, in which `from` is replaced by `to`.
fn publish(world: &World, version: u32, from: &str, to: &str) {
    assert!(SECOND.contains(from), "{from}");
    let text = SECOND
        .replace("version = 2", &format!("version = {version}"))
        .replacen(from, to, 1);
    world
        .alliance
        .publish_notice(&Actor::Operator, &text, NOW)
        .unwrap();
}

#[tokio::test]
async fn everybody_can_read_what_each_version_changed() {
    let world = World::new();
    let path = format!("/d/{HOME}/changes");
    let mut anyone = world.stranger();
    let first = anyone.get(&path).await;
    assert_eq!(first.status, 200);
    assert!(first.body.contains("This is the first version."));
    assert!(!first.body.contains("Older versions"));

    publish(&world, 2, "retention-days = 365", "retention-days = 730");
    let second = anyone.get(&path).await.body;
    let (newer, older) = second.split_once("Version 1</h2>").unwrap();
    assert!(newer.contains("Version 2</h2>") && newer.contains("In force now"));
    assert!(newer.contains("More is shown, or you can choose less"));
    assert!(newer.contains("kept longer"), "{newer}");
    assert!(older.contains("This is the first version.") && !older.contains("In force now"));
    let notice = anyone.get(&format!("/d/{HOME}")).await.body;
    assert!(notice.contains(&format!("href=\"{path}\"")));
}

#[tokio::test]
async fn every_version_links_to_its_entry_and_to_its_text() {
    let world = World::new();
    publish(&world, 2, "retention-days = 365", "retention-days = 730");
    let custody = world.custody();
    let versions = custody.notice_versions(&HOME.parse().unwrap(), None, 9);
    let versions = versions.unwrap();
    assert_eq!(versions.len(), 2);
    let mut anyone = world.stranger();
    let page = anyone.get(&format!("/d/{HOME}/changes")).await.body;
    for version in &versions {
        assert!(page.contains(&version.sha256));
        let entry = version.entry.unwrap();
        assert!(page.contains(&format!("/record/entry/{entry}")));
        let entry = anyone.get(&format!("/record/entry/{entry}")).await.body;
        assert!(entry.contains(&version.sha256), "the record has this hash");
        let text = format!("/d/{HOME}/notice.toml?version={}", version.version);
        assert!(page.contains(&text));
        assert_eq!(anyone.get(&text).await.body, version.source);
    }
    for missing in ["version=3", "version=0"] {
        let text = format!("/d/{HOME}/notice.toml?{missing}");
        assert_eq!(anyone.get(&text).await.status, 404, "{missing}");
    }
    for bad in ["version=-1", "version=x", "version=99999999999"] {
        let text = format!("/d/{HOME}/notice.toml?{bad}");
        assert_eq!(anyone.get(&text).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_page_lists_five_versions_and_leads_to_the_older_ones() {
    let world = World::new();
    for version in 2..=7 {
        let days = format!("retention-days = {}", 365 + version);
        publish(&world, version, "retention-days = 365", &days);
    }
    let mut anyone = world.stranger();
    let path = format!("/d/{HOME}/changes");
    let newest = anyone.get(&path).await.body;
    let shown = |page: &str| -> Vec<u32> {
        let all = 1..=7;
        all.filter(|it| page.contains(&format!("Version {it}</h2>")))
            .collect()
    };
    assert_eq!(shown(&newest), [3, 4, 5, 6, 7]);
    assert!(
        !newest.contains("was not kept"),
        "the last one is compared with the first of the next page"
    );
    assert!(newest.contains(&format!("{path}?before=3")));
    let older = anyone.get(&format!("{path}?before=3")).await.body;
    assert_eq!(shown(&older), [1, 2]);
    assert!(!older.contains("Older versions") && older.contains("Newest versions"));
    for missing in ["/d/nowhere/changes", &format!("{path}?before=1")] {
        assert_eq!(anyone.get(missing).await.status, 404, "{missing}");
    }
    let bad = anyone.get(&format!("{path}?before=x")).await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn who_chose_before_the_notice_changed_reads_that_it_did() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    let path = format!("/me/choices/{HOME}");
    let news = "after you last chose";
    assert!(!resident.get(&path).await.body.contains(news));
    let sheet = world
        .custody()
        .choice_sheet(&world.resident.id, &HOME.parse().unwrap(), NOW)
        .unwrap();
    let row = sheet.rows.iter().find(|it| it.basis.can_choose()).unwrap();
    let choice = model::Choice {
        person: world.resident.id.clone(),
        deployment: HOME.parse().unwrap(),
        field: row.field.clone(),
        purpose: row.purpose.clone(),
        recipient: row.recipient.clone(),
        level: model::Level::OFF,
    };
    let opposite = model::Choice {
        level: model::Level::ON,
        ..choice.clone()
    };
    world.custody().choose(&[opposite], NOW).unwrap();
    world.custody().choose(&[choice], NOW).unwrap();
    assert!(!resident.get(&path).await.body.contains(news));
    publish(&world, 2, "retention-days = 365", "retention-days = 730");
    let page = resident.get(&path).await.body;
    assert!(page.contains(&format!("The notice changed on {}", "22 November 2026")));
    assert!(page.contains(&format!("/d/{HOME}/changes")));
}

#[tokio::test]
async fn of_many_changes_the_page_lists_the_first_and_counts_the_rest() {
    let world = World::new();
    let mut fields = String::new();
    for number in 0..60 {
        fields.push_str(&format!(
            "[[fields]]\npointer = \"/new/{number}\"\ntitle = {{ en = \"New {number}\", ur = \"نیا\" }}\n\
             kind = \"number\"\nsensitivity = \"low\"\n\n"
        ));
    }
    let pointers: Vec<String> = (0..60).map(|it| format!("\"/new/{it}\"")).collect();
    let declared = format!(
        "{fields}[[declarations]]\nfields = [{}]\npurpose = \"research\"\nbasis = \"consent\"\n\
         recipients = [\"energy-lab\"]\nretention-days = 1\nprecision = \"on\"\n\n[[declarations]]\n",
        pointers.join(", ")
    );
    publish(&world, 2, "[[declarations]]\n", &declared);
    let mut anyone = world.stranger();
    let page = anyone.get(&format!("/d/{HOME}/changes")).await.body;
    let listed = page.matches("is measured.</li>").count();
    assert!((1..60).contains(&listed), "{listed}");
    assert!(page.contains("more changes are not listed here"));
}

#[tokio::test]
async fn versions_from_before_a_rule_became_stricter_are_shown_all_the_same() {
    let world = World::new();
    let old = SECOND
        .replace("version = 2", "version = 1")
        .replacen("dpv:", "dpv:NoSuch", 1);
    world.rewrite_first_version(&old);
    publish(&world, 2, "retention-days = 365", "retention-days = 730");
    let mut anyone = world.stranger();
    let page = anyone.get(&format!("/d/{HOME}/changes")).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("kept longer"), "{}", page.body);
    let file = anyone
        .get(&format!("/d/{HOME}/notice.toml?version=1"))
        .await;
    assert_eq!((file.status, file.body), (200, old));
}
