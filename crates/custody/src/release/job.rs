//! The job that draws: what waits, and what data sets release by themselves.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use model::{Entry, EntryKind, PersonId, Timestamp};
use statistics::budget::Budget;
use statistics::release::{QuantileError, ReleaseError};
use statistics::{Randomness, RandomnessError};

use super::declared::StatisticId;
use super::draw::{self, Heading, System};
use super::gather::Gathered;
use super::spent::Spent;
use super::{AskReleaseError, PERSON_YEAR_EPSILON, ReleaseView, StatisticView, about};
use crate::Custody;
use crate::act::ActError;
use crate::history::{HistoryError, SETTLE_MILLIS};
use crate::rows::{self, RowError};
use crate::secret::document_sha256;

/// A data set that releases by itself catches up with so many periods.
const MAX_PERIODS_BEHIND: i64 = 7;
/// So many releases are drawn in one turn.
const MAX_DRAWN_AT_ONCE: i64 = 64;
/// How often all is read again because the rules changed meanwhile, before it waits for the next turn.
const MAX_TRIES: u32 = 3;
/// Who asks where a data set releases by itself.
const BY_ITSELF: &str = "office:statistics";

/// Why figures were not drawn. They wait for the next turn.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// The readings.
    #[error("the readings could not be read")]
    History(#[from] HistoryError),
    /// A reading that is no JSON, or a declaration that does not hold together.
    #[error("a reading or a declaration is not what was written")]
    Unreadable,
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The noise.
    #[error("no noise could be drawn")]
    Release(#[from] ReleaseError),
    /// The noise of a quantile.
    #[error("no quantile could be drawn")]
    Quantile(#[from] QuantileError),
    /// Other rules hold than those under which all was read.
    #[error("the rules changed while readings were read, again and again; it is tried again")]
    Changed,
    /// It is time to stop.
    #[error("drawing was stopped")]
    Stopped,
    /// Asking for what a data set releases by itself.
    #[error("what a data set releases by itself could not be asked for")]
    Ask(#[from] AskReleaseError),
    /// The act.
    #[error(transparent)]
    Act(#[from] ActError),
}

impl From<RowError> for DrawError {
    fn from(err: RowError) -> Self {
        Self::Act(err.into())
    }
}

impl Custody {
    /// Draws what waits, and what data sets release by themselves. Gives how many figures were released. Blocks for long; one caller at a
    /// time. What one data set is wrong with does not hold up the others.
    ///
    /// # Errors
    /// The first failure, when all others were tried.
    pub fn draw_releases(&self, stop: &AtomicBool, now: Timestamp) -> Result<u32, DrawError> {
        self.draw_with(&mut System::new(), stop, now)
    }

    fn draw_with(
        &self,
        source: &mut (dyn Randomness + Send),
        stop: &AtomicBool,
        now: Timestamp,
    ) -> Result<u32, DrawError> {
        let mut failed = self.ask_regular(now).err();
        let waiting = self
            .inner
            .db
            .read(|tx| rows::release::waiting(tx, MAX_DRAWN_AT_ONCE))?;
        let mut groups: BTreeMap<(StatisticId, Timestamp), Vec<ReleaseView>> = BTreeMap::new();
        for it in waiting {
            let key = (it.statistic.clone(), it.from);
            groups.entry(key).or_default().push(it);
        }
        let mut drawn = 0;
        for ((id, from), asked) in groups {
            match self.draw_period((&id, from), &asked, source, stop, now) {
                Ok(more) => drawn += more,
                Err(DrawError::Stopped) => return Err(DrawError::Stopped),
                Err(err) => failed = failed.or(Some(err)),
            }
        }
        match failed {
            Some(err) => Err(err),
            None => Ok(drawn),
        }
    }

    /// Asks for what data sets release by themselves of the periods that are over.
    fn ask_regular(&self, now: Timestamp) -> Result<(), DrawError> {
        for view in self.statistics()? {
            let declared = &view.declared;
            if view.ended_at.is_some() || declared.regular.is_empty() {
                continue;
            }
            let running = declared.period_of(now.plus_millis(-SETTLE_MILLIS));
            let behind = (0..MAX_PERIODS_BEHIND).fold(running, |it, _| declared.before(it));
            let mut from = declared.period_of(view.declared_at).max(behind);
            let asked = self
                .inner
                .db
                .read(|tx| rows::release::asked_since(tx, &declared.id, from))?;
            while from < running {
                for it in &declared.regular {
                    if asked.contains(&(from, it.measure)) {
                        continue;
                    }
                    let wanted = (it.measure, it.epsilon);
                    match self.ask_release(&declared.id, from, wanted, BY_ITSELF, now) {
                        Ok(_) => {}
                        // Others have asked for more than was left, nothing may leave at present, or it may have left already: that is
                        // no failure.
                        Err(
                            AskReleaseError::Overrun { .. }
                            | AskReleaseError::NoAccess { .. }
                            | AskReleaseError::Restored { .. },
                        ) => {}
                        Err(err) => return Err(err.into()),
                    }
                }
                from = declared.end_of(from);
            }
        }
        Ok(())
    }

    fn draw_period(
        &self,
        (id, from): (&StatisticId, Timestamp),
        asked: &[ReleaseView],
        source: &mut (dyn Randomness + Send),
        stop: &AtomicBool,
        now: Timestamp,
    ) -> Result<u32, DrawError> {
        let Some(view) = self.statistic(id)?.filter(|it| it.ended_at.is_none()) else {
            return Ok(0);
        };
        let mut drawn = 0;
        let mut waiting = asked.iter().peekable();
        for _ in 0..MAX_TRIES {
            let gathered = match self.gather_units(&view.declared, from, stop, now) {
                Ok(Some(gathered)) => gathered,
                Ok(None) => return Ok(drawn),
                Err(DrawError::Changed) => continue,
                Err(err) => return Err(err),
            };
            while let Some(next) = waiting.peek() {
                match self.release(&view, next, &gathered, source, now) {
                    Ok(is_new) => drawn += u32::from(is_new),
                    Err(DrawError::Changed) => break,
                    Err(err) => return Err(err),
                }
                waiting.next();
            }
            if waiting.peek().is_none() {
                return Ok(drawn);
            }
        }
        Err(DrawError::Changed)
    }

    /// Draws and writes one figure; false where it is not waited for any more.
    fn release(
        &self,
        view: &StatisticView,
        asked: &ReleaseView,
        gathered: &Gathered,
        source: &mut (dyn Randomness + Send),
        now: Timestamp,
    ) -> Result<bool, DrawError> {
        let declared = &view.declared;
        self.act(now, |act| {
            if !rows::release::is_waiting(act.tx(), asked.number)? {
                return Ok(false);
            }
            let units = self.still_counted(declared, gathered, now);
            let units = units.ok_or(DrawError::Changed)?;
            let spent = Spent::read(act.tx(), now)?;
            let can_afford = |person: &PersonId| {
                let budget = Budget::new(PERSON_YEAR_EPSILON, spent.on(person));
                budget.spend(asked.epsilon).is_ok()
            };
            let counted = units
                .into_iter()
                .filter(|it| it.people.iter().all(can_afford));
            let counted: Vec<_> = counted.collect();
            let values: Vec<i64> = counted.iter().map(|it| it.value).collect();
            let drawn = draw::draw(declared, (asked.measure, asked.epsilon), &values, source)?;
            let heading = Heading {
                declared,
                declaration_sha256: &view.sha256,
                from: asked.from,
                at: now,
                measure: asked.measure,
                epsilon: asked.epsilon,
            };
            let document = draw::document(&heading, &drawn);
            for person in counted.iter().flat_map(|it| &it.people) {
                rows::release::spend(act.tx(), person, asked.number, asked.epsilon, now)?;
            }
            rows::release::put(act.tx(), asked.number, &document, now)?;
            let by = rows::release::asked_by(act.tx(), asked.number)?;
            act.record(Entry {
                at: now,
                kind: EntryKind::StatisticReleased,
                about: about(&declared.id),
                by,
                reason: draw::words(&heading, &drawn),
                document_sha256: Some(document_sha256(document.as_bytes())),
            });
            Ok(true)
        })
    }
}
