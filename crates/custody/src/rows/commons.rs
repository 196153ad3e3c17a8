//! Data sets of the commons, what waits for them and what was decided.

use model::{DeploymentId, PersonId, ThingId, Timestamp};
use store::{Row, Tx};

use super::{RowError, parsed};
use crate::erase::EraseId;

const UNLINKING: &str = "commons_unlinking";

/// A data set.
pub(crate) struct SetRow {
    pub(crate) id: String,
    pub(crate) deployment: String,
    pub(crate) document: String,
    pub(crate) sha256: String,
    /// Whether messages of the deployment say whom they are about, by every version of its notice.
    pub(crate) names_people: bool,
    pub(crate) declared_at: Timestamp,
}

const SET: &str =
    "SELECT id, deployment, document, sha256, names_people, declared_at FROM commons_set";

fn set(row: &Row) -> Result<SetRow, RowError> {
    Ok(SetRow {
        id: row.get(0)?,
        deployment: row.get(1)?,
        document: row.get(2)?,
        sha256: row.get(3)?,
        names_people: row.get::<i64>(4)? == 1,
        declared_at: Timestamp::from_millis(row.get(5)?),
    })
}

/// All data sets, the first that was declared first.
pub(crate) fn data_sets(tx: &mut Tx<'_>) -> Result<Vec<SetRow>, RowError> {
    let sql = format!("{SET} ORDER BY declared_at, id");
    tx.query(&sql, &[])?.iter().map(set).collect()
}

/// One data set.
pub(crate) fn data_set(tx: &mut Tx<'_>, id: &str) -> Result<Option<SetRow>, RowError> {
    let sql = format!("{SET} WHERE id = $1");
    let row = tx.query_one(&sql, &[id.into()])?;
    row.as_ref().map(set).transpose()
}

/// Has the data sets of a deployment count homes from now on: its messages do not say any more whom they are about.
pub(crate) fn count_homes(tx: &mut Tx<'_>, deployment: &DeploymentId) -> Result<(), RowError> {
    tx.execute(
        "UPDATE commons_set SET names_people = 0 WHERE deployment = $1",
        &[deployment.as_str().into()],
    )?;
    Ok(())
}

/// Writes a new data set.
pub(crate) fn insert_data_set(tx: &mut Tx<'_>, row: &SetRow) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO commons_set (id, deployment, document, sha256, names_people, declared_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            (&row.id).into(),
            (&row.deployment).into(),
            (&row.document).into(),
            (&row.sha256).into(),
            row.names_people.into(),
            row.declared_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// The batch that a data set collects in.
pub(crate) struct BatchRow {
    pub(crate) id: String,
    pub(crate) sealed_key: Vec<u8>,
    /// When it began.
    pub(crate) begun_at: Timestamp,
    /// When it was last decided on; when it began, before that.
    pub(crate) tried_at: Timestamp,
    /// The most homes that it had when it was refused; 0 before that.
    pub(crate) tried_homes: i64,
}

/// The open batch of a data set.
pub(crate) fn batch(tx: &mut Tx<'_>, data_set: &str) -> Result<Option<BatchRow>, RowError> {
    let sql = "SELECT id, sealed_key, begun_at, tried_at, tried_homes FROM commons_batch WHERE data_set = $1";
    let Some(row) = tx.query_one(sql, &[data_set.into()])? else {
        return Ok(None);
    };
    Ok(Some(BatchRow {
        id: row.get(0)?,
        sealed_key: row.get(1)?,
        begun_at: Timestamp::from_millis(row.get(2)?),
        tried_at: Timestamp::from_millis(row.get(3)?),
        tried_homes: row.get(4)?,
    }))
}

/// Writes a new batch.
pub(crate) fn insert_batch(
    tx: &mut Tx<'_>,
    data_set: &str,
    row: &BatchRow,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO commons_batch (id, data_set, sealed_key, begun_at, tried_at, tried_homes)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            (&row.id).into(),
            data_set.into(),
            row.sealed_key.as_slice().into(),
            row.begun_at.as_millis().into(),
            row.tried_at.as_millis().into(),
            row.tried_homes.into(),
        ],
    )?;
    Ok(())
}

