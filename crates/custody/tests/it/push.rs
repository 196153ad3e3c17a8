//! Webhooks of recipients: their history, sent by itself, decided again at each try.

use custody::{
    MAX_PUSH_AGE_MILLIS, MAX_WEBHOOKS_PER_RECIPIENT, NewWebhook, PUSH_SLACK_MILLIS, Push,
    PushContents, PushFailure, PushPage, PushRoom, PushTurn, SETTLE_MILLIS, WebAddress,
    WebhookError, WebhookId, WebhookState, WebhookView,
};
use model::{DeploymentId, Grant, Level, PurposeId, RecipientId, Timestamp};

use crate::fixture::{House, NOW, choice, deployment, on_both};

const ROOM: PushRoom = PushRoom { all: 8, slow: 4 };

/// Seconds after the moment from which readings count.
fn after(seconds: i64) -> Timestamp {
    NOW.plus_millis(SETTLE_MILLIS + seconds * 1_000)
}

fn utility() -> RecipientId {
    RecipientId::parse("utility-desk").unwrap()
}

fn grant(house: &House, until: Option<Timestamp>, now: Timestamp) {
    let grant = Grant {
        recipient: utility(),
        purpose: PurposeId::parse("billing").unwrap(),
        deployment: deployment("home"),
        valid_from: NOW,
        valid_until: until,
    };
    house.custody.act(now, |act| act.grant(&grant)).unwrap();
}

fn wanted() -> NewWebhook {
    NewWebhook {
        recipient: utility(),
        address: WebAddress::parse("https://desk.example/in?token=1").unwrap(),
        purpose: PurposeId::parse("billing").unwrap(),
        deployment: Some(deployment("home")),
        thing: None,
        condition: None,
    }
}

/// A webhook that was added when readings began to count.
fn added(house: &House) -> WebhookId {
    grant(house, None, NOW);
    house.custody.add_webhook(&wanted(), after(0)).unwrap().0
}

