//! A batch of gifts becomes a table, or does not.
//!
//! At the finest step first: each home gets one row for each combination of shared values that it has; numbers that may differ are the
//! middle one of the home's. Combinations of fewer than `k` homes are left out. When too much is left out, or an attack succeeds, the
//! next step is tried, in which every column is a step coarser (full-domain generalisation with suppression). The first step at which
//! neither is the case is the result; when there is none, the batch is refused, and the figures of the coarsest step say why.

use std::collections::BTreeMap;

use crate::attack::{self, Attacks, Line};
use crate::cell::{self, Cell};
use crate::homes::homes;
use crate::plan::{Plan, Role};
use crate::{Gift, PoolRow, Randomness};

/// Fewer homes than a batch needs have given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotYet {
    /// So many have.
    pub homes: u32,
}

/// What is in a batch and in its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// How many homes gave.
    pub homes: u32,
    /// How many rows the batch has at this step.
    pub rows: usize,
    /// How many rows are left out because fewer than `k` homes have them.
    pub left_out: usize,
    /// How many combinations of shared values are in the result.
    pub combinations: usize,
    /// How many homes the rarest of them has.
    pub rarest: u32,
}

impl Counts {
    /// How much is left out, in percent, rounded up.
    #[must_use]
    pub const fn left_out_percent(&self) -> usize {
        if self.rows == 0 {
            return 0;
        }
        (self.left_out * 100).div_ceil(self.rows)
    }
}

/// Why a batch is not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Too much would have to be left out.
    LeftOut,
    /// Single homes could be told apart from all others.
    SinglingOut,
    /// Who knows a row of somebody finds theirs.
    Linkage,
    /// Who gave can be guessed about better than who did not.
    Inference,
}

impl Refusal {
    /// Every one, with its word.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::LeftOut, "left-out"),
        (Self::SinglingOut, "singling-out"),
        (Self::Linkage, "linkage"),
        (Self::Inference, "inference"),
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|it| it.0 == self);
        found.map_or("", |it| it.1)
    }

    /// Reads its word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|it| it.1 == text);
        found.map(|it| it.0)
    }
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// At which step.
    pub step: usize,
    /// What is in it.
    pub counts: Counts,
    /// What was tried against it.
    pub attacks: Attacks,
    /// Why it is not published; `None` when it is.
    pub refusal: Option<Refusal>,
    /// The rows without anything that says whose they are, shuffled; none when it is refused.
    pub rows: Vec<Vec<String>>,
}

/// Makes a table of a batch.
///
/// # Errors
/// When fewer homes than the plan asks for have given.
pub fn admit(
    plan: &Plan,
    gifts: &[Gift],
    random: &mut Randomness<'_>,
) -> Result<Admission, NotYet> {
    let (homes, count) = homes(gifts, plan.apart);
    if count < plan.least_homes {
        return Err(NotYet { homes: count });
    }
    let mut last = None;
    for step in 0..plan.steps() {
        let admission = at_step(plan, gifts, (&homes, count), step, random);
        if admission.refusal.is_none() {
            return Ok(admission);
        }
        last = Some(admission);
    }
    last.ok_or(NotYet { homes: count })
}

/// How many homes gave: what [`admit`] counts, without trying anything.
#[must_use]
pub fn count_homes(plan: &Plan, gifts: &[Gift]) -> u32 {
    homes(gifts, plan.apart).1
}

/// Rows of one home that have the same shared values, as one: what waits in the pool says nothing about how often somebody was measured.
#[must_use]
pub fn joined(plan: &Plan, rows: Vec<PoolRow>) -> Vec<PoolRow> {
    let mut groups: BTreeMap<(u32, Vec<Cell>), Vec<Vec<Cell>>> = BTreeMap::new();
    for row in rows {
        let shared = pick(plan, &row.cells, Role::Shared);
        let values = pick(plan, &row.cells, Role::Value);
        groups.entry((row.source, shared)).or_default().push(values);
    }
    let row = |((source, shared), values): ((u32, Vec<Cell>), Vec<Vec<Cell>>)| {
        let mut shared = shared.into_iter();
        let mut values = middles(plan, &values).into_iter();
        let next = |role| match role {
            Role::Shared => shared.next(),
            Role::Value => values.next(),
        };
        let cells = plan.columns.iter().map(|it| it.role).map(next);
        PoolRow {
            source,
            cells: cells.map(|it| it.unwrap_or(Cell::Absent)).collect(),
        }
    };
    groups.into_iter().map(row).collect()
}

