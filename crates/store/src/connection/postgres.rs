//! PostgreSQL: the blocking client, called on threads that belong to no runtime.

use std::{collections::HashMap, error::Error};

use ::postgres::{
    Client, Config, NoTls, Statement,
    error::SqlState,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use super::{Connection, LOCK_TIMEOUT_MS, Mode, STATEMENTS};
use crate::{DbError, Engine, OpenError, Row, Value, row::Cell, url::Target};

/// Held by the one write transaction in the database; any number will do as long as it stays the same.
const WRITER_LOCK: i64 = 0x616d_616e_6174;

pub(crate) struct PostgresConnection {
    client: Client,
    /// By text, and then by the types of the parameters: null has none of its own.
    statements: HashMap<String, Vec<(Vec<Type>, Statement)>>,
}

impl PostgresConnection {
    pub(crate) fn open(target: &Target, config: &Config) -> Result<Self, OpenError> {
        let connect = || {
            let mut client = config.connect(NoTls)?;
            client.batch_execute(&settings())?;
            let row = client.query_one(FITNESS, &[])?;
            Ok((client, row.try_get(0)?, row.try_get(1)?))
        };
        let (client, utf8, bytewise): (_, bool, bool) =
            connect().map_err(|error| target.unreachable(db_error("connect", &error)))?;
        if !utf8 {
            return Err(target.unfit(
                "its encoding is not UTF8; create it with `ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0`",
            ));
        }
        if !bytewise {
            return Err(target.unfit(
                "it sorts text by the rules of a language, which change with the operating system; create it with `ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0`",
            ));
        }
        Ok(Self {
            client,
            statements: HashMap::new(),
        })
    }

    fn run(&mut self, sql: &str) -> Result<(), DbError> {
        self.client
            .batch_execute(sql)
            .map_err(|error| db_error(sql, &error))
    }

    fn prepare(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Statement, DbError> {
        let types: Vec<Type> = params.iter().map(Param::sql_type).collect();
        let known = self.statements.get(sql).and_then(|known| {
            let mut known = known.iter();
            known.find(|(known, _)| *known == types)
        });
        if let Some((_, statement)) = known {
            return Ok(statement.clone());
        }
        let prepared = self.client.prepare_typed(sql, &types);
        let statement = prepared.map_err(|error| db_error(sql, &error))?;
        if statement.params().len() != params.len() {
            return Err(DbError::Parameters {
                sql: sql.to_owned(),
                given: params.len(),
            });
        }
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        let known = self.statements.entry(sql.to_owned()).or_default();
        known.push((types, statement.clone()));
        Ok(statement)
    }

    fn call<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        f: impl FnOnce(&mut Client, &Statement, &[&(dyn ToSql + Sync)]) -> Result<T, ::postgres::Error>,
    ) -> Result<T, DbError> {
        let params: Vec<Param<'_>> = params.iter().copied().map(Param).collect();
        let statement = self.prepare(sql, &params)?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as _).collect();
        f(&mut self.client, &statement, &params).map_err(|error| {
            // It may have been prepared for a table that has changed since.
            self.statements.remove(sql);
            db_error(sql, &error)
        })
    }
}

impl Connection for PostgresConnection {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn begin(&mut self, mode: Mode) -> Result<(), DbError> {
        match mode {
            Mode::Read => self.run("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"),
            // Every statement after the lock sees all that earlier writers committed.
            Mode::Write | Mode::Rebuild => self.run(&format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE; SELECT pg_advisory_xact_lock({WRITER_LOCK})"
            )),
        }
    }

    fn commit(&mut self) -> Result<(), DbError> {
        self.run("COMMIT")
    }

    fn rollback(&mut self) -> Result<(), DbError> {
        self.run("ROLLBACK")
    }

    fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, DbError> {
        self.call(sql, params, |client, statement, params| {
            client.execute(statement, params)
        })
    }

    fn query(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<Row>, DbError> {
        let rows = self.call(sql, params, |client, statement, params| {
            client.query(statement, params)
        })?;
        rows.iter().map(|row| owned(sql, row)).collect()
    }

    fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        self.run(sql)
    }
}

/// Whether text is kept as UTF-8, and whether it is compared byte by byte as SQLite does.
const FITNESS: &str = "SELECT current_setting('server_encoding') = 'UTF8', \
     'B'::text < 'a'::text AND '-b'::text < 'a'::text AND 'Z'::text < 'é'::text";

/// A commit that is not on disk is no commit, whatever the server's default says.
fn settings() -> String {
    format!(
        "SET lock_timeout = {LOCK_TIMEOUT_MS}; \
         SET client_encoding = 'UTF8'; \
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
}

fn owned(sql: &str, row: &::postgres::Row) -> Result<Row, DbError> {
    let cells = (0..row.len()).map(|column| {
        row.try_get(column).map_err(|_| DbError::Sql {
            sql: sql.to_owned(),
            reason: format!("column {column} has a type that SQLite does not have"),
        })
    });
    Ok(Row::new(cells.collect::<Result<_, _>>()?))
}

#[derive(Debug)]
struct Param<'a>(Value<'a>);

