//! A person's own endpoints, as a browser without scripts uses the pages.

use custody::{Contents, Placing};

use super::world::{HOME, NOW, World};

#[tokio::test]
async fn an_endpoint_is_added_checked_and_gets_what_the_person_places_there() {
    let world = World::new();
    let mut browser = world.signed_in(&world.resident).await;
    let form = "/me/destinations/new?kind=webhook";
    assert_eq!(browser.get(form).await.status, 200);
    let refused = browser
        .post(form, &[("url", "http://data.example.org")])
        .await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.body.contains("http://data.example.org"),
        "the input is kept"
    );
    let made = browser
        .post(form, &[("url", "https://data.example.org/in")])
        .await;
    assert_eq!(made.status, 200);
    assert!(made.body.contains("whsec_"));
    let list = browser.get("/me/destinations").await;
    assert!(list.body.contains("https://data.example.org"));
    assert!(!list.body.contains("whsec_"), "a key is shown once");
    let custody = world.custody();
    let now = NOW;
    let parcel = custody.parcels_due(now, 1).unwrap().pop().unwrap();
    assert!(matches!(parcel.contents(), Contents::Check { .. }));
    let id = parcel.destination().clone();
    let place = [("deployment", HOME), ("where", &format!("own.{id}"))];
    let early = browser.post("/me/destinations", &place).await;
    assert_eq!(early.status, 404, "not before the check");
    custody.parcel_delivered(parcel, now).unwrap();
    assert_eq!(browser.post("/me/destinations", &place).await.status, 200);
    let placed = custody.placements(&world.resident.id).unwrap();
    assert_eq!(placed.len(), 1);
    assert_eq!(placed[0].1, Placing::OwnEndpoint(id.clone()));
    let list = browser.get("/me/destinations").await;
    assert!(list.body.contains("Before: “Keep them here”"));
    let again = [("check", id.as_str())];
    assert_eq!(browser.post("/me/destinations", &again).await.status, 200);
    let soon = browser.post("/me/destinations", &again).await;
    assert_eq!(soon.status, 429);
    assert!(soon.body.contains("You can try again after"));
    let mut other = world.signed_in(&world.neighbour).await;
    other.get("/me/destinations").await;
    let theirs = other
        .post("/me/destinations", &[("delete", id.as_str())])
        .await;
    assert_eq!(theirs.status, 404);
    let gone = browser
        .post("/me/destinations", &[("delete", id.as_str())])
        .await;
    assert_eq!(gone.status, 200);
    assert!(
        gone.body
            .contains("Send them only to an endpoint that was deleted")
    );
    assert_eq!(
        custody.placements(&world.resident.id).unwrap()[0].1,
        Placing::Vault
    );
}

#[tokio::test]
async fn an_address_inside_the_server_s_own_network_is_refused_on_the_form() {
    let world = World::new();
    let mut browser = world.signed_in(&world.resident).await;
    let webhook = "/me/destinations/new?kind=webhook";
    browser.get(webhook).await;
    for host in [
        "localhost",
        "LocalHost:8443",
        "printer.local",
        "db.internal",
        "127.0.0.1",
        "10.0.0.7",
        "192.168.1.4:8443",
        "169.254.169.254",
        "[::1]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ] {
        let url = format!("https://{host}/in");
        let refused = browser.post(webhook, &[("url", &url)]).await;
        assert_eq!(refused.status, 422, "{host}");
        let words = "This address is private or local, so our server cannot send there.";
        assert!(refused.body.contains(words), "{host}: {}", refused.body);
        assert!(!refused.body.contains("whsec_"), "{host}");
    }
    // Other spellings of numbers are no host at all.
    for host in ["2130706433", "0x7f000001", "0177.0.0.1", "127.1"] {
        let url = format!("https://{host}/in");
        let refused = browser.post(webhook, &[("url", &url)]).await;
        assert_eq!(refused.status, 422, "{host}");
        let words = "This host cannot be used.";
        assert!(refused.body.contains(words), "{host}: {}", refused.body);
    }
    let broker = "/me/destinations/new?kind=broker";
    browser.get(broker).await;
    let refused = browser
        .post(broker, &[("url", "mqtts://broker.home.arpa")])
        .await;
    assert_eq!(refused.status, 422);
    let bucket = "/me/destinations/new?kind=bucket";
    browser.get(bucket).await;
    let fields = [
        ("url", "https://minio.internal"),
        ("region", "here"),
        ("bucket", "mine"),
        ("key-id", "me"),
        ("secret", "not to be told"),
    ];
    let refused = browser.post(bucket, &fields).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("private or local"));
    let custody = world.custody();
    assert!(
        custody
            .destinations(&world.resident.id, NOW)
            .unwrap()
            .is_empty()
    );
}
