//! The commons: what people give away without their name becomes open data sets.
//!
//! # The way of a reading into the commons
//! 1. A data set is declared ([`Act::declare_data_set`]): which columns, how coarse, how many homes behind a row, under which licence.
//!    Public, in the record, and never changed afterwards: people gave to *that*.
//! 2. A person looks at the rows that they would give ([`Custody::preview_gift`]) and gives exactly those ([`Custody::give`]). The rows are
//!    coarse already; they wait in the pool, sealed under the key of a batch. What they were made of is erased from the account.
//! 3. Until the batch is decided on they can be taken back ([`Custody::take_back_gifts`]): deleted, not returned.
//! 4. At set times the batch is decided on ([`Custody::decide_commons`]): `deidentify` groups, leaves out, and attacks the result.
//!    Admitted, the file, its figures and its entry in the record are one transaction, and so is the end of the batch: its key and its gifts
//!    are deleted. Refused, the reason is published, and the batch waits for more homes.
//!
//! # What links a gift to its giver, and until when
//! While a batch is open, each gift has a keyed hash of its giver, under the batch's own random key: two gifts of one person count as one
//! of `k`, and a person can find theirs to take them back. Whoever has the database and the root key could try every account against it.
//! With the batch its key goes, and nobody can do that any more, in a restored backup neither: [`vault::Vault::erase`] writes a
//! tombstone for the batch outside of backups, and a batch with a tombstone is dropped.
//!
//! # When something breaks off
//! Giving is three steps: the rows and what is to be erased are one transaction (`commons_unlinking`, and an erasure, see `erase::given`);
//! the readings are erased; the rows count from then on, and the line that tied them to the person is deleted, in the transaction that ends
//! the erasure. A break after the first is finished by [`Custody::tick`] and [`Custody::tend_commons`]: at no moment are the readings neither
//! in the account nor in the pool, and rows never count before the readings are erased.
//!
//! # What is not given
//! What a law wants kept stays in the account; a gift is refused when a row would show it. What was brought back from an export stays, too:
//! nobody measured it here. So does what is sealed to the person's own keys: nobody here can read it.
//!
//! # Who erases
//! Whoever has everything erased: [`Custody::drop_gifts_of`] deletes what waits in the pool of a person, and what they were about to give. What
//! was admitted stays: nobody can tell whose it is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{Notice, Timestamp};
use ring::hmac;
use store::Tx;

use crate::Custody;
use crate::act::{Act, ActError};
use crate::row_box::RowBox;
use crate::rows::{self, RowError};
use crate::secret::document_sha256;

mod decide;
mod declared;
mod draft;
mod files;
mod gather;
mod give;
mod plot;
mod pool;
mod table;

pub use decide::{DecideError, Decided, MAX_BATCH_ROWS};
pub use declared::{
    DataSet, DataSetColumn, DataSetError, DataSetId, MAX_DATA_SET_BYTES, MAX_EVERY_DAYS,
    OpenLicence, PlotPlan, Source,
};
pub use draft::draft_data_set;
pub use files::{CommonsFile, PARQUET as PARQUET_MEDIA_TYPE, catalogue_json_ld};
pub use give::{
    GiftAsk, GiftPreview, GiveError, Given, MAX_GIFT_READINGS, MAX_GIFT_ROWS, WAIT_DAYS,
    WaitingGifts,
};

pub use plot::{MAX_BARS, PlotBar};

/// The most data sets.
pub const MAX_DATA_SETS: usize = 200;
/// The most decisions that a page of a data set lists.
pub const MAX_DECISIONS_SHOWN: i64 = 50;

/// The most versions of a notice that are looked through.
const MAX_VERSIONS: i64 = 500;

/// What the commons need between calls.
pub(crate) struct Commons {
    /// Seals the keys of batches.
    keys: RowBox,
    /// One who gives, takes back or decides at a time.
    turn: Mutex<()>,
}

impl Commons {
    /// `root` is derived for this use alone. `None` when the operating system gives no randomness.
    pub(crate) fn new(root: &[u8]) -> Option<Self> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, root);
        Some(Self {
            keys: RowBox::new(key)?,
            turn: Mutex::new(()),
        })
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A data set and when it was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSetView {
    /// As it was declared.
    pub data_set: DataSet,
    /// The file.
    pub document: String,
    /// Lower-case hex SHA-256 of the file, as it stands in the record.
    pub sha256: String,
    /// When.
    pub declared_at: Timestamp,
}

/// Why a data set was not declared.
#[derive(Debug, thiserror::Error)]
pub enum DeclareDataSetError {
    /// The file.
    #[error(transparent)]
    File(#[from] DataSetError),
    /// There is one of this name.
    #[error(
        "there is a data set `{0}`: people gave to what it says, so it is not changed; choose another name"
    )]
    Taken(DataSetId),
    /// Too many.
    #[error("there are {MAX_DATA_SETS} data sets, which is the most")]
    TooMany,
    /// The act.
    #[error(transparent)]
    Act(#[from] ActError),
}

impl From<RowError> for DeclareDataSetError {
    fn from(err: RowError) -> Self {
        Self::Act(err.into())
    }
}

