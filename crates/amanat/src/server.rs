//! The server: custody and alliance opened, sockets bound, tasks started.
//!
//! Order: configuration and TLS files are checked, the data directory is locked, database, vault and record are opened,
//! then sockets are bound, then tasks start. The end runs the other way round.

mod courier;
mod housekeeping;
mod http;
mod metrics;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alliance::Alliance;
use anyhow::{Context, anyhow};
use axum::routing::get;
use custody::{Custody, CustodyOptions};
use gateway::courier::CourierOptions;
use gateway::{Counters, Listener, PlainReach, ServeOptions};
use store::Db;
use tokio::net::TcpListener;
use web::{PublicUrl, SiteOptions};

use crate::clock;
use crate::config::Config;
use crate::control;
use crate::data_directory::{DataDirectory, DataDirectoryError};
use crate::exit::{Exit, Stop};
use crate::lifecycle::{Lifecycle, Stopping};
use crate::tls::{self, TlsFiles};

use http::HttpLimits;

/// Where the site publishes the verifier key of the record: beside the record's files.
const RECORD_KEY_PATH: &str = "/record/log.vkey";

/// What is kept: opened once for a process.
pub(crate) struct Kept {
    /// The institutions, and custody behind them.
    pub(crate) alliance: Alliance,
    /// Held as long as the process uses the directory.
    _directory: DataDirectory,
}

impl Kept {
    /// Locks the data directory and opens database, vault and record.
    pub(crate) fn open(config: &Config) -> Result<Self, Stop> {
        let directory = DataDirectory::open(&config.data.directory).map_err(|err| {
            let next = match &err {
                DataDirectoryError::InUse(_) => "stop the other process, or name another directory",
                DataDirectoryError::Io { .. } => "name a directory that this user may write to",
            };
            Stop::failure(err, next)
        })?;
        let alliance = open(config, directory.path()).map_err(|err| {
            Stop::failure(
                err,
                "nothing was changed; check the data directory, the database, and who may read them",
            )
        })?;
        Ok(Self {
            alliance,
            _directory: directory,
        })
    }

    /// Writes what is pending. The process may end after this.
    pub(crate) fn close(self) -> Result<(), Stop> {
        self.alliance.custody().close().map_err(|err| {
            Stop::failure(
                err,
                "readings that were acknowledged are kept; counts of the last second may be lost",
            )
        })
    }
}

fn open(config: &Config, directory: &Path) -> anyhow::Result<Alliance> {
    let url = match &config.data.database_url {
        Some(url) => url.expose_secret().to_owned(),
        None => format!("sqlite:{}", directory.join("amanat.db").display()),
    };
    let db = Db::open(&url)?;
    let options = CustodyOptions {
        directory: directory.to_owned(),
        record_origin: config.record.origin.as_str().to_owned(),
    };
    let custody = Custody::open(&options, db.clone())?;
    Ok(Alliance::open(custody, db)?)
}

/// Where the server is reached.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// The site.
    pub(crate) site: PublicUrl,
    /// MQTT without TLS.
    pub(crate) mqtt: Option<SocketAddr>,
    /// MQTT with TLS.
    pub(crate) mqtts: Option<SocketAddr>,
    /// Figures for monitoring.
    pub(crate) metrics: Option<SocketAddr>,
}

/// Bound sockets.
pub(crate) struct Sockets {
    http: TcpListener,
    mqtt: Vec<Listener>,
    metrics: Option<TcpListener>,
    addresses: Addresses,
    courier: CourierOptions,
}

impl Sockets {
    /// Checks the TLS files and binds every address of the configuration.
    pub(crate) async fn bind(config: &Config) -> Result<Self, Stop> {
        let tls = tls_config(config)
            .map_err(|err| Stop::invalid(err, "see mqtt.tls-certificate and mqtt.tls-key"))?;
        let courier = courier::options(&config.destinations)
            .map_err(|err| Stop::invalid(err, "see destinations.roots"))?;
        let taken = |err| {
            Stop::failure(
                err,
                "stop what uses the address, or choose another; port 0 takes a free one",
            )
        };
        let http = listen(config.http.listen).await.map_err(taken)?;
        let metrics = match config.metrics.listen {
            Some(address) => Some(listen(address).await.map_err(taken)?),
            None => None,
        };
        let mut mqtt = Vec::new();
        let mut addresses = Addresses {
            site: site_url(config, &http)?,
            mqtt: None,
            mqtts: None,
            metrics: metrics.as_ref().and_then(|it| it.local_addr().ok()),
        };
        if let Some(address) = config.mqtt.listen {
            let reach = if config.mqtt.dangerously_plain_anywhere {
                PlainReach::DangerPlainAnywhere
            } else {
                PlainReach::Private
            };
            let listener = Listener::plain(address, reach).map_err(|err| taken(err.into()))?;
            addresses.mqtt = Some(listener.local_address());
            mqtt.push(listener);
        }
        if let (Some(address), Some(tls)) = (config.mqtt.tls_listen, tls) {
            let listener = Listener::tls(address, tls).map_err(|err| taken(err.into()))?;
            addresses.mqtts = Some(listener.local_address());
            mqtt.push(listener);
        }
        Ok(Self {
            http,
            mqtt,
            metrics,
            addresses,
            courier,
        })
    }

