//! Schema changes on databases that are filled.

use store::{Db, DbError, Engine, MigrateError, MigrationSet, Step};

use crate::items::{read, write};

const DEVICES: Step = Step {
    version: 1,
    name: "devices and their keys",
    sql: "CREATE TABLE device (id TEXT PRIMARY KEY, name TEXT NOT NULL);
          CREATE TABLE device_key (
              id BIGINT PRIMARY KEY,
              device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE
          );",
};

const LABELS: Step = Step {
    version: 2,
    name: "labels",
    sql: "ALTER TABLE device ADD COLUMN label TEXT NOT NULL DEFAULT '';
          UPDATE device SET label = 'device ' || name;
          ALTER TABLE device RENAME COLUMN name TO title;
          CREATE TABLE device_note (
              device TEXT NOT NULL REFERENCES device (id),
              body TEXT NOT NULL
          );
          INSERT INTO device_note (device, body) SELECT id, label FROM device;",
};

/// How SQLite wants a table rebuilt; with references checked at once it would empty `device_key`.
const REBUILD: Step = Step {
    version: 3,
    name: "devices anew",
    sql: "CREATE TABLE device_new (id TEXT PRIMARY KEY, name TEXT NOT NULL CHECK (name <> ''));
          INSERT INTO device_new SELECT id, name FROM device;
          DROP TABLE device;
          ALTER TABLE device_new RENAME TO device;",
};

const FIRST: MigrationSet = MigrationSet {
    owner: "devices",
    steps: &[DEVICES],
};

fn with_devices() -> Vec<(&'static str, Db)> {
    let databases = testkit::databases();
    for (name, db) in &databases {
        migrate(name, db, &FIRST);
        write(db, |tx| {
            for id in 0..100_i64 {
                let device = format!("device-{id}");
                tx.execute(
                    "INSERT INTO device (id, name) VALUES ($1, $1)",
                    &[(&device).into()],
                )?;
                tx.execute(
                    "INSERT INTO device_key (id, device) VALUES ($1, $2)",
                    &[id.into(), (&device).into()],
                )?;
            }
            Ok(())
        });
    }
    databases
}

#[track_caller]
fn migrate(name: &str, db: &Db, set: &MigrationSet) {
    if let Err(error) = db.migrate(set) {
        panic!("{name}: {error}: {:?}", std::error::Error::source(&error));
    }
}

#[track_caller]
fn count(db: &Db, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    let row = read(db, |tx| tx.query_one(&sql, &[]));
    row.unwrap().get(0).unwrap()
}

/// By the statement itself, and not only before the commit as during a migration.
#[track_caller]
fn assert_references_are_checked(name: &str, db: &Db) {
    let orphan = db.write(|tx| {
        let sql = "INSERT INTO device_key (id, device) VALUES (-1, 'nobody')";
        match tx.execute(sql, &[]) {
            Err(DbError::ForeignKey { .. }) => Ok(true),
            _ => Err(DbError::Busy),
        }
    });
    // The transaction did not survive its failed statement.
    assert!(
        matches!(orphan, Err(DbError::Aborted)),
        "{name}: {orphan:?}"
    );
}

#[test]
fn a_later_step_changes_a_filled_database_and_keeps_its_rows() {
    for (name, db) in with_devices() {
        let set = MigrationSet {
            owner: "devices",
            steps: &[DEVICES, LABELS],
        };
        migrate(name, &db, &set);
        assert_eq!(
            count(&db, "device WHERE label = 'device ' || title"),
            100,
            "{name}"
        );
        assert_eq!(count(&db, "device_key"), 100, "{name}");
        assert_eq!(count(&db, "device_note"), 100, "{name}");
        assert_references_are_checked(name, &db);
    }
}

#[test]
fn applying_again_changes_nothing() {
    for (name, db) in with_devices() {
        migrate(name, &db, &FIRST);
        assert_eq!(count(&db, "device"), 100, "{name}");
        assert_eq!(count(&db, "store_migration"), 1, "{name}");
    }
}

#[test]
fn rebuilding_a_table_never_takes_the_rows_that_refer_to_it() {
    for (name, db) in with_devices() {
        let set = MigrationSet {
            owner: "devices",
            steps: &[DEVICES, REBUILD],
        };
        let result = db.migrate(&set);
        // PostgreSQL does not drop a table that is referred to, and needs no rebuilding.
        match db.engine() {
            Engine::Sqlite => assert!(result.is_ok(), "{name}: {result:?}"),
            Engine::Postgres => assert!(
                matches!(result, Err(MigrateError::Step { version: 3, .. })),
                "{name}: {result:?}"
            ),
        }
        assert_eq!(count(&db, "device"), 100, "{name}");
        assert_eq!(count(&db, "device_key"), 100, "{name}");
        assert_references_are_checked(name, &db);
    }
}

