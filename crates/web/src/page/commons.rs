//! The commons: the list of open data sets, and one of them with its releases.

use askama::Template;
use custody::{
    Apart, Attacks, ColumnRole, CommonsFile, DataSet, DataSetView, Decided, Figure, Ladder,
    MOST_INFERRED_PERMILLE, MOST_LINKED_PERMILLE, MOST_SINGLED_OUT_PERMILLE, Refusal, TimeStep,
    commons_decimal,
};
use model::Text;

use super::Page;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

mod samples;

#[cfg(test)]
pub(super) use samples::decided as sample_decided;
pub(super) use samples::view as sample_view;

/// The most decisions that the page of a data set shows.
const MAX_DECISIONS: usize = 6;
/// The width and height of a picture, and how much of it is for the bars.
const WIDTH: i64 = 600;
const HEIGHT: i64 = 160;
/// The most labels under a picture.
const MAX_LABELS: usize = 8;

/// A data set in the list.
#[derive(Debug, Clone)]
pub(crate) struct CommonsCard {
    /// The data set.
    pub(crate) view: DataSetView,
    /// What people call the deployment.
    pub(crate) place: Text,
    /// The newest release.
    pub(crate) newest: Option<Decided>,
}

/// Every open data set.
#[derive(Template)]
#[template(path = "commons.html")]
pub(crate) struct CommonsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The data sets, in the order in which they were declared.
    pub(crate) cards: Vec<CommonsCard>,
}

/// One open data set.
#[derive(Template)]
#[template(path = "data_set.html")]
pub(crate) struct DataSetPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The data set.
    pub(crate) view: DataSetView,
    /// What people call the deployment.
    pub(crate) place: Text,
    /// What was decided, newest first.
    pub(crate) decisions: Vec<Decided>,
}

/// A column in words.
pub(super) struct ColumnLine<'a> {
    pub(super) name: &'a str,
    pub(super) title: &'a Text,
    pub(super) what: String,
    pub(super) rule: String,
}

/// A bar of the picture.
struct Bar {
    x: i64,
    y: i64,
    width: i64,
    height: i64,
    label: String,
    value: String,
    /// Whether its label stands under it.
    is_named: bool,
}

/// What came of one attack, in words.
struct AttackLine {
    what: String,
    found: String,
}

impl DataSetPage {
    fn newest(&self) -> Option<&Decided> {
        self.decisions.iter().find(|it| it.table.is_some())
    }

    fn shown(&self) -> impl Iterator<Item = &Decided> {
        self.decisions.iter().take(MAX_DECISIONS)
    }

    fn file(&self, number: &i64) -> Route {
        self.route(CommonsFile::Table(*number))
    }

    fn parquet(&self, number: &i64) -> Route {
        self.route(CommonsFile::Parquet(*number))
    }

    fn route(&self, file: CommonsFile) -> Route {
        Route::DataSetFile(self.view.data_set.id.clone(), file)
    }

    fn package(&self) -> Route {
        self.route(CommonsFile::Package)
    }

    fn linked(&self) -> Route {
        self.route(CommonsFile::Linked)
    }

    fn declaration(&self) -> Route {
        self.route(CommonsFile::Declaration)
    }

    fn rule(&self) -> String {
        rule(&self.shell, &self.view.data_set)
    }

