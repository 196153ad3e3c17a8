//! An erasure that spares the files sealed to the person's own keys: what they give to the commons is only what can be read here.

use model::{ThingId, Timestamp};
use vault::{Erasure, Scope};

use crate::fixture::{DAY_MS, START, all, keep, on_each_database, person, stored};
use crate::own::seal;

fn at(day: i64) -> Timestamp {
    START.plus_millis(day * DAY_MS + 1)
}

#[test]
fn gp_b2_an_erasure_of_what_can_be_read_leaves_every_sealed_file_also_after_a_restore() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        for day in 0..3 {
            keep(&vault, &stored(&subject, at(day), "kept"));
        }
        vault.maintain(at(2)).unwrap();
        assert_eq!(seal(&vault, &subject, 2, at(2)).files, 2);
        vault.maintain(at(2)).unwrap();
        assert_eq!(all(&vault, &subject, at(2)).len(), 1);
        let erasure = Erasure {
            subject: subject.clone(),
            scope: Scope {
                thing: ThingId::parse("meter-7").ok(),
                spares_own_files: true,
                ..Scope::default()
            },
        };
        let touched = vault.own_files_in(&subject, &erasure.scope).unwrap();
        assert_eq!(touched.files, 2, "the scope itself covers them");
        let proof = vault.erase(&erasure, at(2)).unwrap();
        assert_eq!((proof.own_files, proof.masked_keys), (0, 1));
        assert!(all(&vault, &subject, at(2)).is_empty());
        assert_eq!(vault.own_total(&subject, at(2)).unwrap().files, 2);
        // The database of before it, as a restored backup has it: the vault erases again at the start.
        drop(vault);
        let forget = |tx: &mut store::Tx<'_>| tx.execute("DELETE FROM vault_erasure", &[]);
        assert_eq!(fixture.db.write(forget).unwrap(), 1);
        let vault = fixture.open();
        assert_eq!(vault.own_total(&subject, at(2)).unwrap().files, 2);
        let again = vault.reapplied().unwrap();
        assert_eq!((again.len(), &again[0].erasure), (1, &erasure));
        vault.maintain(at(2)).unwrap();
        // One that does not spare them takes them.
        let scope = Scope {
            spares_own_files: false,
            ..erasure.scope
        };
        let erasure = Erasure { subject, scope };
        assert_eq!(vault.erase(&erasure, at(2)).unwrap().own_files, 2);
        assert_eq!(fixture.count("vault_own_chunk"), 0);
    });
}