#[test]
fn a_step_that_would_leave_rows_without_what_they_refer_to_is_undone() {
    const LOSING: Step = Step {
        version: 2,
        name: "fewer devices",
        sql: "ALTER TABLE device_key RENAME TO key_old;
              CREATE TABLE device_key (id BIGINT PRIMARY KEY, device TEXT NOT NULL REFERENCES device (id));
              INSERT INTO device_key SELECT id, device || '?' FROM key_old;
              DROP TABLE key_old;",
    };
    for (name, db) in with_devices() {
        let set = MigrationSet {
            owner: "devices",
            steps: &[DEVICES, LOSING],
        };
        let result = db.migrate(&set);
        let source = match result {
            Err(MigrateError::Step {
                version: 2, source, ..
            }) => source,
            other => panic!("{name}: {other:?}"),
        };
        assert!(
            matches!(source, DbError::ForeignKey { .. }),
            "{name}: {source:?}"
        );
        let kept = "device_key JOIN device ON device.id = device_key.device";
        assert_eq!(count(&db, kept), 100, "{name}");
        assert_eq!(count(&db, "store_migration"), 1, "{name}");
        assert_references_are_checked(name, &db);
    }
}

#[test]
fn a_step_that_fails_is_undone_whole_and_the_steps_before_it_stay() {
    const BROKEN: Step = Step {
        version: 3,
        name: "broken",
        sql: "CREATE TABLE half (id BIGINT); DELETE FROM device_key; INSERT INTO nowhere VALUES (1);",
    };
    for (name, db) in with_devices() {
        let set = MigrationSet {
            owner: "devices",
            steps: &[DEVICES, LABELS, BROKEN],
        };
        let result = db.migrate(&set);
        assert!(
            matches!(result, Err(MigrateError::Step { version: 3, .. })),
            "{name}: {result:?}"
        );
        assert_eq!(count(&db, "device_note"), 100, "{name}");
        assert_eq!(count(&db, "device_key"), 100, "{name}");
        // Nothing of the broken step is in the way of its repair.
        let repaired = MigrationSet {
            owner: "devices",
            steps: &[
                DEVICES,
                LABELS,
                Step {
                    version: 3,
                    name: "repaired",
                    sql: "CREATE TABLE half (id BIGINT)",
                },
            ],
        };
        migrate(name, &db, &repaired);
        assert_eq!(count(&db, "half"), 0, "{name}");
    }
}

#[test]
fn a_step_edited_after_it_was_applied_is_refused() {
    const EDITED: Step = Step {
        sql: "CREATE TABLE device (id TEXT PRIMARY KEY)",
        ..DEVICES
    };
    for (name, db) in with_devices() {
        let set = MigrationSet {
            owner: "devices",
            steps: &[EDITED, LABELS],
        };
        let result = db.migrate(&set);
        assert!(
            matches!(result, Err(MigrateError::Changed { version: 1, .. })),
            "{name}: {result:?}"
        );
        assert_eq!(count(&db, "store_migration"), 1, "{name}");
    }
}

#[test]
fn a_database_newer_than_the_program_is_refused_with_what_to_do() {
    for (name, db) in with_devices() {
        let set = MigrationSet {
            owner: "devices",
            steps: &[DEVICES, LABELS],
        };
        migrate(name, &db, &set);
        let error = db.migrate(&FIRST).unwrap_err();
        assert!(
            matches!(
                error,
                MigrateError::Newer {
                    database: 2,
                    program: 1,
                    ..
                }
            ),
            "{name}: {error:?}"
        );
        assert!(
            error.to_string().contains("use the release"),
            "{name}: {error}"
        );
    }
}

#[test]
fn steps_out_of_order_are_refused() {
    const EARLIER: Step = Step {
        version: 0,
        name: "too late",
        sql: "CREATE TABLE late (id BIGINT)",
    };
    for (name, db) in with_devices() {
        for steps in [&[LABELS, DEVICES], &[DEVICES, DEVICES], &[EARLIER, DEVICES]] {
            let set = MigrationSet {
                owner: "devices",
                steps,
            };
            let result = db.migrate(&set);
            assert!(
                matches!(result, Err(MigrateError::Order { .. })),
                "{name}: {result:?}"
            );
        }
        // Version 1 was applied, and this program has no such step.
        let set = MigrationSet {
            owner: "devices",
            steps: &[LABELS],
        };
        let result = db.migrate(&set);
        assert!(
            matches!(result, Err(MigrateError::Order { version: 1, .. })),
            "{name}: {result:?}"
        );
    }
}

#[test]
fn each_crate_has_its_own_steps() {
    for (name, db) in with_devices() {
        let other = MigrationSet {
            owner: "other",
            steps: &[Step {
                version: 1,
                name: "other",
                sql: "CREATE TABLE other (id BIGINT)",
            }],
        };
        migrate(name, &db, &other);
        migrate(name, &db, &FIRST);
        assert_eq!(count(&db, "store_migration"), 2, "{name}");
    }
}

#[test]
fn two_programs_that_start_together_apply_each_step_once() {
    for url in [testkit::sqlite(), testkit::postgres()] {
        let handles = [Db::open(&url).unwrap(), Db::open(&url).unwrap()];
        let set = MigrationSet {
            owner: "devices",
            steps: &[DEVICES, LABELS],
        };
        std::thread::scope(|scope| {
            for db in &handles {
                scope.spawn(|| migrate(&url, db, &set));
            }
        });
        assert_eq!(count(&handles[0], "store_migration"), 2);
    }
}
