//! Parameters in, columns out.

use store::{DbError, FromValue, Value};

use crate::items::{add_item, databases_with_items, read, write};

/// Runs a statement that gives one row and returns its first column.
#[track_caller]
fn check<T>(sql: &str, params: &[Value<'_>], expected: T)
where
    T: FromValue + PartialEq + std::fmt::Debug + Send,
{
    for (name, db) in testkit::databases() {
        let row = read(&db, |tx| tx.query_one(sql, params)).unwrap();
        let found: Result<T, DbError> = row.get(0);
        match found {
            Ok(found) => assert_eq!(found, expected, "{name}: {sql}"),
            Err(error) => panic!("{name}: {sql}: {error}"),
        }
    }
}

#[test]
fn parameters_go_by_their_number_and_not_by_where_they_stand() {
    check(
        "SELECT $2 || '-' || $1 || '-' || $2",
        &["one".into(), "two".into()],
        "two-one-two".to_owned(),
    );
    let many: Vec<String> = (1..=12).map(|number| format!("<{number}>")).collect();
    let params: Vec<Value<'_>> = many.iter().map(Value::from).collect();
    check(
        "SELECT $12 || $11 || $10 || $9 || $8 || $7 || $6 || $5 || $4 || $3 || $2 || $1",
        &params,
        "<12><11><10><9><8><7><6><5><4><3><2><1>".to_owned(),
    );
}

#[test]
fn a_number_keeps_its_64_bits_whatever_stands_beside_it() {
    check(
        "SELECT $1 * 1000",
        &[1_800_000_000_i64.into()],
        1_800_000_000_000_i64,
    );
    check("SELECT $1", &[i64::MIN.into()], i64::MIN);
    check("SELECT $1 + 1", &[u32::MAX.into()], u64::from(u32::MAX) + 1);
}

#[test]
fn what_goes_in_comes_out() {
    check("SELECT $1", &[true.into()], true);
    check("SELECT $1", &[false.into()], false);
    check("SELECT $1", &[0.1.into()], 0.1);
    check("SELECT $1", &[f64::INFINITY.into()], f64::INFINITY);
    check(
        "SELECT $1",
        &["پانی ⚡ '\"".into()],
        "پانی ⚡ '\"".to_owned(),
    );
    check("SELECT $1", &["".into()], String::new());
    check(
        "SELECT $1",
        &[(&[0_u8, 255, 39]).into()],
        vec![0_u8, 255, 39],
    );
    check("SELECT $1", &[Some("text").into()], Some("text".to_owned()));
    check(
        "SELECT CAST($1 AS TEXT)",
        &[None::<&str>.into()],
        None::<String>,
    );
    check("SELECT CAST($1 AS TEXT) IS NULL", &[Value::Null], true);
}

#[test]
fn null_takes_the_type_of_its_column() {
    for (name, db) in databases_with_items() {
        let row = write(&db, |tx| {
            let insert = "INSERT INTO item (id, name, weight, body) VALUES ($1, $2, $3, $4) RETURNING weight, body";
            let none = [1_i64.into(), "a".into(), Value::Null, Value::Null];
            let first = tx.query_one(insert, &none)?;
            let some = [2_i64.into(), "b".into(), 0.5.into(), (&[1_u8]).into()];
            tx.query_one(insert, &some)?;
            Ok(first)
        });
        let row = row.unwrap();
        assert_eq!(row.get::<Option<f64>>(0).unwrap(), None, "{name}");
        assert_eq!(row.get::<Option<Vec<u8>>>(1).unwrap(), None, "{name}");
    }
}

#[test]
fn sums_and_means_and_truth_have_one_type_on_both_engines() {
    let five = "(SELECT CAST(1 AS BIGINT) AS n UNION ALL SELECT 4) AS t";
    check(&format!("SELECT SUM(n) FROM {five}"), &[], 5_i64);
    check(&format!("SELECT AVG(n) FROM {five}"), &[], 2.5);
    check(&format!("SELECT COUNT(*) FROM {five}"), &[], 2_u32);
    check(&format!("SELECT MAX(n) > 3 FROM {five}"), &[], true);
    check("SELECT 7 / 2", &[], 3_i64);
}

#[test]
fn text_is_compared_byte_by_byte_and_like_heeds_case() {
    for (name, db) in databases_with_items() {
        let names = write(&db, |tx| {
            for (word, id) in ["b", "B", "é", "a", "-a", "Z"].iter().zip(0..) {
                add_item(tx, id, word)?;
            }
            let rows = tx.query("SELECT name FROM item ORDER BY name", &[])?;
            rows.iter()
                .map(|row| row.get(0))
                .collect::<Result<Vec<String>, _>>()
        });
        assert_eq!(names, ["-a", "B", "Z", "a", "b", "é"], "{name}");
    }
    check("SELECT 'Amanat' LIKE 'ama%'", &[], false);
    check("SELECT 'Amanat' LIKE 'Ama%'", &[], true);
    check("SELECT lower('ÉA')", &[], "Éa".to_owned());
}

#[test]
fn execute_tells_how_many_rows_changed() {
    for (name, db) in databases_with_items() {
        let counts = write(&db, |tx| {
            add_item(tx, 1, "one")?;
            add_item(tx, 2, "two")?;
            Ok([
                tx.execute("UPDATE item SET weight = $1", &[1.5.into()])?,
                tx.execute("CREATE TABLE other (id BIGINT)", &[])?,
                tx.execute("DELETE FROM item WHERE id = $1", &[9_i64.into()])?,
                tx.execute(
                    "INSERT INTO item (id, name) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
                    &[1_i64.into(), "three".into()],
                )?,
                tx.execute("DELETE FROM item WHERE id = 1 RETURNING name", &[])?,
            ])
        });
        assert_eq!(counts, [2, 0, 0, 0, 1], "{name}");
    }
}

#[test]
fn a_conflict_updates_and_returns_in_one_statement() {
    for (name, db) in databases_with_items() {
        let upsert = "INSERT INTO item (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING name";
        let names = write(&db, |tx| {
            let first = tx.query_one(upsert, &[1_i64.into(), "old".into()])?;
            let second = tx.query_one(upsert, &[1_i64.into(), "new".into()])?;
            [first, second]
                .iter()
                .flatten()
                .map(|row| row.get(0))
                .collect::<Result<Vec<String>, _>>()
        });
        assert_eq!(names, ["old", "new"], "{name}");
    }
}

#[test]
fn query_one_gives_a_row_or_none_and_refuses_more() {
    for (name, db) in databases_with_items() {
        let none = read(&db, |tx| tx.query_one("SELECT id FROM item", &[]));
        assert!(none.is_none(), "{name}");
        write(&db, |tx| {
            add_item(tx, 1, "one")?;
            add_item(tx, 2, "two")
        });
        let many = db.read(|tx| tx.query_one("SELECT id FROM item", &[]));
        assert!(
            matches!(many, Err(DbError::ManyRows { .. })),
            "{name}: {many:?}"
        );
    }
}

#[test]
fn a_large_block_survives() {
    let block: Vec<u8> = (0..=255_u8).cycle().take(3_000_000).collect();
    for (name, db) in databases_with_items() {
        write(&db, |tx| {
            tx.execute(
                "INSERT INTO item (id, name, body) VALUES (1, 'block', $1)",
                &[(&block).into()],
            )
        });
        let row = read(&db, |tx| tx.query_one("SELECT body FROM item", &[])).unwrap();
        assert!(row.get::<Vec<u8>>(0).unwrap() == block, "{name}");
    }
}

#[test]
fn more_statements_than_the_cache_holds_still_work() {
    for (_, db) in testkit::databases() {
        read(&db, |tx| {
            for round in 0..2 {
                for number in 0..300_i64 {
                    let sql = format!("SELECT $1 + {number}");
                    let row = tx.query_one(&sql, &[round.into()])?;
                    assert_eq!(row.unwrap().get::<i64>(0)?, round + number);
                }
            }
            Ok(())
        });
    }
}
