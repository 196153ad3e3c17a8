//! What lies under the root key besides subject keys: the row that tells a wrong root key, and secrets for other uses; and the change of
//! the root key.
//!
//! # Secrets
//! A signing key or the key of a lookup must keep its value when the root key changes. So a secret is derived from the root key when it is
//! asked for the first time (as releases before did each time), and kept from then on in `vault_secret`, sealed under the root key.
//!
//! # Change of the root key
//! 1. The new key is there, in a file beside the old one (see `root`).
//! 2. Secrets that were never asked for get their rows. Subject keys are sealed again, [`BATCH`] rows a transaction, in their order.
//! 3. Secrets and the row of `vault_root` are sealed again in one transaction: from here on the new key is the one.
//! 4. The new file takes the name of the old one.
//!
//! Each step may be done again: a row that opens under the new key is left as it is. The old key opens its rows until step 3, and a
//! database between the steps is finished before it is used.

use ring::hmac;
use store::{Db, DbError, Tx};
use zeroize::Zeroizing;

use super::KeyError;
use super::epoch::{open_subject, subject_data, take_secret};
use crate::crypto::{CryptoError, KEY_BYTES, Label, SecretKey, Suite};
use crate::root::RootKey;

const ROOT_CHECK: &[u8] = b"amanat";
/// So many subject keys are sealed again in one transaction.
const BATCH: i64 = 500;
/// After so many transactions it is said how far it got.
const BATCHES_A_WORD: u32 = 20;

/// Checks a root key against its row; on an empty database it becomes the one that belongs to it.
pub(crate) fn check_root(db: &Db, root: &RootKey) -> Result<(), KeyError> {
    let found = db.read(root_row)?;
    if let Some(sealed) = found {
        return if is_root(&root.0, sealed) {
            Ok(())
        } else {
            Err(KeyError::WrongRootKey)
        };
    }
    let sealed = seal_check(&root.0, Suite::default())?;
    db.write(|tx| {
        tx.execute(
            "INSERT INTO vault_root (id, sealed) VALUES (1, $1)",
            &[sealed.as_slice().into()],
        )
    })?;
    Ok(())
}

fn root_row(tx: &mut Tx<'_>) -> Result<Option<Vec<u8>>, DbError> {
    let row = tx.query_one("SELECT sealed FROM vault_root WHERE id = 1", &[])?;
    row.map(|it| it.get(0)).transpose()
}

fn is_root(root: &SecretKey, mut sealed: Vec<u8>) -> bool {
    let opened = root.open_row(Label::RootCheck, Label::RootCheck.bytes(), &mut sealed);
    opened.is_ok_and(|it| it.0 == ROOT_CHECK)
}

fn seal_check(root: &SecretKey, suite: Suite) -> Result<Vec<u8>, KeyError> {
    let label = Label::RootCheck;
    root.seal_row(label, suite, label.bytes(), ROOT_CHECK)
        .map_err(KeyError::New)
}

/// The secret with a name: as its row has it, or derived from the root key and written to its row.
pub(crate) fn secret(
    db: &Db,
    root: &RootKey,
    name: &str,
) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
    if let Some(wrapped) = db.read(|tx| secret_row(tx, name))? {
        return opened_secret(&root.0, name, wrapped);
    }
    let derived = derive(&root.0, name);
    let wrapped = sealed_secret(&root.0, Suite::default(), name, derived.as_slice())?;
    db.write(|tx| insert_secret(tx, name, &wrapped))?;
    Ok(derived)
}

/// HMAC-SHA256 of a name under the root key: what a secret is when it is asked for the first time.
pub(crate) fn derive(root: &SecretKey, name: &str) -> Zeroizing<[u8; KEY_BYTES]> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, root.expose_secret());
    let mut context = hmac::Context::with_key(&key);
    context.update(b"amanat/vault/1/derived\0");
    context.update(name.as_bytes());
    let mut derived = Zeroizing::new([0; KEY_BYTES]);
    derived.copy_from_slice(context.sign().as_ref());
    derived
}

fn secret_row(tx: &mut Tx<'_>, name: &str) -> Result<Option<Vec<u8>>, DbError> {
    let sql = "SELECT wrapped FROM vault_secret WHERE name = $1";
    let row = tx.query_one(sql, &[name.into()])?;
    row.map(|it| it.get(0)).transpose()
}

fn insert_secret(tx: &mut Tx<'_>, name: &str, wrapped: &[u8]) -> Result<(), DbError> {
    let sql =
        "INSERT INTO vault_secret (name, wrapped) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    tx.execute(sql, &[name.into(), wrapped.into()])?;
    Ok(())
}

fn secret_data(name: &str) -> Vec<u8> {
    [Label::Secret.bytes(), name.as_bytes()].concat()
}

fn sealed_secret(
    root: &SecretKey,
    suite: Suite,
    name: &str,
    secret: &[u8],
) -> Result<Vec<u8>, KeyError> {
    root.seal_row(Label::Secret, suite, &secret_data(name), secret)
        .map_err(KeyError::New)
}

