//! What people had erased, told to webhooks of those who had received it.

use custody::{EraseScope, Grace};

use super::super::*;

fn resident() -> PersonId {
    PersonId::parse("p-resident").unwrap()
}

fn erase_everything(sender: &Sender) {
    let custody = &sender.house.custody;
    let scope = EraseScope::default();
    let plan = custody.plan_erasure(&resident(), &scope, now()).unwrap();
    let erased = custody.erase(&resident(), &scope, &plan.digest, Grace::None, now());
    erased.unwrap();
}

/// The next request that is of a kind.
async fn next(endpoint: &mut Endpoint, kind: &str) -> Request {
    let request = endpoint.next().await;
    assert_eq!(request.json()["type"], kind, "{}", request.json());
    request
}

/// The one erasure that a request tells: what the health office had received of box 1, and nothing of whose it was.
fn only_erasure(request: &Request) -> serde_json::Value {
    let json = request.json();
    let told = json["data"].as_array().unwrap();
    assert_eq!(told.len(), 1, "{json}");
    assert_eq!(told[0]["thing"], "box-1");
    assert_eq!(told[0]["deployment"], "mall-road");
    assert_eq!(told[0]["fields"], serde_json::json!(["/dust"]));
    assert_eq!(told[0]["purposes"], serde_json::json!(["health"]));
    assert_eq!(told[0]["of-one-person"], true);
    assert!(!json.to_string().contains("resident"), "{json}");
    told[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_told_to_every_webhook_once_it_takes_it() {
    let authority = Authority::new();
    let refuses = Arc::new(AtomicBool::new(false));
    let mut endpoint = Endpoint::serve(&authority, {
        let refuses = Arc::clone(&refuses);
        move |_| match refuses.swap(false, Ordering::SeqCst) {
            true => answer(503, ""),
            false => answer(204, ""),
        }
    })
    .await;
    let mut sender = Sender::new(&authority);
    let (id, key) = sender.webhook(endpoint.port);
    sender.measure(7, 100);
    sender.start();
    next(&mut endpoint, "amanat.readings").await;
    sender
        .until(&id, "taken", |it| it.last_success_at.is_some())
        .await;

    refuses.store(true, Ordering::SeqCst);
    erase_everything(&sender);
    let refused = next(&mut endpoint, "amanat.erasures").await;
    sender.until(&id, "it fails", |it| it.attempts == 1).await;
    let request = next(&mut endpoint, "amanat.erasures").await;
    assert_eq!(
        request.header("webhook-id"),
        refused.header("webhook-id"),
        "the same again"
    );
    assert_eq!(signatures(&request, &key), 1);
    let told = only_erasure(&request);
    sender.until(&id, "it works", |it| it.attempts == 0).await;
    assert_eq!(sender.count(Counter::ErasuresGiven), 1, "what was taken");
    assert_eq!(sender.count(Counter::WebhookBatches), 1, "of readings");

    // The person sees that it was given, and that nobody said yet that it is erased.
    let custody = &sender.house.custody;
    let (notices, _) = custody.all_erasure_notices(None, 10).unwrap();
    assert!(notices[0].fetched_at.is_some() && notices[0].acknowledged_at.is_none());

    // A webhook that is added before it is acknowledged is told too, and the first one is told nothing twice, after a new start either.
    sender.stop().await;
    let mut other = Endpoint::serve(&authority, |_| answer(204, "")).await;
    let (second, _) = sender.webhook(other.port);
    sender.start();
    let again = next(&mut other, "amanat.erasures").await;
    assert_eq!(again.json()["data"][0]["id"], told["id"]);
    sender
        .until(&second, "it works", |it| it.last_success_at.is_some())
        .await;
    sender.measure(8, 0);
    next(&mut endpoint, "amanat.readings").await;

    // Once it is acknowledged nobody is told any more.
    let health = RecipientId::parse("health-office").unwrap();
    let custody = &sender.house.custody;
    assert!(
        custody
            .acknowledge_erasure(&health, &notices[0].id, now())
            .unwrap()
    );
    let mut late = Endpoint::serve(&authority, |_| answer(204, "")).await;
    let (third, _) = sender.webhook(late.port);
    custody.test_webhook(&third).unwrap();
    next(&mut late, "amanat.test").await;
    sender
        .until(&third, "tested", |it| it.tested.is_some())
        .await;
    sender.measure(9, 0);
    next(&mut late, "amanat.readings").await;
    sender.stop().await;
}
