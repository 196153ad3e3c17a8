//! What somebody could try against a table before it is published.
//!
//! The attacks follow the three dangers of the Article 29 Working Party (Opinion 05/2014 on anonymisation techniques, section 2.2.2:
//! singling out, linkability, inference) and measure them as attacks with a baseline (Giomi, Boenisch, Wehmeyer, Tasnádi: "A Unified
//! Framework for Quantifying Privacy Risk in Synthetic Data", PoPETs 2023): what an attacker gains by the table over what they would hit
//! without it. The pool is the truth that they are checked against; an attacker of whom the measure speaks knows it only in part.
//!
//! | attack | one try | it hits when | baseline |
//! |---|---|---|---|
//! | singling out | some columns of a published row, as a sentence about a person | exactly one home of the whole batch fits | none: the whole rate counts |
//! | linkage | all that is known of one moment of one home | the published rows that fit are of exactly one home | none: the whole rate counts |
//! | inference | all columns of a home's row but one, and the published rows that fit | the most frequent value is that of the home | the same guess from the rows of all others |
//! | trajectory | some rows of one home | no other home has all of them | none |
//!
//! A baseline of sentences that are mixed from the table's own columns was tried for singling out and linkage, and left: where a column
//! names everybody, such sentences hit as often as true ones, and the worst table would look harmless.
//!
//! Singling out, linkage and inference have limits; a table above one is not published. The rate that is held against the limit is the
//! upper end of its 95 % interval (Wilson) less the baseline. The trajectory has none: it says how many homes could be told
//! apart *if* rows of one home could be told to belong together, which is why the numbers of contributors are destroyed.

use std::collections::BTreeMap;

use crate::Randomness;
use crate::admit::Refusal;

/// So many tries for each attack.
pub const TRIES: u32 = 1_000;
/// Who is singled out, in thousandths of the tries: at most so many.
pub const MOST_SINGLED_OUT_PERMILLE: u32 = 50;
/// Who is found again: at most so many.
pub const MOST_LINKED_PERMILLE: u32 = 50;
/// Whose value is guessed: at most so many more than of those who did not give.
pub const MOST_INFERRED_PERMILLE: u32 = 100;
/// So many rows of a home make a trajectory.
pub const TRAJECTORY_ROWS: usize = 4;
/// At 95 %.
const Z: f64 = 1.96;

/// A row and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whose.
    pub home: u32,
    /// What each column shows.
    pub cells: Vec<String>,
}

/// What came of an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figure {
    /// How often it was tried.
    pub tries: u32,
    /// How often it hit.
    pub hits: u32,
    /// How often the same would have hit without what this home gave, of as many tries; 0 where no baseline counts.
    pub baseline: u32,
}

impl Figure {
    /// How often it hit, in thousandths.
    #[must_use]
    pub const fn permille(&self) -> u32 {
        permille(self.hits, self.tries)
    }

    /// How often the baseline hit, in thousandths.
    #[must_use]
    pub const fn baseline_permille(&self) -> u32 {
        permille(self.baseline, self.tries)
    }

    /// What is held against a limit: the upper end of the interval, less the baseline.
    #[must_use]
    pub fn excess_permille(&self) -> u32 {
        if self.tries == 0 {
            return 0;
        }
        let (tries, rate) = (
            f64::from(self.tries),
            f64::from(self.hits) / f64::from(self.tries),
        );
        let middle = rate + Z * Z / (2.0 * tries);
        let spread = Z * (rate * (1.0 - rate) / tries + Z * Z / (4.0 * tries * tries)).sqrt();
        let upper = (middle + spread) / (1.0 + Z * Z / tries);
        let excess = upper - f64::from(self.baseline) / tries;
        thousandths(excess)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it lies between 0 and 1000"
)]
fn thousandths(part: f64) -> u32 {
    (part.clamp(0.0, 1.0) * 1_000.0).ceil() as u32
}

const fn permille(hits: u32, tries: u32) -> u32 {
    match tries {
        0 => 0,
        tries => hits.saturating_mul(1_000) / tries,
    }
}

/// What came of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attacks {
    /// Telling one home apart from all others.
    pub singling_out: Figure,
    /// Finding the rows of somebody of whom one is known.
    pub linkage: Figure,
    /// Guessing a value of somebody.
    pub inference: Figure,
    /// How many homes only they have some of their rows; it has no limit.
    pub trajectory: Figure,
}

impl Attacks {
    /// The first attack that succeeds.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let limits = [
            (
                self.singling_out,
                MOST_SINGLED_OUT_PERMILLE,
                Refusal::SinglingOut,
            ),
            (self.linkage, MOST_LINKED_PERMILLE, Refusal::Linkage),
            (self.inference, MOST_INFERRED_PERMILLE, Refusal::Inference),
        ];
        let failed = limits
            .into_iter()
            .find(|(figure, most, _)| figure.excess_permille() > *most);
        failed.map(|it| it.2)
    }
}

/// Tries all of them on the rows that would be published, against all rows of the batch.
#[must_use]
pub fn all(released: &[Line], everyone: &[Line], random: &mut Randomness<'_>) -> Attacks {
    let table = Table::new(released, everyone);
    let mut bench = Bench { table, random };
    if released.is_empty() {
        return Attacks::default();
    }
    Attacks {
        singling_out: bench.tried(Bench::single_out),
        linkage: bench.tried(Bench::link),
        inference: bench.tried(Bench::infer),
        trajectory: bench.trajectories(),
    }
}

