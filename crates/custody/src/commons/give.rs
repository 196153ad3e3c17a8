//! A person gives: what they would give, that it is given, that it is taken back.

use std::collections::{BTreeMap, BTreeSet};

use deidentify::Cell;
use model::{DeploymentId, PersonId, Subject, ThingId, Timestamp};
use vault::{Order, StoredReading, Strip};

use super::DataSetView;
use super::decide::MAX_BATCH_ROWS;
use super::declared::{DataSet, DataSetId};
use super::gather::Gathering;
use super::pool::{Batch, PoolError, delete_gifts, name};
use crate::Custody;
use crate::erase::{EraseCause, EraseError, EraseScope, MAX_ERASURES_PER_DAY, given, strip};
use crate::export::is_imported;
use crate::history::SETTLE_MILLIS;
use crate::pages::Pages;
use crate::rows::commons::{GiftRow, UnlinkingRow};
use crate::rows::erasure::ErasureRow;
use crate::rows::{self, RowError};

/// The most readings of a person that are looked at for one gift.
pub const MAX_GIFT_READINGS: usize = 50_000;
/// The most rows of one gift.
pub const MAX_GIFT_ROWS: usize = 5_000;
/// The most gifts of one person in a batch.
const MAX_GIFTS_OF_ONE: i64 = 50;
/// The most rows of one person in a batch.
const MAX_ROWS_OF_ONE: i64 = 20_000;
/// The most gifts of a batch.
const MAX_GIFTS: i64 = 20_000;
/// So many days a gift waits at most; then it is deleted.
pub const WAIT_DAYS: i64 = 180;
const DAY_MILLIS: i64 = 86_400_000;
const WEEK_MILLIS: i64 = 7 * DAY_MILLIS;

/// What a person wants to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiftAsk {
    /// Who.
    pub person: PersonId,
    /// To which data set; it says from which deployment.
    pub data_set: DataSetId,
    /// Only readings of this thing.
    pub thing: Option<ThingId>,
    /// Only readings from this moment on.
    pub from: Option<Timestamp>,
    /// Only readings before this moment.
    pub until: Option<Timestamp>,
}

/// What would be given, and what becomes of the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiftPreview {
    /// The data set.
    pub data_set: DataSet,
    /// What is asked for, with its end fixed: readings that come in later are not in it.
    pub ask: GiftAsk,
    /// Exactly the rows that would be given, as the finest step shows them, in the order of their columns.
    pub rows: Vec<Vec<String>>,
    /// How many readings would be erased.
    pub readings: usize,
    /// When the first and the last of them came in.
    pub span: Option<(Timestamp, Timestamp)>,
    /// How many of them are of which thing.
    pub things: BTreeMap<ThingId, usize>,
    /// How many more stay in the account because a law wants them kept; none of them has a field of the data set.
    pub kept_by_law: usize,
    /// How many more were brought back from an export: nobody measured them here, so they are not given, and stay.
    pub imported: usize,
    /// How many more are sealed to the person's own keys in files that can hold something of this time: nobody here can give them, and they
    /// stay.
    pub sealed_readings: u64,
    /// The fields that these readings have and the data set does not take: erased, and in no row.
    pub left_behind: BTreeSet<String>,
    /// Stands for all of it: [`Custody::give`] takes no other.
    pub digest: String,
}

/// What was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// How many rows wait.
    pub rows: usize,
    /// How many readings were erased.
    pub readings: usize,
}

/// What of a person waits for a decision on a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingGifts {
    /// The data set.
    pub data_set: DataSet,
    /// How many rows of theirs wait.
    pub rows: i64,
    /// When it is decided on next, if enough have given by then.
    pub decided_at: Timestamp,
}

