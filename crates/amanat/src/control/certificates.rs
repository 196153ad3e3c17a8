//! What the command line asks about certificates, as one line of JSON each way.
//!
//! ```text
//! request:  certificates {"do":"issue","thing":"box-1","request":"<base64 of PKCS #10>","days":90} \n
//! answer:   ok {"serial":"…","certificate":"<base64 of DER>","until":"2026-…Z"} \n      or  error WORDS \n
//! ```

use std::sync::Arc;

use alliance::{Actor, Alliance};
use anyhow::{Context, anyhow};
use custody::{AuthorityId, NewCertificate, Serial, SubjectPattern};
use data_encoding::BASE64;
use model::{DeploymentId, ThingId};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock;
use crate::tls::Served;

/// The word in front of a request.
const WORD: &str = "certificates ";

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum CertificatesRequest {
    /// Begin the authority for devices.
    Begin { name: String },
    /// The certificate of the authority.
    Authority,
    /// Certify a key for a thing.
    Issue {
        thing: String,
        request: String,
        days: u32,
    },
    /// Certify a key for the thing of a certificate that holds.
    Renew {
        serial: String,
        request: String,
        days: u32,
    },
    /// End a certificate.
    Revoke {
        serial: String,
        maker: Option<String>,
    },
    /// What holds, and whose authorities are believed.
    List { thing: Option<String> },
    /// Believe a maker.
    Trust {
        certificate: String,
        deployment: String,
        pattern: String,
    },
    /// Believe a maker no more.
    Distrust { maker: String, deployment: String },
    /// Read the files of TLS again.
    Reload,
}

impl CertificatesRequest {
    /// As it goes over the socket.
    pub(crate) fn to_line(&self) -> anyhow::Result<String> {
        Ok(format!("{WORD}{}\n", serde_json::to_string(self)?))
    }

    /// Reads a line; nothing when it is about something else.
    pub(crate) fn parse(line: &str) -> Option<anyhow::Result<Self>> {
        let rest = line.strip_prefix(WORD)?;
        Some(serde_json::from_str(rest).context("this request is not known"))
    }
}

/// Does what is asked.
pub(crate) fn act(
    alliance: &Alliance,
    tls: Option<&Arc<Served>>,
    request: &CertificatesRequest,
) -> anyhow::Result<Value> {
    let (by, now) = (&Actor::Operator, clock::now());
    match request {
        CertificatesRequest::Begin { name } => {
            let begun = alliance.begin_device_authority(by, name, now)?;
            Ok(json!({
                "authority": begun.id.as_str(),
                "certificate": BASE64.encode(&begun.certificate),
                "until": begun.not_after.to_string(),
            }))
        }
        CertificatesRequest::Authority => {
            let authority = alliance.custody().device_authority();
            let authority =
                authority.context("there is no authority for devices yet: run amanat ca init")?;
            Ok(json!({ "certificate": BASE64.encode(&authority.certificate) }))
        }
        CertificatesRequest::Issue {
            thing,
            request,
            days,
        } => {
            let wanted = NewCertificate {
                thing: &ThingId::parse(thing)?,
                request: &decoded(request)?,
                days: *days,
            };
            Ok(issued(&alliance.issue_certificate(by, wanted, now)?))
        }
        CertificatesRequest::Renew {
            serial: old,
            request,
            days,
        } => {
            let wanted = (&serial(old)?, decoded(request)?, *days);
            let wanted = (wanted.0, wanted.1.as_slice(), wanted.2);
            Ok(issued(&alliance.renew_certificate(by, wanted, now)?))
        }
        CertificatesRequest::Revoke { serial: old, maker } => {
            let maker = maker.as_deref().map(authority).transpose()?;
            let thing = alliance.revoke_certificate(by, &serial(old)?, maker.as_ref(), now)?;
            Ok(json!({ "thing": thing.as_ref().map(ThingId::as_str) }))
        }
        CertificatesRequest::List { thing } => list(alliance, thing.as_deref()),
        CertificatesRequest::Trust {
            certificate,
            deployment,
            pattern,
        } => {
            let certificate = CertificateDer::from(decoded(certificate)?);
            let place = (
                &DeploymentId::parse(deployment)?,
                &SubjectPattern::parse(pattern)?,
            );
            let maker = alliance.trust_maker(by, &certificate, place, now)?;
            Ok(json!({ "maker": maker.as_str() }))
        }
        CertificatesRequest::Distrust { maker, deployment } => {
            let deployment = DeploymentId::parse(deployment)?;
            alliance.distrust_maker(by, &authority(maker)?, &deployment, now)?;
            Ok(json!({}))
        }
        CertificatesRequest::Reload => reload(tls),
    }
}

fn reload(tls: Option<&Arc<Served>>) -> anyhow::Result<Value> {
    let tls = tls.context("this server does not listen with TLS")?;
    let said = tls
        .reload()
        .context("the files cannot be used, so the certificate from before stays in use")
        .inspect_err(|err| tracing::error!("{err:#}"))?;
    Ok(json!({ "said": said }))
}

fn issued(issued: &custody::IssuedCertificate) -> Value {
    json!({
        "serial": issued.serial.as_str(),
        "certificate": BASE64.encode(&issued.certificate),
        "until": issued.not_after.to_string(),
    })
}

fn list(alliance: &Alliance, thing: Option<&str>) -> anyhow::Result<Value> {
    let thing = thing.map(ThingId::parse).transpose()?;
    let custody = alliance.custody();
    let certificates: Vec<_> = custody
        .certificates(thing.as_ref())?
        .iter()
        .map(|it| {
            json!({
                "serial": it.serial.as_str(),
                "thing": it.thing.as_str(),
                "from": it.not_before.to_string(),
                "until": it.not_after.to_string(),
                "revoked": it.revoked_at.map(|it| it.to_string()),
            })
        })
        .collect();
    let makers: Vec<_> = custody
        .makers()?
        .iter()
        .map(|it| {
            json!({
                "maker": it.id.as_str(),
                "deployment": it.deployment.as_str(),
                "pattern": it.pattern.to_string(),
                "since": it.trusted_at.to_string(),
            })
        })
        .collect();
    Ok(json!({ "certificates": certificates, "makers": makers }))
}

fn decoded(text: &str) -> anyhow::Result<Vec<u8>> {
    BASE64.decode(text.as_bytes()).context("this is no base64")
}

fn serial(text: &str) -> anyhow::Result<Serial> {
    Serial::parse(text)
        .ok_or_else(|| anyhow!("`{text}` is no serial number: write its hexadecimal digits"))
}

fn authority(text: &str) -> anyhow::Result<AuthorityId> {
    AuthorityId::parse(text)
        .ok_or_else(|| anyhow!("`{text}` names no maker's authority: see amanat ca list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_back_as_written() {
        let request = CertificatesRequest::Issue {
            thing: "box-1".to_owned(),
            request: "AAAA".to_owned(),
            days: 3,
        };
        let line = request.to_line().unwrap();
        assert_eq!(line.lines().count(), 1);
        let read = CertificatesRequest::parse(&line).unwrap().unwrap();
        assert_eq!(read.to_line().unwrap(), line);
        assert!(CertificatesRequest::parse("sign-in-link new x").is_none());
        assert!(
            CertificatesRequest::parse("certificates {}")
                .unwrap()
                .is_err()
        );
    }
}
