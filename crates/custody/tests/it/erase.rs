//! What a person has had erased is gone from every exit, stays gone, and those who have received it are told.

mod checked;
mod crash;
mod exits;
mod given;

use custody::{
    Arrival, Delivery, EraseError, EraseId, ErasePlan, EraseScope, EraseState, ErasureView,
    ExportRequest, Grace, HistoryQuery, MAX_HISTORY_READINGS, Place, Retain, Token,
};
use model::{EntryKind, Grant, Level, Notice, Pointer, PurposeId, RecipientId, ThingId, Timestamp};

use crate::fixture::{House, NOW, choice, deployment, on_both, person};

const DAY: i64 = 86_400_000;

/// Seconds after the moment from which readings count in the history.
fn after(seconds: i64) -> Timestamp {
    NOW.plus_millis(custody::SETTLE_MILLIS + seconds * 1_000)
}

fn grant(house: &House, recipient: &str, purpose: &str) {
    let grant = Grant {
        recipient: RecipientId::parse(recipient).unwrap(),
        purpose: PurposeId::parse(purpose).unwrap(),
        deployment: deployment("home"),
        valid_from: NOW,
        valid_until: None,
    };
    house.custody.act(NOW, |act| act.grant(&grant)).unwrap();
}

/// Both recipients may receive without an end, and the resident agrees to research.
fn ready(house: House) -> House {
    grant(&house, "utility-desk", "billing");
    grant(&house, "university", "research");
    let wishes = ["/power", "/room/temperature"]
        .map(|field| choice(field, "research", "university", Level::ON));
    house.custody.choose(&wishes, NOW).unwrap();
    house
}

fn send(house: &House, payload: &str, retain: Retain, at: Timestamp) {
    let thing = house.thing("meter-1", &house.meter);
    let arrival = Arrival {
        thing: &thing,
        payload: payload.as_bytes(),
        retain,
        origin: 9,
        expires_at: None,
        order: None,
    };
    let lsn = house.custody.take(&arrival, at).unwrap();
    house.custody.wait_durable(lsn).unwrap();
}

fn measure(house: &House, payload: &str, at: Timestamp) {
    send(house, payload, Retain::No, at);
}

fn everything() -> EraseScope {
    EraseScope::default()
}

fn of_field(field: &str) -> EraseScope {
    let field = Pointer::parse(field).ok();
    EraseScope::new((None, None), Some(deployment("home")), None, field).unwrap()
}

fn between(from: Timestamp, until: Timestamp) -> EraseScope {
    EraseScope::new((Some(from), Some(until)), None, None, None).unwrap()
}

fn plan(house: &House, scope: &EraseScope, now: Timestamp) -> ErasePlan {
    let planned = house
        .custody
        .plan_erasure(&person("p-resident"), scope, now);
    planned.unwrap()
}

fn erase(house: &House, scope: &EraseScope, grace: Grace, now: Timestamp) -> EraseId {
    let digest = plan(house, scope, now).digest;
    let person = person("p-resident");
    house
        .custody
        .erase(&person, scope, &digest, grace, now)
        .unwrap()
}

fn view(house: &House) -> ErasureView {
    let mut views = house.custody.erasures(&person("p-resident")).unwrap();
    assert_eq!(views.len(), 1, "{views:?}");
    views.remove(0)
}

/// What the person sees, newest first: each reading as `pointer=value`.
fn timeline(house: &House, now: Timestamp) -> Vec<String> {
    let place = Place::before(now.plus_millis(1));
    let timeline = house
        .custody
        .timeline(&person("p-resident"), place, 500, now)
        .unwrap();
    let fields = timeline.readings.iter().flat_map(|it| &it.fields);
    fields
        .map(|it| format!("{}={}", it.pointer, it.value))
        .collect()
}

fn left(house: &House, deliveries: &[Delivery], now: Timestamp) -> Vec<String> {
    let _gate = house.custody.delivery_gate();
    let permits = deliveries
        .iter()
        .filter_map(|it| house.custody.permit(it, now));
    permits
        .map(|permit| String::from_utf8(permit.into_payload().0.to_vec()).unwrap())
        .collect()
}

