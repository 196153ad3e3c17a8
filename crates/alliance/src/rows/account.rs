//! Accounts, one-time links and sessions. Tokens are kept as hashes only.

use custody::RowError;
use model::{PersonId, Timestamp};
use store::Tx;

use crate::accounts::Account;
use crate::authority::Office;

pub(crate) fn insert(tx: &mut Tx<'_>, account: &Account, now: Timestamp) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO account (id, office, created_at) VALUES ($1, $2, $3)",
        &[
            account.id.as_str().into(),
            account.office.as_str().into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

fn read(row: &store::Row) -> Result<Account, RowError> {
    let unreadable = |value: &str| RowError::Unreadable {
        table: "account",
        value: value.to_owned(),
    };
    let id: String = row.get(0)?;
    let office: String = row.get(1)?;
    Ok(Account {
        id: PersonId::parse(&id).map_err(|_| unreadable(&id))?,
        office: Office::parse(&office).ok_or_else(|| unreadable(&office))?,
    })
}

pub(crate) fn one(tx: &mut Tx<'_>, id: &PersonId) -> Result<Option<Account>, RowError> {
    let row = tx.query_one(
        "SELECT id, office FROM account WHERE id = $1",
        &[id.as_str().into()],
    )?;
    row.as_ref().map(read).transpose()
}

pub(crate) fn of_office(tx: &mut Tx<'_>, office: Office) -> Result<Vec<Account>, RowError> {
    let rows = tx.query(
        "SELECT id, office FROM account WHERE office = $1 ORDER BY created_at, id",
        &[office.as_str().into()],
    )?;
    rows.iter().map(read).collect()
}

/// Where tokens of a kind are kept: as hashes, each with the account that it opens and its end.
#[derive(Clone, Copy)]
pub(crate) enum Tokens {
    OneTimeLink,
    Session,
}

impl Tokens {
    const ALL: [Self; 2] = [Self::OneTimeLink, Self::Session];

    const fn table(self) -> &'static str {
        match self {
            Self::OneTimeLink => "one_time_link",
            Self::Session => "session",
        }
    }

    pub(crate) fn put(
        self,
        tx: &mut Tx<'_>,
        token: &[u8; 32],
        account: &PersonId,
        expires_at: Timestamp,
    ) -> Result<(), RowError> {
        let table = self.table();
        tx.execute(
            &format!("INSERT INTO {table} (token_sha256, account, expires_at) VALUES ($1, $2, $3)"),
            &[
                token.as_slice().into(),
                account.as_str().into(),
                expires_at.as_millis().into(),
            ],
        )?;
        Ok(())
    }

    /// The account that a token opens, while it is valid.
    pub(crate) fn account(
        self,
        tx: &mut Tx<'_>,
        token: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Account>, RowError> {
        let table = self.table();
        let row = tx.query_one(
            &format!(
                "SELECT account.id, account.office FROM {table}
                 JOIN account ON account.id = {table}.account
                 WHERE token_sha256 = $1 AND expires_at > $2"
            ),
            &[token.as_slice().into(), now.as_millis().into()],
        )?;
        row.as_ref().map(read).transpose()
    }

    /// Removes a token; `true` for the one caller who removed it.
    pub(crate) fn remove(self, tx: &mut Tx<'_>, token: &[u8; 32]) -> Result<bool, RowError> {
        let table = self.table();
        let removed = tx.execute(
            &format!("DELETE FROM {table} WHERE token_sha256 = $1"),
            &[token.as_slice().into()],
        )?;
        Ok(removed == 1)
    }
}

/// Removes links and sessions whose time has passed.
pub(crate) fn remove_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), RowError> {
    for tokens in Tokens::ALL {
        tx.execute(
            &format!("DELETE FROM {} WHERE expires_at <= $1", tokens.table()),
            &[now.as_millis().into()],
        )?;
    }
    Ok(())
}
