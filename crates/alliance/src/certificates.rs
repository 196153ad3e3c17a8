//! Certificates of things: the operator begins the authority for devices and says which makers are believed.
//!
//! That there is an authority, and whose certificates count at a deployment, is public; which thing has a certificate is
//! not: a thing can stand for a home.

use custody::{
    AuthorityId, CertificateError, DeviceAuthority, IssuedCertificate, NewCertificate, Serial,
    SubjectPattern,
};
use data_encoding::BASE64;
use model::{DeploymentId, Entry, EntryKind, ThingId, Timestamp};
use rustls_pki_types::CertificateDer;

use crate::authority::{Action, Actor};
use crate::four_eyes::OfficeAct;
use crate::{Alliance, AllianceError};

impl Alliance {
    /// Begins the authority for devices, publicly. It takes two.
    ///
    /// # Errors
    /// When the actor may not, there is one already, or the database fails.
    pub fn begin_device_authority(
        &self,
        by: &Actor,
        name: &str,
        now: Timestamp,
    ) -> Result<DeviceAuthority, AllianceError> {
        by.must(Action::ManageCertificates)?;
        let asked = OfficeAct::BeginDeviceAuthority {
            name: name.to_owned(),
        };
        self.in_two(by, asked, now, |act| {
            let begun = act.begin_device_authority(name)?;
            act.record(Entry {
                at: now,
                kind: EntryKind::DeviceAuthorityBegun,
                about: format!("authority:{}", begun.id),
                by: by.office().to_owned(),
                reason: String::new(),
                document_sha256: Some(custody::document_sha256(&begun.certificate)),
            });
            Ok(begun)
        })
    }

    /// Certifies the key of a thing's signing request.
    ///
    /// # Errors
    /// When the actor may not, or as [`custody::Act::issue_certificate`].
    pub fn issue_certificate(
        &self,
        by: &Actor,
        wanted: NewCertificate<'_>,
        now: Timestamp,
    ) -> Result<IssuedCertificate, AllianceError> {
        by.must(Action::ManageCertificates)?;
        self.custody
            .act(now, |act| Ok(act.issue_certificate(wanted)?))
    }

    /// Certifies the key of a signing request for the thing of a certificate that holds.
    ///
    /// # Errors
    /// When the actor may not, that certificate does not hold, or as [`custody::Act::issue_certificate`].
    pub fn renew_certificate(
        &self,
        by: &Actor,
        (serial, request, days): (&Serial, &[u8], u32),
        now: Timestamp,
    ) -> Result<IssuedCertificate, AllianceError> {
        by.must(Action::ManageCertificates)?;
        self.custody
            .act(now, |act| Ok(act.renew_certificate(serial, request, days)?))
    }

    /// Ends a certificate of ours before its time, or one of a maker's, and the connections that it opened.
    ///
    /// # Errors
    /// When the actor may not, there is no such certificate or maker, or the database fails.
    pub fn revoke_certificate(
        &self,
        by: &Actor,
        serial: &Serial,
        maker: Option<&AuthorityId>,
        now: Timestamp,
    ) -> Result<Option<ThingId>, AllianceError> {
        by.must(Action::ManageCertificates)?;
        self.custody.act(now, |act| {
            Ok(match maker {
                None => Some(act.revoke_certificate(serial)?),
                Some(maker) => {
                    act.revoke_of_maker(maker, serial)?;
                    None
                }
            })
        })
    }

    /// Believes a maker's authority about the things of one deployment, publicly. It takes two.
    ///
    /// # Errors
    /// When the actor may not, or as [`custody::Act::trust_maker`].
    pub fn trust_maker(
        &self,
        by: &Actor,
        certificate: &CertificateDer<'_>,
        (deployment, pattern): (&DeploymentId, &SubjectPattern),
        now: Timestamp,
    ) -> Result<AuthorityId, AllianceError> {
        by.must(Action::ManageCertificates)?;
        let asked = OfficeAct::TrustMaker {
            certificate: BASE64.encode(certificate),
            deployment: deployment.to_string(),
            pattern: pattern.to_string(),
        };
        self.in_two(by, asked, now, |act| {
            let id = act.trust_maker(certificate, deployment, pattern)?;
            act.record(Entry {
                at: now,
                kind: EntryKind::MakerTrusted,
                about: format!("deployment:{deployment}"),
                by: by.office().to_owned(),
                reason: String::new(),
                document_sha256: Some(custody::document_sha256(certificate)),
            });
            Ok(id)
        })
    }

    /// Ends the belief in a maker's authority at a deployment, publicly. It takes two; what cannot wait is done by suspending the licence.
    ///
    /// # Errors
    /// When the actor may not, it is not believed there, or the database fails.
    pub fn distrust_maker(
        &self,
        by: &Actor,
        maker: &AuthorityId,
        deployment: &DeploymentId,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        by.must(Action::ManageCertificates)?;
        let asked = OfficeAct::DistrustMaker {
            maker: maker.to_string(),
            deployment: deployment.to_string(),
        };
        self.in_two(by, asked, now, |act| {
            let certificate = act.distrust_maker(maker, deployment)?;
            act.record(Entry {
                at: now,
                kind: EntryKind::MakerDistrusted,
                about: format!("deployment:{deployment}"),
                by: by.office().to_owned(),
                reason: String::new(),
                document_sha256: Some(custody::document_sha256(&certificate)),
            });
            Ok(())
        })
    }
}

impl From<CertificateError> for AllianceError {
    fn from(err: CertificateError) -> Self {
        match err {
            CertificateError::Act(err) => Self::Act(err),
            err => Self::Certificate(err),
        }
    }
}
