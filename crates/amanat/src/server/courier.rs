//! What carries readings to people's own endpoints and to the webhooks of recipients: options from the configuration, and the tasks.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use custody::Custody;
use gateway::Counters;
use gateway::courier::{CourierOptions, Reach, SystemResolver};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::config::Destinations;
use crate::lifecycle::Stopping;

/// The options, with the certificate authorities of the system and those of the configuration.
pub(super) fn options(config: &Destinations) -> anyhow::Result<CourierOptions> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if let Some(path) = &config.roots {
        add(&mut roots, path)?;
    } else if taken == 0 {
        tracing::warn!(
            "this system names no certificate authority, so no webhook, broker or bucket of a person can be reached; \
             install ca-certificates or set destinations.roots"
        );
    }
    let millis = |it: u32| Duration::from_millis(it.into());
    Ok(CourierOptions {
        in_flight: super::count(config.in_flight),
        parcels_per_second: super::count(config.parcels_per_second),
        connect_timeout: millis(config.connect_timeout_ms),
        total_timeout: millis(config.total_timeout_ms),
        reach: Reach {
            high_ports: config.high_ports,
            danger_private_addresses: config.dangerously_private_addresses,
        },
        roots: Arc::new(roots),
        resolver: Arc::new(SystemResolver),
    })
}

fn add(roots: &mut RootCertStore, path: &Path) -> anyhow::Result<()> {
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot use the certificates `{}`", path.display()))?;
    let (taken, _) = roots.add_parsable_certificates(chain);
    if taken == 0 {
        bail!("`{}` holds no certificate", path.display());
    }
    Ok(())
}

/// Carries parcels until it is time to stop.
pub(super) async fn run(custody: Custody, options: CourierOptions, mut stopping: Stopping) {
    let clock = gateway::Clock::start();
    let stop = stopping.clone();
    let carried = gateway::courier::run(custody, options, clock, async move {
        let mut stop = stop;
        stop.wait().await;
    });
    if let Err(err) = carried.await {
        tracing::error!("no reading goes to a person's own endpoint: {err}");
        stopping.wait().await;
    }
}

/// Sends to the webhooks of recipients until it is time to stop.
pub(super) async fn push(
    custody: Custody,
    options: CourierOptions,
    counters: Arc<Counters>,
    mut stopping: Stopping,
) {
    let clock = gateway::Clock::start();
    let stop = stopping.clone();
    let pushed = gateway::courier::push::run(custody, options, counters, clock, async move {
        let mut stop = stop;
        stop.wait().await;
    });
    if let Err(err) = pushed.await {
        tracing::error!("nothing goes to the webhooks of recipients: {err}");
        stopping.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_come_from_a_file_that_has_some() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("roots.pem");
        let mut roots = RootCertStore::empty();
        std::fs::write(&path, "no certificate").unwrap();
        assert!(add(&mut roots, &path).is_err());
        let files = crate::tls::self_signed(place.path()).unwrap();
        add(&mut roots, &files.certificate).unwrap();
        assert_eq!(roots.len(), 1);
    }
}
