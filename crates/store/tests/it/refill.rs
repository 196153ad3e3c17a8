//! Every row out of one database and into another, of either engine.

use store::{
    AppliedStep, Db, DbError, MigrateError, MigrationSet, RefillError, Step, Table, Value,
};

use crate::items::{read, write};

const TABLES: MigrationSet = MigrationSet {
    owner: "house",
    steps: &[
        Step {
            version: 1,
            name: "first",
            // The one that is referred to comes last by name.
            sql: "CREATE TABLE zone (id TEXT NOT NULL PRIMARY KEY, about TEXT);
                  CREATE TABLE box (
                      zone TEXT NOT NULL REFERENCES zone (id),
                      number BIGINT NOT NULL,
                      weight DOUBLE PRECISION,
                      body BYTEA,
                      PRIMARY KEY (zone, number)
                  );
                  CREATE TABLE remark (at BIGINT NOT NULL, words TEXT);
                  INSERT INTO remark (at, words) VALUES (0, 'made by a migration');",
        },
        Step {
            version: 2,
            name: "second",
            sql: "ALTER TABLE zone ADD COLUMN size BIGINT NOT NULL DEFAULT 7;
                  ALTER TABLE zone DROP COLUMN about;",
        },
    ],
};

const BOXES: i64 = 700;

fn filled(db: &Db) {
    db.migrate(&TABLES).unwrap();
    write(db, |tx| {
        for zone in ["b", "ä", "", "A", "\"quoted\"; DROP TABLE zone"] {
            tx.execute("INSERT INTO zone (id) VALUES ($1)", &[zone.into()])?;
        }
        for number in 0..BOXES {
            let (real, body) = (number as f64 / 3.0, vec![0xff; number as usize % 9]);
            let params: [Value<'_>; 4] = match number % 3 {
                0 => ["b".into(), (-number).into(), real.into(), (&body).into()],
                1 => ["ä".into(), number.into(), Value::Null, (&body).into()],
                _ => [
                    "A".into(),
                    i64::MAX.wrapping_sub(number).into(),
                    real.into(),
                    Value::Null,
                ],
            };
            let sql = "INSERT INTO box (zone, number, weight, body) VALUES ($1, $2, $3, $4)";
            tx.execute(sql, &params)?;
        }
        // Twice the same, and nothing at all.
        for words in [Some("x"), Some("x"), None] {
            let sql = "INSERT INTO remark (at, words) VALUES (5, $1)";
            tx.execute(sql, &[words.into()])?;
        }
        Ok(())
    });
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Owned {
    Null,
    Int(i64),
    Real(u64),
    Text(String),
    Blob(Vec<u8>),
}

fn owned(value: Value<'_>) -> Owned {
    match value {
        Value::Null => Owned::Null,
        Value::Int(it) => Owned::Int(it),
        Value::Real(it) => Owned::Real(it.to_bits()),
        Value::Text(it) => Owned::Text(it.to_owned()),
        Value::Blob(it) => Owned::Blob(it.to_vec()),
    }
}

fn lent(value: &Owned) -> Value<'_> {
    match value {
        Owned::Null => Value::Null,
        Owned::Int(it) => Value::Int(*it),
        Owned::Real(it) => Value::Real(f64::from_bits(*it)),
        Owned::Text(it) => Value::Text(it),
        Owned::Blob(it) => Value::Blob(it),
    }
}

type Contents = Vec<(Table, Vec<Vec<Owned>>)>;

fn contents(db: &Db) -> (Vec<AppliedStep>, Contents) {
    read(db, |tx| {
        let mut contents = Contents::new();
        for table in tx.tables()? {
            let mut rows: Vec<Vec<Owned>> = Vec::new();
            // One that may hold nothing is no order.
            tx.each_row(&table, &["weight", "number"], |row| {
                rows.push(row.values().map(owned).collect());
                Ok::<_, DbError>(())
            })?;
            if table.key.is_empty() {
                // Where nothing stands is before or behind the others, by engine.
                rows.sort();
            }
            contents.push((table, rows));
        }
        Ok((tx.applied_steps()?, contents))
    })
}

fn put_back(db: &Db, contents: &Contents) {
    write(db, |tx| {
        let tables = tx.tables()?;
        for (table, rows) in contents {
            let here = tables.iter().find(|it| it.name == table.name).unwrap();
            assert_eq!(here.columns, table.columns);
            let rows: Vec<Vec<Value<'_>>> = rows
                .iter()
                .map(|it| it.iter().map(lent).collect())
                .collect();
            tx.insert_rows(here, &rows)?;
        }
        tx.end_refill()
    });
}

