//! Figures about many people: the list of data sets, one data set with its pictures, and where a person is counted.

use std::collections::BTreeMap;

use askama::Template;
use custody::{
    CountedIn, DeclaredStatistic, Each, Epsilon, Measure, Period, PersonStatistics, ReleaseView,
    StatisticView,
};
use model::{DeploymentId, Text, Timestamp};

use crate::route::Route;
use crate::shell::{Shell, Viewer};
use crate::texts::Texts;

mod samples;

pub(super) use samples::{releases as sample_releases, view as sample_view};

/// How many lines the table of a data set has; the file has all.
const MAX_LINES: usize = 20;
/// How many periods a picture shows.
const MAX_POINTS: usize = 31;
/// How many releases a person's page lists.
const MAX_COUNTED: usize = 30;

/// Whoever is guessed right in half of the cases is guessed right in at most so many of a hundred after a release: the odds of differential
/// privacy, `e^ε` to one.
fn odds(epsilon: Epsilon) -> u8 {
    // ε is at most ten, and a number of millionths that small is exact.
    let micro = u32::try_from(epsilon.as_micro()).map_or(f64::from(u32::MAX), f64::from);
    let raised = (micro / 1_000_000.0).exp();
    let percent = (100.0 * raised / (1.0 + raised)).ceil();
    (50..=100)
        .find(|it| f64::from(*it) >= percent)
        .unwrap_or(100)
}

impl Texts {
    /// A figure, as headings name it.
    pub(super) fn measure(&self, measure: Measure) -> String {
        match measure {
            Measure::People => self.say("stat-measure-people"),
            Measure::Sum => self.say("stat-measure-sum"),
            Measure::Mean => self.say("stat-measure-mean"),
            Measure::Histogram => self.say("stat-measure-histogram"),
            Measure::Quantile(50) => self.say("stat-measure-median"),
            Measure::Quantile(percent) => self
                .with("stat-measure-quantile")
                .set("percent", percent)
                .to_string(),
        }
    }

    /// How often, in words.
    pub(super) fn every(&self, period: Period) -> String {
        self.say(match period {
            Period::Hour => "stat-period-hour",
            Period::Day => "stat-period-day",
            Period::Week => "stat-period-week",
            Period::Month => "stat-period-month",
        })
    }
}

/// A data set in the list.
#[derive(Debug, Clone)]
pub(crate) struct StatisticCard {
    /// The data set.
    pub(crate) view: StatisticView,
    /// What people call the deployment.
    pub(crate) place: Text,
    /// When a figure was released last.
    pub(crate) newest: Option<Timestamp>,
}

/// Every data set, and what the noise is for.
#[derive(Template)]
#[template(path = "statistics.html")]
pub(crate) struct StatisticsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The data sets, by name.
    pub(crate) cards: Vec<StatisticCard>,
}

/// What the notice says of what a data set is made of.
#[derive(Debug, Clone)]
pub(crate) struct StatisticWords {
    /// The deployment.
    pub(crate) place: Text,
    /// The field.
    pub(crate) field: Text,
    /// Its unit; empty where it has none.
    pub(crate) unit: String,
    /// Who reads.
    pub(crate) recipient: Text,
    /// What for.
    pub(crate) purpose: Text,
}

/// One data set.
#[derive(Template)]
#[template(path = "statistic.html")]
pub(crate) struct StatisticPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The data set.
    pub(crate) view: StatisticView,
    /// In words.
    pub(crate) words: StatisticWords,
    /// What was asked of it, the newest period first.
    pub(crate) releases: Vec<ReleaseView>,
}

/// A picture: 600 units wide and 160 high.
#[derive(Debug, PartialEq, Eq)]
struct Picture {
    /// The heading of its figure.
    title: String,
    /// What was measured.
    dots: String,
    /// Where the truth lies with 95 of 100 chances.
    bars: String,
    least: String,
    greatest: String,
    /// What stands at the left and at the right end.
    ends: (String, String),
}

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 160.0;

/// A point of a picture: where it stands, between 0 and 1; the figure, and how far it may be off.
type Point = (f64, i64, i64);

fn near(value: i64) -> f64 {
    // Pictures are less exact than 53 bits.
    value as f64
}