fn pick(plan: &Plan, cells: &[Cell], role: Role) -> Vec<Cell> {
    let columns = plan.columns.iter().zip(cells);
    let picked = columns.filter(|(column, _)| column.role == role);
    picked.map(|(_, cell)| cell.clone()).collect()
}

/// Of each column that may differ the middle cell, the lower one of two; absent ones do not count.
fn middles(plan: &Plan, rows: &[Vec<Cell>]) -> Vec<Cell> {
    let count = plan
        .columns
        .iter()
        .filter(|it| it.role == Role::Value)
        .count();
    let middle = |place: usize| {
        let cells = rows.iter().filter_map(|it| it.get(place));
        let mut cells: Vec<&Cell> = cells.filter(|it| **it != Cell::Absent).collect();
        cells.sort_unstable();
        let middle = cells.get(cells.len().saturating_sub(1) / 2);
        middle.map_or(Cell::Absent, |it| (*it).clone())
    };
    (0..count).map(middle).collect()
}

/// The rows of all homes at a step: whose, and what each column shows.
fn lines(plan: &Plan, gifts: &[Gift], homes: &[u32], step: usize) -> Vec<Line> {
    let mut groups: BTreeMap<(u32, Vec<String>), Vec<Vec<Cell>>> = BTreeMap::new();
    for (gift, home) in gifts.iter().zip(homes) {
        for row in &gift.rows {
            let columns = plan.columns.iter().zip(&row.cells);
            let shared = columns.filter(|(column, _)| column.role == Role::Shared);
            let shared: Vec<_> = shared
                .map(|(column, cell)| cell::shown(column, step, cell))
                .collect();
            let values = pick(plan, &row.cells, Role::Value);
            groups.entry((*home, shared)).or_default().push(values);
        }
    }
    let line = |((home, shared), values): ((u32, Vec<String>), Vec<Vec<Cell>>)| {
        let mut shared = shared.into_iter();
        let mut values = middles(plan, &values).into_iter();
        let cells = plan.columns.iter().map(|column| match column.role {
            Role::Shared => shared.next().unwrap_or_default(),
            Role::Value => {
                let cell = values.next().unwrap_or(Cell::Absent);
                cell::shown(column, step, &cell)
            }
        });
        Line {
            home,
            cells: cells.collect(),
        }
    };
    groups.into_iter().map(line).collect()
}

/// The shared values of a line.
fn combination<'l>(plan: &Plan, line: &'l Line) -> Vec<&'l str> {
    let columns = plan.columns.iter().zip(&line.cells);
    let shared = columns.filter(|(column, _)| column.role == Role::Shared);
    shared.map(|(_, text)| text.as_str()).collect()
}

fn at_step(
    plan: &Plan,
    gifts: &[Gift],
    (homes, count): (&[u32], u32),
    step: usize,
    random: &mut Randomness<'_>,
) -> Admission {
    let everyone = lines(plan, gifts, homes, step);
    // A home has at most one line of a combination, so lines are homes.
    let mut sizes: BTreeMap<Vec<&str>, u32> = BTreeMap::new();
    for line in &everyone {
        *sizes.entry(combination(plan, line)).or_default() += 1;
    }
    let is_kept = |line: &&Line| {
        let size = sizes.get(&combination(plan, line));
        size.is_some_and(|it| *it >= plan.k)
    };
    let released: Vec<Line> = everyone.iter().filter(is_kept).cloned().collect();
    let kept = sizes.values().filter(|it| **it >= plan.k);
    let counts = Counts {
        homes: count,
        rows: everyone.len(),
        left_out: everyone.len() - released.len(),
        combinations: kept.clone().count(),
        rarest: kept.min().copied().unwrap_or(0),
    };
    let attacks = attack::all(&released, &everyone, random);
    let is_too_much = counts.left_out_percent() > usize::from(plan.most_left_out_percent);
    let refusal = if released.is_empty() || is_too_much {
        Some(Refusal::LeftOut)
    } else {
        attacks.refusal()
    };
    let rows = match refusal {
        None => shuffled(released, random),
        Some(_) => Vec::new(),
    };
    Admission {
        step,
        counts,
        attacks,
        refusal,
        rows,
    }
}

/// The rows in an order that has nothing to do with whose they are.
fn shuffled(lines: Vec<Line>, random: &mut Randomness<'_>) -> Vec<Vec<String>> {
    let mut rows: Vec<_> = lines
        .into_iter()
        .map(|it| (random(), random(), it.cells))
        .collect();
    rows.sort_unstable();
    rows.into_iter().map(|it| it.2).collect()
}

#[cfg(test)]
mod tests;
