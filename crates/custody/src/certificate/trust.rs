//! Who is trusted, in memory: one immutable state, swapped whole. No lock, no query at a handshake.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::{DeploymentId, ThingId, Timestamp};
use rustc_hash::FxHashSet;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use store::Tx;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, ring as algorithms};

use super::x509::{self, Leaf};
use super::{
    AuthorityId, CertifiedThing, DeviceAuthority, MAX_CERTIFICATE_BYTES, MAX_CHAIN, Serial,
    SubjectPattern,
};
use crate::catalogue::shards::Shards;
use crate::catalogue::{Catalogue, ThingPeer};
use crate::rows::{self, RowError};

/// With what certificates may be signed: nothing with SHA-1, no RSA below 2048 bits.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ED25519,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
];

/// Why a certificate does not name a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefusal {
    /// It cannot be read, or is longer than what is read.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// No authority that is trusted stands behind it, its own certificate is over, or its constraints do not allow it.
    #[error("no trusted authority stands behind the certificate")]
    NotTrusted,
    /// It is over.
    #[error("the certificate is over")]
    Over,
    /// It has not begun.
    #[error("the certificate has not begun")]
    NotYet,
    /// It is revoked, or was never issued.
    #[error("the certificate is revoked")]
    Revoked,
    /// It is not for clients of TLS, or is itself one of an authority.
    #[error("the certificate is not for TLS clients")]
    NotForClients,
    /// A signature in the chain is wrong, or of a kind that is not taken.
    #[error("a signature of the certificate is wrong or too weak")]
    Signature,
    /// It names no thing that is registered where its authority is trusted.
    #[error("the certificate names no registered thing")]
    NamesNothing,
}

/// A certificate of ours that holds until its end, or is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) serial: Serial,
    pub(crate) is_revoked: bool,
}

/// For whose things a maker's authority is trusted.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) deployment: DeploymentId,
    pub(crate) pattern: SubjectPattern,
}

enum Names {
    /// Our own authority: the common name is the thing.
    Own,
    Maker(Vec<Rule>),
}

struct Authority {
    id: AuthorityId,
    certificate: CertificateDer<'static>,
    not_before: Timestamp,
    not_after: Timestamp,
    names: Names,
}

/// Everything that says which certificate names which thing.
#[derive(Default)]
pub(crate) struct Trust {
    authorities: Arc<Authorities>,
    issued: Shards<ThingId, Arc<[Live]>>,
}

#[derive(Default)]
pub(crate) struct Authorities {
    /// In the order of `list`.
    anchors: Vec<TrustAnchor<'static>>,
    list: Vec<Authority>,
    /// Certificates of makers that count no more here.
    revoked: FxHashSet<(AuthorityId, Serial)>,
}

/// What an act has touched.
#[derive(Default)]
pub(crate) struct Touched {
    pub(crate) authorities: bool,
    pub(crate) things: BTreeSet<ThingId>,
}

impl Touched {
    pub(crate) fn is_empty(&self) -> bool {
        !self.authorities && self.things.is_empty()
    }
}

/// What will be in force.
#[derive(Default)]
pub(crate) struct Next {
    authorities: Option<Arc<Authorities>>,
    issued: Vec<(ThingId, Arc<[Live]>)>,
    /// Nothing of what was stays.
    is_whole: bool,
}

impl Next {
    /// From the rows that an act has touched.
    pub(crate) fn derived(tx: &mut Tx<'_>, touched: &Touched) -> Result<Self, RowError> {
        let mut next = Self::default();
        if touched.authorities {
            next.authorities = Some(Arc::new(Authorities::load(tx)?));
        }
        for thing in &touched.things {
            let live = rows::certificate::live(tx, thing)?;
            next.issued.push((thing.clone(), live.into()));
        }
        Ok(next)
    }

    /// From all rows.
    pub(crate) fn whole(tx: &mut Tx<'_>) -> Result<Self, RowError> {
        Ok(Self {
            authorities: Some(Arc::new(Authorities::load(tx)?)),
            issued: rows::certificate::all_live(tx)?
                .into_iter()
                .map(|(thing, live)| (thing, live.into()))
                .collect(),
            is_whole: true,
        })
    }
}

