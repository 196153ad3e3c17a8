//! Credentials of things, bridges and recipients: the same columns in each of their tables.

use model::Timestamp;
use store::{Row, Tx};

use super::RowError;
use crate::secret::TokenHash;

/// What opens an identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CredentialRow {
    pub(crate) token: TokenHash,
    /// The one before, and until when it is taken.
    pub(crate) former: Option<(TokenHash, Timestamp)>,
    /// Since when nothing opens it.
    pub(crate) revoked_at: Option<Timestamp>,
}

impl CredentialRow {
    /// A first credential.
    pub(crate) const fn new(token: TokenHash) -> Self {
        Self {
            token,
            former: None,
            revoked_at: None,
        }
    }
}

/// The table in which an identity stands.
#[derive(Clone, Copy)]
pub(crate) enum Table {
    Thing,
    Bridge,
    Recipient,
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::Thing => "thing",
            Self::Bridge => "bridge",
            Self::Recipient => "recipient",
        }
    }
}

/// The columns of a credential, in the order in which [`read`] takes them.
pub(crate) const COLUMNS: &str = "token_sha256, former_sha256, former_until, revoked_at";

/// Reads a credential whose columns begin at `first`.
pub(crate) fn read(table: Table, row: &Row, first: usize) -> Result<CredentialRow, RowError> {
    let hash = |bytes: Vec<u8>| {
        TokenHash::from_bytes(&bytes).ok_or_else(|| RowError::Unreadable {
            table: table.name(),
            value: "a token hash".to_owned(),
        })
    };
    let former: Option<Vec<u8>> = row.get(first + 1)?;
    let until: Option<i64> = row.get(first + 2)?;
    Ok(CredentialRow {
        token: hash(row.get(first)?)?,
        former: match (former, until) {
            (Some(former), Some(until)) => Some((hash(former)?, Timestamp::from_millis(until))),
            _ => None,
        },
        revoked_at: row
            .get::<Option<i64>>(first + 3)?
            .map(Timestamp::from_millis),
    })
}

/// Puts a new credential in place; the one before is taken until `former_until`, unless it was revoked. `false` when there
/// is no such identity.
pub(crate) fn renew(
    tx: &mut Tx<'_>,
    table: Table,
    id: &str,
    token: &TokenHash,
    former_until: Timestamp,
) -> Result<bool, RowError> {
    let renewed = tx.execute(
        &format!(
            "UPDATE {} SET
             former_sha256 = CASE WHEN revoked_at IS NULL THEN token_sha256 END,
             former_until = CASE WHEN revoked_at IS NULL THEN $3 ELSE NULL END,
             token_sha256 = $2, revoked_at = NULL WHERE id = $1",
            table.name()
        ),
        &[
            id.into(),
            token.as_bytes().as_slice().into(),
            former_until.as_millis().into(),
        ],
    )?;
    Ok(renewed == 1)
}

/// From now on nothing opens the identity. `false` when there is no such one.
pub(crate) fn revoke(
    tx: &mut Tx<'_>,
    table: Table,
    id: &str,
    now: Timestamp,
) -> Result<bool, RowError> {
    let revoked = tx.execute(
        &format!(
            "UPDATE {} SET former_sha256 = NULL, former_until = NULL, revoked_at = $2 WHERE id = $1",
            table.name()
        ),
        &[id.into(), now.as_millis().into()],
    )?;
    Ok(revoked == 1)
}
