//! Pages of the past and the cursors between them.

use custody::{HistoryError, HistoryQuery};
use model::Level;

use super::{after, all, choose, endless, given, measure, page, query, texts};
use crate::fixture::{NOW, on_both};

#[test]
fn pages_join_without_gap_or_repetition_and_only_for_who_asked() {
    on_both(|house| {
        let house = endless(house);
        choose(&house, "/power", "research", Level::ON, NOW);
        let mut expected = Vec::new();
        for number in 0..300 {
            measure(
                &house,
                &format!(r#"{{"power":{number}}}"#),
                after(1 + number / 3),
            );
            expected.push(format!(r#"{{"power":{number}}}"#));
        }
        let whole = texts(&house, "billing", after(500));
        assert_eq!(whole, expected);
        for limit in [1, 7, 99] {
            let mut asked = query("billing");
            asked.limit = limit;
            let found: Vec<_> = all(&house, asked, after(500))
                .into_iter()
                .map(|it| it.1)
                .collect();
            assert_eq!(found, expected, "pages of {limit}");
        }
    });
}

#[test]
fn a_cursor_is_good_for_who_got_it_and_for_nothing_else() {
    on_both(|house| {
        let house = endless(house);
        choose(&house, "/power", "research", Level::ON, NOW);
        for number in 0..30 {
            let payload = format!(r#"{{"power":{number}}}"#);
            measure(&house, &payload, after(1 + number));
        }
        let mut asked = query("billing");
        asked.limit = 10;
        let first = page(&house, &asked, after(500)).unwrap();
        let next = first.next.unwrap();
        assert!(!next.contains("meter"));
        let refused = |purpose: &str, after_text: &str| {
            let mut asked = query(purpose);
            asked.after = Some(after_text.to_owned());
            let refused = page(&house, &asked, after(500));
            assert!(matches!(refused, Err(HistoryError::Cursor)), "{after_text}");
        };
        refused("research", &next);
        for bad in ["", "x", "AAAA", &next[1..], &"A".repeat(10_000), "\u{661}"] {
            refused("billing", bad);
        }
        let mut turned = next.clone().into_bytes();
        let last = turned.len() - 2;
        turned[last] = if turned[last] == b'A' { b'B' } else { b'A' };
        refused("billing", &String::from_utf8(turned).unwrap());
        // The same place after a restart.
        let asked = HistoryQuery {
            after: Some(next),
            limit: 10,
            ..query("billing")
        };
        let before = given(
            &house,
            &page(&house, &asked, after(500)).unwrap(),
            after(500),
        );
        let house = house.reopened(true);
        let again = page(&house, &asked, after(500)).unwrap();
        assert_eq!(again.deliveries.len(), before.len());
    });
}