impl Authorities {
    fn load(tx: &mut Tx<'_>) -> Result<Self, RowError> {
        let mut all = Self::default();
        if let Some(own) = rows::certificate::authority(tx)? {
            all.add(own.id, own.certificate, Names::Own);
        }
        for maker in rows::certificate::makers(tx)? {
            let rule = Rule {
                deployment: maker.deployment,
                pattern: maker.pattern,
            };
            let standing = all.list.iter_mut().find(|it| it.id == maker.id);
            match standing.map(|it| &mut it.names) {
                Some(Names::Maker(rules)) => rules.push(rule),
                Some(Names::Own) => {}
                None => all.add(maker.id, maker.certificate, Names::Maker(vec![rule])),
            }
        }
        all.revoked = rows::certificate::maker_revocations(tx)?
            .into_iter()
            .collect();
        Ok(all)
    }

    /// An authority that cannot be read is trusted with nothing.
    fn add(&mut self, id: AuthorityId, certificate: CertificateDer<'static>, names: Names) {
        let anchor = anchor_from_trusted_cert(&certificate).map(|it| it.to_owned());
        let (Ok(anchor), Some(read)) = (anchor, x509::read(&certificate)) else {
            tracing::error!("the certificate of authority {id} cannot be read: it is not trusted");
            return;
        };
        self.anchors.push(anchor);
        self.list.push(Authority {
            id,
            not_before: Timestamp::from_millis(read.not_before_ms),
            not_after: Timestamp::from_millis(read.not_after_ms),
            certificate,
            names,
        });
    }
}

impl Trust {
    pub(crate) fn has_authorities(&self) -> bool {
        !self.authorities.list.is_empty()
    }

    pub(crate) fn derive(&self, next: Next) -> Self {
        let mut issued = match next.is_whole {
            true => Shards::default(),
            false => self.issued.clone(),
        };
        for (thing, live) in next.issued {
            issued.insert(thing, live);
        }
        Self {
            authorities: next
                .authorities
                .unwrap_or_else(|| Arc::clone(&self.authorities)),
            issued,
        }
    }

    pub(crate) fn own(&self) -> Option<DeviceAuthority> {
        let mut all = self.authorities.list.iter();
        let own = all.find(|it| matches!(it.names, Names::Own))?;
        Some(DeviceAuthority {
            id: own.id.clone(),
            certificate: own.certificate.clone(),
            not_after: own.not_after,
        })
    }

