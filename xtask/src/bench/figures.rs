//! From samples to figures: medians, ratios, the JSON object and the table.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::{Map, Value};

use crate::ui;

/// What is compared with every peer that was given the work: the start of the figures' names, and their end.
const COMPARED: [(&str, &str); 5] = [
    ("qos1", "msgs_per_s"),
    ("qos1_subscriber", "msgs_per_s"),
    ("qos1_2000_window1", "msgs_per_s"),
    ("qos0", "msgs_per_s"),
    ("connect", "per_s"),
];
/// Amanat's name in the figures, and those of the others.
const OURS: &str = "amanat";
const PEERS: [&str; 4] = ["flashmq", "mosquitto", "mosquitto_keeping", "rumqttd"];
/// Amanat's memory for an idle connection, under the name that scripts rely on.
const IDLE: (&str, &str) = ("idle_conn_bytes", "idle_conn_amanat_bytes");

/// What was measured, round by round.
#[derive(Debug, Default)]
pub(crate) struct Samples(BTreeMap<String, Vec<f64>>);

impl Samples {
    /// Adds one value to a figure.
    pub(crate) fn add(&mut self, name: &str, value: f64) {
        let name = if name == IDLE.1 { IDLE.0 } else { name };
        self.0.entry(name.to_owned()).or_default().push(value);
    }

    /// The last value of a figure.
    pub(crate) fn last(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.last().copied()
    }

    /// The other servers that were given a work.
    fn peers(&self, work: &str, unit: &str) -> Vec<String> {
        let names = self.0.keys().filter_map(|name| {
            let peer = name.strip_prefix(work)?.strip_prefix('_')?;
            peer.strip_suffix(unit)?.strip_suffix('_')
        });
        let is_peer = |it: &&str| PEERS.contains(it);
        names.filter(is_peer).map(str::to_owned).collect()
    }
}

/// One number for each name.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Adds a figure; a name that is taken, or a number that is none, is a mistake of the benchmark.
    pub(crate) fn add(&mut self, name: &str, value: f64) -> anyhow::Result<()> {
        if !value.is_finite() {
            bail!("the figure `{name}` is no number");
        }
        if self
            .0
            .insert(name.to_owned(), rounded(name, value))
            .is_some()
        {
            bail!("two benchmarks give the figure `{name}`");
        }
        Ok(())
    }

    /// Adds the medians of the samples and their ratios.
    pub(crate) fn of_samples(&mut self, samples: &Samples) -> anyhow::Result<()> {
        for (name, values) in &samples.0 {
            let median = median(values).with_context(|| format!("`{name}` was not measured"))?;
            self.add(name, median)?;
        }
        for (work, unit) in COMPARED {
            let of = |peer: &str| {
                let name = format!("{work}_{peer}_{unit}");
                let median = samples.0.get(&name).and_then(|it| median(it));
                median.with_context(|| format!("`{name}` was not measured"))
            };
            for peer in samples.peers(work, unit) {
                let ratio = of(OURS)? / of(&peer)?;
                self.add(&format!("{work}_vs_{peer}_ratio"), ratio)?;
            }
        }
        Ok(())
    }

    /// A flat JSON object.
    pub(crate) fn to_json(&self) -> anyhow::Result<String> {
        let members = self
            .0
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(*value)));
        let mut text = serde_json::to_string_pretty(&members.collect::<Map<_, _>>())?;
        text.push('\n');
        Ok(text)
    }

    /// A table of figures, with the least and the greatest of the rounds.
    pub(crate) fn to_table(&self, samples: &Samples) -> String {
        let header = ["figure", "median", "least", "greatest"]
            .map(str::to_owned)
            .to_vec();
        let rows = self.0.iter().map(|(name, value)| {
            let values = samples.0.get(name).map_or(&[][..], Vec::as_slice);
            let least = values.iter().copied().reduce(f64::min);
            let greatest = values.iter().copied().reduce(f64::max);
            let shown = |it: Option<f64>| {
                it.map_or_else(|| "-".to_owned(), |it| rounded(name, it).to_string())
            };
            vec![
                name.clone(),
                value.to_string(),
                shown(least),
                shown(greatest),
            ]
        });
        ui::table(&std::iter::once(header).chain(rows).collect::<Vec<_>>())
    }
}

/// Three decimals for ratios, one for the rest: more is noise.
fn rounded(name: &str, value: f64) -> f64 {
    let scale = if name.ends_with("_ratio") {
        1000.0
    } else {
        10.0
    };
    (value * scale).round() / scale
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(sorted.len() / 2 - 1)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Samples {
        let mut samples = Samples::default();
        for (work, unit) in COMPARED {
            for value in [10.0, 300.0, 20.0] {
                samples.add(&format!("{work}_amanat_{unit}"), value);
                samples.add(&format!("{work}_mosquitto_{unit}"), value * 2.0);
            }
        }
        samples.add("qos1_mosquitto_keeping_msgs_per_s", 5.0);
        samples.add("idle_conn_amanat_bytes", 4096.04);
        samples
    }

    #[test]
    fn a_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn figures_are_medians_and_ratios_of_medians() {
        let mut figures = Figures::default();
        figures.add("decide_20x4_ns", 812.34).unwrap();
        figures.of_samples(&samples()).unwrap();
        let json: Map<String, Value> = serde_json::from_str(&figures.to_json().unwrap()).unwrap();
        let figure = |name: &str| json.get(name).and_then(Value::as_f64);
        assert_eq!(figure("qos1_amanat_msgs_per_s"), Some(20.0));
        assert_eq!(figure("qos1_vs_mosquitto_ratio"), Some(0.5));
        assert_eq!(figure("qos1_2000_window1_vs_mosquitto_ratio"), Some(0.5));
        assert_eq!(figure("qos1_vs_mosquitto_keeping_ratio"), Some(4.0));
        assert_eq!(figure("qos0_vs_flashmq_ratio"), None);
        assert_eq!(figure("idle_conn_bytes"), Some(4096.0));
        assert_eq!(figure("decide_20x4_ns"), Some(812.3));
        assert!(json.values().all(Value::is_number), "the object is flat");
    }

    #[test]
    fn a_figure_of_ours_that_is_missing_is_named() {
        let mut samples = samples();
        samples.0.remove("qos0_amanat_msgs_per_s");
        let error = Figures::default().of_samples(&samples).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`qos0_amanat_msgs_per_s` was not measured"
        );
    }

    #[test]
    fn a_figure_is_given_once_and_is_a_number() {
        let mut figures = Figures::default();
        figures.add("a", 1.0).unwrap();
        assert!(figures.add("a", 1.0).is_err());
        assert!(figures.add("b", f64::NAN).is_err());
        assert!(figures.add("c", 1.0 / 0.0).is_err());
    }

    #[test]
    fn the_table_shows_the_spread_of_the_rounds() {
        let mut samples = Samples::default();
        for value in [3.0, 1.0, 2.0] {
            samples.add("a_ms", value);
        }
        let mut figures = Figures::default();
        figures.add("a_ms", 2.0).unwrap();
        figures.add("b_ns", 7.0).unwrap();
        let expected = "figure  median  least  greatest\na_ms         2      1         3\nb_ns         7      -         -";
        assert_eq!(figures.to_table(&samples), expected);
    }
}
