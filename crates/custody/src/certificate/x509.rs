//! X.509 (RFC 5280) and signing requests (PKCS #10, RFC 2986): what is read from them and what is written.
//!
//! Chains are verified by `webpki` (in `trust`); here only names are read, after the chain has been verified.

use std::time::Duration;

use model::{ThingId, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SerialNumber, SubjectPublicKeyInfo,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::{
    OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA,
    OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ED25519,
};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

/// The longest certificate, and the longest signing request, in bytes.
pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;
/// How long the authority's own certificate holds: twenty years.
const AUTHORITY_DAYS: i64 = 7_305;
/// By how much a certificate begins before it is issued, for devices whose clock is slow.
const BACKDATED_MS: i64 = 5 * 60_000;
pub(super) const DAY_MS: i64 = 86_400_000;
/// How many names of a certificate are looked at.
const MAX_NAMES: usize = 64;

/// Why a signing request is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It is too long or not of the format.
    #[error("this is no signing request (PKCS #10)")]
    Unreadable,
    /// It is not signed by its own key, or the signature is a weak one.
    #[error(
        "the signing request is not signed by its own key with SHA-256 or better: use P-256, P-384, Ed25519, or RSA of 2048 bits or more"
    )]
    Signature,
    /// A key of a kind that nobody here can use.
    #[error(
        "this kind of key is not taken: use P-256, P-384, Ed25519, or RSA of 2048 bits or more"
    )]
    Key,
}

/// What is read from a client's own certificate.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    pub(super) common_names: Vec<String>,
    pub(super) dns_names: Vec<String>,
    pub(super) uris: Vec<String>,
    pub(super) serial: Vec<u8>,
    pub(super) not_before_ms: i64,
    pub(super) not_after_ms: i64,
}

/// Reads the names of a certificate.
pub(super) fn read(certificate: &[u8]) -> Option<Leaf> {
    let (rest, parsed) = X509Certificate::from_der(certificate).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let mut leaf = Leaf {
        serial: parsed.raw_serial().to_vec(),
        not_before_ms: parsed
            .validity()
            .not_before
            .timestamp()
            .checked_mul(1_000)?,
        // The last second belongs to the validity, RFC 5280 section 4.1.2.5.
        not_after_ms: parsed
            .validity()
            .not_after
            .timestamp()
            .checked_add(1)?
            .checked_mul(1_000)?,
        ..Leaf::default()
    };
    for name in parsed.subject().iter_common_name().take(MAX_NAMES) {
        leaf.common_names.push(name.as_str().ok()?.to_owned());
    }
    if let Some(names) = parsed.subject_alternative_name().ok()? {
        for name in names.value.general_names.iter().take(MAX_NAMES) {
            match name {
                GeneralName::DNSName(it) => leaf.dns_names.push((*it).to_owned()),
                GeneralName::URI(it) => leaf.uris.push((*it).to_owned()),
                _ => {}
            }
        }
    }
    Some(leaf)
}

/// A signing request whose signature has been checked.
pub(super) struct Request {
    key: SubjectPublicKeyInfo,
    pub(super) key_sha256: [u8; 32],
    pub(super) common_names: Vec<String>,
}

