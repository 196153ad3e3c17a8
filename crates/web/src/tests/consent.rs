//! Choices in bulk, their history, receipts and records, files, and what the browser asks for.

use super::browser::{Answer, Browser};
use super::world::{HOME, NOW, World};

pub(super) const MESSAGE: &str = r#"{"power":1210,"energy":7}"#;
const ROW: &str = "research energy-lab /power";

fn choices() -> String {
    format!("/me/choices/{HOME}")
}

/// The value of the button that agrees to what is shown.
fn seen(preview: &Answer) -> String {
    let value = preview.body.split("name=\"seen\" value=\"").nth(1);
    let value = value.and_then(|it| it.split('"').next());
    value
        .expect("a preview with something to agree to")
        .to_owned()
}

/// The address of the receipt's file on a page.
fn receipt(page: &Answer) -> String {
    let path = page.body.split("href=\"/me/choices/receipt/").nth(1);
    let name = path.and_then(|it| it.split('"').next()).expect("a receipt");
    format!("/me/choices/receipt/{}", name.trim_end_matches(".json"))
}

pub(super) async fn allow(browser: &mut Browser) -> Answer {
    browser.get(&choices()).await;
    let form = [(ROW, "on"), ("only", ROW)];
    browser.post(&choices(), &form).await
}

#[tokio::test]
async fn a_preset_is_shown_applied_and_put_back() {
    let world = World::new();
    let mut browser = world.signed_in(&world.resident).await;
    browser.get("/me").await.has("href=\"/me/choices\"");
    let saved = allow(&mut browser).await;
    saved.has("In force now").has("Download the receipt");
    assert!(world.send(MESSAGE, NOW).is_some());

    let overview = browser.get("/me/choices").await;
    overview
        .has("You decided on 1 of 5 values.")
        .has("Only what the service needs");
    let path = "/me/decide/preview?preset=service-only";
    let preview = browser.get(path).await;
    preview
        .has("1 value changes.")
        .has("1 value cannot be changed by anyone")
        .has("Energy lab of the university, for Research on saving power")
        .has("Power in use: Exact → Off")
        .has("Put this in force");
    assert!(
        world.send(MESSAGE, NOW).is_some(),
        "looking changes nothing"
    );
    let done = browser.post(path, &[("seen", &seen(&preview))]).await;
    assert_eq!(done.status, 200);
    done.has("In force now")
        .has("Yes taken back")
        .has("No given")
        .has("still matches");
    assert_eq!(world.send(MESSAGE, NOW), None);

    let again = browser.post(path, &[("seen", &seen(&preview))]).await;
    assert_eq!(again.status, 409);
    again.has("Nothing would change");
    let put_back = receipt(&done).replace("/me/choices/receipt/", "/me/decide/put-back/");
    let back = browser.post(&put_back, &[]).await;
    assert_eq!(back.status, 200);
    back.has("In force now")
        .has("You put an earlier choice back.");
    assert!(world.send(MESSAGE, NOW).is_some());
    browser
        .post(&put_back, &[])
        .await
        .has("nothing left to put back");
}

#[tokio::test]
async fn what_was_not_shown_is_not_put_in_force() {
    let world = World::new();
    let mut browser = world.signed_in(&world.resident).await;
    let path = format!("/me/decide/preview?preset=all-off&at={HOME}");
    let preview = browser.get(&path).await;
    preview.has("Everything off that I may switch off: Home energy meters");
    allow(&mut browser).await;
    let stale = browser.post(&path, &[("seen", &seen(&preview))]).await;
    assert_eq!(stale.status, 409);
    stale.has("Something changed in the meantime");
    assert!(world.send(MESSAGE, NOW).is_some());
    for wrong in [
        "",
        "?preset=loud",
        "?preset=all-off&same=x",
        "?file=1",
        "?same=city-bus",
        "?preset=all-off&at=city-bus",
    ] {
        let answer = browser.get(&format!("/me/decide/preview{wrong}")).await;
        assert_eq!(answer.status, 404, "{wrong}");
    }
}

#[tokio::test]
async fn the_history_the_receipts_and_the_record_are_the_persons_own() {
    let world = World::new();
    let mut browser = world.signed_in(&world.resident).await;
    let history = format!("{}/history", choices());
    browser
        .get(&history)
        .await
        .has("You have not chosen anything here yet.");
    let saved = allow(&mut browser).await;
    let name = receipt(&saved);
    browser
        .get(&history)
        .await
        .has("You chose this yourself.")
        .has("Put back");
    browser
        .get(&name)
        .await
        .has("Yes given")
        .has("This is your first receipt.");
    let file = browser.get(&format!("{name}.json")).await;
    assert_eq!(file.header("content-type"), "application/json");
    assert!(file.header("content-disposition").starts_with("attachment"));
    let file: serde_json::Value = serde_json::from_str(&file.body).unwrap();
    let statement = file["amanat:seal"]["amanat:statement"].as_str().unwrap();
    assert!(
        statement.contains("consent off - on by-hand \"/power\""),
        "{statement}"
    );
    for path in [
        format!("{}/record.json", choices()),
        "/me/choices/record.json".to_owned(),
    ] {
        let record = browser.get(&path).await;
        let record: serde_json::Value = serde_json::from_str(&record.body).unwrap();
        assert_eq!(record["dct:conformsTo"], "dpv-27560:record-2", "{path}");
        let text = record.to_string();
        assert!(
            text.contains("dpv:ConsentGiven") && text.contains("Lahore Power"),
            "{text}"
        );
    }
    let mut neighbour = world.signed_in(&world.neighbour).await;
    for path in [
        name.clone(),
        format!("{name}.json"),
        history,
        format!("{}/record.json", choices()),
    ] {
        assert_eq!(neighbour.get(&path).await.status, 404, "{path}");
    }
    assert_eq!(neighbour.get("/me/choices/record.json").await.status, 404);
    let put_back = name.replace("/me/choices/receipt/", "/me/decide/put-back/");
    neighbour.get("/me").await;
    assert_eq!(neighbour.post(&put_back, &[]).await.status, 404);
    assert!(world.send(MESSAGE, NOW).is_some());
}