/// Notes when a batch was decided on, and the most homes with which it was refused.
pub(crate) fn note_try(
    tx: &mut Tx<'_>,
    batch: &str,
    at: Timestamp,
    homes: i64,
) -> Result<(), RowError> {
    tx.execute(
        "UPDATE commons_batch SET tried_at = $2, tried_homes = $3 WHERE id = $1",
        &[batch.into(), at.as_millis().into(), homes.into()],
    )?;
    Ok(())
}

/// Deletes a batch with everything in it.
pub(crate) fn delete_batch(tx: &mut Tx<'_>, batch: &str) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM commons_unlinking WHERE gift IN (SELECT id FROM commons_gift WHERE batch = $1)",
        &[batch.into()],
    )?;
    tx.execute("DELETE FROM commons_gift WHERE batch = $1", &[batch.into()])?;
    tx.execute("DELETE FROM commons_batch WHERE id = $1", &[batch.into()])?;
    Ok(())
}

/// A gift.
pub(crate) struct GiftRow {
    pub(crate) id: String,
    pub(crate) giver: Vec<u8>,
    pub(crate) row_count: i64,
    pub(crate) sealed: Vec<u8>,
    pub(crate) gone_at: Timestamp,
}

fn gift(row: &Row) -> Result<GiftRow, RowError> {
    Ok(GiftRow {
        id: row.get(0)?,
        giver: row.get(1)?,
        row_count: row.get(2)?,
        sealed: row.get(3)?,
        gone_at: Timestamp::from_millis(row.get(4)?),
    })
}

/// The gifts of a batch that count, in an order that says nothing: their names are random.
pub(crate) fn gifts(tx: &mut Tx<'_>, batch: &str) -> Result<Vec<GiftRow>, RowError> {
    let sql = "SELECT id, giver, row_count, sealed, gone_at FROM commons_gift
               WHERE batch = $1 AND is_ready = 1 ORDER BY id";
    let rows = tx.query(sql, &[batch.into()])?;
    rows.iter().map(gift).collect()
}

/// How many gifts and rows there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GiftCount {
    pub(crate) gifts: i64,
    pub(crate) rows: i64,
}

const COUNT: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(row_count), 0) AS BIGINT) FROM commons_gift WHERE batch = $1";

fn count(row: Option<Row>) -> Result<GiftCount, RowError> {
    let row = row.as_ref();
    Ok(GiftCount {
        gifts: row.map_or(Ok(0), |it| it.get(0))?,
        rows: row.map_or(Ok(0), |it| it.get(1))?,
    })
}

/// How many gifts a batch has.
pub(crate) fn count_gifts(tx: &mut Tx<'_>, batch: &str) -> Result<GiftCount, RowError> {
    count(tx.query_one(COUNT, &[batch.into()])?)
}

/// How many of them are of one giver.
pub(crate) fn count_gifts_of(
    tx: &mut Tx<'_>,
    batch: &str,
    giver: &[u8],
) -> Result<GiftCount, RowError> {
    let sql = format!("{COUNT} AND giver = $2");
    count(tx.query_one(&sql, &[batch.into(), giver.into()])?)
}

/// The names of the gifts of a giver.
pub(crate) fn gifts_of(
    tx: &mut Tx<'_>,
    batch: &str,
    giver: &[u8],
) -> Result<Vec<String>, RowError> {
    let sql = "SELECT id FROM commons_gift WHERE batch = $1 AND giver = $2";
    let rows = tx.query(sql, &[batch.into(), giver.into()])?;
    Ok(rows.iter().map(|it| it.get(0)).collect::<Result<_, _>>()?)
}

