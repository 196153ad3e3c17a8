//! The server: custody and alliance opened, sockets bound, tasks started.
//!
//! Order: configuration and TLS files are checked, the data directory is locked, database, vault and record are opened,
//! then sockets are bound, then tasks start. The end runs the other way round.

mod cases;
mod commons;
mod courier;
mod every;
mod exports;
mod housekeeping;
mod http;
mod kept;
mod metrics;
mod statistics;
mod witnesses;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alliance::Alliance;
use anyhow::{Context, anyhow};
use axum::routing::get;
use axum::{Extension, Router};
use custody::Custody;
use gateway::codecs::{CodecOptions, Codecs};
use gateway::courier::CourierOptions;
use gateway::{
    BindError, CoapListener, CoapOptions, Counters, Guard, Listener, PlainReach, ServeOptions,
};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use web::{PublicUrl, SiteOptions};

use crate::backup::Backups;
use crate::clock;
use crate::config::Config;
use crate::control;
use crate::exit::{Exit, Stop};
use crate::lifecycle::{Lifecycle, Stopping};
use crate::tls::{self, Served, TlsFiles};

pub(crate) use http::{Door, HttpLimits, serve as serve_http};
pub(crate) use kept::{Kept, custody_options, database, locked, not_taken};

/// Where the site publishes the verifier key of the record: beside the record's files.
const RECORD_KEY_PATH: &str = "/record/log.vkey";

/// How many codecs run at once: the rest of the machine is for messages that need none.
const CODEC_WORKERS: usize = 2;

/// Where the server is reached.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// The site.
    pub(crate) site: PublicUrl,
    /// HTTPS.
    pub(crate) https: Option<SocketAddr>,
    /// MQTT without TLS.
    pub(crate) mqtt: Option<SocketAddr>,
    /// MQTT with TLS.
    pub(crate) mqtts: Option<SocketAddr>,
    /// MQTT over WebSocket without TLS.
    pub(crate) websocket: Option<SocketAddr>,
    /// MQTT over WebSocket with TLS.
    pub(crate) websocket_tls: Option<SocketAddr>,
    /// CoAP.
    pub(crate) coap: Option<SocketAddr>,
    /// Figures for monitoring.
    pub(crate) metrics: Option<SocketAddr>,
}

/// Bound sockets.
pub(crate) struct Sockets {
    http: TcpListener,
    https: Option<(TcpListener, TlsAcceptor)>,
    tls: Option<Arc<Served>>,
    mqtt: Vec<Listener>,
    coap: Option<CoapListener>,
    metrics: Option<TcpListener>,
    addresses: Addresses,
    courier: CourierOptions,
}

