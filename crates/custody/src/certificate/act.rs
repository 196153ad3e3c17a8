//! Acts on certificates: an authority begins, a thing gets a certificate, a certificate ends before its time.

use model::{DeploymentId, ThingId, Timestamp};
use rustls_pki_types::CertificateDer;

use super::x509::{self, DAY_MS, Wanted};
use super::{
    AuthorityId, CertificateError, CertificateRow, DeviceAuthority, MAX_CERTIFICATE_DAYS,
    MAX_CERTIFICATES_PER_THING, MAX_MAKER_REVOCATIONS, MAX_MAKERS, MakerRow, Serial,
    SubjectPattern,
};
use crate::act::{Act, ActError};
use crate::rows;
use crate::rows::certificate::AuthorityRow;

/// The least time between two certificates of a thing.
const ISSUE_PAUSE_MS: i64 = 10_000;
const SERIAL_BYTES: usize = 16;

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub struct NewCertificate<'a> {
    /// For which thing.
    pub thing: &'a ThingId,
    /// The signing request, PKCS #10 in DER.
    pub request: &'a [u8],
    /// For how many days.
    pub days: u32,
}

/// A certificate that was issued: public.
#[derive(Debug, Clone)]
pub struct IssuedCertificate {
    /// Its serial number.
    pub serial: Serial,
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// The first moment at which it does not hold any more.
    pub not_after: Timestamp,
}

impl Act<'_, '_> {
    /// Begins the authority for devices of this installation: makes its key, which never leaves the rows unsealed.
    ///
    /// # Errors
    /// When there is one already, or it cannot be made or written.
    pub fn begin_device_authority(
        &mut self,
        name: &str,
    ) -> Result<DeviceAuthority, CertificateError> {
        if let Some(standing) = rows::certificate::authority(self.tx())? {
            return Err(CertificateError::AuthorityExists(standing.id));
        }
        let now = self.now();
        let made = x509::make_authority(name, now).map_err(CertificateError::Making)?;
        let id = AuthorityId::of(&made.certificate);
        let key_box = &self.custody().inner.certificates.key_box;
        let sealed_key = key_box
            .seal(&id, &made.key)
            .ok_or(CertificateError::Sealed)?;
        let row = AuthorityRow {
            id: id.clone(),
            certificate: made.certificate.clone(),
            sealed_key,
        };
        rows::certificate::insert_authority(self.tx(), &row, now)?;
        self.touch_certificates().authorities = true;
        let not_after = x509::read(&made.certificate).map_or(0, |it| it.not_after_ms);
        Ok(DeviceAuthority {
            id,
            certificate: made.certificate,
            not_after: Timestamp::from_millis(not_after),
        })
    }

    /// Certifies a thing's key. Certificates it has already go on holding, so that the device can change over; beyond
    /// [`MAX_CERTIFICATES_PER_THING`] the oldest is revoked.
    ///
    /// # Errors
    /// When there is no authority, the thing is not known, the request cannot be used, its key is certified for another
    /// thing, the last one was issued a moment ago, or the database fails.
    pub fn issue_certificate(
        &mut self,
        wanted: NewCertificate<'_>,
    ) -> Result<IssuedCertificate, CertificateError> {
        let NewCertificate {
            thing,
            request,
            days,
        } = wanted;
        if days == 0 || days > MAX_CERTIFICATE_DAYS {
            return Err(CertificateError::Days);
        }
        let now = self.now();
        let own = rows::certificate::authority(self.tx())?.ok_or(CertificateError::NoAuthority)?;
        if !rows::thing::exists(self.tx(), thing.as_str()).map_err(CertificateError::Rows)? {
            return Err(ActError::NoThing(thing.clone()).into());
        }
        let request = x509::read_request(request)?;
        if request.common_names.iter().any(|it| it != thing.as_str()) {
            return Err(CertificateError::OtherName(thing.clone()));
        }
        if rows::certificate::has_key_of_another(self.tx(), &request.key_sha256, thing)? {
            return Err(CertificateError::SharedKey);
        }
        rows::certificate::forget_over(self.tx(), thing, now)?;
        if let Some(last) = rows::certificate::last_issued(self.tx(), thing)? {
            let left_ms = last.plus_millis(ISSUE_PAUSE_MS).as_millis() - now.as_millis();
            let left_s = u64::try_from(left_ms).unwrap_or(0).div_ceil(1_000);
            if left_s > 0 {
                return Err(CertificateError::TooSoon(left_s));
            }
        }
        // Whoever renews more often than needed loses the oldest, not the next.
        let others = MAX_CERTIFICATES_PER_THING.saturating_sub(1);
        rows::certificate::revoke_oldest(self.tx(), thing, others, now)?;
        let end = x509::read(&own.certificate).map_or(0, |it| it.not_after_ms);
        let wanted_end = now.plus_millis(i64::from(days).saturating_mul(DAY_MS));
        let not_after = wanted_end.min(Timestamp::from_millis(end));
        if not_after <= now {
            return Err(CertificateError::AuthorityOver);
        }
        let serial = random_serial()?;
        let key_box = &self.custody().inner.certificates.key_box;
        let key = key_box
            .open(&own.id, &own.sealed_key)
            .ok_or(CertificateError::Sealed)?;
        let wanted = Wanted {
            thing,
            serial: &serial,
            now,
            not_after,
        };
        let (certificate, not_before) = x509::make(&own.certificate, &key, &request, &wanted)
            .map_err(CertificateError::Making)?;
        let row = CertificateRow {
            serial: Serial::of(&serial).ok_or(CertificateError::Sealed)?,
            issued_by: own.id,
            thing: thing.clone(),
            not_before,
            not_after,
            revoked_at: None,
        };
        rows::certificate::insert(self.tx(), &row, &request.key_sha256, now)?;
        self.touch_certificates().things.insert(thing.clone());
        Ok(IssuedCertificate {
            serial: row.serial,
            certificate,
            not_after,
        })
    }

