//! A message that is refused whole may have told that it is not safe any more.

use super::*;

#[test]
fn what_was_said_before_a_message_that_cannot_be_read_is_not_known_any_more() {
    on_both(|house| {
        let home = Home::new(house);
        let custody = &home.house.custody;
        let unread = [
            r#"{"power": 100, "lid": "open", "heating": nan}"#,
            r#"{"lid": "shut", "lid": "open"}"#,
            "",
        ];
        for (number, payload) in (0..).zip(unread) {
            let at = |more: i64| after(number * 10_000 + more);
            home.safe(at(0));
            assert!(home.heat(at(1)).is_ok());
            let sent = custody.ingest(&home.meter, payload.as_bytes(), at(2));
            assert!(sent.is_err(), "{payload}");
            let asked = home.heat(at(3));
            assert!(
                matches!(asked, Err(CommandRefusal::Interlock { number: 1, .. })),
                "{payload}: {asked:?}"
            );
            home.safe(at(4));
            assert!(home.heat(at(5)).is_ok(), "it is known again");
        }
    });
}
