//! Connections that receive, or only stay.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::mqtt::link::{Link, LinkError, LinkOptions};
use crate::mqtt::wire::{self, Incoming};

use super::{LoadOptions, SubscriberOptions, Tally};

/// A PINGREQ goes out this often.
const PING: Duration = Duration::from_secs(30);

/// Connects, subscribes and waits for the SUBACK.
pub(crate) async fn open(
    link: &LinkOptions,
    options: &LoadOptions,
    subscribers: &SubscriberOptions,
    number: u32,
) -> Result<Link, LinkError> {
    let protocol = options.protocol;
    let client_id = format!("amanat-load-{}-sub-{number}", std::process::id());
    let credential = subscribers.credential.as_ref();
    let (mut link, _) = super::open(link, protocol, &client_id, credential).await?;
    wire::subscribe(
        &mut link.output,
        protocol,
        1,
        &subscribers.filter,
        options.qos,
        subscribers.purpose.as_deref(),
    )?;
    let mut answer = None;
    while answer.is_none() {
        link.turn().await?;
        link.take(|incoming, _| {
            if let Incoming::Suback { code, reason } = incoming {
                answer = Some((code, reason));
            }
        })?;
    }
    match answer {
        Some((code, reason)) if code >= 0x80 => {
            Err(LinkError::refused(protocol, "SUBACK", code, reason))
        }
        _ => Ok(link),
    }
}

/// Receives, acknowledges and counts until told to stop.
pub(crate) async fn listen(mut link: Link, tally: Arc<Tally>, mut stop: watch::Receiver<bool>) {
    let mut ping = tokio::time::interval(PING);
    ping.tick().await;
    loop {
        let ended = tokio::select! {
            _ = stop.changed() => break,
            _ = ping.tick() => {
                wire::pingreq(&mut link.output);
                Ok(())
            }
            turn = link.turn() => turn.and_then(|_| receive(&mut link, &tally)),
        };
        if let Err(err) = ended {
            tally.refused(&err);
            return;
        }
    }
    // Whether the goodbye still goes out does not matter.
    let _ = link.close().await;
}

fn receive(link: &mut Link, tally: &Tally) -> Result<(), LinkError> {
    let (mut messages, mut bytes) = (0, 0);
    let mut closed = None;
    link.take(|incoming, output| match incoming {
        Incoming::Publish {
            packet_id, payload, ..
        } => {
            messages += 1;
            bytes += payload.len() as u64;
            if let Some(packet_id) = packet_id {
                wire::puback(output, packet_id);
            }
        }
        Incoming::Disconnect { code, reason } => closed = Some((code, reason)),
        _ => (),
    })?;
    if messages > 0 {
        tally.deliveries(messages, bytes);
    }
    match closed {
        Some((code, reason)) => Err(LinkError::refused(
            link.protocol(),
            "DISCONNECT",
            code,
            reason,
        )),
        None => Ok(()),
    }
}
