//! Certificates of things: who is trusted to say in X.509 which thing is at the other end of a connection.
//!
//! Two kinds of authority are trusted. Our own, whose key is kept sealed under the root key, certifies a thing for a
//! short time ([`Act::issue_certificate`](crate::Act::issue_certificate)). A maker's is trusted for one deployment, with
//! a [`SubjectPattern`] that says where in a certificate the thing's identifier stands. Either way a certificate only
//! ever *names* a thing that is registered: nothing registers itself.
//!
//! [`crate::Custody::identify`] runs at the handshake and once more when the connection opens, because a resumed session of
//! TLS shows its certificate without a handshake; [`crate::Custody::is_certified`] runs again whenever [`Watch`]
//! says that trust has changed, and at every request over HTTP.
//!
//! Why this stands in custody: whom a certificate names is the same question as whom a token names
//! ([`crate::Custody::authenticate`]), and its answer changes in the same acts. Start reading at `trust`; `x509` is the format.

mod act;
#[cfg(test)]
pub(crate) mod any_request;
mod pattern;
mod sealed;
mod trust;
mod x509;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use model::{DeploymentId, ThingId, Timestamp};
use rustls_pki_types::CertificateDer;

use crate::act::ActError;
use crate::catalogue::{Opened, Peer, ThingPeer};
use crate::rows::{self, RowError};
use crate::watch::{Changes, Watch};

pub use act::{IssuedCertificate, NewCertificate};
pub use pattern::{PatternError, SubjectPattern};
pub use trust::CertificateRefusal;
pub use x509::{MAX_CERTIFICATE_BYTES, RequestError};

pub(crate) use sealed::KeyBox;
pub(crate) use trust::{Live, Next, Touched, Trust};

/// How long a certificate holds when nobody says otherwise, in days.
pub const DEFAULT_CERTIFICATE_DAYS: u32 = 90;
/// The longest that a certificate may hold, in days.
pub const MAX_CERTIFICATE_DAYS: u32 = 730;
/// How many certificates of a thing may hold at the same time.
pub const MAX_CERTIFICATES_PER_THING: usize = 8;
/// How many authorities of makers may be trusted.
pub const MAX_MAKERS: usize = 256;
/// How many certificates of makers may be revoked here.
pub const MAX_MAKER_REVOCATIONS: i64 = 100_000;
/// The longest chain that a client may send.
pub const MAX_CHAIN: usize = 8;
/// How many certificates [`crate::Custody::certificates`] gives at most.
pub const MAX_CERTIFICATES_SHOWN: i64 = 1_000;

/// The longest serial number, RFC 5280 section 4.1.2.2.
const MAX_SERIAL_BYTES: usize = 20;

/// Which authority: the first half of the SHA-256 of its certificate, lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuthorityId(Arc<str>);

impl AuthorityId {
    pub(crate) fn of(certificate: &[u8]) -> Self {
        let digest = crate::secret::document_sha256(certificate);
        let half = digest.get(..32).unwrap_or(&digest);
        Self(Arc::from(half))
    }

    /// Reads it back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 32 && text.bytes().all(is_hex)).then(|| Self(Arc::from(text)))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AuthorityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The serial number of a certificate: lower-case hex without zeros in front.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(Arc<str>);

impl Serial {
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let zeros = bytes.iter().take_while(|it| **it == 0).count();
        let bytes = bytes.get(zeros..).unwrap_or_default();
        let fits = !bytes.is_empty() && bytes.len() <= MAX_SERIAL_BYTES;
        fits.then(|| Self(Arc::from(data_encoding::HEXLOWER.encode(bytes))))
    }

    /// Reads hexadecimal digits, with or without colons between pairs, as other tools print them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 3 * (MAX_SERIAL_BYTES + 1) {
            return None;
        }
        let mut digits = text.replace(':', "").to_ascii_lowercase();
        if digits.len() % 2 == 1 {
            digits.insert(0, '0');
        }
        Self::of(&data_encoding::HEXLOWER.decode(digits.as_bytes()).ok()?)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an act on certificates did not happen; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The act failed.
    #[error(transparent)]
    Act(#[from] ActError),
    /// The rows failed.
    #[error("the rows failed")]
    Rows(#[from] RowError),
    /// There is an authority already.
    #[error("this installation has an authority for devices already: `{0}`")]
    AuthorityExists(AuthorityId),
    /// There is no authority yet.
    #[error("this installation has no authority for devices yet: run amanat ca init")]
    NoAuthority,
    /// The authority's own certificate is over.
    #[error("the certificate of the authority for devices is over")]
    AuthorityOver,
    /// The sealed key does not open.
    #[error("the sealed key of the authority does not open: is this the right root key?")]
    Sealed,
    /// A key or a signature could not be made.
    #[error("the certificate could not be made")]
    Making(#[source] rcgen::Error),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness(#[from] getrandom::Error),
    /// The signing request cannot be used.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The signing request names another thing.
    #[error(
        "the signing request names another thing than `{0}`: leave its subject empty, or write the thing's identifier as its common name"
    )]
    OtherName(ThingId),
    /// The key is certified for another thing.
    #[error("this key is certified for another thing already: each device needs a key of its own")]
    SharedKey,
    /// The thing got a certificate a moment ago; so many seconds are to be waited.
    #[error("this thing got a certificate a moment ago: ask again in {0} seconds")]
    TooSoon(u64),
    /// Not a number of days that a certificate may hold.
    #[error("a certificate holds from 1 to {MAX_CERTIFICATE_DAYS} days")]
    Days,
    /// There is no such certificate.
    #[error("there is no certificate `{0}` that holds")]
    NoCertificate(Serial),
    /// There is no such maker.
    #[error("no maker's authority `{0}` is trusted there")]
    NoMaker(AuthorityId),
    /// What was given is no certificate of an authority.
    #[error("this is no certificate of an authority: {0}")]
    NotAnAuthority(&'static str),
    /// More makers, or more revoked certificates of makers, than are kept.
    #[error(
        "there are too many: at most {MAX_MAKERS} makers' authorities and {MAX_MAKER_REVOCATIONS} revoked certificates of theirs"
    )]
    TooManyMakers,
}

