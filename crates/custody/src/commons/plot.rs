//! What a data set draws of a release, in few numbers: they are kept with the decision.

use std::collections::BTreeMap;

use deidentify::plan::MILLION;
use deidentify::{Column, Ladder};

use super::declared::{DataSet, PlotPlan};

/// The most bars of a picture; of more values side by side the first are drawn.
pub const MAX_BARS: usize = 48;

/// One bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlotBar {
    /// What the column that lies side by side shows.
    pub label: String,
    /// The mean of the other column, in millionths; how many rows there are, where none was named.
    pub millionths: i64,
    /// How many rows it is made of.
    pub rows: usize,
}

/// The bars of a table's rows.
pub(super) fn bars(data_set: &DataSet, step: usize, rows: &[Vec<String>]) -> Vec<PlotBar> {
    let Some(plot) = data_set.plot else {
        return Vec::new();
    };
    let half = plot.y.and_then(|it| data_set.plan.columns.get(it));
    let half = half.map_or(0, |it| half_step(it, step));
    let mut groups: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for row in rows {
        let Some((label, value)) = point(plot, row) else {
            continue;
        };
        let (sum, count) = groups.entry(label).or_default();
        *sum = sum.saturating_add(value.saturating_add(half));
        *count += 1;
    }
    let bar = |(label, (sum, count)): (&str, (i64, i64))| PlotBar {
        label: label.to_owned(),
        millionths: match plot.y {
            Some(_) => sum / count.max(1),
            None => count.saturating_mul(MILLION),
        },
        rows: usize::try_from(count).unwrap_or(0),
    };
    groups.into_iter().take(MAX_BARS).map(bar).collect()
}

/// What a row shows side by side, and its value in millionths; `None` where it has none.
fn point(plot: PlotPlan, row: &[String]) -> Option<(&str, i64)> {
    let label = row.get(plot.x)?.as_str();
    let value = match plot.y {
        None => 0,
        Some(y) => super::declared::millionths(row.get(y)?)?,
    };
    Some((label, value))
}

/// Tables show the lower end of a stretch; a picture is drawn of its middle.
fn half_step(column: &Column, step: usize) -> i64 {
    match &column.ladder {
        Ladder::Number(steps) => {
            let last = steps.len().saturating_sub(1);
            steps.get(step.min(last)).map_or(0, |it| it / 2)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_means_of_the_middles_of_stretches() {
        let data_set = DataSet::parse(include_str!("../../tests/it/home_energy.toml")).unwrap();
        let rows: Vec<Vec<String>> = [("07", "250"), ("07", "750"), ("06", "0"), ("08", "")]
            .map(|(hour, power)| vec![hour.to_owned(), power.to_owned()])
            .to_vec();
        let found = bars(&data_set, 0, &rows);
        let bar = |label: &str, watts: i64, rows| PlotBar {
            label: label.to_owned(),
            millionths: watts * MILLION,
            rows,
        };
        assert_eq!(found, [bar("06", 125, 1), bar("07", 625, 2)]);
        let counted = DataSet {
            plot: Some(PlotPlan { x: 0, y: None }),
            ..data_set
        };
        assert_eq!(bars(&counted, 0, &rows)[1], bar("07", 2, 2));
    }
}
