//! What was erased again is told until it is taken up, whatever comes in between.

use model::Timestamp;
use vault::{Erasure, Scope, Vault};

use crate::fixture::{Fixture, START, all, keep, on_each_database, person, stored};

fn later() -> Timestamp {
    START.plus_millis(1_000)
}

fn forget_erasures(fixture: &Fixture) {
    let forget = |tx: &mut store::Tx<'_>| tx.execute("DELETE FROM vault_erasure", &[]);
    assert!(fixture.db.write(forget).unwrap() > 0);
}

#[test]
fn what_was_erased_again_is_told_after_every_start_until_it_is_taken_up() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let erasures: Vec<Erasure> = ["a1", "b2"]
            .map(|name| Erasure {
                subject: person(name),
                scope: Scope {
                    until: Some(later()),
                    ..Scope::default()
                },
            })
            .to_vec();
        for (erasure, at) in erasures.iter().zip([later(), later().plus_millis(1)]) {
            vault.erase(erasure, at).unwrap();
            keep(&vault, &stored(&erasure.subject, START, "restored"));
        }
        // Of somebody of whom nothing is here nobody has a copy.
        let erasure = Erasure {
            subject: person("c3"),
            scope: Scope::default(),
        };
        vault.erase(&erasure, later()).unwrap();
        assert!(
            vault.reapplied().unwrap().is_empty(),
            "nothing was restored"
        );
        drop(vault);
        forget_erasures(&fixture);
        let told = |vault: &Vault| {
            let told = vault.reapplied().unwrap().into_iter();
            told.map(|it| it.erasure).collect::<Vec<_>>()
        };
        for _ in 0..2 {
            let vault = fixture.open();
            assert_eq!(told(&vault), erasures);
            assert_eq!(told(&vault), erasures, "asking does not take it away");
            assert!(all(&vault, &person("a1"), later()).is_empty());
        }
        let vault = fixture.open();
        let [first, second] = vault.reapplied().unwrap().try_into().unwrap();
        assert_eq!((first.at, second.at), (later(), later().plus_millis(1)));
        // It is taken up in a transaction that fails, and in one that does not.
        let fails = fixture.db.write(|tx| {
            Vault::settle_reapplied(tx, first.id)?;
            tx.execute("INSERT INTO nowhere (n) VALUES (1)", &[])
        });
        assert!(fails.is_err());
        assert_eq!(told(&vault), erasures);
        let settle = |tx: &mut store::Tx<'_>| Vault::settle_reapplied(tx, first.id);
        fixture.db.write(settle).unwrap();
        assert_eq!(told(&vault), erasures[1..]);
        drop(vault);
        let vault = fixture.open();
        assert_eq!(told(&vault), erasures[1..]);
        let settle = |tx: &mut store::Tx<'_>| Vault::settle_reapplied(tx, second.id);
        fixture.db.write(settle).unwrap();
        assert!(told(&vault).is_empty());
        // The next one is told without a start in between.
        keep(&vault, &stored(&person("a1"), START, "restored"));
        forget_erasures(&fixture);
        assert_eq!(vault.reapply_erasures().unwrap(), 3);
        assert_eq!(
            told(&vault),
            erasures[..1]
                .iter()
                .chain(&erasures[1..])
                .cloned()
                .collect::<Vec<_>>()
        );
    });
}
