//! The file of erasures: what is kept, what is cut, what is refused.

use super::*;

fn stonemason(home: &Path) -> Stonemason {
    let db = Db::open(&testkit::sqlite()).unwrap();
    db.migrate(&crate::schema::MIGRATIONS).unwrap();
    let root = RootKey::load_or_create(&home.join("root.key")).unwrap();
    Stonemason::new(&db, &root, Suite::default()).unwrap()
}

fn made(home: &Path, count: i64) -> (Stonemason, Vec<Tombstone>) {
    let mason = stonemason(home);
    let make = |n| {
        let scope = Scope {
            from: Some(Timestamp::from_millis(n)),
            ..Scope::default()
        };
        mason.make("person:a1", &scope, Timestamp::from_millis(n))
    };
    let made = (0..count).map(|n| make(n).unwrap()).collect();
    (mason, made)
}

fn found(graveyard: &Graveyard) -> Vec<Tombstone> {
    let mut found: Vec<Tombstone> = graveyard.all().cloned().collect();
    found.sort_by_key(|it| it.at);
    found
}

#[test]
fn what_was_written_is_found_again_and_says_what_is_erased_and_whose() {
    let home = testkit::temp_dir();
    let path = home.path().join("erasures.log");
    let (mason, stones) = made(home.path(), 3);
    let mut graveyard = Graveyard::open(&path).unwrap();
    for stone in &stones {
        graveyard.add(stone).unwrap();
        graveyard.add(stone).unwrap();
    }
    let again = Graveyard::open(&path).unwrap();
    assert_eq!(found(&again), stones);
    assert_eq!(stones[2].subject, mason.hash("person:a1"));
    assert_ne!(stones[2].subject, mason.hash("person:a2"));
    let scope = mason.scope(&stones[2]).unwrap();
    assert_eq!(scope.from, Some(Timestamp::from_millis(2)));
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(9).any(|it| it == b"person:a1"));
    assert_eq!(
        ErasureId::parse(&stones[0].id.to_string()),
        Some(stones[0].id)
    );
}

#[test]
fn a_file_cut_anywhere_keeps_every_whole_tombstone_and_goes_on() {
    let home = testkit::temp_dir();
    let path = home.path().join("erasures.log");
    let (_, stones) = made(home.path(), 3);
    let mut graveyard = Graveyard::open(&path).unwrap();
    let mut ends = vec![16];
    for stone in &stones[..2] {
        graveyard.add(stone).unwrap();
        ends.push(graveyard.end as usize);
    }
    let whole = std::fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let mut graveyard = Graveyard::open(&path).unwrap();
        let kept = ends
            .iter()
            .filter(|it| **it <= cut)
            .count()
            .saturating_sub(1);
        assert_eq!(found(&graveyard), stones[..kept], "cut at {cut}");
        graveyard.add(&stones[2]).unwrap();
        drop(graveyard);
        let graveyard = Graveyard::open(&path).unwrap();
        assert_eq!(graveyard.all().count(), kept + 1, "cut at {cut}");
    }
}

#[test]
fn a_changed_byte_before_the_last_tombstone_is_damage_and_a_later_version_is_named() {
    let home = testkit::temp_dir();
    let path = home.path().join("erasures.log");
    let (_, stones) = made(home.path(), 2);
    let mut graveyard = Graveyard::open(&path).unwrap();
    graveyard.add(&stones[0]).unwrap();
    let first = graveyard.end as usize;
    graveyard.add(&stones[1]).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for at in 0..first {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        std::fs::write(&path, changed).unwrap();
        let error = Graveyard::open(&path).err().unwrap();
        assert!(
            matches!(error, TombstoneError::Damaged { .. }),
            "byte {at}: {error}"
        );
    }
    let mut later = whole.clone();
    later[8] = 2;
    let crc = crc32fast::hash(&later[..12]);
    later[12..16].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&path, later).unwrap();
    let error = Graveyard::open(&path).err().unwrap();
    assert!(
        matches!(error, TombstoneError::Version { version: 2, .. }),
        "{error}"
    );
}

#[test]
fn a_changed_or_exchanged_tombstone_does_not_open() {
    let home = testkit::temp_dir();
    let (mason, stones) = made(home.path(), 1);
    for at in 0..stones[0].body.len() {
        let mut body = stones[0].body.clone();
        body[at] ^= 1;
        let changed = Tombstone::parse(&body).unwrap();
        assert!(mason.scope(&changed).is_err(), "byte {at}");
    }
    let other = testkit::temp_dir();
    assert!(stonemason(other.path()).scope(&stones[0]).is_err());
}
