//! A person is told why each value passes as it does.

use serde_json::Value;

use super::world::{HOME, World};

const FILE: &str = "why.json";

async fn told(browser: &mut super::browser::Browser) -> Vec<Value> {
    let answer = browser.get(&format!("/me/choices/{HOME}/{FILE}")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(told["deployment"], HOME);
    told["values"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_file_and_the_page_give_the_same_reasons() {
    let world = World::new();
    let mut browser = world.signed_in(&world.resident).await;
    let values = told(&mut browser).await;
    assert!(!values.is_empty());
    let page = browser.get(&format!("/me/choices/{HOME}")).await;
    for value in &values {
        let text = |name: &str| value[name].as_str().unwrap();
        assert!(text("en").ends_with('.'), "{value}");
        assert!(text("ur").ends_with('۔'), "{value}");
    }
    let first = values[0]["en"].as_str().unwrap();
    page.has(&first.replace('\'', "&#39;"));
}

#[tokio::test]
async fn a_choice_is_the_reason_from_then_on() {
    let world = World::new();
    let mut browser = world.signed_in(&world.resident).await;
    let of = |values: &[Value]| {
        let research = values.iter().find(|it| it["recipient"] == "energy-lab");
        let value = research.unwrap();
        (value["level"].clone(), value["factor"].clone())
    };
    assert_eq!(
        of(&told(&mut browser).await),
        ("off".into(), "no-consent".into())
    );
    let page = format!("/me/choices/{HOME}");
    browser.get(&page).await;
    let row = "research energy-lab /power";
    browser.post(&page, &[(row, "off"), ("only", row)]).await;
    assert_eq!(
        of(&told(&mut browser).await),
        ("off".into(), "choice".into())
    );
}

#[tokio::test]
async fn anybody_is_told_what_holds_before_any_choice() {
    let world = World::new();
    let mut resident = world.signed_in(&world.resident).await;
    let page = format!("/me/choices/{HOME}");
    resident.get(&page).await;
    let row = "research energy-lab /power";
    resident.post(&page, &[(row, "on"), ("only", row)]).await;
    let mut anybody = world.stranger();
    let answer = anybody.get(&format!("/d/{HOME}/{FILE}")).await;
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    let values = told["values"].as_array().unwrap();
    let research = values.iter().find(|it| it["recipient"] == "energy-lab");
    let research = research.unwrap();
    assert_eq!(research["factor"], "no-consent", "{research}");
    let words = research["en"].as_str().unwrap();
    assert!(
        words.ends_with("because nobody has said yes so far."),
        "{words}"
    );
    assert_eq!(told["next"], Value::Null);
    // What was skipped is left out, and nothing else.
    let answer = anybody.get(&format!("/d/{HOME}/{FILE}?skip=1")).await;
    let rest: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(rest["values"].as_array().unwrap().as_slice(), &values[1..]);
    let answer = anybody
        .get(&format!("/d/{HOME}/{FILE}?skip=4294967295"))
        .await;
    let none: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(none["values"], Value::Array(Vec::new()));
    assert_eq!(anybody.get("/d/nowhere/why.json").await.status, 404);
}

#[tokio::test]
async fn nobody_else_is_told() {
    let world = World::new();
    let path = format!("/me/choices/{HOME}/{FILE}");
    let mut neighbour = world.signed_in(&world.neighbour).await;
    assert_eq!(neighbour.get(&path).await.status, 404);
}
