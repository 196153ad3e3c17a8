//! Where an endpoint is: texts of people, parsed once. Here only the form of a name is; which hosts may be named is in `local`, and
//! which *addresses* may be connected to is asked there again by the network side at the moment of connecting.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The longest host name, in bytes.
const MAX_HOST_BYTES: usize = 253;
/// The longest URL, in bytes.
const MAX_URL_BYTES: usize = 2_048;
/// The longest user name, key id, region, bucket name or prefix, in bytes.
const MAX_WORD_BYTES: usize = 128;
/// The longest topic template, in bytes.
const MAX_TOPIC_BYTES: usize = 256;

/// Why a text is not an address of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not `https://` or `mqtts://`.
    #[error("readings travel encrypted only: begin with https:// or mqtts://")]
    Scheme,
    /// User name or password in the URL.
    #[error("a URL cannot hold a user name or password: use the fields for them")]
    UserInfo,
    /// The host is no name or address.
    #[error("this host cannot be used: write a name such as data.example.org")]
    Host,
    /// A name with letters beyond a-z.
    #[error("write the host in its xn-- form")]
    Punycode,
    /// The port is no number from 1 to 65535.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// The path, query or fragment cannot be sent as it is.
    #[error("the path can have letters, digits and the usual signs, and no part after #")]
    Path,
    /// Too long.
    #[error("this is too long")]
    TooLong,
    /// The topic cannot be published to.
    #[error("a topic has no # and no +, and its braces hold deployment or thing")]
    Topic,
    /// A name, region or key with characters that cannot stand there.
    #[error("this can have letters, digits and the signs - _ . / only")]
    Word,
    /// Something that must be there is not.
    #[error("this cannot be empty")]
    Empty,
}

/// The host of an endpoint: a DNS name in lower case, or an IP address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(Name);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Dns(String),
    Address(IpAddr),
}

impl Host {
    /// Parses a name, `1.2.3.4` or `[::1]`. Other spellings of numbers (`0x7f.1`, `2130706433`) are no host.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_HOST_BYTES {
            return Err(AddressError::TooLong);
        }
        if !text.is_ascii() {
            return Err(AddressError::Punycode);
        }
        if let Some(inner) = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            let address = inner.parse::<Ipv6Addr>().map_err(|_| AddressError::Host)?;
            return Ok(Self(Name::Address(address.into())));
        }
        if let Ok(address) = text.parse::<std::net::Ipv4Addr>() {
            return Ok(Self(Name::Address(address.into())));
        }
        let name = text.to_ascii_lowercase();
        let labels: Vec<_> = name.split('.').collect();
        let is_label = |it: &str| {
            (1..=63).contains(&it.len())
                && !it.starts_with('-')
                && !it.ends_with('-')
                && it
                    .bytes()
                    .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
        };
        // A last label that is a number makes resolvers read the whole as an address, in one of many spellings.
        let is_number = labels
            .last()
            .is_some_and(|it| it.starts_with("0x") || it.bytes().all(|it| it.is_ascii_digit()));
        if is_number || !labels.iter().all(|it| is_label(it)) {
            return Err(AddressError::Host);
        }
        Ok(Self(Name::Dns(name)))
    }

    /// The address, where the host is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match &self.0 {
            Name::Dns(_) => None,
            Name::Address(address) => Some(*address),
        }
    }

    /// A name below this host; `None` where the host is an address.
    #[must_use]
    pub fn below(&self, label: &str) -> Option<Self> {
        match &self.0 {
            Name::Dns(name) => Self::parse(&format!("{label}.{name}")).ok(),
            Name::Address(_) => None,
        }
    }
}

impl fmt::Display for Host {
    /// As it stands in a URL or a `Host` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Dns(name) => f.write_str(name),
            Name::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Name::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// An `https://` URL.
#[derive(Clone, PartialEq, Eq)]
pub struct WebAddress {
    /// The host.
    pub host: Host,
    /// The port; 443 unless the URL says otherwise.
    pub port: u16,
    /// Path and query, beginning with `/`. A query may hold a token, so it is never logged.
    pub path: String,
}

impl WebAddress {
    /// Parses an `https://` URL without user name and fragment.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.len() > MAX_URL_BYTES {
            return Err(AddressError::TooLong);
        }
        let rest = without_scheme(text, "https://")?;
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let (host, port) = authority_of(authority, 443)?;
        let is_path = |it: u8| it.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&it);
        if !path.bytes().all(is_path) {
            return Err(AddressError::Path);
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            host,
            port,
            path: format!("{slash}{path}"),
        })
    }

    /// Host and port, as a `Host` header has them.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.port {
            443 => self.host.to_string(),
            port => format!("{}:{port}", self.host),
        }
    }
}

impl fmt::Debug for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebAddress({}:{}/…)", self.host, self.port)
    }
}

/// An MQTT broker over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// The host.
    pub host: Host,
    /// The port; 8883 unless the URL says otherwise.
    pub port: u16,
    /// Where to publish: `{deployment}` and `{thing}` are filled in.
    pub topic: String,
    /// The user name; empty for none.
    pub user: String,
}

