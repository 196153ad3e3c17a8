//! The readings of a person, page by page: however many there are and however large, few are in memory.

use model::{PersonId, Subject, Timestamp};
use vault::{Order, ReadError, ReadQuery, StoredReading};

use crate::Custody;

/// The fewest and the most readings that are asked for at once; how many depends on how large they are.
const LEAST_PAGE: usize = 256;
const MOST_PAGE: usize = 16_384;
/// So many bytes of readings are wanted at once.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// The readings of a person, in the order of time or against it. No moment is left out, however many readings it has.
pub(crate) struct Pages<'a> {
    custody: &'a Custody,
    query: ReadQuery,
    /// How many of the first moment of the query were seen.
    seen: usize,
    page: usize,
    over: bool,
}

impl<'a> Pages<'a> {
    /// The readings of a person from a moment on, before another.
    pub(crate) fn between(
        custody: &'a Custody,
        person: &PersonId,
        (from, until): (Timestamp, Timestamp),
        order: Order,
        now: Timestamp,
    ) -> Self {
        Self {
            custody,
            query: ReadQuery {
                subject: Subject::Person(person.clone()),
                from,
                until,
                limit: 0,
                order,
                now,
            },
            seen: 0,
            page: LEAST_PAGE,
            over: false,
        }
    }

    /// The next page; `None` behind the last one.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<StoredReading>>, ReadError> {
        if self.over {
            return Ok(None);
        }
        self.query.limit = self.seen.saturating_add(self.page);
        let mut found = self.custody.inner.vault.read(&self.query)?;
        self.over = found.len() < self.query.limit;
        found.drain(..self.seen.min(found.len()));
        let Some(last) = found.last().map(|it| it.at) else {
            self.over = true;
            return Ok(None);
        };
        let bytes: usize = found.iter().map(|it| it.body.len()).sum();
        if !self.over {
            // The last moment may go on behind the page: it is read again as a whole, unless the page has no other.
            let whole = found.iter().take_while(|it| it.at != last).count();
            if whole > 0 {
                found.truncate(whole);
                self.seen = 0;
            } else if self.begins() == last {
                self.seen += found.len();
            } else {
                self.seen = found.len();
            }
            self.begin_at(last);
        }
        let fit = PAGE_BYTES / (bytes / found.len().max(1)).max(1);
        // It grows slowly, so that large readings behind small ones do not fill the memory.
        let most = self.page.saturating_mul(2).min(MOST_PAGE);
        self.page = fit.clamp(LEAST_PAGE, most);
        Ok(Some(found))
    }

    /// The moment with which the query begins.
    fn begins(&self) -> Timestamp {
        match self.query.order {
            Order::OldestFirst => self.query.from,
            Order::NewestFirst => self.query.until.plus_millis(-1),
        }
    }

    fn begin_at(&mut self, moment: Timestamp) {
        match self.query.order {
            Order::OldestFirst => self.query.from = moment,
            Order::NewestFirst => self.query.until = moment.plus_millis(1),
        }
    }
}