/// The paths of dots and bars with the least and the greatest end of all bars.
fn paths(points: &[Point]) -> (String, String, i64, i64) {
    let ends = |it: &Point| (it.1.saturating_sub(it.2), it.1.saturating_add(it.2));
    let least = points.iter().map(|it| ends(it).0).min().unwrap_or(0);
    let greatest = points.iter().map(|it| ends(it).1).max().unwrap_or(0);
    let spread = (near(greatest) - near(least)).max(1.0);
    let y = |value: i64| HEIGHT - (near(value) - near(least)) * HEIGHT / spread;
    let (mut dots, mut bars) = (String::new(), String::new());
    for point in points {
        let x = point.0 * WIDTH;
        let (low, high) = ends(point);
        dots.push_str(&format!("M{x:.0} {:.1}h.1", y(point.1)));
        bars.push_str(&format!("M{x:.0} {:.1}V{:.1}", y(low), y(high)));
    }
    (dots, bars, least, greatest)
}

/// Where a step of so many stands, between 0 and 1.
fn place(index: usize, count: usize) -> f64 {
    let number = |it: usize| u32::try_from(it).map_or(f64::from(u32::MAX), f64::from);
    match count {
        0 | 1 => 0.5,
        _ => number(index) / number(count - 1),
    }
}

impl StatisticsPage {
    fn odds(&self) -> u8 {
        odds(custody::PERSON_YEAR_EPSILON)
    }

    fn year(&self) -> String {
        custody::PERSON_YEAR_EPSILON.to_string()
    }
}

impl StatisticPage {
    fn declared(&self) -> &DeclaredStatistic {
        &self.view.declared
    }

    fn amount(&self, value: i64) -> String {
        let text = self.declared().shown(value);
        match self.shell.unit(&self.words.unit).as_str() {
            "" => text,
            unit => format!("{text}\u{a0}{unit}"),
        }
    }

    fn what(&self) -> String {
        let key = match self.declared().each {
            Each::Mean => "stat-each-mean",
            Each::Sum => "stat-each-sum",
            Each::Max => "stat-each-max",
            Each::Count => "stat-each-count",
        };
        let message = self.shell.with(key);
        message
            .set("field", self.shell.of(&self.words.field))
            .to_string()
    }

    fn budget_odds(&self) -> u8 {
        odds(self.declared().budget)
    }

    /// The newest lines of the table.
    fn lines(&self) -> &[ReleaseView] {
        self.releases.get(..MAX_LINES).unwrap_or(&self.releases)
    }

    fn people(&self, release: &ReleaseView) -> String {
        let Some(released) = &release.released else {
            return String::new();
        };
        let people = &released.drawn.people;
        let number = |it: i64| self.shell.number(&it.max(0));
        let message = self.shell.with("stat-value");
        let message = message.set("value", number(people.value));
        message
            .set("within", number(people.within_95.unwrap_or(0)))
            .to_string()
    }

    fn figure(&self, release: &ReleaseView) -> String {
        let Some(released) = &release.released else {
            return self.shell.say("stat-waits");
        };
        let drawn = &released.drawn;
        let first = drawn.values.first();
        let Some(first) = first.filter(|_| !drawn.is_withheld) else {
            return match drawn.is_withheld {
                true => self.shell.say("stat-withheld"),
                false => self.people(release),
            };
        };
        match (release.measure, first.within_95) {
            (Measure::Histogram, _) => self.shell.say("stat-see-picture"),
            (_, Some(within)) => self
                .shell
                .with("stat-value")
                .set("value", self.amount(first.value))
                .set("within", self.amount(within))
                .to_string(),
            (_, None) => {
                let step = i64::try_from(self.declared().step()).unwrap_or(i64::MAX);
                let end = first.value.saturating_add(step).min(self.declared().high);
                let message = self.shell.with("stat-step");
                let message = message.set("from", self.amount(first.value));
                message.set("until", self.amount(end)).to_string()
            }
        }
    }

    /// A picture for each figure that has something to show.
    fn pictures(&self) -> Vec<Picture> {
        let mut of_each: BTreeMap<Measure, Vec<&ReleaseView>> = BTreeMap::new();
        for release in &self.releases {
            let shown = of_each.entry(release.measure).or_default();
            if shown.len() < MAX_POINTS && release.released.is_some() {
                shown.push(release);
            }
        }
        of_each
            .into_iter()
            .filter_map(|(measure, releases)| match measure {
                Measure::Histogram => self.histogram(releases.first()?),
                _ => self.series(measure, &releases),
            })
            .collect()
    }