fn page(house: &House, purpose: &str, now: Timestamp) -> Vec<Delivery> {
    let (id, token): (&str, &Token) = match purpose {
        "billing" => ("utility-desk", &house.utility),
        _ => ("university", &house.university),
    };
    let query = HistoryQuery {
        purpose: PurposeId::parse(purpose).unwrap(),
        deployment: deployment("home"),
        thing: None,
        condition: None,
        from: Some(NOW.plus_millis(-20 * DAY)),
        until: None,
        limit: MAX_HISTORY_READINGS,
        after: None,
    };
    let recipient = house.recipient(id, token);
    let page = house.custody.history(&recipient, &query, now).unwrap();
    page.deliveries
}

fn history(house: &House, purpose: &str, now: Timestamp) -> Vec<String> {
    left(house, &page(house, purpose, now), now)
}

/// What somebody gets who subscribes now.
fn retained(house: &House, now: Timestamp) -> Vec<String> {
    let (outbox, _inbox) = tokio::sync::mpsc::channel(1);
    let filter = custody::Filter {
        purpose: PurposeId::parse("billing").unwrap(),
        deployment: None,
        thing: None,
        condition: None,
        native: None,
    };
    let recipient = house.recipient("utility-desk", &house.utility);
    let subscription = house
        .custody
        .subscribe(&recipient, filter, outbox, 3, now)
        .unwrap();
    let mut cursor = subscription.retained();
    let mut deliveries = Vec::new();
    while let Some(delivery) = cursor.next(now) {
        deliveries.push(delivery);
    }
    left(house, &deliveries, now)
}

/// The record has the hash of what the person has, and the person's document says what was destroyed.
fn proved(house: &House) {
    let custody = &house.custody;
    // The proof: the record has the hash of what the person has.
    let view = view(house);
    assert_eq!(view.state, EraseState::Erased);
    let (proof, position) = view.proof.unwrap();
    let entry = custody
        .record_entry(position.unwrap())
        .unwrap()
        .unwrap()
        .0
        .entry;
    assert_eq!(entry.kind, EntryKind::DataErased);
    let sha256 = custody::document_sha256(proof.as_bytes());
    assert_eq!(entry.document_sha256, Some(sha256));
    assert!(!format!("{entry:?}").contains("resident"), "{entry:?}");
    let proof: serde_json::Value = serde_json::from_str(&proof).unwrap();
    assert!(proof["destroyed-keys"].as_u64().unwrap() >= 2, "{proof}");
    assert!(proof["tries"].as_u64().unwrap() > 0, "{proof}");
    assert_eq!(proof["opened"], 0);
}

