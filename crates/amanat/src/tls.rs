//! TLS: certificate and key from files, read again when they change; or a self-signed pair that the demo makes once.
//!
//! The pair stands behind one pointer that every handshake reads ([`Served`]), so a new pair is in use from the next
//! handshake on and no connection notices. A pair that cannot be used changes nothing: the old one stays, and the log says
//! so at each attempt. TLS 1.2 and 1.3 are spoken, nothing older; `mqtt.tls-minimum` can only ask for more.
//!
//! Resumption is by a list in memory, never by a ticket key that could be lost (RFC 8446 section 8.1), without early
//! data; what a resumed session may do is asked anew (`gateway::Arrival`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use arc_swap::ArcSwap;
use custody::Custody;
use gateway::ClientCertificates;
use model::Timestamp;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::signal::unix::Signal;

use crate::clock;
use crate::data_directory;
use crate::lifecycle::Stopping;

/// Where the demo keeps its pair, in the data directory.
pub(crate) const DIRECTORY: &str = "tls";
/// What an MQTT client asks for (the name that IANA has registered).
pub(crate) const MQTT: &[u8] = b"mqtt";
/// What a browser asks for.
pub(crate) const HTTP: &[u8] = b"http/1.1";

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How many sessions can be resumed; each takes about a kibibyte.
const SESSIONS: usize = 4_096;
/// The longest file that is read.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Inode, length and time of each file.
type Marks = [(u64, u64, i64, i64); 2];

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

    /// What a change of a file changes; nothing when one is not there.
    fn mark(&self) -> Option<Marks> {
        let mark = |path: &Path| {
            let it = std::fs::metadata(path).ok()?;
            Some((it.ino(), it.len(), it.mtime(), it.mtime_nsec()))
        };
        Some([mark(&self.certificate)?, mark(&self.key)?])
    }
}

/// The oldest version that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsVersion {
    /// RFC 5246.
    V1_2,
    /// RFC 8446.
    V1_3,
}

/// The pair that handshakes use.
#[derive(Debug)]
pub(crate) struct Served {
    files: TlsFiles,
    pair: ArcSwap<CertifiedKey>,
    /// How the files were when they were last tried.
    tried: Mutex<Option<Marks>>,
}

impl Served {
    /// Reads and checks both files.
    pub(crate) fn load(files: &TlsFiles) -> anyhow::Result<Arc<Self>> {
        let tried = files.mark();
        let pair = read(files)?;
        if let Some(over) = over(&pair, clock::now()) {
            tracing::error!("{over}: clients will refuse it");
        }
        Ok(Arc::new(Self {
            files: files.clone(),
            pair: ArcSwap::from_pointee(pair),
            tried: Mutex::new(tried),
        }))
    }

    /// Reads both files again; gives a sentence about what is in use from now on.
    ///
    /// # Errors
    /// When they cannot be used: the pair from before stays in use.
    pub(crate) fn reload(&self) -> anyhow::Result<String> {
        *self.tried.lock().unwrap_or_else(PoisonError::into_inner) = self.files.mark();
        let pair = read(&self.files)?;
        if let Some(over) = over(&pair, clock::now()) {
            bail!(over);
        }
        let is_same = self.pair.load().cert == pair.cert;
        self.pair.store(Arc::new(pair));
        Ok(match is_same {
            true => "the certificate is the one that was in use".to_owned(),
            false => format!(
                "the new certificate of `{}` is in use",
                shown(&self.files.certificate)
            ),
        })
    }

    fn has_changed(&self) -> bool {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        *tried != self.files.mark()
    }

    /// Reads the files again when they change, and at SIGHUP.
    pub(crate) async fn watch(self: Arc<Self>, mut hangup: Signal, mut stopping: Stopping) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let is_asked = tokio::select! {
                () = stopping.wait() => return,
                told = hangup.recv() => told.is_some(),
                _ = look.tick() => false,
            };
            let served = Arc::clone(&self);
            let tried = tokio::task::spawn_blocking(move || {
                (is_asked || served.has_changed()).then(|| served.reload())
            });
            match tried.await {
                Ok(Some(Ok(said))) => tracing::info!("{said}"),
                Ok(Some(Err(err))) => tracing::error!(
                    "the TLS files have changed and cannot be used, so the certificate from before stays in use: {err:#}"
                ),
                Ok(None) | Err(_) => {}
            }
        }
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair.load_full())
    }
}