/// Why nothing was given. Nothing was erased, except with [`GiveError::Unfinished`].
#[derive(Debug, thiserror::Error)]
pub enum GiveError {
    /// There is no such data set.
    #[error("there is no data set `{0}`")]
    NoDataSet(String),
    /// A law wants something of it kept that would also be in a row.
    #[error(
        "a law wants values kept that this data set would show, so they cannot leave your account"
    )]
    KeptByLaw,
    /// Nothing of the person is there to give.
    #[error("no reading that is kept about you would give a row of this data set")]
    Nothing,
    /// Too much at once.
    #[error(
        "at most {MAX_GIFT_READINGS} readings and {MAX_GIFT_ROWS} rows are given at once: choose a shorter time"
    )]
    TooMuch,
    /// What is there is not what was shown.
    #[error("what would be given is not what was shown: look at it again")]
    Stale,
    /// The batch takes no more.
    #[error("this data set takes no more before it is decided on: give again after that")]
    Full,
    /// The person gave, or had erased, as often as they may in a day.
    #[error("at most {MAX_ERASURES_PER_DAY} gifts and erasures a day: give again tomorrow")]
    TooMany,
    /// It is written down, and will be finished.
    #[error("what you give is written down; it is finished by itself in a few minutes")]
    Unfinished(#[source] Box<EraseError>),
    /// The readings.
    #[error("the readings could not be opened")]
    Vault(#[from] vault::ReadError),
    /// A reading that is no JSON.
    #[error("a reading is not what was written")]
    Unreadable,
    /// The database.
    #[error("the database failed")]
    Rows(#[from] RowError),
    /// No randomness.
    #[error("the operating system gives no randomness")]
    Random(#[source] getrandom::Error),
    /// The pool.
    #[error("the pool does not open: was the database changed by hand?")]
    Pool,
}

impl From<PoolError> for GiveError {
    fn from(err: PoolError) -> Self {
        match err {
            PoolError::Rows(err) => Self::Rows(err),
            PoolError::Random(err) => Self::Random(err),
            PoolError::Key | PoolError::Gift => Self::Pool,
        }
    }
}

impl From<store::DbError> for GiveError {
    fn from(err: store::DbError) -> Self {
        Self::Rows(err.into())
    }
}

impl From<vault::EraseError> for GiveError {
    fn from(err: vault::EraseError) -> Self {
        EraseError::Vault(err).into()
    }
}

impl From<EraseError> for GiveError {
    fn from(err: EraseError) -> Self {
        Self::Unfinished(Box::new(err))
    }
}

/// What was found in the readings.
pub(super) struct Gathered {
    pub(super) preview: GiftPreview,
    /// The rows as they would be sealed: of which thing, and the cells.
    pub(super) rows: Vec<(ThingId, Vec<Cell>)>,
    /// What the vault is told of readings that stay.
    pub(super) strip: Option<Vec<u8>>,
}

impl Custody {
    /// The rows that a person would give, and what becomes of the readings they are made of. Changes nothing. The caller has checked who
    /// asks.
    ///
    /// # Errors
    /// See [`GiveError`].
    pub fn preview_gift(&self, ask: &GiftAsk, now: Timestamp) -> Result<GiftPreview, GiveError> {
        Ok(self.gather_gift(ask, now)?.preview)
    }

    /// Gives what was shown: the rows wait without the person's name, and the readings are erased from the account. `shown` is the digest of
    /// the preview. The caller has checked who asks, freshly.
    ///
    /// # Errors
    /// See [`GiveError`].
    pub fn give(&self, ask: &GiftAsk, shown: &str, now: Timestamp) -> Result<Given, GiveError> {
        let _one = self.inner.erasing.one_at_a_time();
        let _turn = self.inner.commons.turn();
        let gathered = self.gather_gift(ask, now)?;
        let preview = &gathered.preview;
        if preview.digest != shown {
            return Err(GiveError::Stale);
        }
        let batch = self.commons_batch_or_new(&ask.data_set, now)?;
        let erasure = self.put_into_pool(&batch, &gathered, now)?;
        self.erase_given(erasure, now)?;
        Ok(Given {
            rows: preview.rows.len(),
            readings: preview.readings,
        })
    }

    /// The first step: the rows wait, and it is written down what is to be erased.
    fn put_into_pool(
        &self,
        batch: &Batch,
        gathered: &Gathered,
        now: Timestamp,
    ) -> Result<ErasureRow, GiveError> {
        let ask = &gathered.preview.ask;
        let deployment = &gathered.preview.data_set.deployment;
        let gift = name().map_err(GiveError::Random)?;
        let row = |(thing, cells): &'_ (ThingId, Vec<Cell>)| {
            (batch.source(deployment, thing), cells.clone())
        };
        let rows: Vec<(String, Vec<Cell>)> = gathered.rows.iter().map(row).collect();
        let rows: Vec<(String, &[Cell])> = rows
            .iter()
            .map(|(source, cells)| (source.clone(), cells.as_slice()))
            .collect();
        let sealed = batch.seal(&gift, &rows).ok_or(GiveError::Pool)?;
        // Rounded up to a week, so that the row does not say when it was given.
        let gone = now.as_millis().saturating_add(WAIT_DAYS * DAY_MILLIS);
        let gone = gone.div_euclid(WEEK_MILLIS).saturating_add(1) * WEEK_MILLIS;
        let row = GiftRow {
            id: gift.clone(),
            giver: batch.giver(&ask.person),
            row_count: i64::try_from(rows.len()).unwrap_or(i64::MAX),
            sealed,
            gone_at: Timestamp::from_millis(gone),
        };
        let unlinking = UnlinkingRow {
            gift,
            erasure: None,
            person: ask.person.clone(),
            deployment: deployment.clone(),
            thing: ask.thing.clone(),
            from: ask.from,
            until: ask.until.unwrap_or(now),
        };
        let erasure = given::erasure(&unlinking, gathered.strip.clone(), now)?;
        let unlinking = UnlinkingRow {
            erasure: Some(erasure.id.clone()),
            ..unlinking
        };
        let since = now.plus_millis(-DAY_MILLIS);
        self.inner.db.write(|tx| {
            let before = rows::erasure::count_since(tx, &ask.person, since)?;
            if before >= MAX_ERASURES_PER_DAY {
                return Err(GiveError::TooMany);
            }
            let all = rows::commons::count_gifts(tx, &batch.row.id)?;
            let own = rows::commons::count_gifts_of(tx, &batch.row.id, &row.giver)?;
            let is_full = all.gifts >= MAX_GIFTS
                || own.gifts >= MAX_GIFTS_OF_ONE
                || own.rows.saturating_add(row.row_count) > MAX_ROWS_OF_ONE
                || all.rows.saturating_add(row.row_count) > MAX_BATCH_ROWS;
            if is_full {
                return Err(GiveError::Full);
            }
            rows::commons::insert_gift(tx, &batch.row.id, &row)?;
            rows::commons::insert_unlinking(tx, &unlinking)?;
            rows::erasure::insert(tx, &erasure)?;
            Ok(())
        })?;
        Ok(erasure)
    }

    /// How many rows of a person wait, in all data sets.
    pub(crate) fn rows_given(&self, person: &PersonId) -> Result<i64, GiveError> {
        let mut rows = 0;
        for DataSetView { data_set, .. } in self.data_sets()? {
            let Some(batch) = self.commons_batch(&data_set.id)? else {
                continue;
            };
            let giver = batch.giver(person);
            let count =
                |tx: &mut store::Tx<'_>| rows::commons::count_gifts_of(tx, &batch.row.id, &giver);
            rows += self.inner.db.read(count)?.rows;
        }
        Ok(rows)
    }

    /// What of a person waits. The caller has checked who asks.
    ///
    /// # Errors
    /// When the database fails or a batch does not open.
    pub fn gifts_waiting(
        &self,
        person: &PersonId,
        now: Timestamp,
    ) -> Result<Vec<WaitingGifts>, GiveError> {
        let mut waiting = Vec::new();
        for DataSetView { data_set, .. } in self.data_sets()? {
            let Some(batch) = self.commons_batch(&data_set.id)? else {
                continue;
            };
            let giver = batch.giver(person);
            let count =
                |tx: &mut store::Tx<'_>| rows::commons::count_gifts_of(tx, &batch.row.id, &giver);
            let count = self.inner.db.read(count)?;
            if count.gifts > 0 {
                let decided_at = super::decide::next(&data_set, &batch.row, now);
                waiting.push(WaitingGifts {
                    data_set,
                    rows: count.rows,
                    decided_at,
                });
            }
        }
        Ok(waiting)
    }

    /// Takes back what a person gave to a data set and what was not decided on: it is deleted. Gives how many gifts that were.
    ///
    /// # Errors
    /// When the database fails or the batch does not open.
    pub fn take_back_gifts(
        &self,
        person: &PersonId,
        id: &DataSetId,
        now: Timestamp,
    ) -> Result<usize, GiveError> {
        let _turn = self.inner.commons.turn();
        let Some(batch) = self.commons_batch(id)? else {
            return Ok(0);
        };
        let giver = batch.giver(person);
        let gifts = self.inner.db.write(|tx| {
            let gifts = rows::commons::gifts_of(tx, &batch.row.id, &giver)?;
            delete_gifts(tx, &gifts)?;
            Ok::<_, RowError>(gifts)
        })?;
        // What has no tombstone now gets one with the next `tend_commons`.
        if let Err(err) = self.bury_used(now) {
            tracing::warn!(error = %err, "a gift that was taken back has no tombstone yet");
        }
        Ok(gifts.len())
    }

    /// Deletes what waits of a person in every data set, and what they were about to give. For whoever erases an account: call it after the
    /// readings are erased. Gives how many gifts that were.
    ///
    /// # Errors
    /// When the database fails or a batch does not open.
    pub fn drop_gifts_of(&self, person: &PersonId, now: Timestamp) -> Result<usize, GiveError> {
        let mut dropped = 0;
        for it in self.data_sets()? {
            dropped += self.take_back_gifts(person, &it.data_set.id, now)?;
        }
        let _turn = self.inner.commons.turn();
        self.inner.db.write(|tx| {
            let left = rows::commons::unlinkings_of(tx, person)?;
            let gifts: Vec<String> = left.into_iter().map(|it| it.gift).collect();
            delete_gifts(tx, &gifts)
        })?;
        Ok(dropped)
    }

    fn gather_gift(&self, ask: &GiftAsk, now: Timestamp) -> Result<Gathered, GiveError> {
        let view = self.data_set(&ask.data_set)?;
        let data_set = view
            .ok_or_else(|| GiveError::NoDataSet(ask.data_set.to_string()))?
            .data_set;
        // What came in just now may still be on its way into the vault.
        let settled = now.plus_millis(-SETTLE_MILLIS);
        let until = ask.until.map_or(settled, |it| it.min(settled));
        let is_meant = |it: &StoredReading| {
            it.deployment == data_set.deployment
                && ask.thing.as_ref().is_none_or(|thing| *thing == it.thing)
        };
        let between = (ask.from, Some(until));
        let scope = Some(data_set.deployment.clone());
        let scope = EraseScope::new(between, scope, ask.thing.clone(), None);
        let scope = scope.map_err(|_| GiveError::Nothing)?;
        let told = self.told_to_vault(&ask.person, &scope, EraseCause::Given)?;
        let mut gathering = Gathering::new(&data_set);
        let between = (ask.from.unwrap_or(Timestamp::EPOCH), until);
        let mut pages = Pages::between(self, &ask.person, between, Order::OldestFirst, now);
        let mut seen = 0;
        while let Some(page) = pages.next()? {
            seen += page.len();
            if seen > MAX_GIFT_READINGS {
                return Err(GiveError::TooMuch);
            }
            for reading in page.iter().filter(|it| is_meant(it)) {
                let stays = told.as_ref().map(|it| strip(it, reading)) == Some(Strip::Keep);
                match (stays, is_imported(reading)) {
                    (false, _) => gathering.take(reading)?,
                    (true, true) => gathering.imported += 1,
                    (true, false) => gathering.pass_by(reading)?,
                }
            }
        }
        let subject = Subject::Person(ask.person.clone());
        let sealed = scope.for_vault(Some(until), None);
        gathering.sealed = self.inner.vault.own_files_in(&subject, &sealed)?.readings;
        let ask = GiftAsk {
            until: Some(until),
            ..ask.clone()
        };
        gathering.finish(ask, told)
    }
}

impl Custody {
    /// The data sets to which a person could give something. The caller has checked who asks.
    ///
    /// # Errors
    /// When the database fails.
    pub fn data_sets_for(&self, person: &PersonId) -> Result<Vec<DataSetView>, RowError> {
        let about: Vec<DeploymentId> = self.deployments_about(person);
        let mut all = self.data_sets()?;
        all.retain(|it| about.contains(&it.data_set.deployment));
        Ok(all)
    }
}
