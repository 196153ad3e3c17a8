//! What samples of the commons show.

use custody::{Attacks, DataSet, DataSetId, DataSetView, Decided, Figure, PlotBar, Refusal};
use model::Text;

use super::{CommonsCard, CommonsPage, DataSetPage};
use crate::page::sample;
use crate::route::Route;
use crate::shell::Shell;

const SOURCE: &str = include_str!("../../../samples/data_set.toml");

/// A declared data set, for samples.
#[expect(clippy::expect_used, reason = "the file beside it has no problems")]
pub(in crate::page) fn view() -> DataSetView {
    DataSetView {
        data_set: DataSet::parse(SOURCE).expect("a data set in `samples/` has no problems"),
        document: SOURCE.to_owned(),
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        declared_at: sample::NOW,
    }
}

fn id() -> DataSetId {
    view().data_set.id
}

fn figure(hits: u32, baseline: u32) -> Figure {
    Figure {
        tries: 1_000,
        hits,
        baseline,
    }
}

/// A decision, for samples.
pub(in crate::page) fn decided(number: i64, refusal: Option<Refusal>) -> Decided {
    let bar = |hour: i64| PlotBar {
        label: format!("{hour:02}"),
        millionths: (200 + (hour - 12).abs() * 40) * 1_000_000,
        rows: 40,
    };
    let is_published = refusal.is_none();
    Decided {
        data_set: id(),
        number,
        at: sample::NOW,
        step: 0,
        homes_at_least: 40,
        rows: 1_234,
        left_out: 98,
        combinations: 96,
        rarest: 6,
        attacks: Attacks {
            singling_out: figure(if is_published { 0 } else { 112 }, 0),
            linkage: figure(0, 0),
            inference: figure(412, 409),
            trajectory: figure(760, 0),
        },
        refusal,
        table: is_published.then(|| (51_234, view().sha256)),
        parquet: is_published.then(|| (12_345, view().sha256)),
        bars: if is_published {
            (0..24).map(bar).collect()
        } else {
            Vec::new()
        },
    }
}

fn place() -> Text {
    sample::home().title.clone()
}

/// The list, with and without data sets.
pub(super) fn list(shell: &Shell) -> Vec<(&'static str, CommonsPage)> {
    let card = |newest| CommonsCard {
        view: view(),
        place: place(),
        newest,
    };
    let page = |cards| CommonsPage {
        shell: sample::at(shell, Route::Commons),
        cards,
    };
    vec![
        ("full", page(vec![card(Some(decided(2, None))), card(None)])),
        ("empty", page(Vec::new())),
    ]
}

/// A data set with releases, one without, one that was refused.
pub(super) fn one(shell: &Shell) -> Vec<(&'static str, DataSetPage)> {
    let page = |decisions| DataSetPage {
        shell: sample::at(shell, Route::DataSet(id())),
        view: view(),
        place: place(),
        decisions,
    };
    let refused = |refusal| decided(1, Some(refusal));
    let all = Refusal::ALL.into_iter().map(|it| refused(it.0));
    vec![
        (
            "full",
            page(vec![decided(2, None), refused(Refusal::SinglingOut)]),
        ),
        ("new", page(Vec::new())),
        ("refused", page(all.collect())),
    ]
}
