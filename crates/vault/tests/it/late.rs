//! Readings that come back from elsewhere: kept with their times, and nothing of what was erased here.

use model::{ThingId, Timestamp};
use vault::{ComeBackError, Erasure, Scope, StoredReading, Strip};

use crate::fixture::{DAY_MS, START, all, on_each_database, person, stored};

fn hours(count: i64) -> Timestamp {
    START.plus_millis(count * 3_600_000)
}

#[test]
fn what_comes_back_is_kept_with_its_time_and_its_retention() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        let given = vec![
            stored(&subject, hours(-240), "old"),
            stored(&subject, hours(-1), "young"),
        ];
        let came = vault.come_back(given.clone()).unwrap();
        assert_eq!((came.appended, came.erased), (2, 0));
        vault.wait(came.lsn).unwrap();
        assert_eq!(all(&vault, &subject, START), given);
        let later = START.plus_millis(25 * DAY_MS);
        let left: Vec<_> = all(&vault, &subject, later);
        assert_eq!(left, given[1..], "the old one is past its thirty days");
        vault.maintain(START).unwrap();
        drop(vault);
        assert_eq!(all(&fixture.open(), &subject, START), given);
        let none = fixture.open().come_back(Vec::new()).unwrap();
        assert_eq!((none.appended, none.erased), (0, 0));
    });
}

#[test]
fn what_was_erased_here_does_not_come_back() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let (subject, other) = (person("a1"), person("b2"));
        let erase = |scope| {
            let subject = subject.clone();
            vault.erase(&Erasure { subject, scope }, START).unwrap();
        };
        erase(Scope {
            thing: Some(ThingId::parse("meter-8").unwrap()),
            ..Scope::default()
        });
        erase(Scope {
            until: Some(hours(-48)),
            ..Scope::default()
        });
        let of_eight = |at, body| StoredReading {
            thing: ThingId::parse("meter-8").unwrap(),
            ..stored(&subject, at, body)
        };
        let given = vec![
            stored(&subject, hours(-49), "too old"),
            stored(&subject, hours(-47), "kept"),
            of_eight(hours(-2), "of the thing"),
            of_eight(hours(1), "measured after the erasure"),
        ];
        let came = vault.come_back(given).unwrap();
        assert_eq!((came.appended, came.erased), (2, 2));
        vault.wait(came.lsn).unwrap();
        let bodies = |subject, now| -> Vec<String> {
            let found = all(&vault, subject, now);
            let text = |it: StoredReading| String::from_utf8(it.body).unwrap();
            found.into_iter().map(text).collect()
        };
        assert_eq!(
            bodies(&subject, hours(2)),
            ["kept", "measured after the erasure"]
        );
        let theirs = vec![stored(&other, hours(-49), "of somebody else")];
        let came = vault.come_back(theirs).unwrap();
        vault.wait(came.lsn).unwrap();
        assert_eq!(bodies(&other, START), ["of somebody else"]);
    });
}

#[test]
fn of_a_reading_of_which_something_was_erased_the_rest_comes_back() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        vault.strip_with(|what, reading| match reading.body.strip_suffix(what) {
            None => Strip::Keep,
            Some([]) => Strip::Drop,
            Some(rest) => Strip::Replace(rest.to_vec()),
        });
        let subject = person("a1");
        let scope = Scope {
            strip: Some(b"-b".to_vec()),
            ..Scope::default()
        };
        let erasure = Erasure {
            subject: subject.clone(),
            scope,
        };
        vault.erase(&erasure, START).unwrap();
        let given = ["a-b", "-b", "c"].map(|it| stored(&subject, hours(-1), it));
        let came = vault.come_back(given.to_vec()).unwrap();
        assert_eq!((came.appended, came.erased), (2, 1));
        vault.wait(came.lsn).unwrap();
        let found = all(&vault, &subject, START);
        let found: Vec<_> = found.iter().map(|it| it.body.as_slice()).collect();
        assert_eq!(found, [b"a", b"c"]);
    });
}

#[test]
fn all_or_none_come_back() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        let mut given = vec![stored(&subject, hours(-1), "good")];
        given.push(stored(
            &subject,
            hours(-1),
            &"x".repeat(vault::MAX_BODY_BYTES + 1),
        ));
        let refused = vault.come_back(given);
        assert!(matches!(refused, Err(ComeBackError::Append(_))));
        assert!(all(&vault, &subject, START).is_empty());
    });
}
