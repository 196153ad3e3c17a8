//! The public record: no record, no effect; verifiable from the published directory.

use custody::ActError;
use model::{Entry, EntryKind, LicenceState};
use record::{DirStore, Verifier};

use crate::fixture::{House, NOW, deployment, licence, on_both, open};

fn suspend(house: &House) {
    house
        .custody
        .act(NOW, |act| {
            act.set_licence(&deployment("home"), licence(LicenceState::Suspended))?;
            act.record(Entry {
                at: NOW,
                kind: EntryKind::LicenceSuspended,
                about: "deployment:home".to_owned(),
                by: "office:test".to_owned(),
                reason: "drift".to_owned(),
                document_sha256: None,
            });
            Ok::<_, ActError>(())
        })
        .unwrap();
}

#[test]
fn en_1_an_act_is_in_the_record_and_the_record_verifies_offline() {
    on_both(|house| {
        suspend(&house);
        let entries = house.custody.record_about("deployment:home", 10).unwrap();
        assert_eq!(entries[0].entry.kind, EntryKind::LicenceSuspended);
        let (_, proof) = house
            .custody
            .record_entry(entries[0].position)
            .unwrap()
            .unwrap();
        assert!(
            String::from_utf8(proof.bytes)
                .unwrap()
                .contains("licence-suspended")
        );
        let directory = house.directory.join("record");
        let key = std::fs::read_to_string(directory.join("log.vkey")).unwrap();
        let verifier = Verifier::parse(key.trim()).unwrap();
        assert_eq!(key.trim(), house.custody.record_key());
        let verified = record::verify(&mut DirStore::open(&directory).unwrap(), &verifier).unwrap();
        assert_eq!(verified.size, 2);
    });
}

#[test]
fn an_act_that_fails_leaves_neither_effect_nor_entry() {
    on_both(|house| {
        let failed = house.custody.act(NOW, |act| {
            act.set_licence(&deployment("home"), licence(LicenceState::Suspended))?;
            act.set_licence(&deployment("nowhere"), licence(LicenceState::Active))
        });
        assert!(matches!(failed, Err(ActError::NoDeployment(_))));
        let in_force = house.custody.in_force_at(&deployment("home"), NOW).unwrap();
        assert_eq!(in_force.licence, LicenceState::Active);
        assert_eq!(house.custody.record_size().unwrap().0, 1);
        house.measure(r#"{"power":1}"#);
    });
}

#[test]
fn a_published_directory_that_fell_behind_catches_up_at_the_start() {
    on_both(|house| {
        let directory = house.directory.join("record");
        let behind = std::fs::read(directory.join("checkpoint")).unwrap();
        suspend(&house);
        house.custody.close().unwrap();
        std::fs::write(directory.join("checkpoint"), behind).unwrap();
        let again = open(&house.db, &house.directory);
        let published = std::fs::read(directory.join("checkpoint")).unwrap();
        assert_eq!(Some(published), again.record_file("checkpoint").unwrap());
        again.close().unwrap();
    });
}
