//! A batch is decided on: published, or refused with the reason, or left to wait.

use deidentify::{Admission, Attacks, Counts, Figure, Gift, Refusal};
use model::{Entry, EntryKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::DataSetView;
use super::declared::{DataSet, DataSetId};
use super::give::GiveError;
use super::plot::{self, PlotBar};
use super::pool::{Batch, PoolError, delete_gifts};
use super::table::Table;
use crate::Custody;
use crate::act::ActError;
use crate::rows::commons::{BatchRow, ReleaseRow};
use crate::rows::{self, RowError};

/// The most rows of a batch.
pub const MAX_BATCH_ROWS: i64 = 200_000;
const DAY_MILLIS: i64 = 86_400_000;
/// Who decides when nobody asks for it.
const BY_ITSELF: &str = "office:commons";
/// The number of homes is told in steps of so many.
const HOMES_STEP: u32 = 5;

/// What was decided on a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Of which data set.
    pub data_set: DataSetId,
    /// Decisions of a data set are counted from 1; a release has the number of its decision.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// At which step of coarseness.
    pub step: usize,
    /// So many homes gave at least.
    pub homes_at_least: u32,
    /// How many rows there were at this step.
    pub rows: usize,
    /// How many of them are left out.
    pub left_out: usize,
    /// How many combinations of shared values there are.
    pub combinations: usize,
    /// How many homes the rarest of them has.
    pub rarest: u32,
    /// What was tried.
    pub attacks: Attacks,
    /// Why it is not published; `None` when it is.
    pub refusal: Option<Refusal>,
    /// Of the table as CSV: its size, and its lower-case hex SHA-256, which stands in the record.
    pub table: Option<(usize, String)>,
    /// The same of the table as Parquet; releases of older versions have none.
    pub parquet: Option<(usize, String)>,
    /// What is drawn of it.
    pub bars: Vec<PlotBar>,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// There is no such data set.
    #[error("there is no data set `{0}`")]
    NoDataSet(String),
    /// Too few have given.
    #[error("only {homes} of {wanted} homes have given: the batch waits")]
    NotYet {
        /// How many have, in steps of five.
        homes: u32,
        /// How many must.
        wanted: u32,
    },
    /// It was refused before, and no more homes have given since.
    #[error("this batch was refused, and no more homes have given since: it waits")]
    Same,
    /// Our bug: the files of a release could not be made.
    #[error("a row of the table has not one value for each column")]
    Misfit,
    /// The act.
    #[error(transparent)]
    Act(#[from] ActError),
    /// The pool.
    #[error(transparent)]
    Pool(#[from] GiveError),
}

impl From<RowError> for DecideError {
    fn from(err: RowError) -> Self {
        Self::Act(err.into())
    }
}

impl From<store::DbError> for DecideError {
    fn from(err: store::DbError) -> Self {
        Self::Act(err.into())
    }
}

impl From<PoolError> for DecideError {
    fn from(err: PoolError) -> Self {
        Self::Pool(err.into())
    }
}

/// What a row of a decision holds.
#[derive(Serialize, Deserialize)]
struct Facts {
    v: u8,
    step: usize,
    homes_at_least: u32,
    rows: usize,
    left_out: usize,
    combinations: usize,
    rarest: u32,
    singling_out: [u32; 3],
    linkage: [u32; 3],
    inference: [u32; 3],
    trajectory: [u32; 3],
    refusal: Option<String>,
    bytes: Option<usize>,
    sha256: Option<String>,
    #[serde(default)]
    parquet: Option<(usize, String)>,
    bars: Vec<(String, i64, usize)>,
}

const fn numbers(figure: Figure) -> [u32; 3] {
    [figure.tries, figure.hits, figure.baseline]
}

const fn figure([tries, hits, baseline]: [u32; 3]) -> Figure {
    Figure {
        tries,
        hits,
        baseline,
    }
}

fn bar((label, millionths, rows): (String, i64, usize)) -> PlotBar {
    PlotBar {
        label,
        millionths,
        rows,
    }
}

pub(super) fn read(row: ReleaseRow) -> Result<Decided, RowError> {
    let unreadable = || RowError::Unreadable {
        table: "commons_release",
        value: format!("{} {}", row.data_set, row.number),
    };
    let facts: Facts = serde_json::from_str(&row.facts).map_err(|_| unreadable())?;
    let refusal = facts.refusal.as_deref().map(Refusal::parse);
    Ok(Decided {
        data_set: DataSetId::parse(&row.data_set).map_err(|_| unreadable())?,
        number: row.number,
        at: row.decided_at,
        step: facts.step,
        homes_at_least: facts.homes_at_least,
        rows: facts.rows,
        left_out: facts.left_out,
        combinations: facts.combinations,
        rarest: facts.rarest,
        attacks: Attacks {
            singling_out: figure(facts.singling_out),
            linkage: figure(facts.linkage),
            inference: figure(facts.inference),
            trajectory: figure(facts.trajectory),
        },
        refusal: match refusal {
            None => None,
            Some(Some(refusal)) => Some(refusal),
            Some(None) => return Err(unreadable()),
        },
        table: facts.bytes.zip(facts.sha256),
        parquet: facts.parquet,
        bars: facts.bars.into_iter().map(bar).collect(),
    })
}

fn facts(decided: &Decided) -> String {
    let facts = Facts {
        v: 1,
        step: decided.step,
        homes_at_least: decided.homes_at_least,
        rows: decided.rows,
        left_out: decided.left_out,
        combinations: decided.combinations,
        rarest: decided.rarest,
        singling_out: numbers(decided.attacks.singling_out),
        linkage: numbers(decided.attacks.linkage),
        inference: numbers(decided.attacks.inference),
        trajectory: numbers(decided.attacks.trajectory),
        refusal: decided.refusal.map(|it| it.as_str().to_owned()),
        bytes: decided.table.as_ref().map(|it| it.0),
        sha256: decided.table.as_ref().map(|it| it.1.clone()),
        parquet: decided.parquet.clone(),
        bars: decided
            .bars
            .iter()
            .map(|it| (it.label.clone(), it.millionths, it.rows))
            .collect(),
    };
    // A struct of numbers and texts always becomes JSON.
    serde_json::to_string(&facts).unwrap_or_default()
}

/// When a batch is decided on next: the first of its set times that is later than its last decision, and not over.
pub(super) fn next(data_set: &DataSet, row: &BatchRow, now: Timestamp) -> Timestamp {
    let every = i64::from(data_set.every_days) * DAY_MILLIS;
    let since = row.tried_at.as_millis().max(now.as_millis() - every);
    Timestamp::from_millis((since.div_euclid(every) + 1) * every)
}

fn is_due(data_set: &DataSet, row: &BatchRow, now: Timestamp) -> bool {
    let every = i64::from(data_set.every_days) * DAY_MILLIS;
    row.tried_at.as_millis().div_euclid(every) < now.as_millis().div_euclid(every)
}

impl Custody {
    /// Decides on the batch of a data set now. `by` is the office that asks for it.
    ///
    /// # Errors
    /// See [`DecideError`]; [`DecideError::NotYet`] while too few have given.
    pub fn decide_commons(
        &self,
        id: &DataSetId,
        by: &str,
        now: Timestamp,
    ) -> Result<Decided, DecideError> {
        let view = self
            .data_set(id)?
            .ok_or_else(|| DecideError::NoDataSet(id.to_string()))?;
        let one = self.inner.erasing.one_at_a_time();
        let _turn = self.inner.commons.turn();
        // Nothing is decided on while something is half given: with its batch it would be lost.
        self.finish_given(now).map_err(GiveError::from)?;
        drop(one);
        self.decide(&view, by, now)
    }

    fn decide(&self, view: &DataSetView, by: &str, now: Timestamp) -> Result<Decided, DecideError> {
        let data_set = &view.data_set;
        let not_yet = |homes: u32| DecideError::NotYet {
            homes: homes / HOMES_STEP * HOMES_STEP,
            wanted: data_set.plan.least_homes,
        };
        let Some(batch) = self.commons_batch(&data_set.id)? else {
            return Err(not_yet(0));
        };
        let gifts: Vec<Gift> = batch.gifts(&self.commons_gifts(&batch)?)?;
        // Attacks are drawn: tried often enough, a batch near a limit would pass. So it needs more homes than it ever was refused with.
        let tried = batch.row.tried_homes;
        let homes = i64::from(deidentify::admit::count_homes(&data_set.plan, &gifts));
        if tried > 0 && homes <= tried {
            self.inner
                .db
                .write(|tx| rows::commons::note_try(tx, &batch.row.id, now, tried))?;
            return Err(DecideError::Same);
        }
        let mut failed = None;
        let mut random = || {
            let mut bytes = [0; 8];
            if let Err(err) = getrandom::fill(&mut bytes) {
                failed = Some(err);
            }
            u64::from_le_bytes(bytes)
        };
        let admitted = deidentify::admit(&data_set.plan, &gifts, &mut random);
        let table = match &admitted {
            Ok(it) if it.refusal.is_none() => {
                let made = Table::make(data_set, &it.rows, &mut random);
                Some(made.map_err(|_| DecideError::Misfit)?)
            }
            _ => None,
        };
        if let Some(err) = failed {
            return Err(PoolError::Random(err).into());
        }
        let admission = match admitted {
            Ok(admission) => admission,
            Err(found) => {
                self.inner.db.write(|tx| {
                    rows::commons::note_try(tx, &batch.row.id, now, batch.row.tried_homes)
                })?;
                return Err(not_yet(found.homes));
            }
        };
        let case = Case {
            data_set,
            batch: &batch,
            admission: &admission,
            table,
            by,
        };
        self.write_decision(&case, now)
    }

    /// One transaction: what was decided, its entry in the record, and the end of the batch when it is published.
    fn write_decision(&self, case: &Case<'_>, now: Timestamp) -> Result<Decided, DecideError> {
        let id = case.data_set.id.as_str();
        let decided = self.act(now, |act| {
            let before = rows::commons::releases(act.tx(), id, 1)?;
            let number = before.first().map_or(0, |it| it.number) + 1;
            let decided = case.decided(number, now);
            let row = ReleaseRow {
                data_set: id.to_owned(),
                number,
                decided_at: now,
                facts: facts(&decided),
            };
            let files = case.table.as_ref().map(|it| (&*it.csv, &*it.parquet));
            rows::commons::insert_release(act.tx(), &row, files)?;
            let batch = &case.batch.row.id;
            if case.table.is_some() {
                // Its gifts have their tombstone through it.
                rows::commons::delete_batch(act.tx(), batch)?;
                rows::commons::note_used(act.tx(), batch)?;
            } else {
                let homes = i64::from(case.admission.counts.homes);
                rows::commons::note_try(act.tx(), batch, now, homes)?;
            }
            act.record(entry(case.data_set, &decided, case.by));
            Ok::<_, DecideError>(decided)
        })?;
        if let Err(err) = self.bury_used(now) {
            tracing::warn!(error = %err, "a batch that was published has no tombstone yet");
        }
        Ok(decided)
    }

    /// Finishes what was broken off, deletes what has waited too long, and decides on the batches whose time has come. Call it every minute
    /// or so, from where blocking for some seconds is fine.
    ///
    /// # Errors
    /// The first failure; the rest was done all the same.
    pub fn tend_commons(&self, now: Timestamp) -> Result<(), DecideError> {
        let finished = self.finish_gifts(now).map_err(DecideError::from);
        let mut done = finished;
        for view in self.data_sets()? {
            let id = &view.data_set.id;
            let due = {
                let _turn = self.inner.commons.turn();
                let batch = self.commons_batch(id)?;
                batch.is_some_and(|it| is_due(&view.data_set, &it.row, now))
            };
            if !due {
                continue;
            }
            match self.decide_commons(id, BY_ITSELF, now) {
                Ok(_) | Err(DecideError::NotYet { .. } | DecideError::Same) => {}
                Err(err) => done = done.and(Err(err)),
            }
        }
        done
    }

    fn finish_gifts(&self, now: Timestamp) -> Result<(), GiveError> {
        let one = self.inner.erasing.one_at_a_time();
        let _turn = self.inner.commons.turn();
        self.finish_given(now)?;
        drop(one);
        let gone = self.inner.db.write(|tx| {
            let gone = rows::commons::gone(tx, now)?;
            delete_gifts(tx, &gone)?;
            Ok::<_, RowError>(gone)
        })?;
        if !gone.is_empty() {
            tracing::info!(gifts = gone.len(), "gifts that waited too long are deleted");
        }
        self.bury_used(now)
    }
}

/// What is decided on, and what came of it.
struct Case<'a> {
    data_set: &'a DataSet,
    batch: &'a Batch,
    admission: &'a Admission,
    table: Option<Table>,
    by: &'a str,
}

impl Case<'_> {
    fn decided(&self, number: i64, now: Timestamp) -> Decided {
        let Counts {
            homes,
            rows,
            left_out,
            combinations,
            rarest,
        } = self.admission.counts;
        let [csv, parquet] = match self.table.as_ref().map(Table::sums) {
            Some(sums) => sums.map(Some),
            None => [None, None],
        };
        Decided {
            data_set: self.data_set.id.clone(),
            number,
            at: now,
            step: self.admission.step,
            homes_at_least: homes / HOMES_STEP * HOMES_STEP,
            rows,
            left_out,
            combinations,
            rarest,
            attacks: self.admission.attacks,
            refusal: self.admission.refusal,
            table: csv,
            parquet,
            bars: plot::bars(self.data_set, self.admission.step, &self.admission.rows),
        }
    }
}

fn entry(data_set: &DataSet, decided: &Decided, by: &str) -> Entry {
    let Decided {
        number,
        homes_at_least,
        left_out,
        rows,
        ..
    } = decided;
    let k = data_set.plan.k;
    let reason = match decided.refusal {
        None => format!(
            "release {number}: {} rows, at least {k} homes behind each, of at least {homes_at_least} homes that gave; {left_out} rows left out",
            rows - left_out
        ),
        Some(refusal) => format!(
            "decision {number}: refused because of {}; {rows} rows of at least {homes_at_least} homes wait for more",
            refusal.as_str()
        ),
    };
    Entry {
        at: decided.at,
        kind: match decided.refusal {
            None => EntryKind::CommonsAdmitted,
            Some(_) => EntryKind::CommonsRefused,
        },
        about: format!("commons:{}", data_set.id),
        by: by.to_owned(),
        reason,
        document_sha256: decided.table.as_ref().map(|it| it.1.clone()),
    }
}