/// The names of the gifts that have waited long enough.
pub(crate) fn gone(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<String>, RowError> {
    let sql = "SELECT id FROM commons_gift WHERE gone_at <= $1";
    let rows = tx.query(sql, &[now.as_millis().into()])?;
    Ok(rows.iter().map(|it| it.get(0)).collect::<Result<_, _>>()?)
}

/// Writes a gift that does not count yet.
pub(crate) fn insert_gift(tx: &mut Tx<'_>, batch: &str, row: &GiftRow) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO commons_gift (id, batch, giver, row_count, sealed, is_ready, gone_at)
         VALUES ($1, $2, $3, $4, $5, 0, $6)",
        &[
            (&row.id).into(),
            batch.into(),
            row.giver.as_slice().into(),
            row.row_count.into(),
            row.sealed.as_slice().into(),
            row.gone_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Deletes a gift, and the line that names its giver if there still is one.
pub(crate) fn delete_gift(tx: &mut Tx<'_>, id: &str) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM commons_unlinking WHERE gift = $1",
        &[id.into()],
    )?;
    tx.execute("DELETE FROM commons_gift WHERE id = $1", &[id.into()])?;
    Ok(())
}

/// What is still to be erased from an account so that a gift counts.
pub(crate) struct UnlinkingRow {
    pub(crate) gift: String,
    /// The erasure that does it; none where a former version wrote this.
    pub(crate) erasure: Option<EraseId>,
    pub(crate) person: PersonId,
    pub(crate) deployment: DeploymentId,
    pub(crate) thing: Option<ThingId>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Timestamp,
}

fn unlinking(row: &Row) -> Result<UnlinkingRow, RowError> {
    let thing: Option<String> = row.get(3)?;
    Ok(UnlinkingRow {
        gift: row.get(0)?,
        person: parsed(UNLINKING, &row.get::<String>(1)?, |it| {
            PersonId::parse(it).ok()
        })?,
        deployment: parsed(UNLINKING, &row.get::<String>(2)?, |it| {
            DeploymentId::parse(it).ok()
        })?,
        thing: thing
            .map(|it| parsed(UNLINKING, &it, |it| ThingId::parse(it).ok()))
            .transpose()?,
        from: row.get::<Option<i64>>(4)?.map(Timestamp::from_millis),
        until: Timestamp::from_millis(row.get(5)?),
        erasure: row
            .get::<Option<String>>(6)?
            .map(|it| parsed(UNLINKING, &it, EraseId::parse))
            .transpose()?,
    })
}

const UNLINKINGS: &str =
    "SELECT gift, person, deployment, thing, begins_at, ends_at, erasure FROM commons_unlinking";

/// Everything that is still to be erased.
pub(crate) fn unlinkings(tx: &mut Tx<'_>) -> Result<Vec<UnlinkingRow>, RowError> {
    let sql = format!("{UNLINKINGS} ORDER BY gift");
    tx.query(&sql, &[])?.iter().map(unlinking).collect()
}

/// What is still to be erased of a person.
pub(crate) fn unlinkings_of(
    tx: &mut Tx<'_>,
    person: &PersonId,
) -> Result<Vec<UnlinkingRow>, RowError> {
    let sql = format!("{UNLINKINGS} WHERE person = $1 ORDER BY gift");
    let rows = tx.query(&sql, &[person.as_str().into()])?;
    rows.iter().map(unlinking).collect()
}

/// Writes what is to be erased.
pub(crate) fn insert_unlinking(tx: &mut Tx<'_>, row: &UnlinkingRow) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO commons_unlinking (gift, person, deployment, thing, begins_at, ends_at, erasure)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            (&row.gift).into(),
            row.person.as_str().into(),
            row.deployment.as_str().into(),
            row.thing.as_ref().map(ThingId::as_str).into(),
            row.from.map(Timestamp::as_millis).into(),
            row.until.as_millis().into(),
            row.erasure.as_ref().map(EraseId::as_str).into(),
        ],
    )?;
    Ok(())
}

/// Notes which erasure does it.
pub(crate) fn unlinked_by(tx: &mut Tx<'_>, gift: &str, erasure: &EraseId) -> Result<(), RowError> {
    tx.execute(
        "UPDATE commons_unlinking SET erasure = $2 WHERE gift = $1",
        &[gift.into(), erasure.as_str().into()],
    )?;
    Ok(())
}