impl Param<'_> {
    /// Told to the server, so that a number is 64 bits wide and not what its neighbour in the statement happens to be.
    fn sql_type(&self) -> Type {
        match self.0 {
            Value::Null => Type::UNKNOWN,
            Value::Int(_) => Type::INT8,
            Value::Real(_) => Type::FLOAT8,
            Value::Text(_) => Type::TEXT,
            Value::Blob(_) => Type::BYTEA,
        }
    }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        sql_type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(value) => value.to_sql(sql_type, out),
            Value::Real(value) => value.to_sql(sql_type, out),
            Value::Text(value) => value.to_sql(sql_type, out),
            Value::Blob(value) => value.to_sql(sql_type, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Cell {
    fn from_sql(sql_type: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *sql_type {
            Type::BOOL => Self::Int(bool::from_sql(sql_type, raw)?.into()),
            Type::INT2 => Self::Int(i16::from_sql(sql_type, raw)?.into()),
            Type::INT4 => Self::Int(i32::from_sql(sql_type, raw)?.into()),
            Type::INT8 => Self::Int(i64::from_sql(sql_type, raw)?),
            Type::FLOAT4 => Self::Real(f32::from_sql(sql_type, raw)?.into()),
            Type::FLOAT8 => Self::Real(f64::from_sql(sql_type, raw)?),
            Type::NUMERIC => numeric(raw).ok_or("a numeric that is not a number")?,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
                Self::Text(String::from_sql(&Type::TEXT, raw)?)
            }
            Type::BYTEA => Self::Blob(raw.to_vec()),
            Type::VOID => Self::Null,
            _ => return Err("a type that SQLite does not have".into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The sum of integers is a `NUMERIC` without decimals, their mean one with decimals.
///
/// Big-endian 16-bit words: number of digits, weight of the first digit, sign, decimals, then digits to the base 10 000.
fn numeric(raw: &[u8]) -> Option<Cell> {
    let mut words = raw.chunks_exact(2).map(|word| match word {
        [high, low] => i16::from_be_bytes([*high, *low]),
        _ => 0,
    });
    let (count, weight) = (words.next()?, words.next()?);
    let (sign, decimals) = (words.next()?, words.next()?);
    let mut text = match sign {
        0 => String::from("0"),
        0x4000 => String::from("-0"),
        _ => return None,
    };
    text.extend(words.map(|digit| format!("{digit:04}")));
    let zeros = 4 * (i32::from(weight) + 1 - i32::from(count));
    if decimals == 0 {
        let power = 10_i128.checked_pow(u32::try_from(zeros).ok()?);
        let whole = text.parse::<i128>().ok();
        let whole = whole.and_then(|whole| whole.checked_mul(power?));
        if let Some(whole) = whole.and_then(|whole| i64::try_from(whole).ok()) {
            return Some(Cell::Int(whole));
        }
    }
    format!("{text}e{zeros}").parse().ok().map(Cell::Real)
}

fn db_error(sql: &str, error: &::postgres::Error) -> DbError {
    let Some(refusal) = error.as_db_error() else {
        let cause = error.source().map(|cause| format!(": {cause}"));
        let reason = format!("{error}{}", cause.unwrap_or_default());
        return match error.source() {
            Some(cause) if !cause.is::<std::io::Error>() => DbError::Sql {
                sql: sql.to_owned(),
                reason,
            },
            _ => DbError::Lost { reason },
        };
    };
    let constraint = || {
        let name = refusal.constraint().or(refusal.column());
        name.unwrap_or("PostgreSQL does not name it").to_owned()
    };
    match *refusal.code() {
        SqlState::UNIQUE_VIOLATION => DbError::Unique {
            constraint: constraint(),
        },
        SqlState::FOREIGN_KEY_VIOLATION | SqlState::RESTRICT_VIOLATION => DbError::ForeignKey {
            constraint: constraint(),
        },
        SqlState::READ_ONLY_SQL_TRANSACTION => DbError::ReadOnly,
        SqlState::LOCK_NOT_AVAILABLE
        | SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::T_R_DEADLOCK_DETECTED => DbError::Busy,
        SqlState::DISK_FULL => DbError::Full,
        ref code => match code.code().get(..2).unwrap_or_default() {
            "23" => DbError::Constraint {
                constraint: constraint(),
            },
            // Connection, authorization, unknown database, too many connections, shutdown.
            "08" | "28" | "3D" | "53" | "57" => DbError::Lost {
                reason: refusal.message().to_owned(),
            },
            // A statement that the server could not make sense of: its words are those of the statement.
            "42" => DbError::Sql {
                sql: sql.to_owned(),
                reason: refusal.message().to_owned(),
            },
            // The server's words may repeat a value.
            _ => DbError::Sql {
                sql: sql.to_owned(),
                reason: format!("PostgreSQL error {}", code.code()),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[i16], expected: Option<Value<'_>>) {
        let raw: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let found = numeric(&raw).map(|cell| Row::new(vec![cell]));
        let found = found.map(|row| {
            row.get::<i64>(0)
                .map(Value::Int)
                .or_else(|_| row.get::<f64>(0).map(Value::Real))
                .unwrap()
        });
        // Compared as text: the `Debug` of a value hides it.
        let show = |value: Value<'_>| match value {
            Value::Int(value) => format!("int {value}"),
            Value::Real(value) => format!("real {value:?}"),
            _ => "other".to_owned(),
        };
        assert_eq!(found.map(show), expected.map(show));
    }

    #[test]
    fn a_numeric_becomes_a_whole_number_or_the_nearest_float() {
        check(&[0, 0, 0, 0], Some(Value::Int(0)));
        check(&[1, 0, 0, 0, 7], Some(Value::Int(7)));
        check(&[1, 1, 0x4000, 0, 12], Some(Value::Int(-120_000)));
        check(&[2, 0, 0, 2, 3, 2500], Some(Value::Real(3.25)));
        check(&[1, -1, 0x4000, 4, 5], Some(Value::Real(-0.0005)));
        // 2^63 does not fit.
        check(
            &[5, 4, 0, 0, 922, 3372, 368, 5477, 5808],
            Some(Value::Real(9_223_372_036_854_775_808.0)),
        );
        check(&[0, 0, -0x4000, 0], None);
        check(&[1, 0], None);
    }
}
