//! The configuration: `amanat.toml`, the environment and flags become checked values before a port is bound.
//!
//! Later sources win: defaults, then the file, then variables `AMANAT_<SECTION>_<KEY>`, then flags. A key that does
//! not exist stops the start, wherever it stands; every problem is reported at once. The reference page is generated
//! from the doc comments in this file.
//!
//! Nothing here is global: each component gets the section that it needs.

mod check;
mod reference;
mod setting;
mod source;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

pub(crate) use crate::tls::TlsVersion;
pub(crate) use reference::reference;
pub(crate) use setting::{DatabaseUrl, LogFilter, LogFormat, RecordOrigin, RecordWitnesses};
pub(crate) use source::{Environment, Flag, Process};

use jiff::tz::TimeZone;
use web::PublicUrl;

use setting::Setting;
use source::Values;

/// One key, for the reference and for finding the nearest right name.
#[derive(Debug)]
pub(crate) struct Key {
    /// The section in the file.
    pub(crate) section: &'static str,
    /// The name in the section.
    pub(crate) name: String,
    /// The value when nobody says anything.
    pub(crate) default: &'static str,
    /// What it is for.
    pub(crate) doc: String,
    /// What a value looks like.
    pub(crate) kind: &'static str,
    /// Whether the value is written without quotes.
    pub(crate) bare: bool,
    /// Whether the value must not be shown.
    pub(crate) secret: bool,
    /// The smallest number that makes sense.
    pub(crate) minimum: Option<u32>,
}

impl Key {
    /// `section.name`.
    pub(crate) fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("AMANAT_{}", self.path())
            .replace(['.', '-'], "_")
            .to_uppercase()
    }
}

