//! One subject's readings in the order of appending: none is missed, none comes twice.

use model::{Subject, Timestamp};
use vault::{FollowQuery, Followed, Position, Vault};

use crate::fixture::{DAY_MS, START, on_each_database};

use model::{DeploymentId, PersonId, Retention, ThingId};

fn append(vault: &Vault, who: &str, at: Timestamp, body: &str) {
    let lsn = vault
        .append(&vault::Reading {
            subject: &Subject::Person(PersonId::parse(who).unwrap()),
            thing: &ThingId::parse("meter-1").unwrap(),
            deployment: &DeploymentId::parse("home").unwrap(),
            at,
            retention: Retention::from_days(1),
            generation: 1,
            body: body.as_bytes(),
        })
        .unwrap();
    vault.wait(lsn).unwrap();
}

fn query(after: Position, limit: usize, now: Timestamp) -> FollowQuery {
    FollowQuery {
        subject: Subject::Person(PersonId::parse("p-a").unwrap()),
        after,
        from: START,
        until: START.plus_millis(2 * DAY_MS),
        limit,
        now,
    }
}

/// Follows from the start in steps of `limit`.
fn bodies(vault: &Vault, limit: usize, now: Timestamp) -> Vec<String> {
    let mut after = Position::START;
    let mut seen = Vec::new();
    loop {
        let page = vault.follow(&query(after, limit, now)).unwrap();
        let Some((last, _)) = page.last() else {
            return seen;
        };
        assert!(*last > after);
        after = *last;
        seen.extend(page.into_iter().map(|(_, it)| match it {
            Followed::Reading(it) => String::from_utf8(it.body).unwrap(),
            Followed::Unopened { readings, .. } => format!("{readings} unopened"),
        }));
    }
}

#[test]
fn appends_are_followed_in_their_order_over_days_restarts_and_blocks() {
    on_each_database(|fixture| {
        let later = START.plus_millis(DAY_MS - 10);
        let mut expected = Vec::new();
        for round in 0..3 {
            let vault = fixture.open();
            for number in 0..5_i64 {
                // Time runs backwards here, and over midnight: the order is that of appending.
                let body = format!("{round}-{number}");
                append(&vault, "p-a", later.plus_millis(20 - number * 10), &body);
                append(&vault, "p-b", later, "not mine");
                expected.push(body);
            }
            for limit in [1, 3, 100] {
                assert_eq!(bodies(&vault, limit, later), expected, "steps of {limit}");
            }
            if round == 1 {
                vault.maintain(later).unwrap();
                for limit in [1, 3, 100] {
                    assert_eq!(bodies(&vault, limit, later), expected, "blocks, {limit}");
                }
            }
            vault.close();
        }
    });
}

#[test]
fn what_is_past_its_retention_is_followed_only_to_be_counted() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        append(&vault, "p-a", START, "old");
        append(&vault, "p-a", START.plus_millis(DAY_MS), "young");
        let now = START.plus_millis(DAY_MS);
        assert_eq!(bodies(&vault, 10, now), ["young"]);
        assert_eq!(bodies(&vault, 10, Timestamp::EPOCH), ["old", "young"]);
    });
}

#[test]
fn what_is_damaged_has_its_place_and_hides_nothing_behind_it() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        for body in ["one", "two"] {
            append(&vault, "p-a", START, body);
        }
        vault.maintain(START.plus_millis(DAY_MS / 2)).unwrap();
        vault.close();
        let damaged = fixture.db.write(|tx| {
            let sql = "UPDATE vault_block SET readings = 3";
            tx.execute(sql, &[])
        });
        assert_eq!(damaged.unwrap(), 1);
        let vault = fixture.open();
        append(&vault, "p-a", START, "three");
        append(&vault, "p-a", START.plus_millis(DAY_MS), "four");
        let now = START.plus_millis(10);
        for limit in [1, 2, 100] {
            let expected = ["3 unopened", "three", "four"];
            assert_eq!(bodies(&vault, limit, now), expected, "steps of {limit}");
        }
        // The key of the first day.
        let damaged = fixture.db.write(|tx| {
            let sql = "UPDATE vault_epoch_key SET wrapped = $1 WHERE epoch = $2";
            tx.execute(sql, &[(&b"broken"[..]).into(), START.day().into()])
        });
        assert_eq!(damaged.unwrap(), 1);
        for limit in [1, 2, 100] {
            let expected = ["3 unopened", "1 unopened", "four"];
            assert_eq!(bodies(&vault, limit, now), expected, "steps of {limit}");
        }
    });
}