/// The topic where nobody says otherwise.
const DEFAULT_TOPIC: &str = "amanat/{deployment}/{thing}";

impl Broker {
    /// Parses an `mqtts://host[:port]` URL, a topic template (empty for `amanat/{deployment}/{thing}`) and a user name.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn parse(url: &str, topic: &str, user: &str) -> Result<Self, AddressError> {
        let rest = without_scheme(url.trim(), "mqtts://")?;
        let (host, port) = authority_of(rest.strip_suffix('/').unwrap_or(rest), 8883)?;
        let user = user.trim();
        if user.len() > MAX_WORD_BYTES {
            return Err(AddressError::TooLong);
        }
        if user.chars().any(char::is_control) {
            return Err(AddressError::Word);
        }
        Ok(Self {
            host,
            port,
            topic: topic_of(topic.trim())?,
            user: user.to_owned(),
        })
    }

    /// The topic of a reading.
    #[must_use]
    pub fn topic_for(&self, deployment: &str, thing: &str) -> String {
        self.topic
            .replace("{deployment}", deployment)
            .replace("{thing}", thing)
    }
}

/// How a bucket is named in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketStyle {
    /// `https://host/bucket/key`
    Path,
    /// `https://bucket.host/key`
    VirtualHost,
}

impl BucketStyle {
    /// Both, in the order of the form.
    pub const ALL: [Self; 2] = [Self::Path, Self::VirtualHost];

    /// The word that rows and pages use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::VirtualHost => "virtual-host",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// An S3-compatible bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The service, without the bucket in its name.
    pub service: WebAddress,
    /// The region that signatures name.
    pub region: String,
    /// The bucket.
    pub name: String,
    /// What object names begin with; empty or without slash at its end.
    pub prefix: String,
    /// How the bucket is named in a request.
    pub style: BucketStyle,
    /// The id of the access key.
    pub key_id: String,
}

impl Bucket {
    /// Parses what a form sent.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn parse(
        service: &str,
        region: &str,
        name: &str,
        prefix: &str,
        style: BucketStyle,
        key_id: &str,
    ) -> Result<Self, AddressError> {
        let service = WebAddress::parse(service)?;
        if service.path != "/" {
            return Err(AddressError::Path);
        }
        let name = word(name, false)?;
        let is_bucket =
            |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-.".contains(&it);
        if !name.bytes().all(is_bucket) {
            return Err(AddressError::Word);
        }
        if style == BucketStyle::VirtualHost && service.host.below(&name).is_none() {
            return Err(AddressError::Host);
        }
        let prefix = prefix.trim().trim_matches('/');
        Ok(Self {
            service,
            region: word(region, false)?,
            name,
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                word(prefix, true)?
            },
            style,
            key_id: word(key_id, false)?,
        })
    }
}

/// Where readings go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A web server that takes signed POST requests.
    Webhook(WebAddress),
    /// The person's own MQTT broker.
    Broker(Broker),
    /// An S3-compatible bucket.
    Bucket(Bucket),
}

impl Endpoint {
    /// The word for its kind that rows and pages use.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Broker(_) => "broker",
            Self::Bucket(_) => "bucket",
        }
    }

    /// The host that is connected to.
    #[must_use]
    pub const fn host(&self) -> &Host {
        match self {
            Self::Webhook(address) => &address.host,
            Self::Broker(broker) => &broker.host,
            Self::Bucket(bucket) => &bucket.service.host,
        }
    }

    /// What a person knows it by, without anything that could be secret.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Webhook(address) => format!("https://{}", address.authority()),
            Self::Broker(broker) => format!("mqtts://{}:{}", broker.host, broker.port),
            Self::Bucket(bucket) => format!("{} · {}", bucket.service.host, bucket.name),
        }
    }
}

fn without_scheme<'a>(text: &'a str, scheme: &str) -> Result<&'a str, AddressError> {
    let (found, rest) = text
        .split_at_checked(scheme.len())
        .ok_or(AddressError::Scheme)?;
    if found.eq_ignore_ascii_case(scheme) {
        Ok(rest)
    } else {
        Err(AddressError::Scheme)
    }
}