#[test]
fn rows_go_from_either_engine_into_either() {
    for (from, source) in testkit::databases() {
        filled(&source);
        let (steps, before) = contents(&source);
        let names: Vec<&str> = before.iter().map(|it| it.0.name.as_str()).collect();
        assert_eq!(names, ["remark", "zone", "box"], "{from}");
        assert_eq!(before[2].1.len(), BOXES as usize);
        for (to, target) in testkit::databases() {
            target.begin_refill(&[&TABLES], &steps, "t").unwrap();
            put_back(&target, &before);
            let (found, after) = contents(&target);
            assert_eq!(found, steps, "{from} to {to}");
            assert_eq!(after, before, "{from} to {to}");
            target.migrate(&TABLES).unwrap();
        }
    }
}

#[test]
fn rows_of_an_older_schema_are_migrated_afterwards() {
    let older = MigrationSet {
        owner: "house",
        steps: &TABLES.steps[..1],
    };
    for (name, source) in testkit::databases() {
        source.migrate(&older).unwrap();
        write(&source, |tx| {
            tx.execute("INSERT INTO zone (id) VALUES ('a')", &[])
        });
        let (steps, before) = contents(&source);
        for (_, target) in testkit::databases() {
            target.begin_refill(&[&TABLES], &steps, "t").unwrap();
            put_back(&target, &before);
            target.migrate(&TABLES).unwrap();
            let size = read(&target, |tx| tx.query_one("SELECT size FROM zone", &[]));
            assert_eq!(size.unwrap().get::<i64>(0).unwrap(), 7, "{name}");
        }
    }
}

#[test]
fn a_database_in_use_is_refused_and_a_broken_off_refill_begun_again() {
    for (name, db) in testkit::databases() {
        filled(&db);
        let (steps, before) = contents(&db);
        let refused = db.begin_refill(&[&TABLES], &steps, "other");
        assert!(matches!(refused, Err(RefillError::NotEmpty)), "{name}");
        assert_eq!(contents(&db), (steps.clone(), before.clone()));

        let (_, target) = testkit::databases()
            .into_iter()
            .find(|it| it.0 == name)
            .unwrap();
        target.begin_refill(&[&TABLES], &steps, "t").unwrap();
        // Nothing starts on it.
        let refused = target.migrate(&TABLES);
        assert!(matches!(refused, Err(MigrateError::Refilling)), "{name}");
        let broken: Result<(), DbError> = target.write(|tx| {
            let tables = tx.tables()?;
            tables.iter().try_for_each(|it| tx.clear(it))?;
            Err(DbError::Busy)
        });
        assert!(broken.is_err());
        target.begin_refill(&[&TABLES], &steps, "t").unwrap();
        put_back(&target, &before);
        assert_eq!(contents(&target).1, before, "{name}");
        let refused = target.begin_refill(&[&TABLES], &steps, "other");
        assert!(matches!(refused, Err(RefillError::NotEmpty)), "{name}");
        // Who put them in may do so once more, until it is settled.
        target.migrate(&TABLES).unwrap();
        target.begin_refill(&[&TABLES], &steps, "t").unwrap();
        put_back(&target, &before);
        assert_eq!(contents(&target), (steps.clone(), before.clone()), "{name}");
        target.settle_refill().unwrap();
        let refused = target.begin_refill(&[&TABLES], &steps, "t");
        assert!(matches!(refused, Err(RefillError::NotEmpty)), "{name}");
    }
}

#[test]
fn steps_of_another_program_are_refused_before_anything_is_made() {
    for (name, db) in testkit::databases() {
        let step = |owner: &str, version, checksum: &str| AppliedStep {
            owner: owner.to_owned(),
            version,
            checksum: checksum.to_owned(),
        };
        let changed = db.begin_refill(&[&TABLES], &[step("house", 1, "sha256:00")], "t");
        assert!(
            matches!(
                changed,
                Err(RefillError::Migrate(MigrateError::Changed { .. }))
            ),
            "{name}"
        );
        let newer = db.begin_refill(&[&TABLES], &[step("house", 9, "sha256:00")], "t");
        assert!(
            matches!(newer, Err(RefillError::Migrate(MigrateError::Newer { .. }))),
            "{name}"
        );
        let stranger = db.begin_refill(&[&TABLES], &[step("garden", 1, "sha256:00")], "t");
        assert!(matches!(stranger, Err(RefillError::Owner { .. })), "{name}");
        db.migrate(&TABLES).unwrap();
    }
}