#[tokio::test]
async fn the_browsers_wish_for_privacy_is_heeded_once() {
    let world = World::new();
    world.open_billing_to_objection();
    let mut browser = world.signed_in(&world.resident).await;
    browser.headers = vec![("sec-gpc", "1".to_owned())];
    let page = browser.get(&choices()).await;
    assert!(page.header("vary").contains("sec-gpc"));
    page.has("Your browser asks that your data is not passed on")
        .has("we switched 1 value off here")
        .has("Switched off because your browser asked for it.");
    let row = "billing power-utility /energy";
    let saved = browser
        .post(&choices(), &[(row, "on"), ("only", row)])
        .await;
    saved.has("In force now").lacks("Your browser asks");
    browser.get("/me").await;
    browser.get(&choices()).await.lacks("Your browser asks");
    let history = browser.get(&format!("{}/history", choices())).await;
    history.has("Your browser asked for it (Global Privacy Control).");
    let well_known = world.stranger().get("/.well-known/gpc.json").await;
    assert_eq!(well_known.header("content-type"), "application/json");
    well_known.has("\"gpc\":true");
}

#[tokio::test]
async fn signing_in_with_the_wish_for_privacy_is_enough() {
    let world = World::new();
    world.open_billing_to_objection();
    let mut browser = world.stranger();
    browser.headers = vec![("sec-gpc", "1".to_owned())];
    let link = world.link(&world.resident);
    browser.get(&link).await;
    assert_eq!(browser.post(&link, &[]).await.status, 303);
    browser.headers.clear();
    browser
        .get(&choices())
        .await
        .has("we switched 1 value off here");
}

async fn bring(browser: &mut Browser, file: &str) -> Answer {
    browser.get("/me/decide/import").await;
    browser.headers = vec![(
        "content-type",
        "multipart/form-data; boundary=xx".to_owned(),
    )];
    let disposition = "Content-Disposition: form-data; name=";
    let body = format!(
        "--xx\r\n{disposition}\"form\"\r\n\r\n{}\r\n--xx\r\n{disposition}\"file\"; filename=\"a.json\"\r\n\r\n{file}\r\n--xx--\r\n",
        browser.token
    );
    let answer = browser.send("POST", "/me/decide/import", body).await;
    browser.headers.clear();
    answer
}

#[tokio::test]
async fn a_file_of_choices_is_previewed_before_it_counts() {
    let world = World::new();
    let mut browser = world.signed_in(&world.resident).await;
    allow(&mut browser).await;
    let file = browser.get("/me/choices/choices.json").await.body;
    let path = "/me/decide/preview?preset=as-before";
    let preview = browser.get(path).await;
    browser
        .post(path, &[("seen", &seen(&preview))])
        .await
        .has("Yes taken back");
    let answer = bring(&mut browser, &file).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/me/decide/preview?file=1")
    );
    assert_eq!(world.send(MESSAGE, NOW), None);
    let preview = browser.get("/me/decide/preview?file=1").await;
    preview
        .has("The file of choices that you brought")
        .has("1 value changes.");
    let done = browser
        .post("/me/decide/preview?file=1", &[("seen", &seen(&preview))])
        .await;
    done.has("You brought a file of choices.");
    assert!(world.send(MESSAGE, NOW).is_some());

    let strange = file.replace("energy-lab", "space-lab");
    bring(&mut browser, &strange).await;
    let preview = browser.get("/me/decide/preview?file=1").await;
    preview
        .has("Nothing would change.")
        .has("the notice here does not name it.")
        .lacks("Put this in force");
    let broken = bring(&mut browser, "{").await;
    assert_eq!(broken.status, 422);
    broken
        .has("Line 1, column 1 cannot be read")
        .has("<title>Error: Bring a file of choices</title>");
    bring(&mut browser, "").await.has("Choose a file first.");
    let huge = bring(&mut browser, &" ".repeat(crate::MAX_UPLOAD_BYTES)).await;
    assert_eq!(huge.status, 413);
    browser.token = "forged".to_owned();
    browser.headers = vec![(
        "content-type",
        "multipart/form-data; boundary=xx".to_owned(),
    )];
    let forged = browser
        .send("POST", "/me/decide/import", "--xx--\r\n".to_owned())
        .await;
    assert_eq!(forged.status, 403);
}
