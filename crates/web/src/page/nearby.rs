//! What else senses people: deployments that notice bystanders, near a place, and what fields betray presence.

use std::sync::Arc;

use askama::Template;
use model::{DeploymentId, Notice, Text};

use super::{Page, sample};
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// A deployment that may sense whoever is near it.
#[derive(Debug, Clone)]
pub(crate) struct NearbyLine {
    /// Its notice.
    pub(crate) notice: Arc<Notice>,
    /// How it senses people who are no users.
    pub(crate) bystanders: Text,
    /// How far it is, in metres, where both places are known.
    pub(crate) distance_m: Option<f64>,
}

/// A field that tells whether somebody is there.
#[derive(Debug, Clone)]
pub(crate) struct PresenceLine {
    /// What the field is called.
    pub(crate) title: Text,
    /// Whether it is the change that tells, not the value.
    pub(crate) is_slope: bool,
    /// Of 100 pairs of moments, how many it tells apart.
    pub(crate) told_apart: u8,
    /// From how many readings.
    pub(crate) readings: usize,
}

/// A field whose like told whether somebody was there, in a published study.
#[derive(Debug, Clone)]
pub(crate) struct PublishedLine {
    /// What the field is called.
    pub(crate) title: Text,
    /// Of 100 pairs of moments, how many its like told apart there.
    pub(crate) told_apart: u8,
}

/// Where a distance can be taken from.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// The deployment.
    pub(crate) id: DeploymentId,
    /// What it is called.
    pub(crate) title: Text,
}

/// What the page of what senses people nearby shows.
#[derive(Template)]
#[template(path = "nearby.html")]
pub(crate) struct NearbyPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Where distances are taken from.
    pub(crate) from: Option<Start>,
    /// Where they could be taken from.
    pub(crate) starts: Vec<Start>,
    /// What notices bystanders, nearest first.
    pub(crate) nearby: Vec<NearbyLine>,
    /// What betrays presence at `from`, most telling first.
    pub(crate) facts: Vec<PresenceLine>,
    /// What may betray presence at `from`, by a published study, most telling first.
    pub(crate) published: Vec<PublishedLine>,
}

impl NearbyPage {
    /// Whether the order is that of distances.
    fn has_distances(&self) -> bool {
        self.nearby.iter().any(|it| it.distance_m.is_some())
    }
}

impl Page for NearbyPage {
    const NAME: &'static str = "nearby";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let home = sample::home();
        let start = Start {
            id: home.deployment.clone(),
            title: home.title.clone(),
        };
        let line = |distance_m| NearbyLine {
            bystanders: home
                .bystanders
                .clone()
                .unwrap_or_else(|| home.summary.clone()),
            notice: Arc::clone(&home),
            distance_m,
        };
        let fact = |is_slope, told_apart| PresenceLine {
            title: home.title.clone(),
            is_slope,
            told_apart,
            readings: 1_250,
        };
        let page = |from: Option<Start>, nearby, facts: Vec<PresenceLine>| Self {
            shell: sample::at(shell, Route::nearby(from.as_ref().map(|it| &it.id))),
            from,
            starts: vec![start.clone()],
            nearby,
            published: facts
                .iter()
                .map(|it: &PresenceLine| PublishedLine {
                    title: it.title.clone(),
                    told_apart: it.told_apart,
                })
                .collect(),
            facts,
        };
        vec![
            (
                "full",
                page(
                    Some(start.clone()),
                    vec![
                        line(Some(0.0)),
                        line(Some(640.0)),
                        line(Some(12_300.0)),
                        line(None),
                    ],
                    vec![fact(false, 97), fact(true, 84)],
                ),
            ),
            ("anywhere", page(None, vec![line(None)], Vec::new())),
            ("empty", page(None, Vec::new(), Vec::new())),
        ]
    }
}