/// A row in numbers, so that rows compare fast.
struct Numbered {
    home: u32,
    cells: Vec<u32>,
}

struct Table {
    released: Vec<Numbered>,
    everyone: Vec<Numbered>,
    columns: usize,
}

impl Table {
    fn new(released: &[Line], everyone: &[Line]) -> Self {
        let mut words: BTreeMap<String, u32> = BTreeMap::new();
        let mut number = |line: &Line| {
            let cells = line.cells.iter().map(|it| {
                let next = u32::try_from(words.len()).unwrap_or(u32::MAX);
                *words.entry(it.clone()).or_insert(next)
            });
            Numbered {
                home: line.home,
                cells: cells.collect(),
            }
        };
        Self {
            columns: released.first().map_or(0, |it| it.cells.len()),
            released: released.iter().map(&mut number).collect(),
            everyone: everyone.iter().map(&mut number).collect(),
        }
    }
}

/// What is known of somebody: for some columns, what they show.
type Known = Vec<(usize, u32)>;

fn fits(row: &Numbered, known: &Known) -> bool {
    known
        .iter()
        .all(|(column, cell)| row.cells.get(*column) == Some(cell))
}

/// Whether the rows that fit are of exactly one home.
fn is_one_home<'r>(rows: impl IntoIterator<Item = &'r Numbered>, known: &Known) -> bool {
    let mut homes = rows
        .into_iter()
        .filter(|it| fits(it, known))
        .map(|it| it.home);
    let Some(first) = homes.next() else {
        return false;
    };
    homes.all(|it| it == first)
}

struct Bench<'a, 'r> {
    table: Table,
    random: &'a mut Randomness<'r>,
}

impl Bench<'_, '_> {
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from((self.random)() % end).unwrap_or(0)
    }

    /// Tries an attack, each time with its baseline.
    fn tried(&mut self, attack: fn(&mut Self) -> (bool, bool)) -> Figure {
        let mut figure = Figure::default();
        for _ in 0..TRIES {
            let (hit, baseline) = attack(self);
            figure.tries += 1;
            figure.hits += u32::from(hit);
            figure.baseline += u32::from(baseline);
        }
        figure
    }

    fn single_out(&mut self) -> (bool, bool) {
        let row = self.below(self.table.released.len());
        let wanted = 1 + self.below(self.table.columns);
        let mut columns: Vec<usize> = (0..self.table.columns).collect();
        while columns.len() > wanted {
            let gone = self.below(columns.len());
            columns.remove(gone);
        }
        let cells = self.table.released.get(row).map(|it| it.cells.clone());
        let cells = cells.unwrap_or_default();
        let known: Known = columns
            .into_iter()
            .filter_map(|it| cells.get(it).map(|cell| (it, *cell)))
            .collect();
        (is_one_home(&self.table.everyone, &known), false)
    }

    fn link(&mut self) -> (bool, bool) {
        let row = self.below(self.table.everyone.len());
        let row = self.table.everyone.get(row);
        let cells = row.map(|it| it.cells.clone()).unwrap_or_default();
        let known: Known = cells.into_iter().enumerate().collect();
        (is_one_home(&self.table.released, &known), false)
    }

    fn infer(&mut self) -> (bool, bool) {
        let row = self.below(self.table.released.len());
        let secret = self.below(self.table.columns);
        let Some(target) = self.table.released.get(row) else {
            return (false, false);
        };
        let known: Known = target
            .cells
            .iter()
            .copied()
            .enumerate()
            .filter(|(column, _)| *column != secret)
            .collect();
        let truth = target.cells.get(secret).copied();
        let guess = |without: Option<u32>| {
            let rows = self.table.released.iter();
            let rows = rows.filter(|it| Some(it.home) != without && fits(it, &known));
            most_frequent(rows.filter_map(|it| it.cells.get(secret).copied()))
        };
        (guess(None) == truth, guess(Some(target.home)) == truth)
    }

    fn trajectories(&mut self) -> Figure {
        let mut homes: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (row, idx) in self.table.released.iter().zip(0..) {
            homes.entry(row.home).or_default().push(idx);
        }
        let mut figure = Figure::default();
        for (home, mut rows) in homes {
            if figure.tries == TRIES || rows.len() < TRAJECTORY_ROWS {
                continue;
            }
            while rows.len() > TRAJECTORY_ROWS {
                let gone = self.below(rows.len());
                rows.swap_remove(gone);
            }
            let mut others: Option<Vec<u32>> = None;
            for row in rows {
                let Some(row) = self.table.released.get(row) else {
                    continue;
                };
                let same = |it: &&Numbered| it.home != home && it.cells == row.cells;
                let have: Vec<u32> = self
                    .table
                    .released
                    .iter()
                    .filter(same)
                    .map(|it| it.home)
                    .collect();
                others = Some(match others {
                    None => have,
                    Some(before) => before.into_iter().filter(|it| have.contains(it)).collect(),
                });
            }
            figure.tries += 1;
            figure.hits += u32::from(others.is_some_and(|it| it.is_empty()));
        }
        figure
    }
}

/// The value that comes most often; the least of several.
fn most_frequent(values: impl Iterator<Item = u32>) -> Option<u32> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let most = counts.values().max().copied()?;
    let first = counts.into_iter().find(|(_, count)| *count == most);
    first.map(|it| it.0)
}

#[cfg(test)]
mod tests;
