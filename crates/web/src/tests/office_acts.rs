//! What takes two officers, in two browsers.

use alliance::{Actor, Office};

use super::world::{NOW, World};

#[tokio::test]
async fn nd_5_one_officer_proposes_and_another_agrees() {
    let world = World::new();
    let other = world
        .alliance
        .create_made_up_account(&Actor::Operator, Office::Licensing, NOW)
        .unwrap();
    let mut first = world.signed_in(&world.officer).await;
    let mut second = world.signed_in(&other).await;

    // A suspension is in force at once, and waits.
    let reason = [("reason", "It sends what it did not declare.")];
    first.get("/office").await;
    let done = first.post("/office/city-bus/suspend", &reason).await;
    assert_eq!(done.status, 200);
    first.get("/office/acts").await.has("You proposed it on");
    let seen = second.get("/office/acts").await;
    seen.has("Suspend a licence")
        .has("It sends what it did not declare.")
        .has("It is in force already");
    let agree = [("act", "agree"), ("id", "1")];
    let own = first.post("/office/acts", &agree).await;
    assert_eq!(own.status, 403);
    own.has("You proposed this yourself");
    let done = second.post("/office/acts", &agree).await;
    assert_eq!(done.status, 200);
    done.has("Agreed, and carried out.").has("Nothing waits.");
    second
        .get("/record")
        .await
        .has("two officers of the licensing office");

    // To put it in force again waits before anything happens.
    first.get("/office").await;
    let waits = first.post("/office/city-bus/reinstate", &reason).await;
    assert_eq!(waits.status, 202);
    waits
        .has("Another officer has to agree")
        .has("href=\"/office/acts\"");
    let notice = second.get("/d/city-bus").await;
    notice.has("data-state=\"suspended\"");
    second.get("/office/acts").await;
    let refuse = [("act", "refuse"), ("id", "2")];
    assert_eq!(second.post("/office/acts", &refuse).await.status, 200);
    let gone = first.post("/office/acts", &refuse).await;
    assert_eq!(gone.status, 409);
    gone.has("refused");
    assert_eq!(
        first
            .post("/office/acts", &[("act", "agree"), ("id", "x")])
            .await
            .status,
        400
    );
}
