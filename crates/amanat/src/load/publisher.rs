//! One publishing connection: the hot path of a run.
//!
//! Per wake-up: append as many messages as plan and window allow to one buffer, write it once, read once, walk over
//! the acknowledgements in the read buffer. No allocation, no timer and no lock per message.

use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Sleep;

use crate::clock::Stopwatch;
use crate::mqtt::link::{Link, LinkError, Turn};
use crate::mqtt::wire::{self, Incoming, WireError};
use crate::mqtt::{Protocol, Qos};

use super::schedule::Schedule;
use super::{LoadOptions, Opened, Tally, Work, plan};

/// No more is appended to an output buffer of this size.
const MAX_BATCH_BYTES: usize = 64 * 1024;
/// How long to wait for the last answers.
const DRAIN_NANOS: u64 = 30_000_000_000;
/// A PINGREQ goes out when nothing else did for this long.
const PING_NANOS: u64 = 30_000_000_000;

/// How a publisher ended.
pub(crate) struct Finished {
    /// When its last answer came, in nanoseconds after the start.
    pub(crate) at: u64,
    /// Messages that the plan wanted but that did not go out.
    pub(crate) unsent: u64,
}

/// A publishing connection.
pub(crate) struct Publisher {
    link: Link,
    protocol: Protocol,
    qos: Qos,
    topic: String,
    payloads: Arc<[Vec<u8>]>,
    next_payload: usize,
    schedule: Schedule,
    window: Window,
    stopwatch: Stopwatch,
    tally: Arc<Tally>,
    latencies: Vec<u64>,
    refusals: Vec<LinkError>,
    pings: u32,
    last_write: u64,
    last_answer: u64,
    drain: Option<u64>,
    timer: Pin<Box<Sleep>>,
    timer_at: u64,
}

impl Publisher {
    /// The publisher number `position.0` of `position.1`; `None` when the work is not publishing.
    pub(crate) fn new(
        options: &LoadOptions,
        opened: Opened,
        position: (u64, u64),
        stopwatch: Stopwatch,
        tally: &Arc<Tally>,
    ) -> Option<Self> {
        let Work::Publish {
            window,
            topic,
            payloads,
            length,
            rate,
        } = &options.work
        else {
            return None;
        };
        let (pace, end) = plan(*length, *rate, position);
        Some(Self {
            link: opened.link,
            protocol: options.protocol,
            qos: options.qos,
            topic: topic.replace("{i}", &opened.number.to_string()),
            payloads: payloads.clone(),
            next_payload: opened.number as usize % payloads.len().max(1),
            schedule: Schedule::new(pace, end),
            window: Window::new((*window).min(opened.connack.receive_maximum)),
            stopwatch,
            tally: tally.clone(),
            latencies: Vec::with_capacity(usize::from(*window)),
            refusals: Vec::new(),
            pings: 0,
            last_write: 0,
            last_answer: 0,
            drain: None,
            timer: Box::pin(tokio::time::sleep_until(stopwatch.instant_at(0).into())),
            timer_at: 0,
        })
    }

    /// Publishes until the plan is done and every message is answered, or the connection ends.
    pub(crate) async fn run(mut self) -> Finished {
        let mut ended = self.drive().await;
        if ended.is_ok() {
            ended = self.link.close().await;
        }
        if let Err(err) = ended {
            self.tally.refused(&err);
        }
        Finished {
            at: self.last_answer,
            unsent: self.schedule.unsent(),
        }
    }

    async fn drive(&mut self) -> Result<(), LinkError> {
        loop {
            let now = self.stopwatch.nanos();
            self.write_due(now)?;
            if self.schedule.is_over(now) && self.is_answered(now) {
                return Ok(());
            }
            self.set_timer(now);
            let turn = tokio::select! {
                turn = self.link.turn() => turn?,
                () = self.timer.as_mut() => Turn::Wrote,
            };
            if turn == Turn::Read {
                self.read_answers()?;
            }
        }
    }

    /// Appends what plan, window and buffer allow.
    fn write_due(&mut self, now: u64) -> Result<(), WireError> {
        let due = match self.drain {
            Some(_) => 0,
            None => self.schedule.due(now),
        };
        let mut count = 0;
        while count < due && self.link.unwritten() < MAX_BATCH_BYTES {
            let packet_id = match self.qos {
                Qos::AtMostOnce => None,
                Qos::AtLeastOnce => match self.window.take(self.schedule.intended(now)) {
                    Some(packet_id) => Some(packet_id),
                    None => break,
                },
            };
            let payload = self
                .payloads
                .get(self.next_payload)
                .map_or(&[][..], |it| it);
            wire::publish(
                &mut self.link.output,
                self.protocol,
                &self.topic,
                packet_id,
                payload,
            )?;
            self.next_payload = if self.next_payload + 1 < self.payloads.len() {
                self.next_payload + 1
            } else {
                0
            };
            self.schedule.sent();
            count += 1;
        }
        if count > 0 {
            self.tally.sent(count);
            self.last_write = now;
        } else if now.saturating_sub(self.last_write) > PING_NANOS {
            self.ping(now);
        }
        Ok(())
    }