    pub(crate) fn identify(
        &self,
        catalogue: &Catalogue,
        chain: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<CertifiedThing, CertificateRefusal> {
        let (own, intermediates) = chain.split_first().ok_or(CertificateRefusal::Unreadable)?;
        if chain.len() > MAX_CHAIN || chain.iter().any(|it| it.len() > MAX_CERTIFICATE_BYTES) {
            return Err(CertificateRefusal::Unreadable);
        }
        let end = EndEntityCert::try_from(own).map_err(|err| refusal(&err))?;
        let seconds = u64::try_from(now.as_millis().div_euclid(1_000)).unwrap_or(0);
        let path = end
            .verify_for_usage(
                ALGORITHMS,
                &self.authorities.anchors,
                intermediates,
                UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
                KeyUsage::client_auth(),
                None,
                None,
            )
            .map_err(|err| refusal(&err))?;
        let leaf = x509::read(own).ok_or(CertificateRefusal::Unreadable)?;
        let serial = Serial::of(&leaf.serial).ok_or(CertificateRefusal::Unreadable)?;
        let mut why = CertificateRefusal::NotTrusted;
        let all = self.authorities.anchors.iter().zip(&self.authorities.list);
        // An authority that got a new certificate for the same key and name stands here twice.
        for (_, authority) in all.filter(|(anchor, _)| *anchor == path.anchor()) {
            match self.named(catalogue, authority, &leaf, &serial, now) {
                Ok(thing) => {
                    let end = Timestamp::from_millis(leaf.not_after_ms);
                    return Ok(CertifiedThing {
                        thing,
                        authority: authority.id.clone(),
                        serial,
                        not_after: end.min(authority.not_after),
                    });
                }
                Err(err) => why = err,
            }
        }
        Err(why)
    }

    /// The thing that a verified certificate of this authority names.
    fn named(
        &self,
        catalogue: &Catalogue,
        authority: &Authority,
        leaf: &Leaf,
        serial: &Serial,
        now: Timestamp,
    ) -> Result<Arc<ThingPeer>, CertificateRefusal> {
        // Verifiers take the validity of a trust anchor for no matter of theirs.
        if now < authority.not_before || now >= authority.not_after {
            return Err(CertificateRefusal::NotTrusted);
        }
        let nothing = CertificateRefusal::NamesNothing;
        match &authority.names {
            Names::Own => {
                let [name] = leaf.common_names.as_slice() else {
                    return Err(nothing);
                };
                let thing = ThingId::parse(name).map_err(|_| nothing)?;
                if !self.holds(&thing, serial) {
                    return Err(CertificateRefusal::Revoked);
                }
                let thing = catalogue.things.get(&thing).ok_or(nothing)?;
                match thing.is_barred() {
                    true => Err(nothing),
                    false => Ok(Arc::clone(thing)),
                }
            }
            Names::Maker(rules) => {
                if self.is_revoked(&authority.id, serial) {
                    return Err(CertificateRefusal::Revoked);
                }
                let mut named = rules.iter().filter_map(|rule| {
                    let thing = catalogue.things.get(&rule.pattern.thing(leaf)?)?;
                    let may = thing.deployment.id == rule.deployment && !thing.is_barred();
                    may.then(|| Arc::clone(thing))
                });
                let thing = named.next().ok_or(nothing)?;
                // Two rules that find two things leave it open who this is.
                match named.all(|it| it.id == thing.id) {
                    true => Ok(thing),
                    false => Err(nothing),
                }
            }
        }
    }

    /// Whether a certificate of ours was issued and not revoked.
    fn holds(&self, thing: &ThingId, serial: &Serial) -> bool {
        let live = self.issued.get(thing);
        live.is_some_and(|it| it.iter().any(|it| it.serial == *serial && !it.is_revoked))
    }

    /// An authority that got a new certificate for the same key and name stands in the list twice; what is revoked under
    /// one of them is revoked.
    fn is_revoked(&self, authority: &AuthorityId, serial: &Serial) -> bool {
        let all = || self.authorities.anchors.iter().zip(&self.authorities.list);
        let anchor = all().find(|it| it.1.id == *authority).map(|it| it.0);
        let mut same =
            all().filter(|it| anchor.is_some_and(|anchor| is_same_authority(anchor, it.0)));
        same.any(|it| {
            let key = (it.1.id.clone(), serial.clone());
            self.authorities.revoked.contains(&key)
        })
    }

    pub(crate) fn is_certified(
        &self,
        catalogue: &Catalogue,
        certified: &CertifiedThing,
        now: Timestamp,
    ) -> bool {
        let thing = &certified.thing;
        let is_same = |it: &Arc<ThingPeer>| Arc::ptr_eq(it, thing) && !it.is_barred();
        if now >= certified.not_after || !catalogue.things.get(&thing.id).is_some_and(is_same) {
            return false;
        }
        let mut all = self.authorities.list.iter();
        let Some(authority) = all.find(|it| it.id == certified.authority) else {
            return false;
        };
        match &authority.names {
            Names::Own => self.holds(&thing.id, &certified.serial),
            Names::Maker(rules) => {
                let rule = rules.iter().any(|it| it.deployment == thing.deployment.id);
                rule && !self.is_revoked(&authority.id, &certified.serial)
            }
        }
    }
}

/// Whether the same authority is behind both: it signs with one key under one name.
fn is_same_authority(one: &TrustAnchor<'_>, other: &TrustAnchor<'_>) -> bool {
    one.subject == other.subject && one.subject_public_key_info == other.subject_public_key_info
}

fn refusal(error: &webpki::Error) -> CertificateRefusal {
    use webpki::Error;
    match error {
        Error::CertExpired { .. } => CertificateRefusal::Over,
        Error::CertNotValidYet { .. } => CertificateRefusal::NotYet,
        Error::CertRevoked => CertificateRefusal::Revoked,
        Error::CaUsedAsEndEntity
        | Error::RequiredEkuNotFoundContext(_)
        | Error::EmptyEkuExtension => CertificateRefusal::NotForClients,
        Error::InvalidSignatureForPublicKey
        | Error::SignatureAlgorithmMismatch
        | Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            CertificateRefusal::Signature
        }
        Error::UnknownIssuer
        | Error::NameConstraintViolation
        | Error::PathLenConstraintViolated
        | Error::EndEntityUsedAsCa
        | Error::MaximumPathDepthExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumSignatureChecksExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => CertificateRefusal::NotTrusted,
        _ => CertificateRefusal::Unreadable,
    }
}
