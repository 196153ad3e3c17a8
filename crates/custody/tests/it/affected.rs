//! Whom a breach may have reached, from receipts and keys.

use custody::{EraseScope, Exposure, Grace};
use model::{RecipientId, Timestamp};

use crate::fixture::{House, NOW, deployment, on_both, person};

const DAY: i64 = 86_400_000;

fn range() -> (Timestamp, Timestamp) {
    (NOW.plus_millis(-DAY), NOW.plus_millis(DAY))
}

fn reached(
    house: &House,
    exposure: &Exposure,
    range: (Timestamp, Timestamp),
) -> Vec<(String, Vec<String>, u64)> {
    let affected = house.custody.affected(exposure, range).unwrap();
    let people = affected.people.into_iter();
    people
        .map(|it| (it.person.to_string(), it.fields, it.count))
        .collect()
}

#[test]
fn what_a_recipient_had_is_told_by_receipts() {
    on_both(|house| {
        let exposure = |id: &str| Exposure::Recipient(RecipientId::parse(id).unwrap());
        let mut desk = house.listen("utility-desk", &house.utility, "billing", 8);
        house.measure(r#"{"power":1210}"#);
        house.measure(r#"{"power":1211}"#);
        assert!(desk.next(NOW).is_some() && desk.next(NOW).is_some());
        house.custody.tick(NOW).unwrap();
        let resident = ("p-resident".to_owned(), vec!["/power".to_owned()], 2);
        assert_eq!(
            reached(&house, &exposure("utility-desk"), range()),
            [resident]
        );
        assert!(reached(&house, &exposure("university"), range()).is_empty());
        let before = (NOW.plus_millis(-9 * DAY), NOW.plus_millis(-DAY));
        assert!(reached(&house, &exposure("utility-desk"), before).is_empty());
    });
}

#[test]
fn what_is_kept_is_told_by_keys_that_are_there() {
    on_both(|house| {
        house.measure(r#"{"power":1210}"#);
        house.custody.tick(NOW).unwrap();
        let resident = ("p-resident".to_owned(), Vec::new(), 1);
        let home = Exposure::Deployment(deployment("home"));
        for exposure in [&home, &Exposure::Server] {
            assert_eq!(
                reached(&house, exposure, range()),
                std::slice::from_ref(&resident)
            );
            let later = (NOW.plus_millis(3 * DAY), NOW.plus_millis(4 * DAY));
            assert!(reached(&house, exposure, later).is_empty());
        }
        let nowhere = Exposure::Deployment(deployment("nowhere"));
        assert!(reached(&house, &nowhere, range()).is_empty());

        // Whose keys are destroyed has nothing there any more.
        let custody = &house.custody;
        let (resident, scope) = (person("p-resident"), EraseScope::default());
        let digest = custody.plan_erasure(&resident, &scope, NOW).unwrap().digest;
        custody
            .erase(&resident, &scope, &digest, Grace::None, NOW)
            .unwrap();
        custody.tick(NOW.plus_millis(1)).unwrap();
        assert!(reached(&house, &home, range()).is_empty());
    });
}
