//! Who is at the other end of a TLS connection, when it shows a certificate.
//!
//! [`ClientCertificates`] asks at the handshake, so that a device learns from the alert what is wrong with its
//! certificate. [`Arrival::over_tls`] asks again when the connection opens: a resumed session shows the certificate of an
//! earlier handshake, and only here its end, its revocation and its authority are looked at again. So it does no harm
//! that resumption is shared by everything that listens. [`PeerIdentity::ended`] ends a connection whose certificate is
//! over, revoked, or of an authority that is not trusted any more.
//!
//! A client that shows no certificate is not turned away here: it shows a token.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use custody::{CertificateRefusal, CertifiedThing, Custody, Opened, Peer, ThingPeer, Transport};
use model::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

use crate::clock::Clock;
use crate::guard::{Guard, millis};

/// The longest that a connection waits before it looks at what opened it again.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// How long to wait for an end that comes by itself. The clock of the day may be set; a longer sleep would not notice.
pub(crate) fn pause_until(end: Option<Timestamp>, now: Timestamp) -> Duration {
    let left = end.map_or(i64::MAX, |it| {
        it.as_millis().saturating_sub(now.as_millis())
    });
    let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
    left.clamp(Duration::from_millis(1), LONGEST_WAIT)
}

/// Asks custody whether a client's certificate names a thing.
pub struct ClientCertificates {
    custody: Custody,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertificates {
    /// For a server whose things are those of `custody`.
    #[must_use]
    pub fn new(custody: Custody) -> Arc<Self> {
        let provider = rustls::crypto::ring::default_provider();
        Arc::new(Self {
            custody,
            algorithms: provider.signature_verification_algorithms,
        })
    }
}

impl fmt::Debug for ClientCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificates")
    }
}

impl ClientCertVerifier for ClientCertificates {
    /// Some clients stumble over being asked, so nobody is asked while no authority is trusted.
    fn offer_client_auth(&self) -> bool {
        self.custody.trusts_certificates()
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// No hints: the list would tell every stranger whose devices are here (RFC 8446 section 4.2.4 lets it be left out).
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain: Vec<_> = std::iter::once(end_entity)
            .chain(intermediates)
            .map(|it| CertificateDer::from(it.as_ref()))
            .collect();
        let millis = i64::try_from(now.as_secs())
            .unwrap_or(0)
            .saturating_mul(1_000);
        match self
            .custody
            .identify(&chain, Timestamp::from_millis(millis))
        {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(refusal) => Err(Error::InvalidCertificate(alert(refusal))),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// What the client is told: RFC 8446 section 6.2.
fn alert(refusal: CertificateRefusal) -> CertificateError {
    match refusal {
        CertificateRefusal::Unreadable => CertificateError::BadEncoding,
        CertificateRefusal::NotTrusted => CertificateError::UnknownIssuer,
        CertificateRefusal::Over => CertificateError::Expired,
        CertificateRefusal::NotYet => CertificateError::NotValidYet,
        CertificateRefusal::Revoked => CertificateError::Revoked,
        CertificateRefusal::NotForClients => CertificateError::InvalidPurpose,
        CertificateRefusal::Signature => CertificateError::BadSignature,
        CertificateRefusal::NamesNothing => {
            CertificateError::Other(OtherError(Arc::new(CertificateRefusal::NamesNothing)))
        }
    }
}

/// How a connection came in: over what, and with which certificate.
#[derive(Debug, Clone)]
pub struct Arrival {
    transport: Transport,
    identity: Option<PeerIdentity>,
    /// From where, and what counts failures there.
    guarded: Option<(IpAddr, Arc<Guard>)>,
}

/// Who was let in, and by what.
#[derive(Debug)]
pub(crate) struct Pass {
    peer: Peer,
    opened: Opened,
    at: Timestamp,
}

impl Pass {
    pub(crate) fn new((peer, opened): (Peer, Opened), at: Timestamp) -> Self {
        Self { peer, opened, at }
    }

    /// Who it is.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Whether what opened still opens. If not, nothing more goes over the connection, either way.
    pub(crate) fn stands(&self, now: Timestamp) -> bool {
        self.peer.stands(self.opened, now)
    }

    /// Whether something has changed between the moment at which it was looked at and now.
    pub(crate) fn is_overtaken(&self) -> bool {
        !self.stands(self.at)
    }

    /// Whether it does not stand because the credential was revoked, or who has it removed.
    pub(crate) fn was_revoked(&self) -> bool {
        self.peer.was_revoked(self.opened)
    }

    /// And whether it is still tied to whom it receives as.
    pub(crate) fn receives(&self, now: Timestamp) -> bool {
        self.peer.receives(self.opened, now)
    }

    /// When that ends although nobody acts.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.peer.stands_until(self.opened)
    }

    /// Ready when it does not receive as it did any more.
    pub(crate) async fn ended(self: Arc<Self>, custody: Custody, clock: Clock) {
        let mut watch = custody.credential_watch();
        loop {
            let now = clock.now().wall;
            if !self.receives(now) {
                return;
            }
            tokio::select! {
                () = watch.changed() => {}
                () = tokio::time::sleep(pause_until(self.until(), now)) => {}
            }
        }
    }
}

/// Why somebody was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// Nobody with these credentials.
    Wrong {
        /// After how many milliseconds the answer is to be given.
        after_ms: u64,
    },
    /// Nobody was looked up, because too much failed from this address.
    HeldOff,
    /// The peer has as many connections as it may.
    PeerFull,
}

impl Arrival {
    /// Without TLS.
    #[must_use]
    pub fn plain(address: IpAddr) -> Self {
        let transport = match address.to_canonical().is_loopback() {
            true => Transport::Local,
            false => Transport::Plain,
        };
        Self {
            transport,
            identity: None,
            guarded: None,
        }
    }