macro_rules! sections {
    ($(
        $(#[doc = $section_doc:literal])*
        $section:ident: $type:ident {
            $($(#[doc = $doc:literal])* $field:ident: $kind:ty = $default:literal $(at_least $minimum:literal)?,)*
        }
    )*) => {
        /// Everything that can be configured, checked.
        #[derive(Debug, Clone)]
        pub(crate) struct Config {
            $($(#[doc = $section_doc])* pub(crate) $section: $type,)*
        }

        $(
            $(#[doc = $section_doc])*
            #[derive(Debug, Clone)]
            pub(crate) struct $type {
                $($(#[doc = $doc])* pub(crate) $field: $kind,)*
            }

            impl $type {
                fn read(values: &mut Values) -> Option<Self> {
                    // Every key is read before any failure counts, so that all problems are found.
                    $(let $field = values.take::<$kind>(
                        &key_path(stringify!($section), stringify!($field)),
                    );)*
                    Some(Self { $($field: $field?,)* })
                }
            }
        )*

        impl Config {
            fn read(values: &mut Values) -> Option<Self> {
                $(let $section = $type::read(values);)*
                Some(Self { $($section: $section?,)* })
            }
        }

        /// Every section and what it is about, in the order of the reference.
        pub(crate) fn sections() -> Vec<(&'static str, String)> {
            vec![$((stringify!($section), words(&[$($section_doc),*])),)*]
        }

        /// Every key, in the order of the reference.
        pub(crate) fn keys() -> Vec<Key> {
            vec![$($(Key {
                section: stringify!($section),
                name: stringify!($field).replace('_', "-"),
                default: $default,
                doc: words(&[$($doc),*]),
                kind: <$kind as Setting>::KIND,
                bare: <$kind as Setting>::BARE,
                secret: <$kind as Setting>::SECRET,
                minimum: None$(.or(Some($minimum)))?,
            },)*)*]
        }
    };
}

sections! {
    /// Where data is kept.
    data: Data {
        /// The directory of keys, the write-ahead log, the published record and, unless `database-url` says
        /// otherwise, the database. `docs/how-to/run-a-server.md` says how to back it up.
        directory: PathBuf = "amanat-data",
        /// The database of rows: `sqlite:/path/file.db` or `postgres://user:password@host/name`.
        /// Empty is SQLite in the data directory.
        database_url: Option<DatabaseUrl> = "",
    }
    /// What opens the root key, which opens everything else. A new root key is made under what is set here; one that is
    /// there keeps its protection until `amanat key protect`.
    keys: Keys {
        /// The file with the passphrase that opens the root key, one line of at least 12 bytes. Only its owner may read it
        /// (mode 0600), or it is a credential of systemd. Empty is none.
        passphrase_file: Option<PathBuf> = "",
        /// The key server that opens the root key, with the Transit engine of OpenBao or HashiCorp Vault:
        /// `https://host:port`; `http://` only on this machine. Empty is none. When `passphrase-file` is set too, a new
        /// root key is made under the key server.
        transit_address: Option<String> = "",
        /// Where its Transit engine is mounted.
        transit_mount: String = "transit",
        /// The name of the key in the engine.
        transit_key: Option<String> = "",
        /// The file with the token for the key server: as for `passphrase-file`. It is read again for each request.
        transit_token_file: Option<PathBuf> = "",
        /// The namespace, where the key server has several.
        transit_namespace: Option<String> = "",
        /// The certificates that the key server's is checked against, PEM. Empty is those that browsers trust.
        transit_ca_file: Option<PathBuf> = "",
    }
    /// Backups that the server makes by itself, and where the commands about backups look. `amanat backup init` makes a
    /// repository; `docs/how-to/back-up-and-restore.md` says what is in a backup and what is not.
    backup: Backup {
        /// The repository of backups: a directory, best on another machine or disk. While it is set, erasures are noted
        /// there too, within seconds. Empty is none.
        directory: Option<PathBuf> = "",
        /// The file with the passphrase of the repository. Only its owner may read it (mode 0600), or it is a credential of
        /// systemd.
        passphrase_file: Option<PathBuf> = "",
        /// The server makes a backup when the latest one is so many hours old. 0 is never.
        every_hours: u32 = "0",
        /// After such a backup older ones are removed but for so many of the latest. Where all four are 0 none is removed.
        keep_last: u32 = "0",
        /// And but for the latest of each of so many days, as UTC has them.
        keep_daily: u32 = "0",
        /// And but for the latest of each of so many weeks.
        keep_weekly: u32 = "0",
        /// And but for the latest of each of so many months.
        keep_monthly: u32 = "0",
    }
    /// The pages and the HTTP entry of devices.
    http: Http {
        /// The address to listen on without TLS: loopback or private. Port 0 takes a free one. To be reached from elsewhere
        /// set `tls-listen`, or put a TLS proxy in front.
        listen: SocketAddr = "127.0.0.1:8080",
        /// Take requests, and with them devices' tokens, without TLS on an address that is neither loopback nor private.
        dangerously_plain_anywhere: bool = "false",
        /// The address for HTTPS, with the certificate of `mqtt.tls-certificate`. Empty is off. Devices can show
        /// certificates here, and renew them.
        tls_listen: Option<SocketAddr> = "",
        /// The URL under which people reach the site: it stands in QR signs and sign-in links.
        /// Empty is the address that is listened on, which works for loopback only.
        public_url: Option<PublicUrl> = "",
    }
    /// The MQTT entry of devices and recipients.
    mqtt: Mqtt {
        /// The address for MQTT without TLS: loopback or private, unless `dangerously-plain-anywhere` is set. What comes in
        /// from other machines is marked on the page of its deployment. Empty is off.
        listen: Option<SocketAddr> = "127.0.0.1:1883",
        /// Take passwords and data without TLS on an address that is neither loopback nor private.
        dangerously_plain_anywhere: bool = "false",
        /// The address for MQTT with TLS. Empty is off.
        tls_listen: Option<SocketAddr> = "",
        /// The address for MQTT over WebSocket without TLS, for browsers: as for `listen`. Empty is off.
        websocket_listen: Option<SocketAddr> = "",
        /// The address for MQTT over WebSocket with TLS. Empty is off.
        websocket_tls_listen: Option<SocketAddr> = "",
        /// The certificate chain for TLS, PEM.
        tls_certificate: Option<PathBuf> = "",
        /// The private key for TLS, PEM. Only the owner may read the file. Both files are read again when they change, at
        /// SIGHUP, and by `amanat tls reload`.
        tls_key: Option<PathBuf> = "",
        /// The oldest version of TLS that is spoken, here and with HTTPS: `1.2` or `1.3`.
        tls_minimum: TlsVersion = "1.2",
    }
    /// The CoAP entry of things, over UDP. There is no encryption: see ADR 0020.
    coap: Coap {
        /// The address for CoAP: loopback or private, unless `dangerously-plain-anywhere` is set. The port of the standard
        /// is 5683. What comes in from other machines is marked on the page of its deployment. Empty is off.
        listen: Option<SocketAddr> = "",
        /// Take tokens and data without encryption on an address that is neither loopback nor private.
        dangerously_plain_anywhere: bool = "false",
    }
    /// What outsiders may ask of the server.
    limits: Limits {
        /// The longest MQTT packet and the longest HTTP body, in bytes.
        packet_bytes: u32 = "1048576" at_least 1024,
        /// The longest CONNECT, in bytes: what a stranger may send.
        connect_bytes: u32 = "16384" at_least 256,
        /// How many MQTT connections may be open.
        connections: u32 = "20000" at_least 1,
        /// How many MQTT connections one address may have open, and how many HTTP connections; of IPv6, a /64 is one
        /// address; loopback is not counted.
        /// Behind a proxy on another machine, all of HTTP comes from the proxy's address.
        connections_per_address: u32 = "1024" at_least 1,
        /// How many connections a second one address may make, MQTT and HTTP together, and as many at once; 0 is without
        /// limit; loopback is not counted.
        connections_per_second_per_address: u32 = "200",
        /// How many MQTT connections a second are taken in all; more wait. 0 is without limit.
        connections_per_second: u32 = "20000",
        /// How many MQTT connections one thing, bridge or recipient may have open.
        connections_per_peer: u32 = "1024" at_least 1,
        /// How many logins a minute may fail from one address before it has to wait, except for names that have logged in
        /// from there before; 0 is without limit; loopback is not counted.
        login_failures_per_address: u32 = "60",
        /// How many logins a minute may fail for one name before wrong answers come late over MQTT; right ones never do.
        login_failures_per_name: u32 = "60",
        /// How many HTTP connections may be open; more wait until one ends. A client that takes nothing of an answer for
        /// 30 seconds is dropped.
        http_connections: u32 = "1024" at_least 1,
        /// How long a connection may take until its CONNECT is complete, in milliseconds.
        connect_timeout_ms: u32 = "10000" at_least 100,
        /// How many subscriptions a session may hold.
        subscriptions: u32 = "64" at_least 1,
        /// How many HTTP streams a recipient may have open at once.
        streams_per_recipient: u32 = "8" at_least 1,
        /// How many deliveries may wait for a slow recipient; more are dropped and counted.
        outbox_deliveries: u32 = "1024" at_least 1,
        /// How many QoS 1 and 2 deliveries a client may leave without PUBACK or PUBCOMP; an MQTT 5 client may ask for fewer.
        inflight: u16 = "65535" at_least 1,
        /// The same for clients of MQTT 3.1.1, which cannot say how many they take.
        inflight_v3: u16 = "1024" at_least 1,
        /// How many bytes messages may hold that a client has not acknowledged; a batch of deliveries may go above it.
        inflight_bytes: u32 = "4194304" at_least 65536,
        /// How many QoS 1 and 2 publishes of a connection may be without PUBACK or PUBCOMP.
        pending_acks: u16 = "1024" at_least 1,
        /// The keep alive of MQTT 5 clients that ask for none or for a longer one, in seconds.
        keep_alive_s: u16 = "3600" at_least 1,
        /// How long an MQTT session is kept without its connection at most, in seconds; 0 keeps none.
        session_expiry_s: u32 = "604800",
        /// How many MQTT sessions without a connection are kept in all.
        sessions: u32 = "20000",
        /// How many of them one thing, bridge or recipient may have; for one more its oldest ends.
        sessions_per_peer: u32 = "16" at_least 1,
        /// How many QoS 1 and 2 deliveries wait for a session without a connection; more are dropped and counted.
        queued_deliveries: u32 = "1024",
        /// How many bytes of messages wait for a session without a connection.
        queued_bytes: u32 = "1048576",
        /// How many messages a second one thing or bridge may send, over all its connections and HTTP together; 0 is
        /// without limit.
        publishes_per_second: u32 = "50000",
        /// How many messages a second all things of one deployment may send; 0 is without limit.
        publishes_per_second_per_deployment: u32 = "1000000",
        /// How many MQTT packets a second of any kind one connection may send; 0 is without limit. Acknowledgements of
        /// messages that were sent to it and wait for one do not count.
        packets_per_second: u32 = "200000",
        /// How many questions a second one MQTT connection may ask: each PINGREQ, and each filter of SUBSCRIBE and
        /// UNSUBSCRIBE. 0 is without limit.
        requests_per_second: u32 = "1000",
        /// How long an MQTT packet may take from its first byte to its last, in milliseconds.
        packet_timeout_ms: u32 = "30000" at_least 100,
        /// How long an MQTT client may take nothing of what is sent to it, in milliseconds.
        write_timeout_ms: u32 = "60000" at_least 100,
        /// How many bytes all MQTT sessions may hold together in packets that are not whole, in answers that were not
        /// read, and in wills; whoever would go above it is disconnected.
        held_bytes: u32 = "134217728" at_least 1048576,
        /// The same for connections whose CONNECT is not whole.
        held_bytes_of_strangers: u32 = "16777216" at_least 65536,
        /// How long connections may take to finish when the server stops, in milliseconds.
        drain_timeout_ms: u32 = "5000",
    }
    /// People's own endpoints: webhooks, MQTT brokers and buckets that they have their readings sent to.
    destinations: Destinations {
        /// Certificate authorities to trust beside those of the system, PEM. Empty is none.
        roots: Option<PathBuf> = "",
        /// Let people name ports from 1024 on too, beside 443, 8443 and 8883.
        high_ports: bool = "false",
        /// Connect to private and loopback addresses too. Anybody with an account can then make this server send requests
        /// into its own network: only for an installation whose people have their endpoints there.
        dangerously_private_addresses: bool = "false",
        /// How many parcels may be under way at once.
        in_flight: u32 = "32" at_least 1,
        /// How many parcels a second may start, to all endpoints together. Each endpoint gets at most ten a second.
        parcels_per_second: u32 = "100" at_least 1,
        /// How long finding an endpoint, connecting and TLS may take, in milliseconds.
        connect_timeout_ms: u32 = "5000" at_least 100,
        /// How long a parcel may take in all, in milliseconds.
        total_timeout_ms: u32 = "20000" at_least 100,
    }
    /// The public record.
    record: Record {
        /// The name in the record's checkpoints: a host and path that the alliance controls, without a scheme.
        /// It cannot change while the record lives.
        origin: RecordOrigin = "localhost/amanat",
        /// Who is asked to cosign the record: the public key and the address of each witness, with a space between them and commas
        /// between witnesses, `witness.example/w+… https://witness.example, …`. `http://` only on this machine. Empty is nobody.
        witnesses: Option<RecordWitnesses> = "",
    }
    /// How the site speaks.
    site: Site {
        /// The time zone in which pages show times, as in the IANA database.
        timezone: TimeZone = "Asia/Karachi",
    }
    /// What is logged, on standard error.
    log: Log {
        /// Which events: `error`, `warn`, `info`, `debug`, or by crate, such as `info,gateway=debug`.
        filter: LogFilter = "info",
        /// `text` or `json`.
        format: LogFormat = "text",
    }
    /// Figures for monitoring.
    metrics: Metrics {
        /// The address that serves `/metrics` as Prometheus text. Loopback only. Empty is off.
        listen: Option<SocketAddr> = "",
    }
}

fn key_path(section: &str, field: &str) -> String {
    format!("{section}.{}", field.replace('_', "-"))
}

fn words(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|it| it.trim()).collect();
    lines.join(" ")
}

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where: file and line, variable or flag.
    pub(crate) place: String,
    /// What is wrong.
    pub(crate) reason: String,
    /// What to do about it.
    pub(crate) remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  {}", self.place, self.reason, self.remedy)
    }
}

/// The configuration cannot be used. Prints one problem after another, each but the first after `error: `, which whoever
/// reports the whole puts before the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(problems))]
pub(crate) struct ConfigError {
    /// Every problem found.
    pub(crate) problems: Vec<Problem>,
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
    lines.join("\nerror: ")
}

/// Where a value came from, for `check-config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The key.
    pub(crate) path: String,
    /// The value, or `…` for a secret.
    pub(crate) value: String,
    /// The file and line, variable, flag, or `default`.
    pub(crate) place: String,
}

/// Reads and checks the configuration; the second part says where each value came from.
///
/// `file` is the file that a flag named; without one, `AMANAT_CONFIG` or `amanat.toml` in the current directory
/// counts, if it exists.
pub(crate) fn load(
    environment: &dyn Environment,
    file: Option<PathBuf>,
    flags: &[Flag],
) -> Result<(Config, Vec<Origin>), ConfigError> {
    let mut values = Values::gather(environment, file, flags);
    let origins = values.origins();
    let config = Config::read(&mut values);
    check::check(&mut values, environment);
    match config {
        Some(config) if values.problems.is_empty() => Ok((config, origins)),
        _ => Err(ConfigError {
            problems: values.problems,
        }),
    }
}

#[cfg(test)]
mod tests;