fn authority_of(text: &str, default_port: u16) -> Result<(Host, u16), AddressError> {
    if text.contains('@') {
        return Err(AddressError::UserInfo);
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = match port {
        None => default_port,
        Some(port) if port.bytes().all(|it| it.is_ascii_digit()) => {
            port.parse().map_err(|_| AddressError::Port)?
        }
        Some(_) => return Err(AddressError::Port),
    };
    if port == 0 {
        return Err(AddressError::Port);
    }
    Ok((Host::parse(host)?, port))
}

fn topic_of(text: &str) -> Result<String, AddressError> {
    let topic = if text.is_empty() { DEFAULT_TOPIC } else { text };
    if topic.len() > MAX_TOPIC_BYTES {
        return Err(AddressError::TooLong);
    }
    let bare = topic.replace("{deployment}", "").replace("{thing}", "");
    let odd = |it: char| it.is_control() || "#+{}".contains(it);
    if topic.starts_with('$') || bare.contains(odd) {
        return Err(AddressError::Topic);
    }
    Ok(topic.to_owned())
}

fn word(text: &str, slashes: bool) -> Result<String, AddressError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    if text.len() > MAX_WORD_BYTES {
        return Err(AddressError::TooLong);
    }
    let fits =
        |it: u8| it.is_ascii_alphanumeric() || b"-_.".contains(&it) || (slashes && it == b'/');
    let climbs = text.split('/').any(|it| matches!(it, "" | "." | ".."));
    if climbs || !text.bytes().all(fits) {
        return Err(AddressError::Word);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_in_its_one_spelling() {
        for good in [
            "data.example.org",
            "xn--mgbai9azgqp6j.example",
            "10.0.0.1",
            "[2001:db8::1]",
            "a",
        ] {
            assert_eq!(Host::parse(good).unwrap().to_string(), good);
        }
        assert_eq!(
            Host::parse("DATA.Example").unwrap().to_string(),
            "data.example"
        );
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "0x7f.1",
            "127.1",
            "2130706433",
            "0177.0.0.1",
            "1.2.3.4.5",
            "0x7f000001",
            "a.0x10",
            "-a.example",
            "a_b.example",
            "a b",
            "[::1",
            "::1",
            "[127.0.0.1]",
            "[fe80::1%eth0]",
            "a%2eb",
            "localhost:80",
        ] {
            assert_eq!(Host::parse(bad), Err(AddressError::Host), "{bad}");
        }
        assert_eq!(Host::parse("دیٹا.پاکستان"), Err(AddressError::Punycode));
        assert_eq!(Host::parse(&"a.".repeat(127)), Err(AddressError::TooLong));
    }

    #[test]
    fn a_web_address_is_https_without_credentials() {
        let check = |text: &str, host: &str, port: u16, path: &str| {
            let address = WebAddress::parse(text).unwrap();
            assert_eq!(address.host.to_string(), host, "{text}");
            assert_eq!(
                (address.port, address.path.as_str()),
                (port, path),
                "{text}"
            );
        };
        check("https://a.example", "a.example", 443, "/");
        check(
            " HTTPS://A.example:8443/in?token=1 ",
            "a.example",
            8443,
            "/in?token=1",
        );
        check("https://a.example?x=1", "a.example", 443, "/?x=1");
        check(
            "https://[::ffff:127.0.0.1]:8443/",
            "[::ffff:127.0.0.1]",
            8443,
            "/",
        );
        for (bad, expected) in [
            ("http://a.example", AddressError::Scheme),
            ("ftp://a.example", AddressError::Scheme),
            ("a.example", AddressError::Scheme),
            ("https://u:p@a.example/", AddressError::UserInfo),
            ("https://a.example@127.0.0.1/", AddressError::UserInfo),
            ("https://a.example:0/", AddressError::Port),
            ("https://a.example:+443/", AddressError::Port),
            ("https://a.example:65536/", AddressError::Port),
            ("https://a.example/#x", AddressError::Path),
            ("https://a.example/\r\nHost: b", AddressError::Path),
            ("https://a.example\\@b/", AddressError::UserInfo),
            ("https://a.example\\b/", AddressError::Host),
            ("https:///x", AddressError::Host),
        ] {
            assert_eq!(WebAddress::parse(bad), Err(expected), "{bad}");
        }
        let shown = format!(
            "{:?}",
            WebAddress::parse("https://a.example/?token=7").unwrap()
        );
        assert!(!shown.contains('7'));
    }

    #[test]
    fn a_topic_is_filled_in_and_reaches_no_wildcard() {
        let broker = Broker::parse("mqtts://b.example", "", "").unwrap();
        assert_eq!(broker.port, 8883);
        assert_eq!(broker.topic_for("home", "meter-1"), "amanat/home/meter-1");
        for bad in ["a/#", "a/+", "$SYS/a", "a/{person}", "a\0"] {
            assert_eq!(
                Broker::parse("mqtts://b.example", bad, ""),
                Err(AddressError::Topic),
                "{bad}"
            );
        }
        assert_eq!(
            Broker::parse("mqtt://b.example", "", ""),
            Err(AddressError::Scheme)
        );
    }

    #[test]
    fn a_bucket_stays_where_it_is() {
        let parse = |service: &str, name: &str, prefix: &str, style| {
            Bucket::parse(service, "eu-1", name, prefix, style, "AKIA")
        };
        let bucket = parse(
            "https://s3.example",
            "mine",
            "/a/b/",
            BucketStyle::VirtualHost,
        )
        .unwrap();
        assert_eq!(bucket.prefix, "a/b");
        assert!(parse("https://10.0.0.1", "mine", "", BucketStyle::VirtualHost).is_err());
        assert!(parse("https://s3.example/x", "mine", "", BucketStyle::Path).is_err());
        assert!(parse("https://s3.example", "../x", "", BucketStyle::Path).is_err());
        assert!(parse("https://s3.example", "mine", "a/../b", BucketStyle::Path).is_err());
    }
}
