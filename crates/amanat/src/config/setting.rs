//! The types of values, each read from text.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use custody::MAX_RECORD_WITNESSES;
use jiff::tz::TimeZone;
use record::WitnessVerifier;
use zeroize::Zeroizing;

/// A value that can be configured.
pub(super) trait Setting: Sized {
    /// What a value looks like, for the reference.
    const KIND: &'static str;
    /// Whether the value is written without quotes in the file.
    const BARE: bool = false;
    /// Whether the value must not be shown.
    const SECRET: bool = false;

    /// Reads the value; the error says what a right one looks like.
    fn parse(text: &str) -> Result<Self, String>;

    /// Refuses a number below `minimum`; the error says what a right one looks like.
    fn at_least(self, minimum: u32) -> Result<Self, String> {
        let _ = minimum;
        Ok(self)
    }
}

impl<T: Setting> Setting for Option<T> {
    const KIND: &'static str = T::KIND;
    const BARE: bool = T::BARE;
    const SECRET: bool = T::SECRET;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(None);
        }
        T::parse(text).map(Some)
    }
}

impl Setting for String {
    const KIND: &'static str = "text";

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err("write one line of text".to_owned());
        }
        Ok(text.to_owned())
    }
}

impl Setting for PathBuf {
    const KIND: &'static str = "path";

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("write a path".to_owned());
        }
        Ok(Self::from(text))
    }
}

impl Setting for SocketAddr {
    const KIND: &'static str = "address and port";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| {
            "write an address and a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned()
        })
    }
}

impl Setting for crate::tls::TlsVersion {
    const KIND: &'static str = "1.2 or 1.3";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "1.2" => Ok(Self::V1_2),
            "1.3" => Ok(Self::V1_3),
            _ => Err("write 1.2 or 1.3: older versions of TLS are not spoken".to_owned()),
        }
    }
}

impl Setting for bool {
    const KIND: &'static str = "true or false";
    const BARE: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "write true or false".to_owned())
    }
}

macro_rules! counts {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            const KIND: &'static str = "whole number";
            const BARE: bool = true;

            fn parse(text: &str) -> Result<Self, String> {
                text.replace('_', "")
                    .parse()
                    .map_err(|_| whole_number(0, Self::MAX))
            }

            fn at_least(self, minimum: u32) -> Result<Self, String> {
                if u64::from(self) < u64::from(minimum) {
                    return Err(whole_number(minimum, Self::MAX));
                }
                Ok(self)
            }
        }
    )*};
}

counts!(u16, u32);

fn whole_number(from: u32, to: impl fmt::Display) -> String {
    format!("write a whole number from {from} to {to}")
}

/// Where the rows are; may hold a password.
#[derive(Clone)]
pub(crate) struct DatabaseUrl(Zeroizing<String>);

impl DatabaseUrl {
    /// The URL with its password.
    pub(crate) fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

impl Setting for DatabaseUrl {
    const KIND: &'static str = "URL";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        let known = ["sqlite:", "postgres://", "postgresql://"];
        if known.iter().any(|it| text.starts_with(it)) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err("write sqlite:/path/file.db or postgres://…".to_owned())
        }
    }
}

impl Setting for web::PublicUrl {
    const KIND: &'static str = "URL";

    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|err| err.to_string())
    }
}

/// The name of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordOrigin(String);

impl RecordOrigin {
    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a name that does not come from the configuration.
    pub(crate) fn of(text: &str) -> Result<Self, String> {
        Setting::parse(text)
    }
}

impl Setting for RecordOrigin {
    const KIND: &'static str = "host and path";

    fn parse(text: &str) -> Result<Self, String> {
        let fits = !text.is_empty()
            && text.len() <= 200
            && !text.contains("://")
            && text.chars().all(|it| it.is_ascii_graphic() && it != '+');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err("write a host and path without a scheme, such as amanat.example/record".to_owned())
        }
    }
}

/// Who is asked to cosign the record.
#[derive(Debug, Clone)]
pub(crate) struct RecordWitnesses(Vec<(WitnessVerifier, String)>);

impl RecordWitnesses {
    /// Their keys.
    pub(crate) fn verifiers(&self) -> Vec<WitnessVerifier> {
        self.0.iter().map(|it| it.0.clone()).collect()
    }

    /// The witness with this key, and its address.
    pub(crate) fn of(&self, key: &str) -> Option<(&WitnessVerifier, &str)> {
        let found = self.0.iter().find(|it| it.0.to_string() == key)?;
        Some((&found.0, &found.1))
    }
}

impl Setting for RecordWitnesses {
    const KIND: &'static str = "keys and addresses";

    fn parse(text: &str) -> Result<Self, String> {
        let words = "write a key and an address for each witness, such as `witness.example/w+1a2b3c4d+BA… https://witness.example`, with commas between them";
        let mut all: Vec<(WitnessVerifier, String)> = Vec::new();
        for one in text.split(',') {
            let mut parts = one.split_whitespace();
            let (Some(key), Some(url), None) = (parts.next(), parts.next(), parts.next()) else {
                return Err(words.to_owned());
            };
            let key = WitnessVerifier::parse(key)
                .map_err(|err| format!("`{key}` is no key of a witness: {err}"))?;
            let is_here = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];
            if !url.starts_with("https://") && !is_here.iter().any(|it| url.starts_with(it)) {
                return Err(format!(
                    "`{url}` must begin with https://, or with http:// and this machine and a port"
                ));
            }
            if all.iter().any(|it| it.0 == key) {
                return Err(format!("the witness `{}` is named twice", key.name()));
            }
            all.push((key, url.to_owned()));
        }
        match all.len() <= MAX_RECORD_WITNESSES {
            true => Ok(Self(all)),
            false => Err(format!(
                "at most {MAX_RECORD_WITNESSES} witnesses are asked"
            )),
        }
    }
}

impl Setting for TimeZone {
    const KIND: &'static str = "IANA time zone";

    fn parse(text: &str) -> Result<Self, String> {
        Self::get(text)
            .map_err(|_| "write a name of the IANA database, such as Asia/Karachi".to_owned())
    }
}

/// Which events are logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogFilter(String);

impl LogFilter {
    /// The directives.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Setting for LogFilter {
    const KIND: &'static str = "levels";

    fn parse(text: &str) -> Result<Self, String> {
        let directives: Vec<_> = text.split(',').map(str::trim).collect();
        let filter = directives.join(",");
        if directives.into_iter().all(is_directive)
            && tracing_subscriber::EnvFilter::try_new(&filter).is_ok()
        {
            return Ok(Self(filter));
        }
        Err(format!(
            "write a level ({}), or crates with theirs, such as info,gateway=debug",
            LEVELS.join(", ")
        ))
    }
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// A level, or a crate or module with one. The filter itself would take a misspelled level for the name of a crate.
fn is_directive(text: &str) -> bool {
    let (name, level) = match text.split_once('=') {
        Some((name, level)) => (Some(name), level),
        None => (None, text),
    };
    let is_name = |it: &str| {
        !it.is_empty()
            && it
                .chars()
                .all(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | ':'))
    };
    LEVELS.contains(&level) && name.is_none_or(is_name)
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Setting for LogFormat {
    const KIND: &'static str = "text or json";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("write text or json".to_owned()),
        }
    }
}
