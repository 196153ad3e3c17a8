//! The address of a database: parsed once, then used for every connection.

use std::{
    fmt,
    path::{self, PathBuf},
    time::Duration,
};

use ::postgres::config::{Config, Host, SslMode};

use crate::{
    DbError, Engine, OpenError,
    connection::{Connection, PostgresConnection, Role, SqliteConnection},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);

/// What a URL names; its `Display` has no password.
pub(crate) enum Target {
    Sqlite(PathBuf),
    Postgres(Box<Config>),
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, OpenError> {
        // Without a colon the text may be anything, a password included, and is not repeated.
        let (scheme, rest) = url.split_once(':').unwrap_or(("", url));
        match scheme {
            "sqlite" => sqlite(rest),
            "postgres" | "postgresql" => postgres(url),
            _ => Err(OpenError::Scheme {
                scheme: scheme.to_owned(),
            }),
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    pub(crate) fn connect(&self, role: Role) -> Result<Box<dyn Connection>, OpenError> {
        match self {
            Self::Sqlite(path) => Ok(Box::new(SqliteConnection::open(self, path, role)?)),
            Self::Postgres(config) => Ok(Box::new(PostgresConnection::open(self, config)?)),
        }
    }

    pub(crate) fn unreachable(&self, source: DbError) -> OpenError {
        OpenError::Connect {
            target: self.to_string(),
            source,
        }
    }

    pub(crate) fn unfit(&self, reason: &'static str) -> OpenError {
        OpenError::Unfit {
            target: self.to_string(),
            reason,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "SQLite file `{}`", path.display()),
            Self::Postgres(config) => {
                let name = config.get_dbname().unwrap_or_default();
                write!(f, "PostgreSQL database `{name}`")?;
                match config.get_hosts().first() {
                    Some(Host::Tcp(host)) => write!(f, " at `{host}`"),
                    Some(Host::Unix(path)) => write!(f, " at `{}`", path.display()),
                    None => Ok(()),
                }
            }
        }
    }
}

fn sqlite(rest: &str) -> Result<Target, OpenError> {
    let file = rest.strip_prefix("//").unwrap_or(rest);
    if file.is_empty() || file == ":memory:" {
        return Err(OpenError::Address {
            reason: "SQLite needs a file, as in `sqlite:/var/lib/amanat/amanat.db`",
        });
    }
    // Connections are opened later too, when the working directory may have changed.
    let path = path::absolute(file).map_err(|source| OpenError::Create {
        path: file.into(),
        source,
    })?;
    Ok(Target::Sqlite(path))
}

fn postgres(url: &str) -> Result<Target, OpenError> {
    // The parser's own text is left out: it can repeat a part of a password that was not percent-encoded.
    let mut config: Config = url.parse().map_err(|_| OpenError::Address {
        reason: "write `postgres://user:password@host:5432/database`, with special characters percent-encoded",
    })?;
    if config.get_ssl_mode() == SslMode::Require {
        return Err(OpenError::Address {
            reason: "TLS to PostgreSQL is not supported; use a unix socket, loopback or an encrypted tunnel, without `sslmode=require`",
        });
    }
    if config.get_hosts().is_empty() || config.get_user().is_none() {
        return Err(OpenError::Address {
            reason: "PostgreSQL needs a user and a host, as in `postgres://user:password@host:5432/database`",
        });
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    config.keepalives_idle(KEEPALIVE_IDLE);
    config.tcp_user_timeout(KEEPALIVE_IDLE);
    Ok(Target::Postgres(Box::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refusal(url: &str) -> String {
        match Target::parse(url) {
            Ok(target) => panic!("`{url}` was taken for the {target}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_unknown_scheme_is_an_error_that_names_both_engines() {
        for url in ["mysql://u:hunter2@h/db", "hunter2", "", "/var/lib/x.db"] {
            let text = refusal(url);
            assert!(text.contains("sqlite:/"), "{text}");
            assert!(text.contains("postgres://"), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn sqlite_takes_a_path_and_nothing_in_memory() {
        let target = Target::parse("sqlite:/var/lib/x.db").unwrap();
        assert_eq!(target.to_string(), "SQLite file `/var/lib/x.db`");
        let target = Target::parse("sqlite:///var/lib/x.db").unwrap();
        assert_eq!(target.to_string(), "SQLite file `/var/lib/x.db`");
        assert!(refusal("sqlite::memory:").contains("needs a file"));
        assert!(refusal("sqlite:").contains("needs a file"));
    }

    #[test]
    fn a_password_is_never_shown() {
        let target = Target::parse("postgres://user:hunter2@db.example/rows").unwrap();
        assert_eq!(
            target.to_string(),
            "PostgreSQL database `rows` at `db.example`"
        );
        for url in [
            "postgres://user:hunter2@host:port/rows",
            "postgres://user:hunter2@host/rows?hunter2=1",
            "postgres://user:hunter2@host/rows?sslmode=require",
        ] {
            assert!(!refusal(url).contains("hunter2"));
        }
    }

    #[test]
    fn tls_that_we_do_not_speak_is_refused_and_not_skipped() {
        let text = refusal("postgres://user@host/rows?sslmode=require");
        assert!(text.contains("TLS"), "{text}");
    }
}
