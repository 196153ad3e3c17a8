//! What happens to cases because a time is over.

use super::clocks::{self, ClockKind};
use super::panel::{MIN_SEATS, wants_panel};
use super::{
    Alliance, Calendar, CaseError, CaseFile, EventKind, Side, Stage, Standing, Step, Timestamp,
    rows,
};

/// So many cases are looked at in one transaction.
const TURN: i64 = 200;

impl Alliance {
    /// Takes every step that is due by the clock, and fills panels that are not complete. Gives how many steps were taken.
    ///
    /// # Errors
    /// When the database fails; what was done before stands.
    pub fn tend_cases(&self, now: Timestamp) -> Result<u64, CaseError> {
        let calendar = self.calendar()?;
        let (mut above, mut taken) = (0, 0);
        loop {
            let files = self.db.read(|tx| rows::open_after(tx, above, TURN))?;
            let Some(last) = files.last().map(|it| it.number) else {
                return Ok(taken);
            };
            above = last;
            for file in &files {
                taken += u64::from(self.tend_case(file, &calendar, now)?);
            }
        }
    }

    fn tend_case(
        &self,
        file: &CaseFile,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<bool, CaseError> {
        let (history, seats) = self.db.read(|tx| {
            Ok::<_, CaseError>((
                self.history(tx, file.number)?,
                rows::seats(tx, file.number)?,
            ))
        })?;
        let standing = Standing::of(&history).ok_or(CaseError::NotFound)?;
        let is_over = |kind| {
            let clock = clocks::one(kind, file, &standing, calendar);
            clock.is_some_and(|it| it.deadline.is_over(now))
        };
        let kind = match standing.stage {
            Stage::Filed | Stage::Acknowledged if is_over(ClockKind::Escalate) => {
                Some(EventKind::Escalated)
            }
            Stage::Answered if is_over(ClockKind::Reply) => Some(EventKind::Lapsed),
            Stage::Decided if is_over(ClockKind::Appeal) => Some(EventKind::BecameFinal),
            _ => None,
        };
        let kind = kind.filter(|it| standing.may(Side::Clock, *it));
        let sitting = seats
            .iter()
            .filter(|it| Some(it.round) == standing.stage.round() && !it.is_dismissed)
            .count();
        if kind.is_none() && (!wants_panel(standing.stage) || sitting >= MIN_SEATS) {
            return Ok(false);
        }
        self.db.write(|tx| {
            let mut stage = standing.stage;
            if let Some(kind) = kind {
                let step = Step {
                    at: now,
                    side: Side::Clock,
                    kind,
                };
                stage = self.add_step(tx, file, &step, None)?.stage;
            }
            if let Some(round) = stage.round() {
                self.draw_panel(tx, file, now, round)?;
            }
            Ok::<_, CaseError>(())
        })?;
        Ok(kind.is_some())
    }
}