    /// Over TLS, with the chain that the client has shown, if it has.
    ///
    /// # Errors
    /// When the chain names no thing (any more).
    pub fn over_tls(
        custody: &Custody,
        chain: Option<&[CertificateDer<'_>]>,
        now: Timestamp,
    ) -> Result<Self, CertificateRefusal> {
        Ok(Self {
            transport: Transport::Encrypted,
            identity: PeerIdentity::of(custody, chain, now)?,
            guarded: None,
        })
    }

    /// The same, with failed logins counted for the address that it came from.
    #[must_use]
    pub fn guarded(mut self, address: IpAddr, guard: &Arc<Guard>) -> Self {
        self.guarded = Some((address, Arc::clone(guard)));
        self
    }

    /// What counts for it.
    pub(crate) fn guard(&self) -> Option<&Arc<Guard>> {
        self.guarded.as_ref().map(|it| &it.1)
    }

    /// From where it came, and what counts failures there.
    pub(crate) fn watched(&self) -> Option<(IpAddr, &Guard)> {
        self.guarded.as_ref().map(|it| (it.0, it.1.as_ref()))
    }

    /// The same without what its certificate says: another site has made a browser come, which shows the certificate of
    /// whoever sits at it without asking.
    pub(crate) fn without_certificate(self) -> Self {
        Self {
            identity: None,
            ..self
        }
    }

    /// Over what it came.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Who its certificate says it is.
    #[must_use]
    pub fn identity(&self) -> Option<&PeerIdentity> {
        self.identity.as_ref()
    }

    /// Who a certificate, a user name and a password say it is, and what opened, unless too much failed from there.
    pub(crate) fn admit(
        &self,
        custody: &Custody,
        user_name: Option<&str>,
        password: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<(Peer, Opened), NotAdmitted> {
        let Some((address, guard)) = &self.guarded else {
            let admitted = self.look_up(custody, user_name, password, now);
            return admitted.ok_or(NotAdmitted::Wrong { after_ms: 0 });
        };
        // A user name may hold a token behind a colon, which is not to be remembered in any form.
        let name = user_name.unwrap_or_default();
        let name = name.split_once(':').map_or(name, |it| it.0);
        let now_ms = millis(now);
        let logins = guard.logins();
        if !logins.may_try(*address, name, now_ms) {
            return Err(NotAdmitted::HeldOff);
        }
        match self.look_up(custody, user_name, password, now) {
            Some(admitted) => {
                logins.succeeded(*address, name);
                Ok(admitted)
            }
            None => Err(NotAdmitted::Wrong {
                after_ms: logins.failed(*address, name, now_ms),
            }),
        }
    }

    /// The same where nothing is made of why.
    pub(crate) fn authenticate(
        &self,
        custody: &Custody,
        user_name: Option<&str>,
        password: Option<&[u8]>,
        now: Timestamp,
    ) -> Option<Peer> {
        let admitted = self.admit(custody, user_name, password, now);
        admitted.ok().map(|it| it.0)
    }

    /// Who a certificate, a user name and a password say it is; nobody when they disagree. Notes how that peer came in.
    fn look_up(
        &self,
        custody: &Custody,
        user_name: Option<&str>,
        password: Option<&[u8]>,
        now: Timestamp,
    ) -> Option<(Peer, Opened)> {
        let admitted = match &self.identity {
            Some(identity) => identity.admit(user_name, password, now),
            None => {
                let (user_name, password) = shown(user_name?, password)?;
                custody.let_in(user_name, password, now)
            }
        }?;
        custody.note_transport(&admitted.0, self.transport, now);
        Some(admitted)
    }
}

/// A user name and a password. A device that has one text to say who it is and no password (the access token of a device
/// that was made for ThingsBoard) says both in it, with a colon between them.
fn shown<'a>(user_name: &'a str, password: Option<&'a [u8]>) -> Option<(&'a str, &'a [u8])> {
    match password.filter(|it| !it.is_empty()) {
        Some(password) => Some((user_name, password)),
        None => {
            let (user_name, token) = user_name.split_once(':')?;
            Some((user_name, token.as_bytes()))
        }
    }
}

/// A thing that has proved with a certificate who it is, on this connection.
#[derive(Clone)]
pub struct PeerIdentity {
    custody: Custody,
    certified: Arc<CertifiedThing>,
}

impl fmt::Debug for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerIdentity({})", self.certified.thing().id())
    }
}

