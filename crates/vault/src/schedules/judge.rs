//! What a schedule has left, against what it may and must have left.

use model::Timestamp;

use super::{DAY_MS, FIRST_DAY, Note, Place, person, serial};
use crate::{FollowQuery, Order, Position, ReadQuery, Vault};

/// What is there against what may and must be there.
pub(super) fn check(place: &Place, vault: &Vault, when: &str) {
    let notes = place.notes();
    let now = place.now();
    for of in 0..2 {
        let mut found = read(vault, of, now);
        found.sort_unstable();
        let mut followed = follow(vault, of, now);
        followed.sort_unstable();
        assert_eq!(found, followed, "{when}");
        for (n, note) in notes.iter().enumerate() {
            let Note::Keeping(told) = note else {
                continue;
            };
            if told.person != of {
                continue;
            }
            let later = &notes[n..];
            let is_kept = later.contains(&Note::Kept(told.serial));
            let is_there = found.contains(&told.serial);
            let (mut must_go, mut may_go) = (false, !is_kept);
            for (m, note) in later.iter().enumerate() {
                if let Note::Erasing(hidden) = note
                    && hidden.has(told)
                {
                    may_go = true;
                    // Begun and not done: the process ended. The next open has carried it out, or nobody wrote it down.
                    must_go |= later.get(m + 1) == Some(&Note::Erased);
                }
            }
            let is_over = told.expires_ms() <= now.as_millis();
            (must_go, may_go) = (must_go || is_over, may_go || is_over);
            assert!(
                !(must_go && is_there),
                "{when}: {told:?} came back\n{notes:?}"
            );
            assert!(may_go || is_there, "{when}: {told:?} is lost\n{notes:?}");
        }
        let known = |it: &&i64| {
            notes
                .iter()
                .any(|note| matches!(note, Note::Keeping(told) if told.serial == **it))
        };
        assert_eq!(found.iter().filter(known).count(), found.len(), "{when}");
        found.dedup();
        assert_eq!(found.len(), followed.len(), "{when}: doubled");
    }
}

fn read(vault: &Vault, of: u64, now: Timestamp) -> Vec<i64> {
    let query = ReadQuery {
        subject: person(of),
        from: Timestamp::EPOCH,
        until: Timestamp::from_millis((FIRST_DAY + 100) * DAY_MS),
        limit: usize::MAX,
        order: Order::NewestFirst,
        now,
    };
    vault.read(&query).unwrap().iter().map(serial).collect()
}

fn follow(vault: &Vault, of: u64, now: Timestamp) -> Vec<i64> {
    let query = FollowQuery {
        subject: person(of),
        after: Position::START,
        from: Timestamp::EPOCH,
        until: Timestamp::from_millis((FIRST_DAY + 100) * DAY_MS),
        limit: usize::MAX,
        now,
    };
    let found = vault.follow(&query).unwrap();
    found
        .into_iter()
        .map(|(_, it)| serial(&it.reading().unwrap()))
        .collect()
}

/// After maintenance nothing lies anywhere whose time is over; and at the end of all classes nothing at all.
pub(super) fn check_dropped(place: &Place, vault: &Vault, seed: u64) {
    let db = place.db();
    let count = |sql: &str, now: Timestamp| -> i64 {
        let row = db.read(|tx| tx.query_one(sql, &[now.as_millis().into()]));
        row.unwrap().unwrap().get(0).unwrap()
    };
    let blocks = "SELECT COUNT(*) FROM vault_block WHERE expires_at <= $1";
    let keys = "SELECT COUNT(*) FROM vault_epoch_key WHERE expires_at <= $1";
    let end = Timestamp::from_millis((FIRST_DAY + 40) * DAY_MS);
    for now in [place.now(), end] {
        vault.maintain(now).unwrap();
        vault.maintain(now).unwrap();
        let left = (count(blocks, now), count(keys, now));
        assert_eq!(left, (0, 0), "seed {seed}: past its time at {now}");
    }
    let all = count("SELECT COUNT(*) FROM vault_epoch_key WHERE epoch < $1", end);
    assert_eq!(all, 0, "seed {seed}: keys without readings");
}