fn opened_secret(
    root: &SecretKey,
    name: &str,
    mut wrapped: Vec<u8>,
) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
    let damaged = |source| KeyError::Damaged {
        table: "vault_secret",
        key_id: 0,
        source,
    };
    let opened = root
        .open_row(Label::Secret, &secret_data(name), &mut wrapped)
        .map_err(damaged)?;
    let key = take_secret(opened.0).ok_or_else(|| damaged(CryptoError::Open))?;
    let mut secret = Zeroizing::new([0; KEY_BYTES]);
    secret.copy_from_slice(key.expose_secret());
    Ok(secret)
}

/// Which of two root keys belongs to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Belongs {
    /// The old one: the change is not finished, or was not begun.
    Old,
    /// The new one: the change is finished.
    New,
}

/// Which of two root keys belongs to a database. An empty one belongs to the old.
pub(crate) fn which_root(db: &Db, old: &RootKey, new: &RootKey) -> Result<Belongs, KeyError> {
    let Some(sealed) = db.read(root_row)? else {
        return Ok(Belongs::Old);
    };
    match (is_root(&old.0, sealed.clone()), is_root(&new.0, sealed)) {
        (true, _) => Ok(Belongs::Old),
        (false, true) => Ok(Belongs::New),
        (false, false) => Err(KeyError::WrongRootKey),
    }
}

/// Seals everything under the old root key again under the new one. May be done again after it was broken off. Nobody may use the
/// database's keys meanwhile. Says how many subject keys there are.
pub(crate) fn change_root(
    db: &Db,
    old: &RootKey,
    new: &RootKey,
    suite: Suite,
    names: &[&str],
) -> Result<u64, KeyError> {
    if which_root(db, old, new)? == Belongs::New {
        return Ok(0);
    }
    for name in names {
        secret(db, old, name)?;
    }
    let mut subjects = 0;
    let mut batches = 0_u32;
    let mut last = String::new();
    while let Some(next) = db.write(|tx| change_subjects(tx, &last, old, new, suite))? {
        subjects += next.count;
        batches = batches.wrapping_add(1);
        if batches.is_multiple_of(BATCHES_A_WORD) {
            tracing::info!("{subjects} subject keys are sealed under the new root key");
        }
        #[cfg(test)]
        crate::crash::point();
        last = next.last;
    }
    db.write(|tx| change_rest(tx, old, new, suite))?;
    Ok(subjects)
}

struct Changed {
    count: u64,
    last: String,
}

/// The next subject keys behind one; nothing when there are no more.
fn change_subjects(
    tx: &mut Tx<'_>,
    after: &str,
    old: &RootKey,
    new: &RootKey,
    suite: Suite,
) -> Result<Option<Changed>, KeyError> {
    let sql = "SELECT subject, wrapped FROM vault_subject_key WHERE subject > $1 ORDER BY subject LIMIT $2";
    let rows = tx.query(sql, &[after.into(), BATCH.into()])?;
    let mut changed = None;
    for row in rows {
        let subject: String = row.get(0)?;
        let wrapped: Vec<u8> = row.get(1)?;
        if open_subject(&new.0, &subject, wrapped.clone()).is_err() {
            let secret = open_subject(&old.0, &subject, wrapped)?;
            let data = subject_data(&subject);
            let wrapped = new
                .0
                .seal_row(Label::SubjectKey, suite, &data, secret.expose_secret())
                .map_err(KeyError::New)?;
            let sql = "UPDATE vault_subject_key SET wrapped = $2 WHERE subject = $1";
            tx.execute(sql, &[subject.as_str().into(), wrapped.as_slice().into()])?;
            #[cfg(test)]
            crate::crash::point();
        }
        let count = changed.map_or(0, |it: Changed| it.count) + 1;
        changed = Some(Changed {
            count,
            last: subject,
        });
    }
    Ok(changed)
}

/// Secrets and the row that tells which root key is the one.
fn change_rest(
    tx: &mut Tx<'_>,
    old: &RootKey,
    new: &RootKey,
    suite: Suite,
) -> Result<(), KeyError> {
    for row in tx.query("SELECT name, wrapped FROM vault_secret", &[])? {
        let name: String = row.get(0)?;
        let secret = opened_secret(&old.0, &name, row.get(1)?)?;
        let wrapped = sealed_secret(&new.0, suite, &name, secret.as_slice())?;
        let sql = "UPDATE vault_secret SET wrapped = $2 WHERE name = $1";
        tx.execute(sql, &[name.as_str().into(), wrapped.as_slice().into()])?;
    }
    let sealed = seal_check(&new.0, suite)?;
    let sql = "INSERT INTO vault_root (id, sealed) VALUES (1, $1) \
               ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed";
    tx.execute(sql, &[sealed.as_slice().into()])?;
    #[cfg(test)]
    crate::crash::point();
    Ok(())
}