/// It is erased: the gift counts, and nothing names its giver any more. Nothing where it was taken back meanwhile.
pub(crate) fn unlinked(tx: &mut Tx<'_>, erasure: &EraseId) -> Result<(), RowError> {
    let erasure = erasure.as_str();
    tx.execute(
        "UPDATE commons_gift SET is_ready = 1 WHERE id IN (SELECT gift FROM commons_unlinking WHERE erasure = $1)",
        &[erasure.into()],
    )?;
    tx.execute(
        "DELETE FROM commons_unlinking WHERE erasure = $1",
        &[erasure.into()],
    )?;
    Ok(())
}

/// What was decided on a batch.
pub(crate) struct ReleaseRow {
    pub(crate) data_set: String,
    pub(crate) number: i64,
    pub(crate) decided_at: Timestamp,
    pub(crate) facts: String,
}

/// Decisions about a data set, newest first.
pub(crate) fn releases(
    tx: &mut Tx<'_>,
    data_set: &str,
    limit: i64,
) -> Result<Vec<ReleaseRow>, RowError> {
    let sql = "SELECT data_set, number, decided_at, facts FROM commons_release
               WHERE data_set = $1 ORDER BY number DESC LIMIT $2";
    let rows = tx.query(sql, &[data_set.into(), limit.into()])?;
    let read = |row: &Row| {
        Ok(ReleaseRow {
            data_set: row.get(0)?,
            number: row.get(1)?,
            decided_at: Timestamp::from_millis(row.get(2)?),
            facts: row.get(3)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Writes a decision, with the files of the table where there is one.
pub(crate) fn insert_release(
    tx: &mut Tx<'_>,
    row: &ReleaseRow,
    table: Option<(&[u8], &[u8])>,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO commons_release (data_set, number, decided_at, facts, csv, parquet) VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            (&row.data_set).into(),
            row.number.into(),
            row.decided_at.as_millis().into(),
            (&row.facts).into(),
            table.map(|it| it.0).into(),
            table.map(|it| it.1).into(),
        ],
    )?;
    Ok(())
}

/// The table of a release as CSV.
pub(crate) fn table(
    tx: &mut Tx<'_>,
    data_set: &str,
    number: i64,
) -> Result<Option<Vec<u8>>, RowError> {
    let sql = "SELECT csv FROM commons_release WHERE data_set = $1 AND number = $2";
    let row = tx.query_one(sql, &[data_set.into(), number.into()])?;
    let csv = row.map(|it| it.get::<Option<Vec<u8>>>(0)).transpose()?;
    Ok(csv.flatten())
}

/// The table of a release as Parquet.
pub(crate) fn parquet(
    tx: &mut Tx<'_>,
    data_set: &str,
    number: i64,
) -> Result<Option<Vec<u8>>, RowError> {
    let sql = "SELECT parquet FROM commons_release WHERE data_set = $1 AND number = $2";
    let row = tx.query_one(sql, &[data_set.into(), number.into()])?;
    let parquet = row.map(|it| it.get::<Option<Vec<u8>>>(0)).transpose()?;
    Ok(parquet.flatten())
}

/// Notes a batch or gift that must not come back from a backup.
pub(crate) fn note_used(tx: &mut Tx<'_>, id: &str) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO commons_used (id) VALUES ($1) ON CONFLICT (id) DO NOTHING",
        &[id.into()],
    )?;
    Ok(())
}

/// What has no tombstone yet.
pub(crate) fn used(tx: &mut Tx<'_>) -> Result<Vec<String>, RowError> {
    let rows = tx.query("SELECT id FROM commons_used ORDER BY id", &[])?;
    Ok(rows.iter().map(|it| it.get(0)).collect::<Result<_, _>>()?)
}

/// It has a tombstone.
pub(crate) fn forget_used(tx: &mut Tx<'_>, id: &str) -> Result<(), RowError> {
    tx.execute("DELETE FROM commons_used WHERE id = $1", &[id.into()])?;
    Ok(())
}