    /// Where the server will be reached.
    pub(crate) const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Starts every task of the server.
    pub(crate) fn start(self, config: &Config, alliance: &Alliance, lifecycle: &mut Lifecycle) {
        let custody = alliance.custody().clone();
        let counters = Arc::new(Counters::default());
        let limits = Arc::new(limits(config));
        let options = ServeOptions {
            limits: limits.clone(),
            clock: gateway::Clock::start(),
        };
        let ready = Arc::new(AtomicBool::new(true));
        let mut stopping = lifecycle.stopping();
        let (mqtt, data, counted) = (self.mqtt, custody.clone(), counters.clone());
        lifecycle.spawn("MQTT server", async move {
            gateway::serve(mqtt, data, options, counted, async move {
                stopping.wait().await;
            })
            .await;
        });
        start_control(config, alliance, &self.addresses.site, lifecycle);
        let site = web::router(SiteOptions {
            alliance: alliance.clone(),
            public_url: self.addresses.site,
            time_zone: config.site.timezone.clone(),
            clock: Arc::new(clock::now),
            ready: readiness(&ready, &custody),
        });
        let key = custody.record_key();
        let router = site
            .merge(gateway::http::router(
                custody.clone(),
                limits,
                counters.clone(),
                streams_end(lifecycle.stopping()),
            ))
            .route(
                RECORD_KEY_PATH,
                get(move || std::future::ready(key.clone())),
            );
        let http_limits = HttpLimits {
            connections: count(config.limits.http_connections),
            connections_per_address: count(config.limits.connections_per_address),
            progress: http::WRITE_TIMEOUT,
            drain: Duration::from_millis(config.limits.drain_timeout_ms.into()),
        };
        let data = Some(custody.clone());
        let served = http::serve(self.http, router, data, http_limits, lifecycle.stopping());
        lifecycle.spawn("HTTP server", served);
        if let Some(socket) = self.metrics {
            let router = metrics::router(counters, custody.clone());
            let served = http::serve(socket, router, None, http_limits, lifecycle.stopping());
            lifecycle.spawn("metrics server", served);
        }
        let carried = courier::run(custody.clone(), self.courier, lifecycle.stopping());
        lifecycle.spawn("courier", carried);
        let (alarm, stopping) = (lifecycle.alarm(), lifecycle.stopping());
        let watched = housekeeping::watch(custody.clone(), alarm, stopping);
        lifecycle.spawn("watch over the vault", watched);
        let stopping = lifecycle.stopping();
        lifecycle.spawn("housekeeping", housekeeping::run(custody, ready, stopping));
    }
}

/// What ends the streams of recipients.
fn streams_end(stopping: Stopping) -> gateway::http::Stop {
    Arc::new(move || {
        let mut stopping = stopping.clone();
        Box::pin(async move { stopping.wait().await })
    })
}

/// Runs until something stops it, then writes what is pending.
pub(crate) async fn run_to_the_end(
    lifecycle: Lifecycle,
    length: Option<Duration>,
    kept: Kept,
) -> Result<Exit, Stop> {
    let exit = lifecycle.run(length).await;
    let closed = tokio::task::spawn_blocking(move || kept.close()).await;
    closed.map_err(|err| {
        Stop::failure(err, "acknowledged readings are kept; please report this")
    })??;
    Ok(exit)
}

/// Without a control socket the server does its work; only `sign-in-link` cannot reach it.
fn start_control(
    config: &Config,
    alliance: &Alliance,
    site: &PublicUrl,
    lifecycle: &mut Lifecycle,
) {
    match control::bind(&config.data.directory) {
        Ok(listener) => {
            let (alliance, site) = (alliance.clone(), site.clone());
            let stopping = lifecycle.stopping();
            lifecycle.spawn(
                "control socket",
                control::serve(listener, alliance, site, stopping),
            );
        }
        Err(err) => {
            tracing::warn!("no control socket, so sign-in links need a stopped server: {err}")
        }
    }
}

fn readiness(ready: &Arc<AtomicBool>, custody: &Custody) -> Arc<dyn Fn() -> bool + Send + Sync> {
    let (ready, custody) = (ready.clone(), custody.clone());
    Arc::new(move || ready.load(Ordering::Relaxed) && !custody.failed())
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on `{address}`"))
}

fn site_url(config: &Config, http: &TcpListener) -> Result<PublicUrl, Stop> {
    if let Some(url) = &config.http.public_url {
        return Ok(url.clone());
    }
    let address = http
        .local_addr()
        .map_err(|err| Stop::failure(err, "set http.public-url"))?;
    PublicUrl::parse(&format!("http://{address}"))
        .map_err(|err| Stop::invalid(err, "set http.public-url to the URL that people use"))
}

fn tls_config(config: &Config) -> anyhow::Result<Option<Arc<rustls::ServerConfig>>> {
    let mqtt = &config.mqtt;
    if mqtt.tls_listen.is_none() {
        return Ok(None);
    }
    match (&mqtt.tls_certificate, &mqtt.tls_key) {
        (Some(certificate), Some(key)) => tls::server_config(&TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
        })
        .map(Some),
        _ => Err(anyhow!("mqtt.tls-listen needs a certificate and a key")),
    }
}

fn count(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn limits(config: &Config) -> gateway::Limits {
    let limits = &config.limits;
    gateway::Limits {
        max_packet_bytes: limits.packet_bytes,
        max_connect_bytes: limits.connect_bytes,
        max_connections: count(limits.connections),
        max_connections_per_address: count(limits.connections_per_address),
        connect_timeout_ms: limits.connect_timeout_ms.into(),
        max_subscriptions: count(limits.subscriptions),
        streams_per_recipient: count(limits.streams_per_recipient),
        outbox_deliveries: count(limits.outbox_deliveries),
        max_pending_acks: limits.pending_acks,
        publishes_per_second: limits.publishes_per_second,
        drain_timeout_ms: limits.drain_timeout_ms.into(),
        ..gateway::Limits::default()
    }
}
