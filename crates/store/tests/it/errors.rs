//! Errors that callers branch on, and what no error may say.

use store::{Db, DbError};

use crate::items::{add_item, databases_with_items, write};

const SECRET: &str = "secret-4711";

fn with_parts(db: &Db) {
    write(db, |tx| {
        tx.execute(
            "CREATE TABLE part (id TEXT PRIMARY KEY, item BIGINT NOT NULL REFERENCES item (id), size BIGINT CHECK (size > 0))",
            &[],
        )
    });
}

/// Runs one statement that fails, on both engines, and checks that its error repeats no parameter.
#[track_caller]
fn check(sql: &str, params: &[store::Value<'_>], expected: fn(&DbError) -> bool) {
    for (name, db) in databases_with_items() {
        with_parts(&db);
        write(&db, |tx| {
            add_item(tx, 4711, SECRET)?;
            tx.execute(
                "INSERT INTO part (id, item) VALUES ($1, $2)",
                &[SECRET.into(), 4711_i64.into()],
            )
        });
        let error = db.write(|tx| tx.query(sql, params)).unwrap_err();
        assert!(expected(&error), "{name}: {error:?}");
        let said = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
        assert!(!said.contains("4711"), "{name}: {said}");
    }
}

#[test]
fn a_key_that_exists_is_told_apart() {
    let is_unique = |error: &DbError| matches!(error, DbError::Unique { .. });
    let insert = "INSERT INTO item (id, name) VALUES ($1, $2)";
    check(insert, &[4711_i64.into(), "other".into()], is_unique);
    check(insert, &[1_i64.into(), SECRET.into()], is_unique);
    let insert = "INSERT INTO part (id, item) VALUES ($1, $2)";
    check(insert, &[SECRET.into(), 4711_i64.into()], is_unique);
}

#[test]
fn a_broken_reference_is_told_apart() {
    let is_foreign = |error: &DbError| matches!(error, DbError::ForeignKey { .. });
    let insert = "INSERT INTO part (id, item) VALUES ('new', $1)";
    check(insert, &[471_147_110_i64.into()], is_foreign);
    let delete = "DELETE FROM item WHERE name = $1";
    check(delete, &[SECRET.into()], is_foreign);
}

#[test]
fn a_value_that_its_column_refuses_is_told_apart() {
    let is_constraint = |error: &DbError| matches!(error, DbError::Constraint { .. });
    let insert = "INSERT INTO part (id, item, size) VALUES ('new', 4711, $1)";
    check(insert, &[(-4711_i64).into()], is_constraint);
    let insert = "INSERT INTO item (id, name) VALUES (4712, $1)";
    check(insert, &[None::<&str>.into()], is_constraint);
}

#[test]
fn a_mistake_in_a_statement_says_what_it_is() {
    let names_it = |error: &DbError| {
        let said = error.to_string();
        matches!(error, DbError::Sql { .. }) && said.contains("no_such_table")
    };
    check(
        "SELECT id FROM no_such_table WHERE name = $1",
        &[SECRET.into()],
        names_it,
    );
    let is_sql = |error: &DbError| matches!(error, DbError::Sql { .. });
    check("SELEKT 1", &[], is_sql);
    check("SELECT 1; SELECT 2", &[], is_sql);
}

#[test]
fn parameters_that_do_not_fit_are_refused() {
    let is_parameters = |error: &DbError| {
        // PostgreSQL finds some of these itself while it reads the statement.
        matches!(error, DbError::Parameters { .. } | DbError::Sql { .. })
    };
    let select = "SELECT id FROM item WHERE name = $1 AND id = $2";
    check(select, &[SECRET.into()], is_parameters);
    check(select, &[], is_parameters);
    check(
        "SELECT id FROM item WHERE name = $2",
        &[SECRET.into()],
        is_parameters,
    );
}

#[test]
fn what_one_engine_would_bend_is_refused_on_both() {
    let is_value = |error: &DbError| matches!(error, DbError::Value { number: 2, .. });
    let update = "UPDATE item SET name = $2 WHERE id = $1";
    check(update, &[4711_i64.into(), "secret-4711\0".into()], is_value);
    let update = "UPDATE item SET weight = $2 WHERE id = $1";
    check(update, &[4711_i64.into(), f64::NAN.into()], is_value);
}

#[test]
fn a_column_read_as_the_wrong_type_is_an_error_without_its_value() {
    for (name, db) in databases_with_items() {
        write(&db, |tx| add_item(tx, 4711, SECRET));
        let row = crate::items::read(&db, |tx| {
            tx.query_one("SELECT name, id, weight FROM item", &[])
        });
        let row = row.unwrap();
        let errors = [
            row.get::<i64>(0).unwrap_err(),
            row.get::<bool>(1).unwrap_err(),
            row.get::<f64>(2).unwrap_err(),
            row.get::<String>(3).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, DbError::Column { .. }), "{name}: {error:?}");
            assert!(
                !format!("{error} {error:?}").contains("4711"),
                "{name}: {error}"
            );
        }
        assert_eq!(format!("{row:?}"), "Row(3 columns)");
    }
}