/// What a listener of this protocol does with TLS. Clients may show certificates of things of `custody`.
pub(crate) fn server_config(
    served: &Arc<Served>,
    custody: &Custody,
    minimum: TlsVersion,
    protocol: &[u8],
) -> anyhow::Result<Arc<ServerConfig>> {
    let versions: &[&rustls::SupportedProtocolVersion] = match minimum {
        TlsVersion::V1_2 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        TlsVersion::V1_3 => &[&rustls::version::TLS13],
    };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .context("this TLS library speaks no safe version")?
        .with_client_cert_verifier(ClientCertificates::new(custody.clone()))
        .with_cert_resolver(Arc::clone(served) as Arc<dyn ResolvesServerCert>);
    config.alpn_protocols = vec![protocol.to_vec()];
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn read(files: &TlsFiles) -> anyhow::Result<CertifiedKey> {
    refuse_open_key(&files.key)?;
    for file in [&files.certificate, &files.key] {
        let length = std::fs::metadata(file).map_or(0, |it| it.len());
        if length > MAX_FILE_BYTES {
            bail!("`{}` is too long for a PEM file", shown(file));
        }
    }
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
    CertifiedKey::from_der(chain, key, &provider())
        .context("the certificate and the private key do not fit together")
}

/// What is wrong with the time of a certificate; nothing when it holds, or when its time cannot be read.
fn over(pair: &CertifiedKey, now: Timestamp) -> Option<String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(pair.end_entity_cert().ok()?).ok()?;
    let (begin, end) = (parsed.validity().not_before, parsed.validity().not_after);
    let now = now.as_millis().div_euclid(1_000);
    if now > end.timestamp() {
        return Some(format!("the certificate is over since {end}"));
    }
    (now < begin.timestamp()).then(|| format!("the certificate begins only at {begin}"))
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
        return Err(anyhow!(
            "the private key `{}` can be read by others (mode {:03o}): run chmod 600",
            shown(path),
            mode & 0o777
        ));
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
        Served::load(&files).unwrap();
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
        let err = Served::load(&files).unwrap_err().to_string();
        assert!(err.contains("chmod 600"), "{err}");
    }

    #[test]
    fn a_broken_key_file_is_not_repeated() {
        let place = tempfile::tempdir().unwrap();
        let files = self_signed(place.path()).unwrap();
        std::fs::write(&files.key, "sosecret").unwrap();
        let err = format!("{:?}", Served::load(&files).unwrap_err());
        assert!(!err.contains("sosecret"), "{err}");
    }

    #[test]
    fn a_new_pair_is_used_and_a_broken_one_changes_nothing() {
        let place = tempfile::tempdir().unwrap();
        let files = self_signed(place.path()).unwrap();
        let served = Served::load(&files).unwrap();
        let first = served.pair.load().cert.clone();
        assert!(!served.has_changed());
        assert!(served.reload().unwrap().contains("was in use"));
        let other = tempfile::tempdir().unwrap();
        let other = self_signed(other.path()).unwrap();
        // The certificate is there before its key: they do not fit together.
        std::fs::copy(&other.certificate, &files.certificate).unwrap();
        assert!(served.has_changed());
        let err = format!("{:#}", served.reload().unwrap_err());
        assert!(err.contains("do not fit together"), "{err}");
        assert_eq!(served.pair.load().cert, first);
        assert!(!served.has_changed(), "a pair is tried once");
        std::fs::copy(&other.key, &files.key).unwrap();
        assert!(served.has_changed());
        assert!(served.reload().unwrap().contains("is in use"));
        assert_ne!(served.pair.load().cert, first);
        std::fs::remove_file(&files.key).unwrap();
        assert!(served.reload().is_err());
        assert_ne!(served.pair.load().cert, first);
    }

    #[test]
    fn a_certificate_that_is_over_does_not_replace_one_that_holds() {
        let place = tempfile::tempdir().unwrap();
        let files = self_signed(place.path()).unwrap();
        let served = Served::load(&files).unwrap();
        let first = served.pair.load().cert.clone();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(&files.certificate, certificate.pem()).unwrap();
        let err = served.reload().unwrap_err().to_string();
        assert!(err.contains("is over since"), "{err}");
        assert_eq!(served.pair.load().cert, first);
    }
}