    fn columns(&self) -> Vec<ColumnLine<'_>> {
        columns(&self.shell, &self.view.data_set)
    }

    /// What was tried against a table, and what came of it.
    fn attacks(&self, attacks: &Attacks) -> Vec<AttackLine> {
        let shell = &self.shell;
        let line = |key: &'static str, figure: Figure, most: u32| AttackLine {
            what: shell.say(key),
            found: shell
                .with("set-attack-found")
                .set("percent", percent(figure.permille()))
                .set("limit", percent(most))
                .to_string(),
        };
        let guessed = attacks.inference;
        let mut lines = vec![
            line(
                "set-attack-single",
                attacks.singling_out,
                MOST_SINGLED_OUT_PERMILLE,
            ),
            line("set-attack-link", attacks.linkage, MOST_LINKED_PERMILLE),
            AttackLine {
                what: shell.say("set-attack-guess"),
                found: shell
                    .with("set-attack-guessed")
                    .set("percent", percent(guessed.permille()))
                    .set("without", percent(guessed.baseline_permille()))
                    .set("limit", percent(MOST_INFERRED_PERMILLE))
                    .to_string(),
            },
        ];
        if attacks.trajectory.tries > 0 {
            lines.push(AttackLine {
                what: shell.say("set-attack-path"),
                found: shell
                    .with("set-attack-path-found")
                    .set("percent", percent(attacks.trajectory.permille()))
                    .to_string(),
            });
        }
        lines
    }

    fn refused(&self, refusal: &Refusal) -> String {
        refused(&self.shell, *refusal)
    }

    /// The size of a file.
    fn bytes(&self, file: &(usize, String)) -> String {
        let bytes = u64::try_from(file.0).unwrap_or(u64::MAX);
        super::export::size(&self.shell, &bytes)
    }

    fn kept(&self, decided: &Decided) -> usize {
        decided.rows.saturating_sub(decided.left_out)
    }

    /// What the picture is about.
    fn picture_title(&self) -> Option<String> {
        let data_set = &self.view.data_set;
        let plot = data_set.plot?;
        let x = self.shell.of(&data_set.columns.get(plot.x)?.title);
        Some(match plot.y.and_then(|it| data_set.columns.get(it)) {
            Some(column) => {
                let y = self.shell.of(&column.title);
                let y = match column.unit.is_empty() {
                    true => y.to_owned(),
                    false => format!("{y} ({})", column.unit),
                };
                let title = self.shell.with("set-picture-mean");
                title.set("what", y).set("by", x).to_string()
            }
            None => self
                .shell
                .with("set-picture-count")
                .set("by", x)
                .to_string(),
        })
    }

    /// The bars of the newest release; none where nothing is drawn.
    fn bars(&self) -> Vec<Bar> {
        let bars = self.newest().map_or(&[][..], |it| it.bars.as_slice());
        let most = bars
            .iter()
            .map(|it| it.millionths)
            .max()
            .unwrap_or(0)
            .max(1);
        let count = i64::try_from(bars.len()).unwrap_or(1).max(1);
        let every = bars.len().div_ceil(MAX_LABELS).max(1);
        let bar = |(place, it): (usize, &custody::PlotBar)| {
            let number = i64::try_from(place).unwrap_or(0);
            let (left, right) = (number * WIDTH / count, (number + 1) * WIDTH / count);
            // Divided first where the product would not fit.
            let height = it.millionths.max(0) / (most / HEIGHT).max(1);
            let height = height.clamp(1, HEIGHT);
            Bar {
                x: left,
                y: HEIGHT - height,
                width: (right - left - 2).max(1),
                height,
                is_named: place % every == 0,
                label: it.label.clone(),
                value: commons_decimal(it.millionths / 10_000 * 10_000),
            }
        };
        bars.iter().enumerate().map(bar).collect()
    }

    /// The same as lines of a table.
    fn lines(&self) -> Vec<(String, String, usize)> {
        let bars = self.newest().map_or(&[][..], |it| it.bars.as_slice());
        let line = |it: &custody::PlotBar| {
            let value = commons_decimal(it.millionths / 10_000 * 10_000);
            (it.label.clone(), value, it.rows)
        };
        bars.iter().map(line).collect()
    }
}

/// The rule that holds for each row.
pub(super) fn rule(shell: &Shell, data_set: &DataSet) -> String {
    let key = match data_set.plan.apart {
        Apart::Homes => "set-rule-homes",
        Apart::People => "set-rule-people",
    };
    shell.with(key).set("count", data_set.plan.k).to_string()
}

/// The columns in words.
pub(super) fn columns<'a>(shell: &Shell, data_set: &'a DataSet) -> Vec<ColumnLine<'a>> {
    let both = data_set.plan.columns.iter().zip(&data_set.columns);
    let line = |(column, shown): (&'a custody::Column, &'a custody::DataSetColumn)| {
        let kind = kind(shell, &column.ladder);
        ColumnLine {
            name: &column.name,
            title: &shown.title,
            what: match shown.unit.as_str() {
                "" => kind,
                unit => format!("{kind} ({unit})"),
            },
            rule: shell.say(match column.role {
                ColumnRole::Shared => "set-column-shared",
                ColumnRole::Value => "set-column-value",
            }),
        }
    };
    both.map(line).collect()
}

fn kind(shell: &Shell, ladder: &Ladder) -> String {
    let step = |millionths: i64| {
        let width = commons_decimal(millionths);
        shell.with("set-kind-number").set("step", width).to_string()
    };
    match ladder {
        Ladder::Time(steps) => shell.say(match steps.first() {
            Some(TimeStep::Hour) => "set-kind-hour",
            Some(TimeStep::Day) => "set-kind-day",
            Some(TimeStep::Month) => "set-kind-month",
            Some(TimeStep::HourOfDay) => "set-kind-hour-of-day",
            Some(TimeStep::PartOfDay) => "set-kind-part-of-day",
            Some(TimeStep::Weekday) | None => "set-kind-weekday",
        }),
        Ladder::Number(steps) => step(steps.first().copied().unwrap_or_default()),
        Ladder::Buckets(_) => shell.say("set-kind-buckets"),
        Ladder::Place(_) => shell.say("set-kind-place"),
        Ladder::Word => shell.say("set-kind-word"),
    }
}

/// Why a table is not published, in words.
pub(super) fn refused(shell: &Shell, refusal: Refusal) -> String {
    shell.say(match refusal {
        Refusal::LeftOut => "set-refused-left-out",
        Refusal::SinglingOut => "set-refused-single",
        Refusal::Linkage => "set-refused-link",
        Refusal::Inference => "set-refused-guess",
    })
}

/// Thousandths as a percentage with at most one decimal place.
pub(super) fn percent(permille: u32) -> String {
    match permille % 10 {
        0 => (permille / 10).to_string(),
        part => format!("{}.{part}", permille / 10),
    }
}

impl Page for CommonsPage {
    const NAME: &'static str = "commons";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        samples::list(shell)
    }
}

impl Page for DataSetPage {
    const NAME: &'static str = "data-set";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        samples::one(shell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_short() {
        assert_eq!(percent(0), "0");
        assert_eq!(percent(7), "0.7");
        assert_eq!(percent(50), "5");
        assert_eq!(percent(1_000), "100");
    }
}
