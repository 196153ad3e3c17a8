//! Many erasures of parts of one day: a key has only so many masks, and none of it keeps another erasure, a maintenance or a start from
//! being done.

use model::{Subject, Timestamp};
use vault::{EraseError, Erasure, ErasureFile, ErasureProof, KeyError, Scope, Vault};

use crate::fixture::{Fixture, START, all, keep, on_each_database, person, stored};

/// As many masks as a key may have.
const MOST: i64 = 64;

fn of_one(n: i64) -> Scope {
    Scope {
        from: Some(START.plus_millis(n)),
        until: Some(START.plus_millis(n + 1)),
        ..Scope::default()
    }
}

fn keep_many(vault: &Vault, subject: &Subject, count: i64) {
    for n in 0..count {
        keep(vault, &stored(subject, START.plus_millis(n), "x"));
    }
}

fn try_erase(vault: &Vault, subject: &Subject, scope: Scope) -> Result<ErasureProof, EraseError> {
    let subject = subject.clone();
    vault.erase(&Erasure { subject, scope }, later())
}

fn later() -> Timestamp {
    START.plus_millis(1_000_000)
}

fn written_down(fixture: &Fixture) -> usize {
    let path = fixture.home.path().join("erasures.log");
    let bytes = std::fs::read(&path).unwrap();
    ErasureFile::parse(&path, &bytes).unwrap().len()
}

/// The database of before every erasure.
fn forget_erasures(fixture: &Fixture) {
    let forget = |tx: &mut store::Tx<'_>| tx.execute("DELETE FROM vault_erasure", &[]);
    assert!(fixture.db.write(forget).unwrap() > 0);
}

#[test]
fn an_erasure_for_which_a_day_has_no_room_is_not_written_down_and_is_done_after_the_maintenance() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        keep_many(&vault, &subject, MOST + 2);
        vault.maintain(START).unwrap();
        for n in 0..MOST {
            try_erase(&vault, &subject, of_one(n)).unwrap();
        }
        let refused = try_erase(&vault, &subject, of_one(MOST)).unwrap_err();
        assert!(matches!(refused, EraseError::Crowded), "{refused}");
        assert_eq!(written_down(&fixture), 64);
        // What adds no mask is done: the same again, and a whole day.
        try_erase(&vault, &subject, of_one(3)).unwrap();
        assert_eq!(all(&vault, &subject, later()).len(), 2);
        let done = vault.maintain(START).unwrap();
        assert_eq!((done.erased_readings, done.resealed_readings), (64, 2));
        try_erase(&vault, &subject, of_one(MOST)).unwrap();
        assert_eq!(all(&vault, &subject, later()).len(), 1);
        vault.maintain(START).unwrap();
        assert_eq!(vault.unfinished_erasure(&subject).unwrap(), 0);
    });
}

#[test]
fn a_day_with_no_more_room_can_be_erased_whole() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        keep_many(&vault, &subject, MOST + 2);
        for n in 0..MOST {
            try_erase(&vault, &subject, of_one(n)).unwrap();
        }
        try_erase(&vault, &subject, Scope::default()).unwrap();
        assert!(all(&vault, &subject, later()).is_empty());
    });
}

#[test]
fn after_a_restore_more_erasures_of_a_day_than_it_has_room_for_are_all_carried_out_at_the_start() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        keep_many(&vault, &subject, MOST + 10);
        vault.maintain(START).unwrap();
        for n in 0..MOST + 6 {
            if n == MOST {
                vault.maintain(START).unwrap();
            }
            try_erase(&vault, &subject, of_one(n)).unwrap();
        }
        vault.maintain(START).unwrap();
        // What a backup of before them has.
        keep_many(&vault, &subject, MOST + 6);
        assert_eq!(all(&vault, &subject, later()).len(), 74);
        forget_erasures(&fixture);
        drop(vault);
        let vault = fixture.open();
        assert_eq!(all(&vault, &subject, later()).len(), 4);
        vault.maintain(START).unwrap();
        vault.maintain(START).unwrap();
        assert_eq!(vault.unfinished_erasure(&subject).unwrap(), 0);
        drop(vault);
        let vault = fixture.open();
        assert_eq!(all(&vault, &subject, later()).len(), 4);
        try_erase(&vault, &subject, of_one(MOST + 6)).unwrap();
        assert_eq!(all(&vault, &subject, later()).len(), 3);
    });
}

#[test]
fn a_person_whose_key_is_damaged_keeps_nobody_from_being_erased_again_and_the_vault_from_nothing() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let (damaged, other) = (person("a1"), person("b2"));
        for subject in [&damaged, &other] {
            try_erase(&vault, subject, of_one(1)).unwrap();
            try_erase(&vault, subject, of_one(2)).unwrap();
            keep_many(&vault, subject, 4);
        }
        vault.maintain(START).unwrap();
        forget_erasures(&fixture);
        drop(vault);
        let spoil = "UPDATE vault_subject_key SET wrapped = $1 WHERE subject = 'person:a1'";
        let zeros: &[u8] = &[0; 61];
        let spoilt = fixture.db.write(|tx| tx.execute(spoil, &[zeros.into()]));
        assert_eq!(spoilt.unwrap(), 1);
        let vault = fixture.open();
        assert_eq!(all(&vault, &other, later()).len(), 2);
        vault.maintain(START).unwrap();
        assert_eq!(vault.unfinished_erasure(&other).unwrap(), 0);
        assert_eq!(vault.unfinished_erasure(&damaged).unwrap(), 0);
        // Their whole day could not be read any more, and the erasure met it.
        assert!(all(&vault, &damaged, later()).is_empty());
        assert_eq!(vault.reapply_erasures().unwrap(), 0);
    });
}

#[test]
fn an_erasure_that_is_tried_again_is_written_down_once() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        keep_many(&vault, &subject, 3);
        let rename = |from: &str, to: &str| {
            let sql = format!("ALTER TABLE {from} RENAME TO {to}");
            fixture.db.write(|tx| tx.execute(&sql, &[])).unwrap();
        };
        rename("vault_erasure", "away");
        for _ in 0..5 {
            let error = try_erase(&vault, &subject, of_one(0)).unwrap_err();
            let EraseError::Pending(KeyError::Rows(_)) = error else {
                panic!("{error}");
            };
        }
        let error = try_erase(&vault, &subject, of_one(1)).unwrap_err();
        assert!(matches!(error, EraseError::Pending(_)), "{error}");
        assert_eq!(written_down(&fixture), 2, "one for each");
        vault.maintain(START).unwrap_err();
        rename("away", "vault_erasure");
        try_erase(&vault, &subject, of_one(0)).unwrap();
        assert_eq!(written_down(&fixture), 2);
        vault.maintain(START).unwrap();
        assert_eq!(all(&vault, &subject, later()).len(), 1);
        // One that is done is another one when it is asked for again.
        try_erase(&vault, &subject, of_one(0)).unwrap();
        assert_eq!(written_down(&fixture), 3);
        assert_eq!(fixture.count("vault_erasure"), 3);
    });
}
