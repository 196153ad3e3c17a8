//! Parcels of readings leave for people's own endpoints, and batches for the webhooks of recipients ([`push`]).
//!
//! `custody` says what is due and keeps account; this module owns the sockets. Start reading at [`run`], then `reach` (which
//! addresses may be connected to at all) and one module for each kind of endpoint.
//!
//! # The network is not trusted with the server's place in it
//! A person names a host, so this server must not become their way into its own network. The name is resolved here, once; every
//! address that comes back must be one of the public internet, or nothing is connected; then exactly one of the checked addresses is
//! connected to. There is no second lookup that could answer differently, no proxy, and no redirect is followed. TLS is required and
//! verified against the name.

mod broker;
mod bucket;
mod dial;
pub mod push;
mod reach;
mod signature;
mod web;
mod webhook;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use custody::{Custody, Endpoint, FailureClass, Parcel};
use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::RootCertStore;
use tokio::task::JoinSet;

use crate::clock::Clock;
use dial::Dialer;

pub use dial::{Resolve, SystemResolver};
pub use reach::Reach;

/// How often it is asked what is due.
const PERIOD: Duration = Duration::from_millis(200);
/// How many times a second that is.
const PERIODS_PER_SECOND: usize = 5;
/// How long the parcels under way may take at a shutdown.
const DRAIN: Duration = Duration::from_secs(3);

/// How parcels travel.
#[derive(Clone)]
pub struct CourierOptions {
    /// How many parcels may be under way at once.
    pub in_flight: usize,
    /// How many parcels a second may start, to all destinations together. Each one gets at most ten.
    pub parcels_per_second: usize,
    /// How long a connection, with TLS, may take.
    pub connect_timeout: Duration,
    /// How long a parcel may take in all.
    pub total_timeout: Duration,
    /// Which addresses and ports may be connected to.
    pub reach: Reach,
    /// Whom certificates must come from.
    pub roots: Arc<RootCertStore>,
    /// How names become addresses.
    pub resolver: Arc<dyn Resolve>,
}

/// Why no courier works.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// The TLS library does not take the options.
    #[error("TLS for people's own endpoints could not be set up")]
    Tls(#[source] rustls::Error),
}

/// What is needed to send one parcel.
struct Courier {
    dialer: Dialer,
    total_timeout: Duration,
    clock: Clock,
    random: SystemRandom,
}

/// A boxed future, for a trait that is used as an object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Ticks this far apart; one that comes late puts off those behind it.
fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}

/// Sends parcels until `stop` is ready. Those under way then get a moment to finish; what is not finished is sent again later.
///
/// # Errors
/// See [`CourierError`]; nothing was sent then.
pub async fn run(
    custody: Custody,
    options: CourierOptions,
    clock: Clock,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), CourierError> {
    let courier = Arc::new(Courier {
        dialer: Dialer::new(&options).map_err(CourierError::Tls)?,
        total_timeout: options.total_timeout,
        clock,
        random: SystemRandom::new(),
    });
    let per_period = options
        .parcels_per_second
        .div_ceil(PERIODS_PER_SECOND)
        .max(1);
    let mut under_way = JoinSet::new();
    let mut period = every(PERIOD);
    let mut is_failing = false;
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = period.tick() => (),
        }
        while under_way.try_join_next().is_some() {}
        let limit = options
            .in_flight
            .saturating_sub(under_way.len())
            .min(per_period);
        let due = match due(&custody, &courier, limit).await {
            Ok(due) => due,
            Err(err) => {
                // Once when it begins, not five times a second.
                if !is_failing {
                    tracing::error!("parcels for people's own endpoints cannot be made: {err}");
                }
                is_failing = true;
                continue;
            }
        };
        is_failing = false;
        for parcel in due {
            let (custody, courier) = (custody.clone(), Arc::clone(&courier));
            under_way.spawn(async move { courier.carry(custody, parcel).await });
        }
    }
    let drained = async { while under_way.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        under_way.shutdown().await;
    }
    Ok(())
}

async fn due(
    custody: &Custody,
    courier: &Courier,
    limit: usize,
) -> Result<Vec<Parcel>, Box<dyn std::error::Error + Send + Sync>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let (custody, now) = (custody.clone(), courier.clock.now().wall);
    let due = tokio::task::spawn_blocking(move || custody.parcels_due(now, limit)).await?;
    Ok(due?)
}

impl Courier {
    /// Sends a parcel and says how it went.
    async fn carry(&self, custody: Custody, parcel: Parcel) {
        if !custody.parcel_stands(&parcel) {
            return;
        }
        let sent = tokio::time::timeout(self.total_timeout, self.send(&parcel)).await;
        let sent = sent.unwrap_or(Err(FailureClass::Timeout));
        let (now, jitter) = (self.clock.now().wall, jitter(&self.random));
        let told = tokio::task::spawn_blocking(move || match sent {
            Ok(()) => custody.parcel_delivered(parcel, now),
            Err(class) => custody.parcel_failed(parcel, class, jitter, now),
        });
        match told.await {
            Ok(Ok(())) => {}
            Ok(Err(err)) => {
                tracing::error!("what became of a parcel could not be written down: {err}");
            }
            Err(err) => tracing::error!("what became of a parcel could not be written down: {err}"),
        }
    }

    async fn send(&self, parcel: &Parcel) -> Result<(), FailureClass> {
        let now = self.clock.now().wall;
        match parcel.endpoint() {
            Endpoint::Webhook(address) => webhook::send(&self.dialer, address, parcel, now).await,
            Endpoint::Broker(broker) => broker::send(&self.dialer, broker, parcel).await,
            Endpoint::Bucket(bucket) => bucket::send(&self.dialer, bucket, parcel, now).await,
        }
    }
}

/// 0 to 1,000. Without randomness there is no jitter, which is no reason not to send.
fn jitter(random: &SystemRandom) -> u16 {
    let mut bytes = [0; 2];
    let filled = random.fill(&mut bytes);
    filled.map_or(0, |()| u16::from_le_bytes(bytes) % 1_001)
}