fn measure(house: &House, power: u32, now: Timestamp) {
    let thing = house.thing("meter-1", &house.meter);
    let payload = format!(r#"{{"power":{power}}}"#);
    let lsn = house.custody.ingest(&thing, payload.as_bytes(), now);
    house.custody.wait_durable(lsn.unwrap()).unwrap();
}

fn turns(house: &House, now: Timestamp) -> Vec<PushTurn> {
    house.custody.pushes_due(ROOM, now).unwrap()
}

/// The next try, if there is one.
fn next(house: &House, now: Timestamp) -> Option<(PushTurn, Push)> {
    let turn = turns(house, now).pop()?;
    let push = house.custody.push(&turn, now).unwrap()?;
    Some((turn, push))
}

fn page(push: &Push) -> &PushPage {
    match push.contents() {
        PushContents::Page(page) => page,
        PushContents::Test | PushContents::Erasures(_) => panic!("no readings"),
    }
}

/// What leaves of it now.
fn leaves(house: &House, push: &Push, now: Timestamp) -> Vec<String> {
    let _gate = house.custody.delivery_gate();
    let deliveries = page(push).deliveries.iter();
    let permits = deliveries.filter_map(|it| house.custody.permit(it, now));
    let texts = permits.map(|permit| {
        let (payload, receipt) = permit.into_payload();
        drop(receipt);
        String::from_utf8(payload.to_vec()).unwrap()
    });
    texts.collect()
}

fn powers(values: impl IntoIterator<Item = u32>) -> Vec<String> {
    let text = |it| format!(r#"{{"power":{it}}}"#);
    values.into_iter().map(text).collect()
}

fn view(house: &House, id: &WebhookId) -> WebhookView {
    let all = house.custody.webhooks(Some(&utility())).unwrap();
    all.into_iter().find(|it| it.id == *id).unwrap()
}

fn status(status: u16) -> PushFailure {
    PushFailure {
        class: custody::FailureClass::Refused,
        status: Some(status),
        retry_after_seconds: None,
    }
}

#[test]
fn what_comes_in_is_sent_once_it_is_settled_and_once_only_when_it_was_taken() {
    on_both(|house| {
        grant(&house, None, NOW);
        measure(&house, 1, after(-1));
        let id = house.custody.add_webhook(&wanted(), after(0)).unwrap().0;
        measure(&house, 2, after(5));
        measure(&house, 3, after(6));
        let early = after(5).plus_millis(PUSH_SLACK_MILLIS);
        assert!(next(&house, early).is_none(), "not settled yet");
        let (turn, push) = next(&house, after(60)).unwrap();
        assert_eq!(leaves(&house, &push, after(60)), powers([2, 3]));
        assert!(turns(&house, after(61)).is_empty(), "one at a time");
        // Nobody says what became of it: the same again, under the same identifier.
        let first = push.message_id(b"body");
        drop((turn, push));
        let (turn, push) = next(&house, after(62)).unwrap();
        assert_eq!(leaves(&house, &push, after(62)), powers([2, 3]));
        assert_eq!(push.message_id(b"body"), first);
        assert_ne!(push.message_id(b"other"), first);
        house
            .custody
            .push_taken(&turn, &push, 5, after(62))
            .unwrap();
        assert!(house.custody.push(&turn, after(62)).unwrap().is_none());
        drop(turn);
        measure(&house, 4, after(70));
        // What was taken stays taken over a crash, and what was not comes.
        let house = house.reopened(false);
        let (turn, push) = next(&house, after(80)).unwrap();
        assert_eq!(leaves(&house, &push, after(80)), powers([4]));
        house
            .custody
            .push_taken(&turn, &push, 5, after(80))
            .unwrap();
        let shown = view(&house, &id);
        assert_eq!(shown.state, WebhookState::Working);
        assert_eq!(shown.last_success_at, Some(after(80)));
        assert_eq!(shown.origin.as_deref(), Some("https://desk.example"));
    });
}

#[test]
fn a_place_moves_while_nothing_comes_and_forgets_nothing_that_comes_late() {
    on_both(|house| {
        added(&house);
        for second in 1..40 {
            // Each is asked about in the moment in which it arrives, and later.
            if second % 4 == 1 {
                measure(&house, u32::try_from(second).unwrap(), after(second));
            }
            let now = after(second);
            for turn in turns(&house, now) {
                while let Some(push) = house.custody.push(&turn, now).unwrap() {
                    drop(leaves(&house, &push, now));
                    house.custody.push_taken(&turn, &push, 5, now).unwrap();
                }
            }
        }
        let late = after(3_600);
        let (_turn, push) = next(&house, late).unwrap();
        assert_eq!(leaves(&house, &push, late), powers([37]));
        house.custody.tick(late).unwrap();
        let until = custody::Place::before(after(7_200));
        let person = crate::fixture::person("p-resident");
        let timeline = house.custody.timeline(&person, until, 1, after(7_200));
        let receipts = timeline.unwrap().receipts;
        let deliveries: i64 = receipts.iter().map(|it| it.deliveries).sum();
        assert_eq!(deliveries, 10, "each once");
    });
}

#[test]
fn what_waits_is_decided_again_at_each_try() {
    on_both(|house| {
        grant(&house, None, NOW);
        let university = Grant {
            recipient: RecipientId::parse("university").unwrap(),
            purpose: PurposeId::parse("research").unwrap(),
            deployment: deployment("home"),
            valid_from: NOW,
            valid_until: None,
        };
        house
            .custody
            .act(NOW, |act| act.grant(&university))
            .unwrap();
        let choose = |level, now| {
            let wish = choice("/power", "research", "university", level);
            house.custody.choose(&[wish], now).unwrap();
        };
        choose(Level::ON, NOW);
        let wanted = NewWebhook {
            recipient: university.recipient.clone(),
            purpose: university.purpose.clone(),
            ..wanted()
        };
        house.custody.add_webhook(&wanted, after(0)).unwrap();
        measure(&house, 1210, after(1));
        let (turn, push) = next(&house, after(10)).unwrap();
        assert_eq!(leaves(&house, &push, after(10)), powers([1210]));
        let failure = status(503);
        house
            .custody
            .push_failed(&turn, failure, 0, after(10))
            .unwrap();
        drop((turn, push));
        // Lowered in between: the next try gives less, one that was made before gives less too.
        let (turn, push) = next(&house, after(20)).unwrap();
        choose(Level::coarse(1).unwrap(), after(21));
        let coarse = [r#"{"power":1000,"@coarse":{"/power":250}}"#];
        assert_eq!(leaves(&house, &push, after(22)), coarse);
        choose(Level::OFF, after(23));
        assert!(leaves(&house, &push, after(24)).is_empty());
        house.custody.push_passed_over(&turn, &push);
        drop((turn, push));
        // On again: what was measured before stays off, and what was passed over does not come back.
        choose(Level::ON, after(25));
        measure(&house, 7, after(100));
        let (_turn, push) = next(&house, after(110)).unwrap();
        assert_eq!(leaves(&house, &push, after(110)), powers([7]));
    });
}

#[test]
fn a_webhook_ends_with_its_grant_and_its_recipient() {
    on_both(|house| {
        added(&house);
        measure(&house, 1, after(1));
        let (turn, push) = next(&house, after(10)).unwrap();
        grant(&house, Some(after(11)), after(10));
        assert!(leaves(&house, &push, after(12)).is_empty(), "made before");
        drop((turn, push));
        measure(&house, 2, after(20));
        assert!(next(&house, after(30)).is_none());
        // A new grant begins anew.
        grant(&house, None, after(40));
        assert!(next(&house, after(41)).is_none());
        measure(&house, 3, after(200));
        let (turn, push) = next(&house, after(210)).unwrap();
        assert_eq!(leaves(&house, &push, after(210)), powers([3]));
        drop((turn, push));
        let revoked = house.custody.act(after(220), |act| {
            act.revoke(&custody::Identity::Recipient(utility()))
        });
        revoked.unwrap();
        assert!(turns(&house, after(230)).is_empty());
    });
}

fn house_again(house: House) -> House {
    let house = house.reopened(true);
    assert!(
        house.custody.test_webhook(&any(&house)).is_err(),
        "nobody sends yet"
    );
    house
}

fn any(house: &House) -> WebhookId {
    house.custody.webhooks(None).unwrap().remove(0).id
}

#[test]
fn after_a_failure_the_pause_grows_and_gone_is_gone_until_a_test_succeeds() {
    on_both(|house| {
        let id = added(&house);
        measure(&house, 1, after(1));
        let fail = |failure, now| {
            let (turn, _) = next(&house, now).unwrap();
            house
                .custody
                .push_failed(&turn, failure, 1_000, now)
                .unwrap();
            let shown = view(&house, &id);
            (
                shown
                    .next_attempt_at
                    .map(|it| (it.as_millis() - now.as_millis()) / 1_000),
                shown,
            )
        };
        assert_eq!(fail(status(500), after(10)).0, Some(5));
        assert!(turns(&house, after(14)).is_empty());
        assert_eq!(fail(status(500), after(15)).0, Some(10));
        let asked = PushFailure {
            retry_after_seconds: Some(90),
            ..status(429)
        };
        assert_eq!(fail(asked, after(25)).0, Some(90));
        let asked = PushFailure {
            retry_after_seconds: Some(u32::MAX),
            ..status(503)
        };
        assert_eq!(fail(asked, after(115)).0, Some(3_600));
        let (pause, shown) = fail(status(404), after(4_000));
        assert_eq!((pause, shown.state), (Some(300), WebhookState::Failing));
        assert_eq!((shown.attempts, shown.waits_since), (5, Some(after(0))));
        let (pause, shown) = fail(status(410), after(4_400));
        assert_eq!((pause, shown.state), (None, WebhookState::Disabled));
        assert_eq!(shown.last_failure.unwrap().status, Some(410));
        // Over a restart too.
        let house = house_again(house);
        assert!(turns(&house, after(80_000)).is_empty());
        house.custody.test_webhook(&id).unwrap();
        let (turn, push) = next(&house, after(80_000)).unwrap();
        assert!(matches!(push.contents(), PushContents::Test));
        house
            .custody
            .push_failed(&turn, status(500), 0, after(80_000))
            .unwrap();
        drop((turn, push));
        assert!(house.custody.webhook_tested(&id).unwrap().is_err());
        assert_eq!(view(&house, &id).state, WebhookState::Disabled);
        house.custody.test_webhook(&id).unwrap();
        assert_eq!(house.custody.webhook_tested(&id), None);
        let (turn, push) = next(&house, after(80_001)).unwrap();
        house
            .custody
            .push_taken(&turn, &push, 5, after(80_001))
            .unwrap();
        drop((turn, push));
        assert_eq!(house.custody.webhook_tested(&id), Some(Ok(())));
        let (_turn, push) = next(&house, after(80_002)).unwrap();
        assert_eq!(leaves(&house, &push, after(80_002)), powers([1]));
    });
}

#[test]
fn what_was_not_taken_in_a_day_is_left_out_and_the_receiver_is_told_when_that_was() {
    on_both(|house| {
        let id = added(&house);
        measure(&house, 1, after(1));
        let (turn, _) = next(&house, after(10)).unwrap();
        house
            .custody
            .push_failed(&turn, status(500), 0, after(10))
            .unwrap();
        drop(turn);
        let day = MAX_PUSH_AGE_MILLIS / 1_000;
        measure(&house, 2, after(day));
        let now = after(day + 30);
        let (turn, push) = next(&house, now).unwrap();
        assert_eq!(leaves(&house, &push, now), powers([2]));
        let missed = Some((after(0), after(30)));
        assert_eq!(page(&push).missed, missed);
        house
            .custody
            .push_failed(&turn, status(500), 0, now)
            .unwrap();
        drop((turn, push));
        assert_eq!(view(&house, &id).missed, missed);
        let house = house.reopened(true);
        let now = after(day + 60);
        let (turn, push) = next(&house, now).unwrap();
        assert_eq!(page(&push).missed.unwrap().0, after(0), "until it is told");
        house.custody.push_taken(&turn, &push, 5, now).unwrap();
        drop((turn, push));
        assert_eq!(view(&house, &id).missed, None);
        measure(&house, 3, after(day + 100));
        let (_turn, push) = next(&house, after(day + 110)).unwrap();
        assert_eq!(page(&push).missed, None, "told once");
    });
}

#[test]
fn who_is_slow_or_fails_waits_for_others_of_that_kind_only() {
    on_both(|house| {
        grant(&house, None, NOW);
        let ids: Vec<_> = (0..4)
            .map(|_| house.custody.add_webhook(&wanted(), after(0)).unwrap().0)
            .collect();
        measure(&house, 1, after(1));
        let room = PushRoom { all: 8, slow: 1 };
        let due = |now| house.custody.pushes_due(room, now).unwrap();
        let turns = due(after(10));
        assert_eq!(turns.len(), 4);
        for turn in &turns {
            if ids[..2].contains(turn.webhook()) {
                house
                    .custody
                    .push_failed(turn, status(500), 0, after(10))
                    .unwrap();
            } else if *turn.webhook() == ids[2] {
                let push = house.custody.push(turn, after(10)).unwrap().unwrap();
                house
                    .custody
                    .push_taken(turn, &push, 9_000, after(10))
                    .unwrap();
            }
        }
        drop(turns);
        measure(&house, 2, after(11));
        let turns = due(after(30));
        let healthy = turns.iter().filter(|it| *it.webhook() == ids[3]).count();
        assert_eq!((turns.len(), healthy), (2, 1), "one of three slow ones");
        assert!(due(after(31)).is_empty());
        drop(turns);
        // As many in all as there is room for, and of one recipient as many as it may have.
        let room = PushRoom { all: 1, slow: 1 };
        assert_eq!(house.custody.pushes_due(room, after(40)).unwrap().len(), 1);
        for _ in 4..MAX_WEBHOOKS_PER_RECIPIENT {
            house.custody.add_webhook(&wanted(), after(0)).unwrap();
        }
        let room = PushRoom { all: 64, slow: 64 };
        let turns = house.custody.pushes_due(room, after(50)).unwrap();
        assert_eq!(turns.len(), custody::MAX_PUSHES_PER_RECIPIENT);
        let more = house.custody.add_webhook(&wanted(), after(60));
        assert!(matches!(more, Err(WebhookError::TooMany)));
    });
}

#[test]
fn only_what_can_be_sent_is_registered() {
    on_both(|house| {
        let add = |wanted: NewWebhook| house.custody.add_webhook(&wanted, after(0)).map(|_| ());
        let purpose = |text| PurposeId::parse(text).unwrap();
        let of = |id: &str| Some(DeploymentId::parse(id).unwrap());
        let nobody = RecipientId::parse("nobody").unwrap();
        let check = |wanted, says: &str| {
            let said = add(wanted).unwrap_err().to_string();
            assert!(said.contains(says), "{said}");
        };
        check(
            NewWebhook {
                recipient: nobody,
                ..wanted()
            },
            "there is no recipient",
        );
        check(
            NewWebhook {
                purpose: purpose("research"),
                ..wanted()
            },
            "has no grant",
        );
        check(
            NewWebhook {
                deployment: of("elsewhere"),
                ..wanted()
            },
            "has no grant",
        );
        check(
            NewWebhook {
                deployment: of("bus"),
                ..wanted()
            },
            "name people",
        );
        let thing = model::ThingId::parse("validator-1").ok();
        check(NewWebhook { thing, ..wanted() }, "there is no thing");
        let condition = Some("power".to_owned());
        check(
            NewWebhook {
                condition,
                ..wanted()
            },
            "the condition",
        );
    });
}

#[test]
fn keys_are_rotated_with_an_overlap_and_what_is_removed_gets_nothing() {
    on_both(|house| {
        grant(&house, None, NOW);
        let (id, first) = house.custody.add_webhook(&wanted(), after(0)).unwrap();
        measure(&house, 1, after(1));
        let keys = |now| {
            let (_turn, push) = next(&house, now).unwrap();
            let keys = push.keys().iter();
            keys.map(|it| it.expose_secret().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(after(10)), [first.expose_secret()]);
        let second = house
            .custody
            .rotate_webhook(&id, after(30), after(11))
            .unwrap();
        assert_eq!(
            keys(after(20)),
            [second.expose_secret(), first.expose_secret()]
        );
        assert_eq!(keys(after(30)), [second.expose_secret()]);
        let long = house
            .custody
            .rotate_webhook(&id, after(400 * 86_400), after(31));
        assert!(matches!(long, Err(WebhookError::Overlap)));
        house.custody.remove_webhook(&id).unwrap();
        assert!(turns(&house, after(40)).is_empty());
        assert!(matches!(
            house.custody.remove_webhook(&id),
            Err(WebhookError::NotFound(_))
        ));
    });
}
