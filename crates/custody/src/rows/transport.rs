//! How things came in last.

use model::{DeploymentId, ThingId, Timestamp};
use store::Tx;

use super::{RowError, parsed};
use crate::transport::Transport;

const TABLE: &str = "thing_transport";

/// One thing.
pub(crate) struct TransportRow {
    pub(crate) thing: ThingId,
    pub(crate) deployment: DeploymentId,
    pub(crate) transport: Transport,
    pub(crate) at: Timestamp,
}

pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<TransportRow>, RowError> {
    let rows = tx.query(
        "SELECT thing.id, thing.deployment, thing_transport.transport, thing_transport.seen_at
         FROM thing_transport JOIN thing ON thing.id = thing_transport.thing",
        &[],
    )?;
    rows.iter()
        .map(|row| {
            let text = |column| row.get::<String>(column);
            Ok(TransportRow {
                thing: parsed(TABLE, &text(0)?, |it| ThingId::parse(it).ok())?,
                deployment: parsed(TABLE, &text(1)?, |it| DeploymentId::parse(it).ok())?,
                transport: parsed(TABLE, &text(2)?, Transport::parse)?,
                at: Timestamp::from_millis(row.get(3)?),
            })
        })
        .collect()
}

pub(crate) fn put(
    tx: &mut Tx<'_>,
    thing: &ThingId,
    transport: Transport,
    at: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO thing_transport (thing, transport, seen_at) VALUES ($1, $2, $3)
         ON CONFLICT (thing) DO UPDATE SET transport = $2, seen_at = $3",
        &[
            thing.as_str().into(),
            transport.as_str().into(),
            at.as_millis().into(),
        ],
    )?;
    Ok(())
}
