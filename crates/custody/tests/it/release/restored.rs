//! After a restore from a backup no figure is drawn a second time, and nobody's budget is full again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use backup::{
    CreateOptions, Manifest, Repository, RestoreError, RestoreHost, RestoreParts, RestoreTarget,
};
use custody::{Custody, Passphrase};
use store::Db;

use super::*;

const MINUTE: i64 = 60_000;

struct Shelf {
    repository: Repository,
    place: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Self {
        let place = testkit::temp_dir();
        let word = place.path().join("word");
        fs::write(&word, "kettle orbit marble seven\n").unwrap();
        fs::set_permissions(&word, fs::Permissions::from_mode(0o600)).unwrap();
        let word = Passphrase::from_file(&word).unwrap();
        let repository = Repository::init(&place.path().join("shelf"), &word).unwrap();
        Self { repository, place }
    }

    fn back_up(&self, house: &House, now: Timestamp) -> Manifest {
        let stop = AtomicBool::new(false);
        let erasures = house.directory.join("erasures.log");
        let options = CreateOptions {
            now,
            program: "test",
            origin: "record.example/test",
            verifier: "verifier",
            erasures: &erasures,
            orders: &custody::BACKUP_ORDERS,
            stop: &stop,
        };
        let made = house
            .custody
            .back_up(|tx, segments| backup::create(&self.repository, tx, segments, &options));
        made.unwrap().manifest
    }

    /// The house as the backup has it, elsewhere.
    fn restored(&self, manifest: &Manifest, house: House, db: Db, now: Timestamp) -> House {
        let directory = self.place.path().join("data");
        fs::create_dir(&directory).unwrap();
        fs::create_dir(directory.join("keys")).unwrap();
        let root_key = fs::read(house.directory.join("keys/root.key")).unwrap();
        let erasures = self.repository.erasures().unwrap();
        let parts = RestoreParts {
            repository: &self.repository,
            manifest,
            erasures: &erasures,
            root_key: Some(&root_key),
            sets: &custody::MIGRATION_SETS,
            made: &["wal"],
        };
        let target = RestoreTarget::new(&directory);
        let host = Host {
            db: db.clone(),
            directory: directory.clone(),
            backed_up_at: manifest.at,
            now,
        };
        let custody = backup::restore(&target, &parts, host).unwrap();
        House {
            custody,
            db,
            directory,
            ..house
        }
    }
}

struct Host {
    db: Db,
    directory: PathBuf,
    backed_up_at: Timestamp,
    now: Timestamp,
}

impl RestoreHost for Host {
    type Found = Custody;
    type Error = anyhow::Error;

    fn refused(&self, err: RestoreError) -> anyhow::Error {
        err.into()
    }

    fn check_key(&self) -> Result<(), anyhow::Error> {
        Ok(())
    }

    fn database(&self) -> Result<Db, anyhow::Error> {
        Ok(self.db.clone())
    }

    fn open(
        self,
        db: &Db,
        _put: backup::Restored,
        finish: impl FnOnce() -> Result<(), RestoreError>,
    ) -> Result<Custody, anyhow::Error> {
        let custody = crate::fixture::open(db, Path::new(&self.directory));
        custody.note_restore(self.backed_up_at, self.now)?;
        finish()?;
        Ok(custody)
    }
}

/// A street that is backed up, and restored at `now` into an empty database of the other engine; `then` happens in between.
fn on_restored<T>(
    before: impl Fn(&Street),
    then: impl Fn(&Street) -> T,
    now: Timestamp,
    check: impl Fn(Street, T),
) {
    let others = [testkit::postgres(), testkit::sqlite()];
    let engines = testkit::databases_with(&custody::MIGRATION_SETS);
    for ((name, db), other) in engines.into_iter().zip(others) {
        println!("from {name}");
        let directory = testkit::temp_dir();
        let house = crate::fixture::house(db, directory.path().to_owned());
        let street = Street::new(house, 8);
        before(&street);
        let shelf = Shelf::new();
        let manifest = shelf.back_up(&street.house, after());
        let lost = then(&street);
        let Street { house, meters } = street;
        let house = shelf.restored(&manifest, house, Db::open(&other).unwrap(), now);
        check(Street { house, meters }, lost);
    }
}