impl Sockets {
    /// Checks the TLS files and binds every address of the configuration.
    pub(crate) async fn bind(config: &Config, custody: &Custody) -> Result<Self, Stop> {
        let tls = served(config)
            .map_err(|err| Stop::invalid(err, "see mqtt.tls-certificate and mqtt.tls-key"))?;
        let courier = courier::options(&config.destinations)
            .map_err(|err| Stop::invalid(err, "see destinations.roots"))?;
        let http = bind_http(config).await?;
        let https = bind_https(config, tls.as_ref(), custody).await?;
        let metrics = match config.metrics.listen {
            Some(address) => Some(listen(address).await.map_err(taken)?),
            None => None,
        };
        let coap = bind_coap(config)?;
        let mut mqtt = Vec::new();
        let mut addresses = Addresses {
            site: site_url(config, &http)?,
            https: https.as_ref().and_then(|it| it.0.local_addr().ok()),
            mqtt: None,
            mqtts: None,
            websocket: None,
            websocket_tls: None,
            coap: coap.as_ref().map(CoapListener::local_address),
            metrics: metrics.as_ref().and_then(|it| it.local_addr().ok()),
        };
        let reach = if config.mqtt.dangerously_plain_anywhere {
            PlainReach::DangerPlainAnywhere
        } else {
            PlainReach::Private
        };
        if let Some(address) = config.mqtt.websocket_listen {
            let listener = Listener::plain(address, reach).map_err(|err| taken(err.into()))?;
            addresses.websocket = Some(listener.local_address());
            mqtt.push(listener.over_websocket());
        }
        if let (Some(address), Some(tls)) = (config.mqtt.websocket_tls_listen, &tls) {
            // Browsers offer HTTP in the handshake (RFC 7301), because WebSocket begins as HTTP.
            let config = tls_config(config, tls, custody, tls::HTTP)?;
            let listener = Listener::tls(address, config).map_err(|err| taken(err.into()))?;
            addresses.websocket_tls = Some(listener.local_address());
            mqtt.push(listener.over_websocket());
        }
        if let Some(address) = config.mqtt.listen {
            let listener = Listener::plain(address, reach).map_err(|err| taken(err.into()))?;
            addresses.mqtt = Some(listener.local_address());
            mqtt.push(listener);
        }
        if let (Some(address), Some(tls)) = (config.mqtt.tls_listen, &tls) {
            let config = tls_config(config, tls, custody, tls::MQTT)?;
            let listener = Listener::tls(address, config).map_err(|err| taken(err.into()))?;
            addresses.mqtts = Some(listener.local_address());
            mqtt.push(listener);
        }
        Ok(Self {
            http,
            https,
            tls,
            mqtt,
            coap,
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
        let codecs = codecs(&counters);
        let guard = Guard::new(limits.clone());
        let options = ServeOptions {
            guard: guard.clone(),
            limits: limits.clone(),
            clock: gateway::Clock::start(),
            codecs: Some(codecs.clone()),
        };
        let ready = Arc::new(AtomicBool::new(true));
        start_mqtt(
            self.mqtt,
            custody.clone(),
            options,
            counters.clone(),
            lifecycle,
        );
        if let Some(listener) = self.coap {
            let options = CoapOptions {
                guard: guard.clone(),
                limits: limits.clone(),
                clock: gateway::Clock::start(),
                codecs: Some(codecs.clone()),
            };
            let custody = custody.clone();
            start_coap(listener, custody, options, counters.clone(), lifecycle);
        }
        if let Some(tls) = &self.tls {
            start_reloading(tls, lifecycle);
        }
        let backups = start_control(
            config,
            alliance,
            (&self.addresses.site, &guard),
            self.tls.clone(),
            lifecycle,
        );
        let options = site_options(config, alliance, self.addresses.site, &ready);
        let exported = exports::run(options.clone(), lifecycle.stopping());
        lifecycle.spawn("exports", exported);
        start_institutions(alliance, lifecycle);
        start_witnesses(config, &custody, lifecycle);
        let devices = gateway::http::router(
            custody.clone(),
            limits,
            counters.clone(),
            streams_end(lifecycle.stopping()),
        );
        let router =
            with_record_key(web::router(options).merge(devices), &custody).layer(Extension(codecs));
        let http_limits = http_limits(config);
        start_http(
            (self.http, self.https),
            (router, custody.clone()),
            &guard,
            http_limits,
            lifecycle,
        );
        start_couriers(self.courier, &custody, &counters, lifecycle);
        if let Some(socket) = self.metrics {
            let router = metrics::router(counters, custody.clone(), guard.clone(), backups);
            let door = http::Door::plain(socket);
            let served = http::serve(door, router, None, http_limits, lifecycle.stopping());
            lifecycle.spawn("metrics server", served);
        }
        start_tending(custody, ready, lifecycle);
    }
}

/// What institutions do by the clock.
fn start_institutions(alliance: &Alliance, lifecycle: &mut Lifecycle) {
    let custody = alliance.custody();
    let tended = commons::run(custody.clone(), lifecycle.stopping());
    lifecycle.spawn("commons", tended);
    let drawn = statistics::run(custody.clone(), lifecycle.stopping());
    lifecycle.spawn("statistics", drawn);
    let tended = cases::run(alliance.clone(), lifecycle.stopping());
    lifecycle.spawn("cases", tended);
}

/// Has the record cosigned by whom the configuration names; of others nothing is shown any more.
fn start_witnesses(config: &Config, custody: &Custody, lifecycle: &mut Lifecycle) {
    let asked = config.record.witnesses.clone();
    let keys = asked.as_ref().map_or_else(Vec::new, |it| it.verifiers());
    if let Err(err) = custody.set_record_witnesses(&keys) {
        tracing::error!("the witnesses of the record could not be noted: {err}");
        return;
    }
    if let Some(asked) = asked {
        let asking = witnesses::run(custody.clone(), asked, lifecycle.stopping());
        lifecycle.spawn("witnesses", asking);
    }
}

/// Sends to people's own endpoints and to the webhooks of recipients.
fn start_couriers(
    options: CourierOptions,
    custody: &Custody,
    counters: &Arc<Counters>,
    lifecycle: &mut Lifecycle,
) {
    let pushed = courier::push(
        custody.clone(),
        options.clone(),
        Arc::clone(counters),
        lifecycle.stopping(),
    );
    lifecycle.spawn("webhooks", pushed);
    let carried = courier::run(custody.clone(), options, lifecycle.stopping());
    lifecycle.spawn("courier", carried);
}

/// Ends when it is time to stop.
fn stopped(lifecycle: &Lifecycle) -> impl Future<Output = ()> + Send + use<> {
    let mut stopping = lifecycle.stopping();
    async move { stopping.wait().await }
}

fn start_mqtt(
    listeners: Vec<Listener>,
    custody: Custody,
    options: ServeOptions,
    counters: Arc<Counters>,
    lifecycle: &mut Lifecycle,
) {
    let served = gateway::serve(listeners, custody, options, counters, stopped(lifecycle));
    lifecycle.spawn("MQTT server", served);
}

/// The site and what devices and recipients use over HTTP, with TLS and without.
fn start_http(
    (plain, tls): (TcpListener, Option<(TcpListener, TlsAcceptor)>),
    (router, custody): (Router, Custody),
    guard: &Arc<Guard>,
    limits: HttpLimits,
    lifecycle: &mut Lifecycle,
) {
    let data = Some(custody);
    if let Some((socket, acceptor)) = tls {
        let door = http::Door {
            socket,
            tls: Some(acceptor),
            guard: Some(guard.clone()),
        };
        let (router, data) = (router.clone(), data.clone());
        let served = http::serve(door, router, data, limits, lifecycle.stopping());
        lifecycle.spawn("HTTPS server", served);
    }
    let door = http::Door::plain(plain).guarded(guard);
    let served = http::serve(door, router, data, limits, lifecycle.stopping());
    lifecycle.spawn("HTTP server", served);
}

/// Adds the verifier key of the record, beside the record's files.
fn with_record_key(router: Router, custody: &Custody) -> Router {
    let key = custody.record_key();
    router.route(
        RECORD_KEY_PATH,
        get(move || std::future::ready(key.clone())),
    )
}

fn site_options(
    config: &Config,
    alliance: &Alliance,
    public_url: PublicUrl,
    ready: &Arc<AtomicBool>,
) -> SiteOptions {
    SiteOptions {
        alliance: alliance.clone(),
        public_url,
        time_zone: config.site.timezone.clone(),
        private_destinations: config.destinations.dangerously_private_addresses,
        clock: Arc::new(clock::now),
        ready: readiness(ready, alliance.custody()),
    }
}

/// Makes backups when they are due or asked for, and keeps the erasures beside them.
fn start_backups(custody: &Custody, config: &Config, lifecycle: &mut Lifecycle) -> Backups {
    let backups = Backups::new(custody.clone(), config);
    let scheduled = backups.clone().run_schedule(lifecycle.stopping());
    lifecycle.spawn("backups", scheduled);
    let noted = backups.clone().run_erasures(lifecycle.stopping());
    lifecycle.spawn("copies of erasures", noted);
    let ended = backups.clone().run_stop(lifecycle.stopping());
    lifecycle.spawn("end of backups", ended);
    backups
}

/// What looks after the data while the server runs.
fn start_tending(custody: Custody, ready: Arc<AtomicBool>, lifecycle: &mut Lifecycle) {
    let (alarm, stopping) = (lifecycle.alarm(), lifecycle.stopping());
    let watched = housekeeping::watch(custody.clone(), alarm, stopping);
    lifecycle.spawn("watch over the vault", watched);
    let stopping = lifecycle.stopping();
    lifecycle.spawn("housekeeping", housekeeping::run(custody, ready, stopping));
}

fn start_coap(
    listener: CoapListener,
    custody: Custody,
    options: CoapOptions,
    counters: Arc<Counters>,
    lifecycle: &mut Lifecycle,
) {
    let served = gateway::serve_coap(listener, custody, options, counters, stopped(lifecycle));
    lifecycle.spawn("CoAP server", served);
}

fn http_limits(config: &Config) -> HttpLimits {
    HttpLimits {
        connections: count(config.limits.http_connections),
        connections_per_address: count(config.limits.connections_per_address),
        progress: http::WRITE_TIMEOUT,
        drain: Duration::from_millis(config.limits.drain_timeout_ms.into()),
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

/// Starts what makes backups, and the control socket, over which they are asked for too. Without a control socket the server does
/// its work; only commands cannot reach it.
fn start_control(
    config: &Config,
    alliance: &Alliance,
    (site, guard): (&PublicUrl, &Arc<Guard>),
    tls: Option<Arc<Served>>,
    lifecycle: &mut Lifecycle,
) -> Backups {
    let backups = start_backups(alliance.custody(), config, lifecycle);
    let served = (tls, backups.clone());
    match control::bind(&config.data.directory) {
        Ok(listener) => {
            let (alliance, site) = (alliance.clone(), (site.clone(), Arc::clone(guard)));
            let stopping = lifecycle.stopping();
            lifecycle.spawn(
                "control socket",
                control::serve(listener, alliance, site, served, stopping),
            );
        }
        Err(err) => {
            tracing::warn!("no control socket, so sign-in links need a stopped server: {err}")
        }
    }
    backups
}

fn readiness(ready: &Arc<AtomicBool>, custody: &Custody) -> Arc<dyn Fn() -> bool + Send + Sync> {
    let (ready, custody) = (ready.clone(), custody.clone());
    Arc::new(move || ready.load(Ordering::Relaxed) && !custody.failed())
}

/// Listens on an address.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
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

/// An address cannot be listened on.
pub(crate) fn taken(err: anyhow::Error) -> Stop {
    Stop::failure(
        err,
        "stop what uses the address, or choose another; port 0 takes a free one",
    )
}

async fn bind_http(config: &Config) -> Result<TcpListener, Stop> {
    let http = &config.http;
    if !http.dangerously_plain_anywhere && !gateway::is_private(http.listen.ip()) {
        return Err(taken(BindError::PlainInPublic(http.listen).into()));
    }
    listen(http.listen).await.map_err(taken)
}

fn bind_coap(config: &Config) -> Result<Option<CoapListener>, Stop> {
    let reach = match config.coap.dangerously_plain_anywhere {
        true => PlainReach::DangerPlainAnywhere,
        false => PlainReach::Private,
    };
    let listener = config.coap.listen.map(|it| CoapListener::bind(it, reach));
    listener.transpose().map_err(|err| taken(err.into()))
}

async fn bind_https(
    config: &Config,
    tls: Option<&Arc<Served>>,
    custody: &Custody,
) -> Result<Option<(TcpListener, TlsAcceptor)>, Stop> {
    let (Some(address), Some(tls)) = (config.http.tls_listen, tls) else {
        return Ok(None);
    };
    let config = tls_config(config, tls, custody, tls::HTTP)?;
    let socket = listen(address).await.map_err(taken)?;
    Ok(Some((socket, TlsAcceptor::from(config))))
}

/// The certificate and the key, where something listens with them.
fn served(config: &Config) -> anyhow::Result<Option<Arc<Served>>> {
    let mqtt = &config.mqtt;
    if mqtt.tls_listen.is_none()
        && config.http.tls_listen.is_none()
        && mqtt.websocket_tls_listen.is_none()
    {
        return Ok(None);
    }
    match (&mqtt.tls_certificate, &mqtt.tls_key) {
        (Some(certificate), Some(key)) => Served::load(&TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
        })
        .map(Some),
        _ => Err(anyhow!("TLS needs a certificate and a key")),
    }
}

fn tls_config(
    config: &Config,
    tls: &Arc<Served>,
    custody: &Custody,
    protocol: &[u8],
) -> Result<Arc<rustls::ServerConfig>, Stop> {
    tls::server_config(tls, custody, config.mqtt.tls_minimum, protocol)
        .map_err(|err| Stop::failure(err, "please report this"))
}

/// Reads the TLS files again when they change, and at SIGHUP.
fn start_reloading(tls: &Arc<Served>, lifecycle: &mut Lifecycle) {
    match signal(SignalKind::hangup()) {
        Ok(hangup) => {
            let watched = Arc::clone(tls).watch(hangup, lifecycle.stopping());
            lifecycle.spawn("watch over the TLS files", watched);
        }
        Err(err) => tracing::error!("the TLS files are not read again until the next start: {err}"),
    }
}

fn count(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// The sandbox of codecs: this same program, even if its file has been replaced meanwhile.
fn codecs(counters: &Arc<Counters>) -> Arc<Codecs> {
    let options = CodecOptions {
        program: "/proc/self/exe".into(),
        arguments: vec!["codec-worker".to_owned()],
        workers: CODEC_WORKERS,
    };
    Codecs::new(options, Arc::clone(counters))
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
        max_inflight: limits.inflight,
        max_inflight_v3: limits.inflight_v3,
        inflight_bytes: count(limits.inflight_bytes),
        max_pending_acks: limits.pending_acks,
        max_keep_alive_s: limits.keep_alive_s,
        max_session_expiry_s: limits.session_expiry_s,
        max_sessions: count(limits.sessions),
        max_sessions_per_peer: count(limits.sessions_per_peer),
        queued_deliveries: count(limits.queued_deliveries),
        queued_bytes: count(limits.queued_bytes),
        connections_per_second_per_address: limits.connections_per_second_per_address,
        connections_per_second: limits.connections_per_second,
        max_connections_per_peer: count(limits.connections_per_peer),
        login_failures_per_address: limits.login_failures_per_address,
        login_failures_per_name: limits.login_failures_per_name,
        publishes_per_second: limits.publishes_per_second,
        publishes_per_second_per_deployment: limits.publishes_per_second_per_deployment,
        packets_per_second: limits.packets_per_second,
        requests_per_second: limits.requests_per_second,
        packet_timeout_ms: limits.packet_timeout_ms.into(),
        write_timeout_ms: limits.write_timeout_ms.into(),
        held_bytes: count(limits.held_bytes),
        held_bytes_of_strangers: count(limits.held_bytes_of_strangers),
        drain_timeout_ms: limits.drain_timeout_ms.into(),
        ..gateway::Limits::default()
    }
}