/// A thing that a certificate names, and until when the certificate says so.
#[derive(Debug, Clone)]
pub struct CertifiedThing {
    thing: Arc<ThingPeer>,
    authority: AuthorityId,
    serial: Serial,
    not_after: Timestamp,
}

impl CertifiedThing {
    /// The thing.
    #[must_use]
    pub fn thing(&self) -> &Arc<ThingPeer> {
        &self.thing
    }

    /// The first moment at which the certificate does not hold any more.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The certificate's serial number.
    #[must_use]
    pub fn serial(&self) -> &Serial {
        &self.serial
    }
}

/// The authority for devices of this installation: public.
#[derive(Debug, Clone)]
pub struct DeviceAuthority {
    /// Which.
    pub id: AuthorityId,
    /// Its certificate.
    pub certificate: CertificateDer<'static>,
    /// The first moment at which it does not hold any more.
    pub not_after: Timestamp,
}

/// A certificate of ours as it stands in the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRow {
    /// Its serial number.
    pub serial: Serial,
    /// Who issued it.
    pub issued_by: AuthorityId,
    /// Whom it names.
    pub thing: ThingId,
    /// From when on it holds.
    pub not_before: Timestamp,
    /// The first moment at which it does not hold any more.
    pub not_after: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// A maker's authority as it stands in the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MakerRow {
    /// Which.
    pub id: AuthorityId,
    /// The deployment for whose things it is trusted.
    pub deployment: DeploymentId,
    /// Where the identifier stands.
    pub pattern: SubjectPattern,
    /// Since when.
    pub trusted_at: Timestamp,
    /// Its certificate.
    pub certificate: CertificateDer<'static>,
}

/// Certificates, as custody has them in memory.
pub(crate) struct Certificates {
    pub(crate) trust: ArcSwap<Trust>,
    pub(crate) key_box: KeyBox,
    changed: Changes,
}

impl Certificates {
    pub(crate) fn new(key_box: KeyBox) -> Self {
        Self {
            trust: ArcSwap::from_pointee(Trust::default()),
            key_box,
            changed: Changes::default(),
        }
    }

    /// Puts the next state in force and tells every connection that a certificate opened.
    pub(crate) fn put_in_force(&self, next: Next) {
        let trust = self.trust.load().derive(next);
        self.trust.store(Arc::new(trust));
        self.changed.tell();
    }
}

impl crate::Custody {
    /// Which thing a chain of certificates names, the client's own first.
    ///
    /// # Errors
    /// See [`CertificateRefusal`].
    pub fn identify(
        &self,
        chain: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<CertifiedThing, CertificateRefusal> {
        let catalogue = self.inner.catalogue.load();
        let trust = self.inner.certificates.trust.load();
        trust.identify(&catalogue, chain, now)
    }

    /// Who connects with a certificate, and what opened: the thing that it names, also by the user name under which it receives. Nobody when
    /// the user name is another's, the password that is shown with it is wrong, or the certificate does not hold.
    #[must_use]
    pub fn let_in_certified(
        &self,
        certified: &CertifiedThing,
        user_name: Option<&str>,
        password: Option<&[u8]>,
        now: Timestamp,
    ) -> Option<(Peer, Opened)> {
        if !self.is_certified(certified, now) {
            return None;
        }
        let catalogue = self.inner.catalogue.load();
        let id = certified.thing.id.as_str();
        let user_name = user_name.filter(|it| !it.is_empty()).unwrap_or(id);
        let admitted = match password.filter(|it| !it.is_empty()) {
            Some(password) => catalogue.authenticate(user_name, password, now),
            None => catalogue.certified(user_name),
        };
        admitted.filter(|(peer, _)| peer.thing().is_some_and(|it| it.id.as_str() == id))
    }

    /// Whether a certificate that named a thing still does.
    #[must_use]
    pub fn is_certified(&self, certified: &CertifiedThing, now: Timestamp) -> bool {
        let catalogue = self.inner.catalogue.load();
        let trust = self.inner.certificates.trust.load();
        trust.is_certified(&catalogue, certified, now)
    }

    /// Whether there is any authority, so that it makes sense to ask a client for a certificate.
    #[must_use]
    pub fn trusts_certificates(&self) -> bool {
        self.inner.certificates.trust.load().has_authorities()
    }

    /// Tells about changes from now on.
    #[must_use]
    pub fn certificate_watch(&self) -> Watch {
        self.inner.certificates.changed.watch()
    }

    /// The authority for devices of this installation, if it has one.
    #[must_use]
    pub fn device_authority(&self) -> Option<DeviceAuthority> {
        self.inner.certificates.trust.load().own()
    }

    /// Certificates that are not over, of one thing or of all, at most [`MAX_CERTIFICATES_SHOWN`]; the one that ends
    /// first stands first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn certificates(&self, thing: Option<&ThingId>) -> Result<Vec<CertificateRow>, RowError> {
        self.inner
            .db
            .read(|tx| rows::certificate::shown(tx, thing, MAX_CERTIFICATES_SHOWN))
    }

    /// The authorities of makers that are trusted.
    ///
    /// # Errors
    /// When the database fails.
    pub fn makers(&self) -> Result<Vec<MakerRow>, RowError> {
        self.inner.db.read(rows::certificate::makers)
    }
}
