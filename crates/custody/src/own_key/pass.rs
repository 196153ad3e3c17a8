//! Days that are over are sealed, person by person.

use std::sync::atomic::Ordering;

use model::{PersonId, Subject, Timestamp};
use vault::{SealDays, SealForm};

use super::{OWN_KEY_DELAY_MILLIS, used_keys};
use crate::Custody;
use crate::export::reading_line;
use crate::rows::RowError;
use crate::rows::own_key;

/// How often it is looked whose days are over, in milliseconds.
const PASS_MILLIS: i64 = 10 * 60 * 1000;
/// So many calls for one person in one pass: the rest waits for the next one.
const MAX_CALLS: usize = 8;

/// Why days could not be sealed; they are as they were.
#[derive(Debug, thiserror::Error)]
pub enum OwnKeyPassError {
    /// The rows.
    #[error("the keys of people could not be read")]
    Rows(#[from] RowError),
    /// The vault.
    #[error("days that are over could not be sealed to people's own keys")]
    Seal(#[from] vault::SealDaysError),
}

impl Custody {
    /// The next tick looks whose days are over.
    pub(super) fn pass_soon(&self) {
        self.inner.sealed_at.store(0, Ordering::Relaxed);
    }

    /// Seals what is over when it is time, or when the clock was set back. One person's failure does not hold up the others.
    pub(crate) fn seal_own_days(&self, now: Timestamp) -> Result<(), OwnKeyPassError> {
        let last = &self.inner.sealed_at;
        let since = now.as_millis() - last.load(Ordering::Relaxed);
        if (0..PASS_MILLIS).contains(&since) {
            return Ok(());
        }
        last.store(now.as_millis(), Ordering::Relaxed);
        let everybody = self.inner.db.read(own_key::sealed)?;
        let mut first = Ok(());
        for (person, since_day) in everybody {
            let sealed = self.seal_days_of(&person, since_day, now);
            first = first.and(sealed);
        }
        first
    }

    fn seal_days_of(
        &self,
        person: &PersonId,
        since_day: i64,
        now: Timestamp,
    ) -> Result<(), OwnKeyPassError> {
        let rows = self.inner.db.read(|tx| own_key::of(tx, person))?;
        let Some(keys) = used_keys(&rows, now) else {
            return Ok(());
        };
        let subject = Subject::Person(person.clone());
        let wanted = SealDays {
            subject: &subject,
            keys: &keys,
            from_day: since_day,
            until_day: now.plus_millis(-OWN_KEY_DELAY_MILLIS).day(),
        };
        let laws = self.laws_about(person)?;
        let form = SealForm {
            line: &reading_line,
            stays: &|it| laws.keep(it),
        };
        for _ in 0..MAX_CALLS {
            let done = self.inner.vault.seal_days(&wanted, form, now)?;
            if !done.is_more {
                break;
            }
        }
        Ok(())
    }
}