#[test]
fn gp_b4a_what_is_erased_is_gone_from_every_exit_and_proved() {
    on_both(|house| {
        let house = ready(house);
        let custody = &house.custody;
        let next_day = |seconds| after(seconds).plus_millis(DAY);
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        measure(&house, r#"{"power":1}"#, after(1));
        measure(&house, r#"{"power":2}"#, next_day(2));
        utility.next(next_day(2)).unwrap();
        send(&house, r#"{"power":3}"#, Retain::Keep, next_day(3));
        let waiting = page(&house, "billing", next_day(4));
        assert_eq!(left(&house, &waiting, next_day(4)).len(), 3);
        let export = ExportRequest {
            person: person("p-resident"),
            only: None,
            formats: Vec::new(),
        };
        custody.ask_export(&export, next_day(4)).unwrap();
        let plan = plan(&house, &everything(), next_day(5));
        assert_eq!((plan.readings(), plan.is_more), (3, false), "{plan:?}");
        let [part] = plan.parts.as_slice() else {
            panic!("{plan:?}")
        };
        assert_eq!((part.days, part.things.len()), (2, 1));
        assert_eq!((plan.retained, plan.has_export), (1, true));
        let told: Vec<_> = plan
            .recipients
            .iter()
            .map(|it| it.recipient.as_str())
            .collect();
        assert_eq!(told, ["utility-desk"]);
        let rules = custody.rules_in_force();
        erase(&house, &everything(), Grace::None, next_day(6));
        assert!(
            custody.rules_in_force() > rules,
            "what was written is asked again"
        );
        for _ in 0..2 {
            assert_eq!(utility.next(next_day(7)), None, "it waited in the outbox");
        }
        assert!(
            left(&house, &waiting, next_day(7)).is_empty(),
            "a page that was read before"
        );
        assert!(history(&house, "billing", next_day(7)).is_empty());
        assert!(history(&house, "research", next_day(7)).is_empty());
        assert!(retained(&house, next_day(7)).is_empty());
        assert!(timeline(&house, next_day(7)).is_empty());
        assert_eq!(custody.retained_counts().messages, 0);
        let export = custody.export_of(&person("p-resident"), next_day(7));
        assert_eq!(export.unwrap(), None);
        proved(&house);
        // What comes afterwards is like any other.
        measure(&house, r#"{"power":4}"#, next_day(8));
        assert_eq!(utility.next(next_day(8)), Some(r#"{"power":4}"#.to_owned()));
        assert_eq!(history(&house, "billing", next_day(9)), [r#"{"power":4}"#]);
        assert!(timeline(&house, next_day(9)).contains(&"/power=4".to_owned()));
        custody.tick(next_day(100)).unwrap();
        custody.tick(next_day(200)).unwrap();
        assert!(self::view(&house).finished_at.is_some());
        assert_eq!(
            history(&house, "billing", next_day(201)),
            [r#"{"power":4}"#]
        );
    });
}

#[test]
fn while_it_can_be_undone_nobody_else_gets_it_and_the_person_still_sees_it() {
    on_both(|house| {
        let house = ready(house);
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        send(&house, r#"{"power":1}"#, Retain::Keep, after(1));
        let before = timeline(&house, after(2));
        let id = erase(&house, &everything(), Grace::Week, after(2));
        assert_eq!(utility.next(after(3)), None);
        assert!(history(&house, "billing", after(3)).is_empty());
        assert!(retained(&house, after(3)).is_empty());
        assert_eq!(timeline(&house, after(3)), before);
        house.custody.tick(after(3)).unwrap();
        assert_eq!(view(&house).state, EraseState::Waiting);
        drop(utility);
        // Also after a restart.
        let house = house.reopened(false);
        assert!(history(&house, "billing", after(3)).is_empty());
        let stranger = person("p-stranger");
        assert!(!house.custody.undo_erasure(&stranger, &id).unwrap());
        let resident = person("p-resident");
        assert!(house.custody.undo_erasure(&resident, &id).unwrap());
        assert!(house.custody.erasures(&resident).unwrap().is_empty());
        assert_eq!(history(&house, "billing", after(4)), [r#"{"power":1}"#]);
        // Not undone, it is carried out when its time has come, and what came since stays.
        let id = erase(&house, &everything(), Grace::Day, after(5));
        measure(&house, r#"{"power":2}"#, after(6));
        let due = after(5).plus_millis(DAY);
        house.custody.tick(due.plus_millis(-1)).unwrap();
        assert_eq!(view(&house).state, EraseState::Waiting);
        house.custody.tick(due).unwrap();
        assert_eq!(view(&house).state, EraseState::Erased);
        assert!(!house.custody.undo_erasure(&resident, &id).unwrap());
        assert!(timeline(&house, due).iter().all(|it| it == "/power=2"));
        assert_eq!(history(&house, "billing", due), [r#"{"power":2}"#]);
    });
}

#[test]
fn a_field_goes_out_of_readings_that_stay() {
    on_both(|house| {
        let house = ready(house);
        let message = r#"{"power":7.50,"room":{"temperature":21.0}}"#;
        measure(&house, message, after(1));
        erase(
            &house,
            &of_field("/room/temperature"),
            Grace::None,
            after(2),
        );
        for moment in [after(3), after(200)] {
            let seen = timeline(&house, moment);
            assert!(
                !seen.is_empty() && seen.iter().all(|it| it == "/power=7.50"),
                "{seen:?}"
            );
            assert_eq!(history(&house, "research", moment), [r#"{"power":7.50}"#]);
            house.custody.tick(moment).unwrap();
        }
        assert!(view(&house).finished_at.is_none_or(|it| it >= after(3)));
        let house = house.reopened(true);
        assert!(
            timeline(&house, after(201))
                .iter()
                .all(|it| it == "/power=7.50")
        );
    });
}

#[test]
fn a_time_goes_and_what_lies_around_it_stays() {
    on_both(|house| {
        let house = ready(house);
        for second in 1..=5 {
            let message = format!(r#"{{"power":{second}}}"#);
            measure(&house, &message, after(second));
        }
        let scope = between(after(2), after(4));
        assert_eq!(plan(&house, &scope, after(9)).readings(), 2);
        erase(&house, &scope, Grace::None, after(9));
        assert_eq!(
            history(&house, "billing", after(10)),
            [r#"{"power":1}"#, r#"{"power":4}"#, r#"{"power":5}"#]
        );
        // Nothing of it is there any more; who has received it can be told again.
        let again = plan(&house, &scope, after(10));
        assert_eq!((again.parts.len(), again.recipients.len()), (0, 1));
    });
}

#[test]
fn what_a_law_wants_kept_stays_for_whom_it_is_kept_and_for_nobody_else() {
    on_both(|house| {
        let source = include_str!("home.toml")
            .replace("version = 1", "version = 2")
            .replace(
                "basis = \"contract\"",
                "basis = \"legal-obligation\"\nsource = { en = \"Act 1\", ur = \"ایکٹ 1\" }",
            );
        let notice = Notice::parse(&source).unwrap();
        let published = house
            .custody
            .act(NOW, |act| act.publish_notice(&notice, &source));
        published.unwrap();
        let house = ready(house);
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        measure(&house, r#"{"power":1,"room":{"temperature":2}}"#, after(1));
        assert!(!history(&house, "research", after(2)).is_empty());
        let plan = plan(&house, &everything(), after(3));
        assert_eq!((plan.readings(), plan.kept.len()), (1, 1), "{plan:?}");
        erase(&house, &everything(), Grace::None, after(3));
        assert_eq!(timeline(&house, after(4)), ["/power=1"]);
        assert_eq!(history(&house, "billing", after(4)), [r#"{"power":1}"#]);
        assert_eq!(utility.next(after(4)), Some(r#"{"power":1}"#.to_owned()));
        assert!(history(&house, "research", after(4)).is_empty());
        let notices = view(&house).notices;
        assert!(
            notices
                .iter()
                .all(|it| it.recipient.as_str() == "university"),
            "{notices:?}"
        );
        drop(utility);
        let house = house.reopened(false);
        assert!(history(&house, "research", after(5)).is_empty());
    });
}

#[test]
fn gp_b4a_a_law_that_comes_while_an_erasure_waits_keeps_nothing_of_it() {
    on_both(|house| {
        let house = ready(house);
        measure(&house, r#"{"power":1}"#, after(1));
        assert!(plan(&house, &everything(), after(2)).kept.is_empty());
        erase(&house, &everything(), Grace::Day, after(2));
        let source = include_str!("home.toml").replace("version = 1", "version = 2");
        let source = source.replace(
            "basis = \"contract\"",
            "basis = \"legal-obligation\"\nsource = { en = \"Act 1\", ur = \"ایکٹ 1\" }",
        );
        let notice = Notice::parse(&source).unwrap();
        let published = house
            .custody
            .act(after(3), |act| act.publish_notice(&notice, &source));
        published.unwrap();
        measure(&house, r#"{"power":2}"#, after(4));
        // Also after a restart.
        let house = house.reopened(false);
        let due = after(2).plus_millis(DAY);
        house.custody.tick(due).unwrap();
        assert_eq!(view(&house).state, EraseState::Erased);
        let seen = timeline(&house, due);
        let is_later = seen.iter().all(|it| it == "/power=2");
        assert!(
            is_later && !seen.is_empty(),
            "nothing was shown as kept: {seen:?}"
        );
    });
}

#[test]
fn those_who_have_received_it_are_told_what_they_know_and_acknowledge_it() {
    on_both(|house| {
        let house = ready(house);
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        measure(&house, r#"{"power":1,"room":{"temperature":2}}"#, after(1));
        utility.next(after(1)).unwrap();
        erase(&house, &everything(), Grace::None, after(2));
        let custody = &house.custody;
        let desk = RecipientId::parse("utility-desk").unwrap();
        let university = RecipientId::parse("university").unwrap();
        let ask = |who: &RecipientId| custody.erasure_notices(who, None, 10, after(3)).unwrap();
        assert!(ask(&university).is_empty(), "it has received nothing");
        let told = ask(&desk);
        let [notice] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert_eq!(notice.fields, ["/power"], "it never got the temperature");
        assert_eq!(notice.thing, ThingId::parse("meter-1").unwrap());
        assert!(notice.is_whole);
        assert_eq!(notice.until, after(2).plus_millis(1));
        let text = format!("{told:?}");
        assert!(!text.contains("resident"), "{text}");
        let more = custody.erasure_notices(&desk, Some(&notice.id), 10, after(3));
        assert!(more.unwrap().is_empty());
        let seen = || view(&house).notices.remove(0);
        assert_eq!(seen().fetched_at, Some(after(3)));
        assert!(!seen().is_overdue(after(3)));
        assert!(seen().is_overdue(after(3).plus_millis(31 * DAY)));
        let acknowledge =
            |who: &RecipientId, at| custody.acknowledge_erasure(who, &notice.id, at).unwrap();
        assert!(!acknowledge(&university, after(4)), "it was not told");
        assert!(acknowledge(&desk, after(5)));
        assert!(acknowledge(&desk, after(6)), "again does no harm");
        assert_eq!(seen().acknowledged_at, Some(after(5)));
        assert!(!seen().is_overdue(after(3).plus_millis(31 * DAY)));
        assert!(ask(&desk).is_empty());
        let (all, count) = custody.all_erasure_notices(None, 10).unwrap();
        assert_eq!((all.len(), count), (1, 1));
    });
}

#[test]
fn what_is_done_is_what_was_shown_and_not_too_often() {
    on_both(|house| {
        let house = ready(house);
        let resident = person("p-resident");
        let nothing = house
            .custody
            .plan_erasure(&resident, &everything(), after(1));
        assert!(matches!(nothing, Err(EraseError::Nothing)));
        measure(&house, r#"{"power":1}"#, after(1));
        let digest = plan(&house, &everything(), after(2)).digest;
        measure(&house, r#"{"power":2}"#, after(3));
        let same = plan(&house, &everything(), after(3)).digest;
        assert_eq!(
            same, digest,
            "a thing goes on measuring while somebody reads"
        );
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        measure(&house, r#"{"power":3}"#, after(4));
        utility.next(after(4)).unwrap();
        let erase = |digest: &str, now| {
            let (scope, grace) = (everything(), Grace::Week);
            house.custody.erase(&resident, &scope, digest, grace, now)
        };
        let stale = erase(&digest, after(5));
        assert!(
            matches!(stale, Err(EraseError::Stale)),
            "somebody else has it now"
        );
        let digest = plan(&house, &everything(), after(5)).digest;
        for second in 0..custody::MAX_ERASURES_PER_DAY {
            erase(&digest, after(6 + second)).unwrap();
        }
        let more = erase(&digest, after(60));
        assert!(matches!(more, Err(EraseError::TooMany)), "{more:?}");
    });
}
