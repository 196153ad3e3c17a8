//! Whatever stands in a file, reading it ends in a notice or in problems, and a notice that was read can be written.

use model::{Notice, notice_diff};
use proptest::prelude::*;

use crate::corpus::notices;

fn read(text: &str) {
    match Notice::parse(text) {
        Ok(notice) => {
            assert_eq!(Notice::parse(&notice.to_toml()).as_ref(), Ok(&notice));
            assert_eq!(Notice::parse(&notice.to_json()).as_ref(), Ok(&notice));
            assert_eq!(notice_diff(&notice, &notice), []);
            let linked = notice.to_json_ld("https://amanat.example");
            assert!(serde_json::from_str::<serde_json::Value>(&linked).is_ok());
        }
        Err(err) => {
            assert!(!err.problems.is_empty());
            let lines = text.lines().count().max(1) + 1;
            assert!(err.problems.iter().all(|it| (1..=lines).contains(&it.line)));
            // What is read of it all the same could be published, but for its form.
            if let Ok(read) = Notice::parse_published(text) {
                assert_eq!(read.problems, err.problems);
                let again = Notice::parse_published(&read.notice.to_toml()).unwrap();
                assert!(read.notice.declarations.is_empty() || again.notice == read.notice);
            }
        }
    }
}

/// What replaces or joins a part of a notice: values of every type, structure, and characters that are easily mistaken.
fn fragment() -> impl Strategy<Value = String> {
    let words = [
        "0",
        "-1",
        "1e400",
        "nan",
        "true",
        "null",
        "\"\"",
        "[]",
        "{}",
        "[[fields]]\n",
        "\n",
        "\"",
        "{",
        "}",
        "]",
        ",",
        "\u{0}",
        "\u{202e}",
        "۳",
        "/rooms/*/x",
        "coarse-8",
        "geohash = 9",
        "window = { seconds = 60, of = \"mean\" }",
        "99999999999999999999",
        "\\ud800",
        "on",
        "off",
        "presence = true",
    ];
    prop_oneof![
        proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        "\\PC{0,8}",
    ]
}

fn at_boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,200}", json in any::<bool>()) {
        read(&text);
        if json {
            read(&format!("{{{text}"));
        }
    }

    #[test]
    fn a_changed_notice_is_read_without_a_panic(
        which in 0_usize..1000,
        changes in proptest::collection::vec((0.0..1.0_f64, 0_usize..40, fragment()), 1..4),
    ) {
        let valid = notices("valid");
        let (_, text) = &valid[which % valid.len()];
        let notice = Notice::parse(text).unwrap();
        let mut text = if which % 3 == 0 { notice.to_json() } else { text.clone() };
        for (place, length, fragment) in changes {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short text")]
            let start = (place * text.len() as f64) as usize;
            let start = at_boundary(&text, start);
            let end = at_boundary(&text, start + length);
            text.replace_range(start..end, &fragment);
        }
        read(&text);
    }
}
