//! Bridges: peers that speak for several things, and what they call each of them.

use std::sync::Arc;

use model::{BridgeId, DeploymentId, RecipientId, ThingId, Timestamp};
use store::{Tx, Value};

use super::credential::{self, CredentialRow};
use super::{RowError, parsed};

const TABLE: &str = "bridge";

/// One registered bridge.
#[derive(Clone)]
pub(crate) struct BridgeRow {
    pub(crate) id: BridgeId,
    pub(crate) deployment: DeploymentId,
    pub(crate) adapter: Arc<str>,
    pub(crate) receives_as: Option<RecipientId>,
    pub(crate) credential: CredentialRow,
}

/// What a bridge calls a thing.
pub(crate) struct LinkRow {
    pub(crate) bridge: BridgeId,
    pub(crate) name: Arc<str>,
    pub(crate) thing: ThingId,
}

fn columns() -> String {
    format!(
        "SELECT id, deployment, adapter, receives_as, {} FROM bridge",
        credential::COLUMNS
    )
}

fn read(row: &store::Row) -> Result<BridgeRow, RowError> {
    let text = |column| row.get::<String>(column);
    let receives_as: Option<String> = row.get(3)?;
    Ok(BridgeRow {
        id: parsed(TABLE, &text(0)?, |it| BridgeId::parse(it).ok())?,
        deployment: parsed(TABLE, &text(1)?, |it| DeploymentId::parse(it).ok())?,
        adapter: text(2)?.into(),
        receives_as: receives_as
            .map(|it| parsed(TABLE, &it, |it| RecipientId::parse(it).ok()))
            .transpose()?,
        credential: credential::read(credential::Table::Bridge, row, 4)?,
    })
}

/// Every bridge.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<BridgeRow>, RowError> {
    let rows = tx.query(&format!("{} ORDER BY id", columns()), &[])?;
    rows.iter().map(read).collect()
}

pub(crate) fn one(tx: &mut Tx<'_>, id: &BridgeId) -> Result<Option<BridgeRow>, RowError> {
    let row = tx.query_one(
        &format!("{} WHERE id = $1", columns()),
        &[id.as_str().into()],
    )?;
    row.as_ref().map(read).transpose()
}

pub(crate) fn exists(tx: &mut Tx<'_>, id: &str) -> Result<bool, RowError> {
    let row = tx.query_one("SELECT 1 FROM bridge WHERE id = $1", &[id.into()])?;
    Ok(row.is_some())
}

pub(crate) fn insert(tx: &mut Tx<'_>, row: &BridgeRow, now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO bridge (id, deployment, adapter, token_sha256, registered_at)
         VALUES ($1, $2, $3, $4, $5)",
        &[
            row.id.as_str().into(),
            row.deployment.as_str().into(),
            (&*row.adapter).into(),
            row.credential.token.as_bytes().as_slice().into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Sets the word of the dialect.
pub(crate) fn set_adapter(tx: &mut Tx<'_>, id: &BridgeId, adapter: &str) -> Result<(), RowError> {
    tx.execute(
        "UPDATE bridge SET adapter = $2 WHERE id = $1",
        &[id.as_str().into(), adapter.into()],
    )?;
    Ok(())
}

/// Sets as whom the bridge receives.
pub(crate) fn set_receives_as(
    tx: &mut Tx<'_>,
    id: &BridgeId,
    recipient: Option<&RecipientId>,
) -> Result<(), RowError> {
    tx.execute(
        "UPDATE bridge SET receives_as = $2 WHERE id = $1",
        &[
            id.as_str().into(),
            recipient.map_or(Value::Null, |it| it.as_str().into()),
        ],
    )?;
    Ok(())
}

/// What every bridge calls its things.
pub(crate) fn links(tx: &mut Tx<'_>) -> Result<Vec<LinkRow>, RowError> {
    let rows = tx.query(
        "SELECT bridge, name, thing FROM bridge_thing ORDER BY bridge, name",
        &[],
    )?;
    let table = "bridge_thing";
    let read = |row: &store::Row| {
        Ok(LinkRow {
            bridge: parsed(table, &row.get::<String>(0)?, |it| BridgeId::parse(it).ok())?,
            name: row.get::<String>(1)?.into(),
            thing: parsed(table, &row.get::<String>(2)?, |it| ThingId::parse(it).ok())?,
        })
    };
    rows.iter().map(read).collect()
}

/// How many names a bridge has.
pub(crate) fn link_count(tx: &mut Tx<'_>, bridge: &BridgeId) -> Result<i64, RowError> {
    let row = tx.query_one(
        "SELECT COUNT(*) FROM bridge_thing WHERE bridge = $1",
        &[bridge.as_str().into()],
    )?;
    Ok(row.map_or(Ok(0), |row| row.get(0))?)
}

/// Says which thing a bridge means by a name, in place of what it meant before.
pub(crate) fn put_link(
    tx: &mut Tx<'_>,
    bridge: &BridgeId,
    name: &str,
    thing: &ThingId,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO bridge_thing (bridge, name, thing) VALUES ($1, $2, $3)
         ON CONFLICT (bridge, name) DO UPDATE SET thing = $3",
        &[bridge.as_str().into(), name.into(), thing.as_str().into()],
    )?;
    Ok(())
}

/// Removes a name; `false` when the bridge has none such.
pub(crate) fn remove_link(
    tx: &mut Tx<'_>,
    bridge: &BridgeId,
    name: &str,
) -> Result<bool, RowError> {
    let removed = tx.execute(
        "DELETE FROM bridge_thing WHERE bridge = $1 AND name = $2",
        &[bridge.as_str().into(), name.into()],
    )?;
    Ok(removed == 1)
}

/// Removes every name of a thing, and gives them.
pub(crate) fn remove_links_of(
    tx: &mut Tx<'_>,
    thing: &ThingId,
) -> Result<Vec<(BridgeId, Arc<str>)>, RowError> {
    let rows = tx.query(
        "SELECT bridge, name FROM bridge_thing WHERE thing = $1",
        &[thing.as_str().into()],
    )?;
    tx.execute(
        "DELETE FROM bridge_thing WHERE thing = $1",
        &[thing.as_str().into()],
    )?;
    let read = |row: &store::Row| {
        let bridge = parsed("bridge_thing", &row.get::<String>(0)?, |it| {
            BridgeId::parse(it).ok()
        })?;
        Ok((bridge, row.get::<String>(1)?.into()))
    };
    rows.iter().map(read).collect()
}