    fn ping(&mut self, now: u64) {
        wire::pingreq(&mut self.link.output);
        self.pings += 1;
        self.last_write = now;
    }

    /// Whether the server has dealt with everything. QoS 0 asks with a PINGREQ behind the last message.
    fn is_answered(&mut self, now: u64) -> bool {
        let deadline = match self.drain {
            Some(deadline) => deadline,
            None => {
                if self.qos == Qos::AtMostOnce {
                    self.ping(now);
                }
                *self.drain.insert(now + DRAIN_NANOS)
            }
        };
        let open = self.window.in_flight();
        if now > deadline {
            let lost = LinkError::Unanswered { messages: open };
            self.tally.refused(&lost);
            return true;
        }
        open == 0 && self.pings == 0
    }

    fn read_answers(&mut self) -> Result<(), LinkError> {
        let now = self.stopwatch.nanos();
        let (window, latencies, pings) = (&mut self.window, &mut self.latencies, &mut self.pings);
        let refusals = &mut self.refusals;
        let protocol = self.protocol;
        self.link.take(|incoming, _| match incoming {
            Incoming::Puback { packet_id, code } => {
                if let Some(since) = window.release(packet_id) {
                    if code < 0x80 {
                        latencies.push(now.saturating_sub(since));
                    } else {
                        refusals.push(LinkError::refused(protocol, "PUBACK", code, None));
                    }
                }
            }
            Incoming::Pingresp => *pings = pings.saturating_sub(1),
            Incoming::Disconnect { code, reason } => {
                refusals.push(LinkError::refused(protocol, "DISCONNECT", code, reason));
            }
            Incoming::Connack(_) | Incoming::Publish { .. } | Incoming::Suback { .. } => (),
        })?;
        self.last_answer = now;
        self.tally.acknowledged(&self.latencies);
        self.latencies.clear();
        for refusal in self.refusals.drain(..) {
            self.tally.refused(&refusal);
        }
        Ok(())
    }

    /// Sets the timer to the next moment at which something is to be done without a packet from the server.
    fn set_timer(&mut self, now: u64) {
        let blocked = self.qos == Qos::AtLeastOnce && self.window.is_full();
        let planned = match self.drain {
            Some(deadline) => deadline,
            None if blocked => u64::MAX,
            None => self.schedule.wake_at().unwrap_or(u64::MAX),
        };
        let end = self.schedule.end_at().filter(|it| *it > now);
        // Rounded to whole seconds so that the timer is not set anew for each batch.
        let ping = (now + PING_NANOS) / 1_000_000_000 * 1_000_000_000;
        let wake = planned.min(ping).min(end.unwrap_or(u64::MAX));
        if wake != self.timer_at {
            self.timer_at = wake;
            self.timer
                .as_mut()
                .reset(self.stopwatch.instant_at(wake).into());
        }
    }
}

/// The unacknowledged messages of a connection: packet identifiers 1 to the size.
#[derive(Debug)]
struct Window {
    since: Vec<Option<u64>>,
    free: Vec<u16>,
}

impl Window {
    fn new(size: u16) -> Self {
        let size = size.max(1);
        Self {
            since: vec![None; usize::from(size) + 1],
            free: (1..=size).rev().collect(),
        }
    }

    /// A packet identifier for a message whose latency counts from `since`.
    fn take(&mut self, since: u64) -> Option<u16> {
        let packet_id = self.free.pop()?;
        *self.since.get_mut(usize::from(packet_id))? = Some(since);
        Some(packet_id)
    }

    /// Since when the message waited; `None` for an identifier that is not in flight.
    fn release(&mut self, packet_id: u16) -> Option<u64> {
        let since = self.since.get_mut(usize::from(packet_id))?.take()?;
        self.free.push(packet_id);
        Some(since)
    }

    fn in_flight(&self) -> usize {
        self.since.len() - 1 - self.free.len()
    }

    fn is_full(&self) -> bool {
        self.free.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_its_size_and_takes_answers_in_any_order() {
        let mut window = Window::new(2);
        let (first, second) = (window.take(10).unwrap(), window.take(20).unwrap());
        assert_ne!(first, second);
        assert!(first > 0 && second > 0, "0 is no packet identifier");
        assert_eq!(window.take(30), None);
        assert!(window.is_full());
        assert_eq!(window.release(second), Some(20));
        assert_eq!(window.release(second), None, "answered twice");
        assert_eq!(window.release(999), None, "never sent");
        assert_eq!(window.in_flight(), 1);
        assert_eq!(window.take(30), Some(second));
        assert_eq!(window.release(first), Some(10));
    }
}
