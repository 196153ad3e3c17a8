//! Notices for programs: the published file, linked data, the schema and the context.

use super::world::{HOME, World};

#[tokio::test]
async fn gp_a1_a_notice_is_served_as_it_was_published_and_as_linked_data() {
    let world = World::new();
    let mut anyone = world.stranger();
    let published = anyone.get(&format!("/d/{HOME}/notice.toml")).await;
    assert_eq!(published.status, 200);
    let source = world
        .alliance
        .custody()
        .notice_source(&HOME.parse().unwrap());
    assert_eq!(Some(&published.body), source.unwrap().as_ref());
    assert!(model::Notice::parse(&published.body).is_ok());

    let linked = anyone.get(&format!("/d/{HOME}/notice.jsonld")).await;
    let linked: serde_json::Value = serde_json::from_str(&linked.body).unwrap();
    assert_eq!(linked["type"], "dpv:PrivacyNotice");
    let context = linked["@context"].as_str().unwrap();
    let path = context
        .find("/schema/")
        .and_then(|it| context.get(it..))
        .unwrap();
    let context = anyone.get(path).await;
    let context: serde_json::Value = serde_json::from_str(&context.body).unwrap();
    assert_eq!(context["@context"]["dpv"], "https://w3id.org/dpv#");

    let schema = anyone.get("/schema/notice.json").await;
    assert_eq!(schema.body, model::notice_schema());
    for missing in ["/d/no-such-thing/notice.toml", "/d/No/notice.jsonld"] {
        assert_eq!(anyone.get(missing).await.status, 404, "{missing}");
    }
}