impl PeerIdentity {
    /// Who shows this chain; nobody when there is none.
    fn of(
        custody: &Custody,
        chain: Option<&[CertificateDer<'_>]>,
        now: Timestamp,
    ) -> Result<Option<Self>, CertificateRefusal> {
        let Some(chain) = chain.filter(|it| !it.is_empty()) else {
            return Ok(None);
        };
        let certified = custody.identify(chain, now)?;
        Ok(Some(Self {
            custody: custody.clone(),
            certified: Arc::new(certified),
        }))
    }

    /// The thing.
    #[must_use]
    pub fn thing(&self) -> &Arc<ThingPeer> {
        self.certified.thing()
    }

    /// Who connects with this certificate, a user name and a password, where they are shown; nobody when they disagree.
    fn admit(
        &self,
        user_name: Option<&str>,
        password: Option<&[u8]>,
        now: Timestamp,
    ) -> Option<(Peer, Opened)> {
        let custody = &self.custody;
        custody.let_in_certified(&self.certified, user_name, password, now)
    }

    /// Whether the certificate still says so.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.custody.is_certified(&self.certified, now)
    }

    /// Ready when the certificate does not say so any more.
    pub async fn ended(&self, clock: Clock) {
        let mut watch = self.custody.certificate_watch();
        loop {
            let now = clock.now().wall;
            if !self.holds(now) {
                return;
            }
            let pause = pause_until(Some(self.certified.not_after()), now);
            tokio::select! {
                () = watch.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}
