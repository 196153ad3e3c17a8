//! What a person changed about where their readings go, for them to look at afterwards.

use model::{DeploymentId, PersonId, Timestamp};
use store::Tx;

use super::Placing;
use crate::Custody;
use crate::rows::{self, RowError, destination::PlacementRow};

/// How many changes of a person are kept, the newest.
pub const MAX_PLACEMENT_CHANGES: u16 = 200;

/// One change of where a person's readings go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementChange {
    /// When it came into force.
    pub at: Timestamp,
    /// For which deployment; `None` for all for which nothing else was said.
    pub deployment: Option<DeploymentId>,
    /// Where they went before. A destination in it may have been deleted since.
    pub before: Placing,
    /// Where they go since.
    pub after: Placing,
}

impl Custody {
    /// What a person changed about where their readings go, newest first, at most `limit` changes. Only for that person: the
    /// caller has checked who asks.
    ///
    /// # Errors
    /// When the database fails.
    pub fn placement_changes(
        &self,
        person: &PersonId,
        limit: u16,
    ) -> Result<Vec<PlacementChange>, RowError> {
        let limit = i64::from(limit.min(MAX_PLACEMENT_CHANGES));
        self.inner
            .db
            .read(|tx| rows::placement_change::newest(tx, person, limit))
    }
}

/// Writes down what differs between what was placed and what is placed now, in the transaction that changes it.
pub(super) fn note(
    tx: &mut Tx<'_>,
    person: &PersonId,
    before: &[PlacementRow],
    now: Timestamp,
) -> Result<(), RowError> {
    let after = rows::destination::placements(tx, Some(person))?;
    let mut about: Vec<_> = before.iter().chain(&after).map(|it| it.1.clone()).collect();
    about.sort();
    about.dedup();
    for deployment in about {
        let (was, is) = (
            at(before, deployment.as_ref()),
            at(&after, deployment.as_ref()),
        );
        if was != is {
            let change = PlacementChange {
                at: now,
                deployment,
                before: was,
                after: is,
            };
            let keep = i64::from(MAX_PLACEMENT_CHANGES);
            rows::placement_change::insert(tx, person, &change, keep)?;
        }
    }
    Ok(())
}

/// What holds for a deployment by these rows: what was said for it, or for all.
fn at(rows: &[PlacementRow], deployment: Option<&DeploymentId>) -> Placing {
    let of = |id: Option<&DeploymentId>| rows.iter().find(|it| it.1.as_ref() == id);
    let found = of(deployment).or_else(|| of(None));
    found.map(|it| it.2.clone()).unwrap_or_default()
}