    /// Certifies a key for the thing of a certificate that holds.
    ///
    /// # Errors
    /// When that certificate does not hold, or as [`Act::issue_certificate`].
    pub fn renew_certificate(
        &mut self,
        serial: &Serial,
        request: &[u8],
        days: u32,
    ) -> Result<IssuedCertificate, CertificateError> {
        let now = self.now();
        let thing = rows::certificate::thing_of(self.tx(), serial, now)?
            .ok_or_else(|| CertificateError::NoCertificate(serial.clone()))?;
        self.issue_certificate(NewCertificate {
            thing: &thing,
            request,
            days,
        })
    }

    /// Ends a certificate of ours: no handshake with it succeeds any more, and connections that it opened end. Gives
    /// the thing.
    ///
    /// # Errors
    /// When there is no such certificate that holds, or the database fails.
    pub fn revoke_certificate(&mut self, serial: &Serial) -> Result<ThingId, CertificateError> {
        let now = self.now();
        let thing = rows::certificate::revoke(self.tx(), serial, now)?
            .ok_or_else(|| CertificateError::NoCertificate(serial.clone()))?;
        self.touch_certificates().things.insert(thing.clone());
        Ok(thing)
    }

    /// Trusts a maker's authority for the things of one deployment, by names of one form. Trusting it again changes the
    /// form.
    ///
    /// # Errors
    /// When the certificate is none of an authority, the deployment is not known, there are too many, or the database
    /// fails.
    pub fn trust_maker(
        &mut self,
        certificate: &CertificateDer<'_>,
        deployment: &DeploymentId,
        pattern: &SubjectPattern,
    ) -> Result<AuthorityId, CertificateError> {
        let now = self.now();
        x509::check_authority(certificate, now).map_err(CertificateError::NotAnAuthority)?;
        if webpki::anchor_from_trusted_cert(certificate).is_err() {
            return Err(CertificateError::NotAnAuthority("it cannot be read"));
        }
        if rows::deployment::notice_version(self.tx(), deployment)?.is_none() {
            return Err(ActError::NoDeployment(deployment.clone()).into());
        }
        let id = AuthorityId::of(certificate);
        if rows::certificate::authority(self.tx())?.is_some_and(|it| it.id == id) {
            return Err(CertificateError::NotAnAuthority("it is our own"));
        }
        let standing = rows::certificate::makers(self.tx())?;
        let is_there = |it: &MakerRow| it.id == id && it.deployment == *deployment;
        if standing.len() >= MAX_MAKERS && !standing.iter().any(is_there) {
            return Err(CertificateError::TooManyMakers);
        }
        let row = MakerRow {
            id: id.clone(),
            deployment: deployment.clone(),
            pattern: pattern.clone(),
            trusted_at: now,
            certificate: certificate.clone().into_owned(),
        };
        rows::certificate::put_maker(self.tx(), &row)?;
        self.touch_certificates().authorities = true;
        Ok(id)
    }

    /// Ends the trust in a maker's authority at a deployment; connections that its certificates opened end. Gives its
    /// certificate.
    ///
    /// # Errors
    /// When it is not trusted there, or the database fails.
    pub fn distrust_maker(
        &mut self,
        maker: &AuthorityId,
        deployment: &DeploymentId,
    ) -> Result<CertificateDer<'static>, CertificateError> {
        let certificate = rows::certificate::drop_maker(self.tx(), maker, deployment)?
            .ok_or_else(|| CertificateError::NoMaker(maker.clone()))?;
        self.touch_certificates().authorities = true;
        Ok(certificate)
    }

    /// Counts a maker's certificate no more.
    ///
    /// # Errors
    /// When the maker is trusted nowhere, there are too many, or the database fails.
    pub fn revoke_of_maker(
        &mut self,
        maker: &AuthorityId,
        serial: &Serial,
    ) -> Result<(), CertificateError> {
        let now = self.now();
        let makers = rows::certificate::makers(self.tx())?;
        if !makers.iter().any(|it| it.id == *maker) {
            return Err(CertificateError::NoMaker(maker.clone()));
        }
        if rows::certificate::count_maker_revocations(self.tx())? >= MAX_MAKER_REVOCATIONS {
            return Err(CertificateError::TooManyMakers);
        }
        rows::certificate::revoke_of_maker(self.tx(), maker, serial, now)?;
        self.touch_certificates().authorities = true;
        Ok(())
    }
}

/// 126 random bits behind a first bit of one: positive, never shorter, never guessed (RFC 5280 section 4.1.2.2).
fn random_serial() -> Result<[u8; SERIAL_BYTES], getrandom::Error> {
    let mut serial = [0; SERIAL_BYTES];
    getrandom::fill(&mut serial)?;
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x3f | 0x40;
    }
    Ok(serial)
}