#[test]
fn gp_b4b_after_a_restore_no_figure_is_drawn_a_second_time() {
    let restored_at = after().plus_millis(10 * MINUTE);
    on_restored(
        |street| {
            street.declare(&power(
                "homes",
                "4",
                r#"{"figure":"histogram","epsilon":"0.1"}"#,
            ));
            street.measure(hour());
            street.ask("homes", "mean", "1", after()).unwrap();
            // The histograms of two hours too.
            assert_eq!(street.draw(after()), 3);
            // It waits when the backup is made.
            street.ask("homes", "people", "1", after()).unwrap();
        },
        |street| {
            assert_eq!(street.draw(after()), 1);
            street.ask("homes", "sum", "1", after()).unwrap();
            assert_eq!(street.draw(after()), 1);
            street.releases("homes")
        },
        restored_at,
        |street, lost| {
            assert_eq!(lost.len(), 5);
            let known = street.releases("homes");
            assert_eq!(known.len(), 3, "neither drawn nor waiting: {known:?}");
            assert!(known.iter().all(|it| lost.contains(it)));
            let never = AtomicBool::new(false);
            for now in [restored_at, restored_at.plus_millis(MINUTE)] {
                let at = |measure: &str| {
                    let asked = (Measure::parse(measure).unwrap(), epsilon("1"));
                    let custody = &street.house.custody;
                    custody.ask_release(&id("homes"), hour(), asked, "office:test", now)
                };
                assert!(matches!(at("mean"), Ok(Asked::Before(_))));
                for measure in ["people", "sum", "quantile-50"] {
                    let refused = at(measure).unwrap_err();
                    assert!(matches!(refused, AskReleaseError::Restored { .. }));
                    let said = refused.to_string();
                    for part in [
                        "came out of a backup at 2026-09-21T16:12:00Z",
                        "none is drawn twice",
                        "begins at 2026-09-21T16:00:00Z",
                    ] {
                        assert!(said.contains(part), "{part}: {said}");
                    }
                }
                assert_eq!(street.house.custody.draw_releases(&never, now).unwrap(), 0);
                assert_eq!(street.releases("homes"), known);
            }
            // The same by another name is refused as well.
            street.declare(&power("again", "4", ""));
            let refused = street.ask("again", "sum", "1", restored_at);
            assert!(matches!(refused, Err(AskReleaseError::Restored { .. })));
            // The hour in which it was restored was not over, so nobody has drawn of it.
            let next = after().plus_millis(HOUR);
            assert!(matches!(
                street.ask("homes", "people", "1", next),
                Ok(Asked::New(_))
            ));
            assert_eq!(street.draw(next), 2, "and what it releases by itself");
        },
    );
}

#[test]
fn gp_b4b_after_a_restore_nobodys_budget_is_full_again() {
    let restored_at = after().plus_millis(10 * MINUTE);
    on_restored(
        |street| {
            street.declare(&power("homes", "4", ""));
            street.measure(hour());
            street.ask("homes", "mean", "1", after()).unwrap();
            assert_eq!(street.draw(after()), 1);
        },
        |street| {
            street.ask("homes", "sum", "3", after()).unwrap();
            assert_eq!(street.draw(after()), 1);
        },
        restored_at,
        |street, ()| {
            let next = after().plus_millis(HOUR);
            street.measure(hour().plus_millis(HOUR));
            street.ask("homes", "people", "0.5", next).unwrap();
            assert_eq!(street.draw(next), 1);
            let custody = &street.house.custody;
            for number in 0..8 {
                let mine = custody.statistics_of(&resident(number), next).unwrap();
                assert_eq!(mine.budget.spent(), PERSON_YEAR_EPSILON, "{number}");
                assert_eq!(mine.counted.len(), 1, "{number} was left out");
                assert_eq!(mine.restored_at, Some(restored_at));
                let year = custody::PERSON_YEAR_MILLIS;
                assert_eq!(mine.renews_at, Some(after().plus_millis(year)));
            }
            // What is known to be spent comes back when its year is over, and what may be with the year of the restore.
            let year = after().plus_millis(custody::PERSON_YEAR_MILLIS);
            assert_eq!(street.spent(&resident(0), year), epsilon("3"));
            let year = restored_at.plus_millis(custody::PERSON_YEAR_MILLIS);
            assert_eq!(street.spent(&resident(0), year), Epsilon::ZERO);
            // A clock that is set back does not help.
            let back = restored_at.plus_millis(-1);
            assert_eq!(street.spent(&resident(0), back), PERSON_YEAR_EPSILON);
        },
    );
}
