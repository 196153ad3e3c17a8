//! Receipts are held fast by the record, and proven to their person.

use custody::{CommittedAs, EraseScope, Grace, ReceiptProof, ReceiptProofError, ReceiptsFrom};
use model::{EntryKind, Level, PersonId, Timestamp};
use record::Verifier;

use crate::fixture::{House, NOW, choice, on_both, person};

const HOUR: i64 = 3_600_000;

fn listed(house: &House, who: &PersonId, now: Timestamp) -> Vec<custody::ReceiptRow> {
    let page = house.custody.receipts(who, ReceiptsFrom::NEWEST, 100, now);
    page.unwrap().receipts
}

/// One message that the utility receives, and the end of its hour.
fn an_hour(house: &House) -> Timestamp {
    let mut desk = house.listen("utility-desk", &house.utility, "billing", 8);
    house.measure(r#"{"power":1210}"#);
    assert!(desk.next(NOW).is_some());
    house.custody.tick(NOW).unwrap();
    let later = NOW.plus_millis(2 * HOUR);
    house.custody.tick(later).unwrap();
    later
}

fn proof_of(house: &House, now: Timestamp) -> ReceiptProof {
    let resident = person("p-resident");
    let row = listed(house, &resident, now).remove(0);
    let CommittedAs::Proven { batch, place } = row.committed else {
        panic!("{row:?} is not proven")
    };
    let proof = house.custody.prove_receipt(&resident, (batch, place), now);
    proof.unwrap().unwrap()
}

fn key(house: &House) -> Verifier {
    Verifier::parse(&house.custody.record_key()).unwrap()
}

fn committed_entries(house: &House) -> usize {
    let entries = house.custody.record_before(u64::MAX, 1_000).unwrap();
    let kinds = entries.iter().map(|it| it.entry.kind);
    kinds
        .filter(|it| *it == EntryKind::ReceiptsCommitted)
        .count()
}

#[test]
fn gp_a4_an_hour_that_is_over_is_held_fast_and_each_receipt_is_proven_against_the_record() {
    on_both(|house| {
        let later = an_hour(&house);
        let proof = proof_of(&house, later);
        let file = proof.to_string();
        assert!(!file.contains("p-resident"), "{file}");
        let proven = ReceiptProof::parse(file.as_bytes()).unwrap();
        let proven = proven.verify(&key(&house), &[]).unwrap();
        let said = &proven.receipt;
        assert_eq!(
            (
                said.recipient.as_str(),
                said.purpose.as_str(),
                said.messages
            ),
            ("utility-desk", "billing", 1)
        );
        assert_eq!(
            (&*said.fields, &*said.exact),
            (&["/power".to_owned()][..], &["/power".to_owned()][..])
        );
        let (entry, _) = house
            .custody
            .record_entry(proven.position)
            .unwrap()
            .unwrap();
        assert_eq!(entry.entry.kind, EntryKind::ReceiptsCommitted);
        // It is made once, and an hour without deliveries makes none.
        house.custody.tick(later.plus_millis(HOUR)).unwrap();
        assert_eq!(committed_entries(&house), 1);
    });
}

#[test]
fn a_receipt_that_was_changed_proves_nothing() {
    on_both(|house| {
        let later = an_hour(&house);
        let file = proof_of(&house, later).to_string();
        let changed = |from: &str, to: &str| {
            assert!(file.contains(from), "{file}");
            let proof = ReceiptProof::parse(file.replace(from, to).as_bytes()).unwrap();
            proof.verify(&key(&house), &[]).unwrap_err()
        };
        let messages = changed(r#"\"messages\":1"#, r#"\"messages\":0"#);
        assert!(
            matches!(messages, ReceiptProofError::NotCommitted),
            "{messages}"
        );
        let place = changed("\"index\": ", "\"index\": 1");
        assert!(matches!(place, ReceiptProofError::NotCommitted), "{place}");
        let other = record::Signer::new("other.example", &[7; 32]).unwrap();
        let proof = ReceiptProof::parse(file.as_bytes()).unwrap();
        let stranger = proof.verify(other.verifier(), &[]).unwrap_err();
        assert!(
            matches!(stranger, ReceiptProofError::Record(_)),
            "{stranger}"
        );
        for bad in ["", "{}", "[]", &file[..file.len() / 2]] {
            assert!(ReceiptProof::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        // Nor does the row, once somebody has changed it.
        let changed = house.db.write(|tx| {
            tx.execute("UPDATE receipt SET deliveries = 0", &[])?;
            Ok::<_, store::DbError>(())
        });
        changed.unwrap();
        let who = person("p-resident");
        let row = listed(&house, &who, later).remove(0);
        let CommittedAs::Proven { batch, place } = row.committed else {
            panic!("{row:?}")
        };
        assert!(
            house
                .custody
                .prove_receipt(&who, (batch, place), later)
                .is_err()
        );
    });
}

#[test]
fn nobody_gets_the_proof_of_another() {
    on_both(|house| {
        let later = an_hour(&house);
        let row = listed(&house, &person("p-resident"), later).remove(0);
        let CommittedAs::Proven { batch, place } = row.committed else {
            panic!("{row:?}")
        };
        let other = person("p-other");
        for place in [
            (batch, place),
            (batch, place + 1),
            (batch + 1, 0),
            (u64::MAX, u64::MAX),
        ] {
            let found = house.custody.prove_receipt(&other, place, later).unwrap();
            assert_eq!(found, None);
        }
    });
}

#[test]
fn what_is_counted_late_is_another_part_of_its_hour() {
    on_both(|house| {
        let later = an_hour(&house);
        let mut desk = house.listen("utility-desk", &house.utility, "billing", 8);
        // A clock that was set back, or a socket that was slow for long.
        house.measure(r#"{"power":1211}"#);
        assert!(desk.next(NOW).is_some());
        house.custody.tick(later).unwrap();
        let rows = listed(&house, &person("p-resident"), later);
        let parts: Vec<_> = rows
            .iter()
            .map(|it| (it.hour == rows[0].hour, it.part))
            .collect();
        assert_eq!(parts, [(true, 0), (true, 1)]);
        assert_eq!(rows[1].committed, CommittedAs::Open);
        house.custody.tick(later.plus_millis(HOUR)).unwrap();
        let rows = listed(&house, &person("p-resident"), later);
        assert!(
            rows.iter()
                .all(|it| matches!(it.committed, CommittedAs::Proven { .. })),
            "{rows:?}"
        );
        assert_eq!(committed_entries(&house), 2);
    });
}

#[test]
fn a_field_that_was_made_coarse_is_not_called_exact() {
    on_both(|house| {
        let coarse = choice(
            "/power",
            "billing",
            "utility-desk",
            Level::coarse(1).unwrap(),
        );
        house.custody.choose(&[coarse], NOW).unwrap();
        let later = an_hour(&house);
        let row = listed(&house, &person("p-resident"), later).remove(0);
        assert_eq!(
            (row.fields.as_slice(), row.exact.as_slice()),
            (&["/power".to_owned()][..], &[][..])
        );
    });
}

#[test]
fn a_cover_name_is_not_called_exact() {
    on_both(|house| {
        let mut desk = house.listen("utility-desk", &house.utility, "billing", 8);
        let validator = house.thing("validator-1", &house.validator);
        let message = br#"{"card":"card-7","power":30}"#;
        house.custody.ingest(&validator, message, NOW).unwrap();
        assert!(desk.next(NOW).is_some());
        house.custody.tick(NOW).unwrap();
        let row = listed(&house, &person("p-resident"), NOW).remove(0);
        let names = |it: &[String]| it.contains(&"/card".to_owned());
        assert!(names(&row.fields), "{row:?}");
        assert!(!names(&row.exact) && !row.exact.is_empty(), "{row:?}");
    });
}

#[test]
fn the_salts_die_with_everything_that_its_person_erases() {
    on_both(|house| {
        let later = an_hour(&house);
        let who = person("p-resident");
        let row = listed(&house, &who, later).remove(0);
        let CommittedAs::Proven { batch, place } = row.committed else {
            panic!("{row:?}")
        };
        let scope = EraseScope::new((None, None), None, None, None).unwrap();
        let plan = house.custody.plan_erasure(&who, &scope, later).unwrap();
        let erased = house
            .custody
            .erase(&who, &scope, &plan.digest, Grace::None, later);
        erased.unwrap();
        let rows = listed(&house, &who, later);
        assert_eq!(rows[0].committed, CommittedAs::Forgotten);
        let gone = house.custody.prove_receipt(&who, (batch, place), later);
        assert_eq!(gone.unwrap(), None);
        let keys = house
            .db
            .read(|tx| tx.query("SELECT subject FROM receipt_key", &[]));
        assert!(keys.unwrap().is_empty());
        // What comes is proven again, under a key of its own.
        let again = later.plus_millis(HOUR);
        house.custody.tick(again).unwrap();
        assert_eq!(
            listed(&house, &who, again)[0].committed,
            CommittedAs::Forgotten
        );
    });
}

#[test]
fn a_list_goes_on_where_it_ended() {
    on_both(|house| {
        let later = an_hour(&house);
        let mut desk = house.listen("utility-desk", &house.utility, "billing", 8);
        let mut uni = house.listen("university", &house.university, "research", 8);
        house.measure(r#"{"power":1211}"#);
        assert!(desk.next(NOW).is_some());
        uni.next(NOW);
        house.custody.tick(later).unwrap();
        let who = person("p-resident");
        let all = listed(&house, &who, later);
        let (mut from, mut found) = (Some(ReceiptsFrom::NEWEST), Vec::new());
        while let Some(next) = from {
            let page = house.custody.receipts(&who, next, 1, later).unwrap();
            assert_eq!(page.receipts.len(), 1);
            found.extend(page.receipts);
            from = page.older;
        }
        assert_eq!(found, all);
        assert!(all.len() > 1);
    });
}

#[test]
fn a_salt_that_a_restore_brings_back_dies_again() {
    on_both(|house| {
        let later = an_hour(&house);
        let who = person("p-resident");
        let key: Vec<u8> = house
            .db
            .read(|tx| {
                let row = tx.query_one("SELECT sealed FROM receipt_key", &[])?;
                row.unwrap().get(0)
            })
            .unwrap();
        let scope = EraseScope::new((None, None), None, None, None).unwrap();
        let plan = house.custody.plan_erasure(&who, &scope, later).unwrap();
        let grace = Grace::Day;
        let erased = house
            .custody
            .erase(&who, &scope, &plan.digest, grace, later);
        erased.unwrap();
        let due = later.plus_millis(2 * 24 * HOUR);
        house.custody.tick(due).unwrap();
        // The rows of a backup from before; the file of erasures is in no backup.
        let restored = house.db.write(|tx| {
            for table in ["erasure", "erasure_notice", "vault_erasure"] {
                tx.execute(&format!("DELETE FROM {table}"), &[])?;
            }
            tx.execute(
                "INSERT INTO receipt_key (subject, sealed) VALUES ('person:p-resident', $1)",
                &[key.as_slice().into()],
            )?;
            tx.execute("UPDATE receipt SET place = 0", &[])?;
            Ok::<_, store::DbError>(())
        });
        restored.unwrap();
        // A subject that the vault knows again.
        house.measure(r#"{"power":2}"#);
        let house = house.reopened(false);
        house.custody.tick(due).unwrap();
        assert_eq!(
            listed(&house, &who, due)[0].committed,
            CommittedAs::Forgotten
        );
    });
}
