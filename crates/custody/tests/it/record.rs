//! The public record: no record, no effect; verifiable from the published directory.

use custody::{ActError, Custody, CustodyOptions};
use model::{Entry, EntryKind, LicenceState, Notice};
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

#[test]
fn another_origin_or_root_key_stops_the_start_and_leaves_the_record_alone() {
    on_both(|house| {
        suspend(&house);
        house.custody.close().unwrap();
        let key = house.directory.join("record/log.vkey");
        let before = std::fs::read(&key).unwrap();
        let options = |origin: &str| CustodyOptions {
            directory: house.directory.clone(),
            record_origin: origin.to_owned(),
        };
        assert!(Custody::open(&options("elsewhere.example/record"), house.db.clone()).is_err());
        let root = house.directory.join("keys/root.key");
        let kept = std::fs::read_to_string(&root).unwrap();
        let (prefix, _) = kept.split_once(' ').unwrap();
        std::fs::write(&root, format!("{prefix} {}\n", "5a".repeat(32))).unwrap();
        assert!(Custody::open(&options("record.example/test"), house.db.clone()).is_err());
        std::fs::write(&root, kept).unwrap();
        assert_eq!(std::fs::read(&key).unwrap(), before);
        open(&house.db, &house.directory).close().unwrap();
    });
}

#[test]
fn a_published_file_that_is_missing_comes_back() {
    on_both(|house| {
        let missing = house.directory.join("record/tile/0/000.p/1");
        std::fs::remove_file(&missing).unwrap();
        house.custody.close().unwrap();
        open(&house.db, &house.directory).close().unwrap();
        assert!(missing.exists());
    });
}

#[test]
fn the_first_notice_of_a_deployment_has_version_1() {
    on_both(|house| {
        let source =
            include_str!("home.toml").replace("deployment = \"home\"", "deployment = \"shop\"");
        let source = source.replace("version = 1", "version = 3");
        let notice = Notice::parse(&source).unwrap();
        let refused = house
            .custody
            .act(NOW, |act| act.publish_notice(&notice, &source));
        assert!(matches!(
            refused,
            Err(ActError::NoticeVersion { published: 0, .. })
        ));
    });
}
