//! What a run found, for people and for scripts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::histogram::Histogram;
use super::{LoadOptions, Run, Tally, Work};

/// The figures of a run. Units stand in the names; what was not measured is absent.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    protocol: &'static str,
    qos: u8,
    connections_wanted: u32,
    connections: usize,
    connect_seconds: f64,
    connect_per_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_p50_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_p99_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<u16>,
    messages_sent: u64,
    messages_acknowledged: u64,
    messages_unsent: u64,
    run_seconds: f64,
    messages_per_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_p50_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_p90_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_p99_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_p999_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_max_us: Option<f64>,
    /// Subscribers that the server accepted.
    #[serde(rename = "subscribers")]
    pub(crate) subscribed: usize,
    messages_delivered: u64,
    delivered_bytes: u64,
    delivered_per_s: f64,
    refusals: BTreeMap<String, u64>,
    #[serde(skip)]
    denials: u64,
}

/// How a run went, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Something got through.
    Worked,
    /// Nothing got through, and the server said that we may not.
    Denied,
    /// Nothing got through.
    Failed,
}

impl Report {
    /// A report of a run that has not begun.
    pub(crate) fn new(options: &LoadOptions) -> Self {
        Self {
            protocol: options.protocol.as_str(),
            qos: options.qos.level(),
            connections_wanted: options.connections,
            connections: 0,
            connect_seconds: 0.0,
            connect_per_s: 0.0,
            connect_p50_us: None,
            connect_p99_us: None,
            window: match &options.work {
                Work::Publish { window, .. } if options.qos.level() == 1 => Some(*window),
                _ => None,
            },
            messages_sent: 0,
            messages_acknowledged: 0,
            messages_unsent: 0,
            run_seconds: 0.0,
            messages_per_s: 0.0,
            latency_p50_us: None,
            latency_p90_us: None,
            latency_p99_us: None,
            latency_p999_us: None,
            latency_max_us: None,
            subscribed: 0,
            messages_delivered: 0,
            delivered_bytes: 0,
            delivered_per_s: 0.0,
            refusals: BTreeMap::new(),
            denials: 0,
        }
    }

    /// Notes how many connections stand, and after how long.
    pub(crate) fn connected(&mut self, connections: usize, seconds: f64) {
        self.connections = connections;
        self.connect_seconds = round(seconds);
        self.connect_per_s = per_second(connections as u64, seconds);
    }

    /// Notes how the publishers ended.
    pub(crate) fn published(&mut self, run: &Run) {
        self.run_seconds = float(run.finished_at) / 1e9;
        self.messages_unsent = run.unsent;
    }

    /// Notes what was counted.
    pub(crate) fn tally(&mut self, tally: &Tally) {
        let (latency, connecting) = (tally.latency(), tally.connecting());
        self.connect_p50_us = micros(&connecting, 500);
        self.connect_p99_us = micros(&connecting, 990);
        self.messages_sent = tally.messages_sent();
        self.messages_acknowledged = tally.messages_acknowledged();
        let done = if self.qos == 0 {
            self.messages_sent
        } else {
            self.messages_acknowledged
        };
        self.messages_per_s = per_second(done, self.run_seconds);
        self.run_seconds = round(self.run_seconds);
        self.latency_p50_us = micros(&latency, 500);
        self.latency_p90_us = micros(&latency, 900);
        self.latency_p99_us = micros(&latency, 990);
        self.latency_p999_us = micros(&latency, 999);
        self.latency_max_us = (latency.total() > 0).then(|| round(float(latency.max()) / 1e3));
        self.messages_delivered = tally.delivered();
        self.delivered_bytes = tally.delivered_bytes();
        self.delivered_per_s =
            per_second(self.messages_delivered, float(tally.last_delivery()) / 1e9);
        self.refusals = tally.refusals();
        self.denials = tally.denials();
    }

    /// Whether anything got through.
    pub(crate) fn verdict(&self) -> Verdict {
        let through = if self.messages_sent == 0 || self.qos == 0 {
            self.connections as u64
        } else {
            self.messages_acknowledged
        };
        match (through, self.denials) {
            (1.., _) => Verdict::Worked,
            (0, 1..) => Verdict::Denied,
            (0, 0) => Verdict::Failed,
        }
    }

    /// What to know about figures that look good: undeclared fields count as acknowledged too. `declared` says whether
    /// the payload was chosen for the notice.
    pub(crate) fn advice(&self, declared: bool) -> Option<&'static str> {
        let taken = match self.qos {
            0 => self.messages_sent,
            _ => self.messages_acknowledged,
        };
        if taken == 0 {
            None
        } else if !declared {
            Some(
                "without --payload, messages have fields of the load generator's own: what the notice of a thing does not declare is acknowledged but neither stored nor delivered, so give one that it declares with --payload FILE",
            )
        } else if self.subscribed > 0 && self.messages_delivered == 0 {
            Some(
                "the subscribers received nothing: what the notice of a thing does not declare is acknowledged but neither stored nor delivered, so compare --payload with the notice, and --filter with what was granted",
            )
        } else {
            None
        }
    }

    /// The figures as one line of JSON.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The figures as text.
    pub(crate) fn to_text(&self) -> String {
        let mut out = String::new();
        let window = self
            .window
            .map(|it| format!(", window {it}"))
            .unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "connections  {} of {} (MQTT {}, QoS {}{window}) in {} s, {:.0}/s",
            self.connections,
            self.connections_wanted,
            self.protocol,
            self.qos,
            self.connect_seconds,
            self.connect_per_s
        );
        if self.messages_sent > 0 {
            self.write_messages(&mut out);
        }
        if self.subscribed > 0 {
            let _ = writeln!(
                out,
                "delivered    {} messages ({} bytes) to {} subscribers, {:.0}/s",
                self.messages_delivered,
                self.delivered_bytes,
                self.subscribed,
                self.delivered_per_s
            );
        }
        for (reason, count) in &self.refusals {
            let _ = writeln!(out, "refused      {count} × {reason}");
        }
        out.truncate(out.trim_end().len());
        out
    }

    fn write_messages(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "messages     {} sent, {} acknowledged in {} s",
            self.messages_sent, self.messages_acknowledged, self.run_seconds
        );
        let _ = writeln!(out, "throughput   {:.0} messages/s", self.messages_per_s);
        if self.messages_unsent > 0 {
            let _ = writeln!(
                out,
                "unsent       {} messages were due but the server was too slow",
                self.messages_unsent
            );
        }
        if let (Some(p50), Some(p90), Some(p99), Some(p999), Some(max)) = (
            self.latency_p50_us,
            self.latency_p90_us,
            self.latency_p99_us,
            self.latency_p999_us,
            self.latency_max_us,
        ) {
            let _ = writeln!(
                out,
                "latency      p50 {p50:.0} µs, p90 {p90:.0} µs, p99 {p99:.0} µs, p99.9 {p999:.0} µs, max {max:.0} µs"
            );
        }
    }
}

fn micros(histogram: &Histogram, per_mille: u64) -> Option<f64> {
    histogram
        .per_mille(per_mille)
        .map(|it| round(float(it) / 1e3))
}

fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        round(float(count) / seconds)
    } else {
        0.0
    }
}

/// Three decimals are more than the measurement knows.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Counts and nanoseconds of a run stay far below 2^53.
const fn float(value: u64) -> f64 {
    value as f64
}
