//! The days off that clocks go by: a table that the office keeps, in the open.

use jiff::civil::Date;
use model::{Entry, EntryKind, Text, Timestamp};

use super::{Calendar, CaseError};
use crate::Alliance;
use crate::authority::{Action, Actor};
use crate::four_eyes::OfficeAct;
use crate::rows::holiday;

/// The most days off that are kept.
pub const MAX_HOLIDAYS: usize = 2_000;
/// The longest name of one, in characters.
const MAX_NAME_CHARS: usize = 80;

/// A day off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holiday {
    /// The day.
    pub day: Date,
    /// Its name.
    pub name: Text,
}

impl Alliance {
    /// The days off, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn holidays(&self) -> Result<Vec<Holiday>, CaseError> {
        let all = self.db.read(holiday::all)?;
        Ok(all
            .into_iter()
            .map(|(day, name)| Holiday { day, name })
            .collect())
    }

    /// The calendar that clocks go by now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn calendar(&self) -> Result<Calendar, CaseError> {
        let holidays = self.db.read(holiday::all)?;
        Ok(Calendar::new(self.time_zone.clone(), holidays))
    }

    /// Adds a day off, publicly: every clock that runs over it is moved.
    ///
    /// # Errors
    /// When the actor may not, a name is missing or too long, there are too many, or the database fails.
    pub fn add_holiday(
        &self,
        by: &Actor,
        holiday: &Holiday,
        now: Timestamp,
    ) -> Result<(), CaseError> {
        by.must(Action::SetCalendar)?;
        let fits = |it: &str| (1..=MAX_NAME_CHARS).contains(&it.trim().chars().count());
        if !fits(&holiday.name.en) || !fits(&holiday.name.ur) {
            return Err(CaseError::Text);
        }
        let asked = OfficeAct::AddHoliday {
            day: holiday.day.to_string(),
            en: holiday.name.en.clone(),
            ur: holiday.name.ur.clone(),
        };
        self.in_two(by, asked, now, |act| {
            if holiday::all(act.tx())?.len() >= MAX_HOLIDAYS {
                return Err(CaseError::Holidays);
            }
            holiday::put(act.tx(), holiday.day, &holiday.name)?;
            act.record(changed(
                by,
                now,
                format!("added {} {}", holiday.day, holiday.name.en.trim()),
            ));
            Ok(())
        })
    }

    /// Takes a day off out of the table, publicly.
    ///
    /// # Errors
    /// When the actor may not, there is no such day, or the database fails.
    pub fn remove_holiday(&self, by: &Actor, day: Date, now: Timestamp) -> Result<(), CaseError> {
        by.must(Action::SetCalendar)?;
        let asked = OfficeAct::RemoveHoliday {
            day: day.to_string(),
        };
        self.in_two(by, asked, now, |act| {
            if !holiday::all(act.tx())?.iter().any(|it| it.0 == day) {
                return Err(CaseError::NotFound);
            }
            holiday::remove(act.tx(), day)?;
            act.record(changed(by, now, format!("removed {day}")));
            Ok(())
        })
    }
}

fn changed(by: &Actor, now: Timestamp, reason: String) -> Entry {
    Entry {
        at: now,
        kind: EntryKind::CalendarChanged,
        about: "rulebook:calendar".to_owned(),
        by: by.office().to_owned(),
        reason,
        document_sha256: None,
    }
}
