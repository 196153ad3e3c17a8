//! What pruning takes away, and what it leaves.

use super::*;

#[test]
fn pruning_removes_what_no_kept_backup_needs_and_nothing_in_doubt() {
    let house = House::new(fresh("SQLite"));
    let (_place, repository) = repository();
    let mut backups = Vec::new();
    for day in 0..4_i64 {
        house.note(day * 3_000..day * 3_000 + 3_000);
        let at = now().plus_millis(day * DAY_MS);
        backups.push(house.back_up_at(&repository, at).unwrap().manifest);
    }
    let unset = prune(&repository, &Keep::default(), false);
    assert!(matches!(unset, Err(PruneError::Unset)));
    let keep = Keep {
        daily: 2,
        ..Keep::default()
    };
    let count = || files_below(&repository.path().join("chunks")).len() as u64;
    let before = count();
    let told = prune(&repository, &keep, true).unwrap();
    assert_eq!((told.removed.len(), told.kept.len()), (2, 2));
    assert!(told.chunks > 0 && told.bytes > 0);
    assert_eq!((count(), repository.backups().unwrap().len()), (before, 4));

    // While a list cannot be read nobody knows what it needs.
    let path = repository.path().join(format!("backups/{}", backups[0].id));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let refused = prune(&repository, &keep, false);
    assert!(
        matches!(refused, Err(PruneError::Unreadable { .. })),
        "{refused:?}"
    );
    assert_eq!((count(), repository.backups().unwrap().len()), (before, 4));
    fs::write(&path, &bytes).unwrap();

    let pruned = prune(&repository, &keep, false).unwrap();
    assert_eq!(
        pruned.removed,
        [backups[0].id.clone(), backups[1].id.clone()]
    );
    assert_eq!(count(), before - pruned.chunks);
    let found = verify(&repository, Depth::Contents).unwrap();
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    let other = house.restored(fresh("SQLite"), &repository, &backups[2]);
    assert_eq!(other.notes(), 9_001);
}
