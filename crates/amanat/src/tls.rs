//! TLS for MQTT: certificate and key from files, or a self-signed pair that the demo makes once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::data_directory;

/// Where the demo keeps its pair, in the data directory.
pub(crate) const DIRECTORY: &str = "tls";

/// Where the files are.
#[derive(Debug, Clone)]
pub(crate) struct TlsFiles {
    /// The certificate chain, PEM.
    pub(crate) certificate: PathBuf,
    /// The private key, PEM.
    pub(crate) key: PathBuf,
}

impl TlsFiles {
    /// The pair in `directory`.
    pub(crate) fn of(directory: &Path) -> Self {
        Self {
            certificate: directory.join("certificate.pem"),
            key: directory.join("key.pem"),
        }
    }
}

/// Reads and checks both files.
pub(crate) fn server_config(files: &TlsFiles) -> anyhow::Result<Arc<ServerConfig>> {
    refuse_open_key(&files.key)?;
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot use the certificate `{}`", shown(&files.certificate)))?;
    if chain.is_empty() {
        bail!("`{}` holds no certificate", shown(&files.certificate));
    }
    // The error of a bad key file could repeat what stands in it.
    let Ok(key) = PrivateKeyDer::from_pem_file(&files.key) else {
        bail!("`{}` holds no private key in PEM", shown(&files.key));
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("this TLS library speaks no safe version")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and the private key do not fit together")?;
    Ok(Arc::new(config))
}

/// The self-signed pair in `directory`, made when it is not there, for clients on this machine.
pub(crate) fn self_signed(directory: &Path) -> anyhow::Result<TlsFiles> {
    let files = TlsFiles::of(directory);
    if files.certificate.exists() && files.key.exists() {
        return Ok(files);
    }
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.subject_alt_names.extend([
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ]);
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "Amanat demo on this machine");
    params.distinguished_name = name;
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    data_directory::make(directory)?;
    // A key without its certificate is what an interrupted start left behind.
    let _ = std::fs::remove_file(&files.key);
    data_directory::write_secret(&files.key, key.serialize_pem().as_bytes())?;
    std::fs::write(&files.certificate, certificate.pem())?;
    Ok(files)
}

fn refuse_open_key(path: &Path) -> anyhow::Result<()> {
    let metadata = std::fs::metadata(path)
        .with_context(|| format!("cannot read the private key `{}`", shown(path)))?;
    let mode = metadata.permissions().mode();
    if mode & 0o077 != 0 {
        bail!(
            "the private key `{}` can be read by others (mode {:03o}): run chmod 600",
            shown(path),
            mode & 0o777
        );
    }
    Ok(())
}

fn shown(path: &Path) -> std::path::Display<'_> {
    path.display()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_self_signed_pair_is_made_once_and_can_be_used() {
        let place = tempfile::tempdir().unwrap();
        let files = self_signed(place.path()).unwrap();
        server_config(&files).unwrap();
        let first = std::fs::read(&files.certificate).unwrap();
        self_signed(place.path()).unwrap();
        assert_eq!(std::fs::read(&files.certificate).unwrap(), first);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let files = self_signed(place.path()).unwrap();
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&files.key, open).unwrap();
        let err = server_config(&files).unwrap_err().to_string();
        assert!(err.contains("chmod 600"), "{err}");
    }

    #[test]
    fn a_broken_key_file_is_not_repeated() {
        let place = tempfile::tempdir().unwrap();
        let files = self_signed(place.path()).unwrap();
        std::fs::write(&files.key, "sosecret").unwrap();
        let err = format!("{:?}", server_config(&files).unwrap_err());
        assert!(!err.contains("sosecret"), "{err}");
    }
}