impl Act<'_, '_> {
    /// Declares a data set of the commons. Gives it, and the SHA-256 of its file.
    ///
    /// # Errors
    /// When the file has a problem, the name is taken, or the database fails.
    pub fn declare_data_set(
        &mut self,
        source: &str,
    ) -> Result<(DataSet, String), DeclareDataSetError> {
        let data_set = DataSet::parse(source)?;
        let notice = self.notice(&data_set.deployment)?;
        let notice = notice.ok_or_else(|| ActError::NoDeployment(data_set.deployment.clone()))?;
        let data_set = data_set.fits(&notice)?;
        let now = self.now();
        let standing = rows::commons::data_sets(self.tx())?;
        if standing.len() >= MAX_DATA_SETS {
            return Err(DeclareDataSetError::TooMany);
        }
        if standing.iter().any(|it| it.id == data_set.id.as_str()) {
            return Err(DeclareDataSetError::Taken(data_set.id));
        }
        let sha256 = document_sha256(source.as_bytes());
        let row = rows::commons::SetRow {
            id: data_set.id.as_str().to_owned(),
            deployment: data_set.deployment.as_str().to_owned(),
            document: source.to_owned(),
            sha256: sha256.clone(),
            names_people: notice.subject_field.is_some() && self.always_named_people(&notice)?,
            declared_at: now,
        };
        rows::commons::insert_data_set(self.tx(), &row)?;
        Ok((data_set, sha256))
    }
}

impl Act<'_, '_> {
    /// Whether messages said whom they are about by every version of a notice: what is given may be older than the data set. What cannot be
    /// understood any more did not, nor does what there is too much of.
    fn always_named_people(&mut self, notice: &Notice) -> Result<bool, RowError> {
        let most = MAX_VERSIONS.saturating_add(1);
        let sources = rows::erasure::notice_sources(self.tx(), &notice.deployment, most)?;
        let is_few = i64::try_from(sources.len()).is_ok_and(|it| it <= MAX_VERSIONS);
        let names = |it: &String| {
            let published = Notice::parse_published(it);
            published.is_ok_and(|it| it.notice.subject_field.is_some())
        };
        Ok(is_few && sources.iter().all(names))
    }
}

/// A data set as its row says. It counts people only as long as every version of the notice has messages name them; otherwise homes, for
/// then one meter may tell of several people.
fn view(row: rows::commons::SetRow) -> Result<DataSetView, RowError> {
    let data_set = DataSet::parse(&row.document).map_err(|_| RowError::Unreadable {
        table: "commons_set",
        value: row.id.clone(),
    })?;
    Ok(DataSetView {
        data_set: data_set.counting(row.names_people),
        document: row.document,
        sha256: row.sha256,
        declared_at: row.declared_at,
    })
}

fn one(tx: &mut Tx<'_>, id: &DataSetId) -> Result<Option<DataSetView>, RowError> {
    let row = rows::commons::data_set(tx, id.as_str())?;
    row.map(view).transpose()
}

impl Custody {
    /// Every data set, in the order in which they were declared.
    ///
    /// # Errors
    /// When the database fails.
    pub fn data_sets(&self) -> Result<Vec<DataSetView>, RowError> {
        let rows = self.inner.db.read(rows::commons::data_sets)?;
        rows.into_iter().map(view).collect()
    }

    /// Reads a declaration as [`Act::declare_data_set`] would take it, and declares nothing.
    ///
    /// # Errors
    /// When the file has a problem, the name is taken, or the database fails.
    pub fn check_data_set(
        &self,
        source: &str,
        now: Timestamp,
    ) -> Result<DataSet, DeclareDataSetError> {
        let data_set = DataSet::parse(source)?;
        let in_force = self.in_force_at(&data_set.deployment, now);
        let in_force =
            in_force.ok_or_else(|| ActError::NoDeployment(data_set.deployment.clone()))?;
        let data_set = data_set.fits(&in_force.notice)?;
        match self.data_set(&data_set.id)? {
            None => Ok(data_set),
            Some(_) => Err(DeclareDataSetError::Taken(data_set.id)),
        }
    }

    /// A data set, if there is one of this name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn data_set(&self, id: &DataSetId) -> Result<Option<DataSetView>, RowError> {
        self.inner.db.read(|tx| one(tx, id))
    }

    /// What was decided on the batches of a data set, newest first, at most [`MAX_DECISIONS_SHOWN`].
    ///
    /// # Errors
    /// When the database fails.
    pub fn commons_decisions(&self, id: &DataSetId) -> Result<Vec<Decided>, RowError> {
        let rows = self
            .inner
            .db
            .read(|tx| rows::commons::releases(tx, id.as_str(), MAX_DECISIONS_SHOWN))?;
        rows.into_iter().map(decide::read).collect()
    }

    /// The table of a release as CSV (RFC 4180).
    ///
    /// # Errors
    /// When the database fails.
    pub fn commons_table(&self, id: &DataSetId, number: i64) -> Result<Option<Vec<u8>>, RowError> {
        self.inner
            .db
            .read(|tx| rows::commons::table(tx, id.as_str(), number))
    }

    /// The table of a release as Parquet; releases of older versions have none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn commons_parquet(
        &self,
        id: &DataSetId,
        number: i64,
    ) -> Result<Option<Vec<u8>>, RowError> {
        self.inner
            .db
            .read(|tx| rows::commons::parquet(tx, id.as_str(), number))
    }
}
