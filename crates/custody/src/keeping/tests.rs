use super::*;

const HOME: &str = include_str!("../../tests/it/home.toml");
const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// The home with these times for billing and research.
fn notice(billing: u16, research: u16) -> Notice {
    let text = HOME
        .replace(
            "retention-days = 30",
            &format!("retention-days = {research}"),
        )
        .replace(
            "retention-days = 365",
            &format!("retention-days = {billing}"),
        );
    Notice::parse(&text).unwrap()
}

fn found(old: &Notice, new: &Notice) -> Vec<(String, u16)> {
    let rules = shorter(old, new, NOW).into_iter();
    rules
        .map(|it| (it.field.as_str().to_owned(), it.retention.as_days()))
        .collect()
}

#[test]
fn the_longest_time_of_any_purpose_counts_and_only_what_is_shorter_is_noted() {
    let rule = |field: &str, days| (field.to_owned(), days);
    let first = notice(365, 30);
    assert_eq!(found(&first, &first), []);
    assert_eq!(found(&first, &notice(400, 31)), []);
    assert_eq!(
        found(&first, &notice(365, 7)),
        [rule("/room/temperature", 7)],
        "power is kept for billing all the same"
    );
    assert_eq!(found(&first, &notice(20, 30)), [rule("/power", 30)]);
    assert_eq!(
        found(&first, &notice(7, 0)),
        [rule("/power", 7), rule("/room/temperature", 0)]
    );
    let mut without = notice(7, 7);
    for declaration in &mut without.declarations {
        declaration.fields.retain(|it| it.as_str() == "/power");
    }
    assert_eq!(
        found(&first, &without),
        [rule("/power", 7)],
        "of what is not named any more nothing is said"
    );
}

#[test]
fn where_a_notice_says_two_things_for_the_same_recipient_and_purpose_the_shorter_counts() {
    let first = notice(365, 30);
    let mut twice = notice(365, 30);
    let mut again = twice.declarations[0].clone();
    again.retention = Retention::from_days(3);
    twice.declarations.push(again);
    let rules = found(&first, &twice);
    assert_eq!(
        rules,
        [("/power".to_owned(), 30)],
        "research keeps it for 30"
    );
}

#[test]
fn a_rule_bites_at_its_millisecond_and_only_what_came_before_it() {
    let promises = Promises::default();
    let rules = shorter(&notice(365, 30), &notice(7, 2), NOW);
    let came_before = NOW.plus_millis(SETTLE_MILLIS);
    assert!(rules.iter().all(|it| it.came_before == came_before));
    let home = rules[0].deployment.clone();
    let map = Rules::from([(home.clone(), rules)]);
    promises.0.rules.store(Arc::new(map));
    let at = NOW.plus_millis(-5);
    let over = |days: i64| at.plus_millis(days * DAY_MILLIS);
    assert!(!promises.reaches(&home, at, over(2).plus_millis(-1)));
    assert!(promises.reaches(&home, at, over(2)));
    assert!(!promises.reaches(&home, came_before, over(300)));
    let reading = StoredReading {
        subject: model::Subject::Person(model::PersonId::parse("p1").unwrap()),
        thing: model::ThingId::parse("meter-1").unwrap(),
        deployment: home.clone(),
        at,
        retention: Retention::from_days(365),
        generation: 1,
        body: br#"{"power":5.50,"room":{"temperature":20}}"#.to_vec(),
    };
    let left = |now| promises.left(&reading, now);
    assert_eq!(left(over(1)), Strip::Keep);
    assert_eq!(left(over(2)), Strip::Replace(br#"{"power":5.50}"#.to_vec()));
    assert_eq!(left(over(7)), Strip::Drop);
    assert_eq!(promises.shortened(&home, "/power", at), Some(over(7)));
    assert_eq!(promises.shortened(&home, "/power", came_before), None);
}
