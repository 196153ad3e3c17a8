//! The record is searched and followed.

use super::world::World;

#[tokio::test]
async fn en_1_anybody_searches_the_record() {
    let world = World::new();
    let mut stranger = world.stranger();
    stranger.get("/record").await.has("href=\"/record/search\"");
    let all = stranger.get("/record/search").await;
    all.has("joined the alliance.").has("<ol class=\"log\"");
    let issued = stranger.get("/record/search?kind=licence-issued").await;
    issued.has("<ol class=\"log\"").has("selected");
    let entries = |body: &str| body.matches("<li><p><a href=\"/record/entry/").count();
    assert!(entries(&issued.body) < entries(&all.body));
    let about = stranger
        .get("/record/search?about=deployment:city-bus&kind=licence-issued")
        .await;
    assert_eq!(entries(&about.body), 1);
    for nothing in ["words=100%25", "about=member:nobody", "words=_"] {
        let none = stranger.get(&format!("/record/search?{nothing}")).await;
        none.has("Nothing in the record fits.");
    }
    // What is typed is a text, not markup.
    let typed = stranger.get("/record/search?words=%3Cb%3E").await;
    typed.lacks("value=\"<b>\"");
}

#[tokio::test]
async fn en_1_programs_follow_the_record_from_where_they_are() {
    let world = World::new();
    let mut stranger = world.stranger();
    let page = stranger.get("/record/entries.json").await;
    let page: serde_json::Value = serde_json::from_str(&page.body).unwrap();
    let entries = page["entries"].as_array().unwrap();
    assert_eq!(page["size"], entries.len());
    assert_eq!(page["next"], page["size"]);
    assert_eq!(entries[0]["entry"]["v"], 1);
    let rest = stranger.get("/record/entries.json?from=2").await;
    let rest: serde_json::Value = serde_json::from_str(&rest.body).unwrap();
    assert_eq!(rest["entries"][0]["position"], 2);
    let end = stranger.get("/record/entries.json?from=999").await;
    let end: serde_json::Value = serde_json::from_str(&end.body).unwrap();
    assert_eq!(
        (&end["entries"], &end["next"]),
        (&serde_json::json!([]), &serde_json::json!(999))
    );

    // Every entry is as its published schema says.
    let schema = stranger.get("/schema/record-entry.json").await;
    let schema: serde_json::Value = serde_json::from_str(&schema.body).unwrap();
    let kinds = schema["properties"]["kind"]["enum"].as_array().unwrap();
    let required = schema["required"].as_array().unwrap();
    for it in entries {
        let entry = it["entry"].as_object().unwrap();
        assert!(kinds.contains(&entry["kind"]), "{entry:?}");
        assert!(
            required
                .iter()
                .all(|key| entry.contains_key(key.as_str().unwrap()))
        );
        let known = schema["properties"].as_object().unwrap();
        assert!(entry.keys().all(|key| known.contains_key(key)), "{entry:?}");
    }

    let feed = stranger.get("/record/feed.atom").await;
    assert!(
        feed.header("content-type")
            .starts_with("application/atom+xml")
    );
    feed.has("<feed xmlns=\"http://www.w3.org/2005/Atom\"")
        .has("http://127.0.0.1:8080/record/entry/0");
    let urdu = stranger.get("/record/feed.atom?lang=ur").await;
    urdu.has("xml:lang=\"ur\"");
    assert_eq!(stranger.get("/record/feed.atom?lang=xx").await.status, 404);
}