    fn series(&self, measure: Measure, releases: &[&ReleaseView]) -> Option<Picture> {
        let point = |it: &&ReleaseView| {
            let drawn = &it.released.as_ref()?.drawn;
            let found = match measure {
                Measure::People => drawn.people,
                _ => *drawn.values.first()?,
            };
            Some((it.from, found.value, found.within_95.unwrap_or(0)))
        };
        // The oldest first.
        let points: Vec<_> = releases.iter().rev().filter_map(point).collect();
        let (first, last) = (points.first()?.0, points.last()?.0);
        if points.len() < 2 {
            return None;
        }
        let whole = near(last.as_millis() - first.as_millis());
        let placed: Vec<Point> = points
            .iter()
            .map(|(at, value, within)| {
                let since = near(at.as_millis() - first.as_millis());
                let x = if whole > 0.0 { since / whole } else { 0.5 };
                (x, *value, *within)
            })
            .collect();
        let (dots, bars, least, greatest) = paths(&placed);
        let label = |it: i64| match measure {
            Measure::People => self.shell.number(&it),
            _ => self.amount(it),
        };
        Some(Picture {
            title: self.shell.measure(measure),
            dots,
            bars,
            least: label(least),
            greatest: label(greatest),
            ends: (self.shell.moment(&first), self.shell.moment(&last)),
        })
    }

    fn histogram(&self, release: &ReleaseView) -> Option<Picture> {
        let drawn = &release.released.as_ref()?.drawn;
        if drawn.values.is_empty() {
            return None;
        }
        let count = drawn.values.len();
        let points: Vec<Point> = drawn
            .values
            .iter()
            .enumerate()
            .map(|(index, it)| (place(index, count), it.value, it.within_95.unwrap_or(0)))
            .collect();
        let (dots, bars, least, greatest) = paths(&points);
        let begins = self.declared().step_begins();
        let last = begins.last().copied().unwrap_or_default();
        Some(Picture {
            title: self.shell.measure(Measure::Histogram),
            dots,
            bars,
            least: self.shell.number(&least),
            greatest: self.shell.number(&greatest),
            ends: (self.amount(self.declared().low), self.amount(last)),
        })
    }
}

/// Where a person is counted.
#[derive(Template)]
#[template(path = "my_statistics.html")]
pub(crate) struct MyStatisticsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What custody knows.
    pub(crate) mine: PersonStatistics,
    /// What people call the deployments of the data sets.
    pub(crate) places: BTreeMap<DeploymentId, Text>,
}

impl MyStatisticsPage {
    fn spent(&self) -> String {
        self.mine.budget.spent().to_string()
    }

    fn total(&self) -> String {
        self.mine.total.to_string()
    }

    fn odds(&self) -> u8 {
        odds(self.mine.budget.spent())
    }

    fn is_used_up(&self) -> bool {
        self.mine.budget.left() == Epsilon::ZERO
    }

    fn counted(&self) -> &[CountedIn] {
        self.mine
            .counted
            .get(..MAX_COUNTED)
            .unwrap_or(&self.mine.counted)
    }

    fn place<'a>(&'a self, data_set: &'a DeclaredStatistic) -> &'a str {
        let title = self.places.get(&data_set.deployment);
        title.map_or(data_set.deployment.as_str(), |it| self.shell.of(it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odds_are_those_of_differential_privacy() {
        // e^0.5 / (1 + e^0.5) = 0.6225, e^4 / (1 + e^4) = 0.98201.
        for (epsilon, expected) in [
            ("0.000001", 51),
            ("0.5", 63),
            ("1", 74),
            ("4", 99),
            ("10", 100),
        ] {
            assert_eq!(
                odds(Epsilon::parse(epsilon).unwrap()),
                expected,
                "{epsilon}"
            );
        }
        assert_eq!(odds(Epsilon::ZERO), 50);
    }

    #[test]
    fn dots_and_bars_stay_in_their_frame() {
        let (dots, bars, least, greatest) = paths(&[(0.0, 10, 5), (1.0, 20, 0)]);
        assert_eq!((least, greatest), (5, 20));
        assert_eq!(dots, "M0 106.7h.1M600 0.0h.1");
        assert_eq!(bars, "M0 160.0V53.3M600 0.0V0.0");
        let (_, bars, ..) = paths(&[(0.5, i64::MAX, i64::MAX)]);
        assert_eq!(bars, "M300 160.0V0.0");
        assert_eq!((place(0, 1), place(2, 3)), (0.5, 1.0));
    }
}
