//! Who received what, hour by hour, with proofs.

use super::consent::allow;
use super::world::{NOW, World};

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn gp_a4_a_person_sees_each_hour_and_takes_its_proof_away() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    resident
        .get("/me/deliveries")
        .await
        .has("Nobody has received anything");
    allow(&mut resident).await;
    assert!(world.send(r#"{"power":1210,"energy":7}"#, NOW).is_some());
    world.custody().tick(NOW).unwrap();
    resident
        .get("/me/deliveries")
        .await
        .has("The record will hold this once the hour is over")
        .lacks("Get the proof");
    world.custody().tick(NOW.plus_millis(2 * HOUR)).unwrap();
    let page = resident.get("/me/deliveries").await;
    page.has("Held by entry").has("/me/deliveries/1-");
    let (_, after) = page.body.split_once("/me/deliveries/1-").unwrap();
    let place = after.split_once(".json").unwrap().0;
    let path = format!("/me/deliveries/1-{place}.json");
    let file = resident.get(&path).await;
    assert_eq!(file.status, 200);
    let proof: serde_json::Value = serde_json::from_str(&file.body).unwrap();
    assert!(
        proof["receipt"]
            .as_str()
            .unwrap()
            .contains(r#""messages":1"#)
    );
    let record = proof["record"].as_str().unwrap();
    let position = record.lines().find_map(|it| it.strip_prefix("index "));
    resident
        .get(&format!("/record/entry/{}", position.unwrap()))
        .await
        .has("receipts-committed");
    // The list of acts leaves it out, and says where it is.
    resident
        .get("/record")
        .await
        .lacks("receipts:1")
        .has("/record/search?kind=receipts-committed");
    resident
        .get("/record/search?kind=receipts-committed")
        .await
        .has("receipts:1");
    let csv = resident.get("/me/deliveries/all.csv").await;
    csv.has("from_utc,until_utc,recipient")
        .has(&format!("1-{place}"));
    let json = resident.get("/me/deliveries/all.json").await;
    let json: serde_json::Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(json[0]["committed"], format!("1-{place}"));
    // Nobody else gets it.
    let mut officer = world.signed_in(&world.officer).await;
    assert_eq!(officer.get(&path).await.status, 404);
    for bad in ["x.json", "1-1", "01-1.json", "1--1.json", "all.exe"] {
        let found = resident.get(&format!("/me/deliveries/{bad}")).await;
        assert_eq!(found.status, 404, "{bad}");
    }
}
