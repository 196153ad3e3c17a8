//! What is kept for less long than it was said when it came in.

use model::{DeploymentId, Retention, Timestamp};
use vault::{FollowQuery, Position, ShortenPass, Shortening, StoredReading, Strip, Vault};

use crate::fixture::{DAY_MS, Fixture, START, all, keep, on_each_database, person, stored};

/// What came before a moment is kept for two days; of bodies with a `+` only what stands before it.
struct TwoDays {
    before: Timestamp,
}

impl Shortening for TwoDays {
    fn reaches(&self, deployment: &DeploymentId, at: Timestamp, now: Timestamp) -> bool {
        let is_meant = deployment.as_str() == "home-energy" && at < self.before;
        is_meant && at.plus_millis(2 * DAY_MS) <= now
    }

    fn left(&self, reading: &StoredReading, _: Timestamp) -> Strip {
        let stays: Vec<u8> = reading
            .body
            .iter()
            .copied()
            .take_while(|it| *it != b'+')
            .collect();
        match stays.len() {
            len if len == reading.body.len() && !reading.body.starts_with(b"half") => Strip::Drop,
            len if len == reading.body.len() => Strip::Keep,
            _ => Strip::Replace(stays),
        }
    }
}

fn bodies(vault: &Vault, now: Timestamp) -> Vec<String> {
    let found = all(vault, &person("a1"), now);
    let followed = vault.follow(&FollowQuery {
        subject: person("a1"),
        after: Position::START,
        from: Timestamp::EPOCH,
        until: START.plus_millis(100 * DAY_MS),
        limit: 100,
        now,
    });
    let followed = followed.unwrap().into_iter();
    let mut followed: Vec<_> = followed.filter_map(|it| it.1.reading()).collect();
    followed.sort_by_key(|it| it.at);
    assert_eq!(found, followed);
    let text = |it: StoredReading| String::from_utf8(it.body).unwrap();
    found.into_iter().map(text).collect()
}

fn fill(fixture: &Fixture) -> Vault {
    let vault = fixture.open();
    let before = START.plus_millis(DAY_MS);
    assert!(vault.shorten_with(TwoDays { before }));
    let each = ["whole", "half+other", "half"];
    for (ms, body) in each.iter().enumerate() {
        let at = START.plus_millis(i64::try_from(ms).unwrap());
        keep(&vault, &stored(&person("a1"), at, body));
    }
    keep(&vault, &stored(&person("a1"), before, "as it was said"));
    vault
}

fn pass(until: Timestamp) -> ShortenPass {
    ShortenPass {
        from: Timestamp::EPOCH,
        until,
        over: Retention::from_days(2),
    }
}

#[test]
fn what_is_past_a_shortened_time_is_in_no_answer_from_that_millisecond_on() {
    on_each_database(|fixture| {
        let vault = fill(&fixture);
        let over = START.plus_millis(2 * DAY_MS);
        for place in ["in the log", "in blocks"] {
            assert_eq!(
                bodies(&vault, over.plus_millis(-1)),
                ["whole", "half+other", "half", "as it was said"],
                "{place}"
            );
            assert_eq!(
                bodies(&vault, over),
                ["half+other", "half", "as it was said"],
                "{place}"
            );
            assert_eq!(
                bodies(&vault, over.plus_millis(1)),
                ["half", "half", "as it was said"],
                "{place}"
            );
            vault.maintain(START).unwrap();
        }
    });
}

#[test]
fn what_is_past_a_shortened_time_is_taken_out_of_blocks_and_not_put_into_new_ones() {
    on_each_database(|fixture| {
        let over = START.plus_millis(2 * DAY_MS + 2);
        let expected = ["half", "half", "as it was said"];
        let vault = fill(&fixture);
        vault.maintain(START).unwrap();
        assert_eq!(vault.held(&person("a1"), over).unwrap()[0].readings, 4);
        assert!(
            vault
                .enforce_shortening(pass(START.plus_millis(3)), over)
                .unwrap()
        );
        assert_eq!(vault.held(&person("a1"), over).unwrap()[0].readings, 3);
        drop(vault);
        // Nobody says any more what is shorter, and nobody asks for now: it is not there.
        let vault = fixture.open();
        assert_eq!(bodies(&vault, START), expected);
        assert!(vault.enforce_shortening(pass(over), over).unwrap());
        assert_eq!(bodies(&vault, START), expected);
    });
    on_each_database(|fixture| {
        let vault = fill(&fixture);
        vault.maintain(START.plus_millis(2 * DAY_MS + 2)).unwrap();
        drop(vault);
        assert_eq!(
            bodies(&fixture.open(), START),
            ["half", "half", "as it was said"]
        );
    });
}

#[test]
fn the_key_goes_with_what_was_shortened_when_nothing_else_is_under_it() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        vault.shorten_with(TwoDays {
            before: START.plus_millis(DAY_MS),
        });
        keep(&vault, &stored(&person("a1"), START, "whole"));
        vault.maintain(START).unwrap();
        let over = START.plus_millis(2 * DAY_MS);
        let too_short = ShortenPass {
            over: Retention::from_days(30),
            ..pass(over)
        };
        assert!(vault.enforce_shortening(too_short, over).unwrap());
        assert_eq!(fixture.count("vault_block"), 1);
        assert!(vault.enforce_shortening(pass(over), over).unwrap());
        assert_eq!(
            (
                fixture.count("vault_block"),
                fixture.count("vault_epoch_key")
            ),
            (0, 0)
        );
    });
}