/// Reads a signing request. What it asks for beside its name is not looked at: the authority says what stands in a
/// certificate.
pub(super) fn read_request(request: &[u8]) -> Result<Request, RequestError> {
    if request.len() > MAX_CERTIFICATE_BYTES {
        return Err(RequestError::Unreadable);
    }
    let (rest, parsed) =
        X509CertificationRequest::from_der(request).map_err(|_| RequestError::Unreadable)?;
    if !rest.is_empty() {
        return Err(RequestError::Unreadable);
    }
    let strong = [
        OID_PKCS1_SHA256WITHRSA,
        OID_PKCS1_SHA384WITHRSA,
        OID_PKCS1_SHA512WITHRSA,
        OID_SIG_ECDSA_WITH_SHA256,
        OID_SIG_ECDSA_WITH_SHA384,
        OID_SIG_ED25519,
    ];
    if !strong.contains(&parsed.signature_algorithm.algorithm) {
        return Err(RequestError::Signature);
    }
    parsed
        .verify_signature()
        .map_err(|_| RequestError::Signature)?;
    let info = &parsed.certification_request_info;
    let key =
        SubjectPublicKeyInfo::from_der(info.subject_pki.raw).map_err(|_| RequestError::Key)?;
    let mut key_sha256 = [0; 32];
    let digest = ring::digest::digest(&ring::digest::SHA256, info.subject_pki.raw);
    key_sha256.copy_from_slice(digest.as_ref());
    let mut common_names = Vec::new();
    for name in info.subject.iter_common_name().take(MAX_NAMES) {
        let name = name.as_str().map_err(|_| RequestError::Unreadable)?;
        common_names.push(name.to_owned());
    }
    Ok(Request {
        key,
        key_sha256,
        common_names,
    })
}

/// A fresh authority.
pub(super) struct MadeAuthority {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: Zeroizing<Vec<u8>>,
}

/// Makes the key and the self-signed certificate of an authority: it certifies clients and no further authorities.
pub(super) fn make_authority(name: &str, now: Timestamp) -> Result<MadeAuthority, rcgen::Error> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = moment(now.plus_millis(-BACKDATED_MS));
    params.not_after = moment(now.plus_millis(AUTHORITY_DAYS * DAY_MS));
    let certificate = params.self_signed(&key)?;
    Ok(MadeAuthority {
        certificate: certificate.der().clone(),
        key: Zeroizing::new(key.serialize_der()),
    })
}

/// What is to stand in a certificate.
pub(super) struct Wanted<'a> {
    pub(super) thing: &'a ThingId,
    pub(super) serial: &'a [u8],
    pub(super) now: Timestamp,
    pub(super) not_after: Timestamp,
}

/// A certificate for TLS clients, and when it begins.
pub(super) fn make(
    authority: &CertificateDer<'_>,
    authority_key: &[u8],
    request: &Request,
    wanted: &Wanted<'_>,
) -> Result<(CertificateDer<'static>, Timestamp), rcgen::Error> {
    let key = KeyPair::from_pkcs8_der_and_sign_algo(
        &PrivatePkcs8KeyDer::from(authority_key),
        &rcgen::PKCS_ECDSA_P256_SHA256,
    )?;
    let issuer = Issuer::from_ca_cert_der(authority, key)?;
    let not_before = wanted.now.plus_millis(-BACKDATED_MS);
    let mut params = CertificateParams::default();
    params.distinguished_name = named(wanted.thing.as_str());
    params.serial_number = Some(SerialNumber::from_slice(wanted.serial));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = moment(not_before);
    params.not_after = moment(wanted.not_after);
    let certificate = params.signed_by(&request.key, &issuer)?;
    Ok((certificate.der().clone(), not_before))
}

/// Why a maker's certificate is not that of an authority.
pub(super) fn check_authority(certificate: &[u8], now: Timestamp) -> Result<(), &'static str> {
    if certificate.len() > MAX_CERTIFICATE_BYTES {
        return Err("it is too long");
    }
    let (rest, parsed) = X509Certificate::from_der(certificate).map_err(|_| "it cannot be read")?;
    if !rest.is_empty() {
        return Err("something follows behind it");
    }
    if !parsed.is_ca() {
        return Err("its basic constraints do not say that it is one");
    }
    let usage = parsed
        .key_usage()
        .map_err(|_| "its key usage cannot be read")?;
    if usage.is_some_and(|it| !it.value.key_cert_sign()) {
        return Err("its key may not sign certificates");
    }
    let validity = parsed.validity();
    let now = now.as_millis().div_euclid(1_000);
    if validity.not_after.timestamp() < now {
        return Err("it is over");
    }
    Ok(())
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn moment(at: Timestamp) -> time::OffsetDateTime {
    let seconds = u64::try_from(at.as_millis().div_euclid(1_000)).unwrap_or(0);
    rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
}
