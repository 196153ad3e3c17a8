//! How much is kept, and when it goes, without opening it.

use std::collections::BTreeMap;

use model::{Retention, Subject, Timestamp};
use store::DbError;

use crate::keys::from_row;
use crate::log::Log;
use crate::read::is_from_blocks;
use crate::reading::expires_at;
use crate::rows::keys_of_subject;

/// What is kept of a subject in one retention class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The class.
    pub retention: Retention,
    /// How many readings.
    pub readings: u64,
    /// When the next of them goes; where some of a block have gone and others not, the present moment.
    pub next_at: Timestamp,
    /// When the last of them goes.
    pub last_at: Timestamp,
}

/// Whose readings of some days can be opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptBetween {
    /// By whom the keys of how many days are there, in the order of their names.
    pub opened: Vec<(Subject, u64)>,
    /// Who has files of these days that are sealed to keys of their own.
    pub sealed: Vec<Subject>,
}

/// See [`Vault::keys_between`](crate::Vault::keys_between).
pub(crate) fn between(log: &Log, first: i64, last: i64) -> Result<KeptBetween, DbError> {
    let days = [first.into(), last.into()];
    let (opened, sealed) = log.db.read(|tx| {
        let opened = "SELECT subject, COUNT(DISTINCT epoch) FROM vault_epoch_key \
             WHERE epoch >= $1 AND epoch <= $2 AND state < 2 GROUP BY subject ORDER BY subject";
        let sealed = "SELECT DISTINCT subject FROM vault_own_file \
             WHERE epoch >= $1 AND epoch <= $2 AND is_whole = 1 ORDER BY subject";
        Ok::<_, DbError>((tx.query(opened, &days)?, tx.query(sealed, &days)?))
    })?;
    let mut kept = KeptBetween::default();
    for row in opened {
        let (subject, days): (String, i64) = (row.get(0)?, row.get(1)?);
        let subject = Subject::from_key(&subject);
        kept.opened.extend(subject.map(|it| (it, from_row(days))));
    }
    for row in sealed {
        kept.sealed
            .extend(Subject::from_key(&row.get::<String>(0)?));
    }
    Ok(kept)
}

/// See [`Vault::held`](crate::Vault::held).
pub(crate) fn held(log: &Log, subject: &Subject, now: Timestamp) -> Result<Vec<Held>, DbError> {
    let text = subject.key();
    log.keyring
        .changes
        .settled(&text, || held_once(log, &text, now))
}

fn held_once(log: &Log, subject: &str, now: Timestamp) -> Result<Vec<Held>, DbError> {
    let keys = log
        .db
        .read(|tx| keys_of_subject(tx, subject, i64::MIN, i64::MAX))?;
    // The segments are noted before the blocks are read: see `read`.
    let head = log.head(keys.iter().map(|it| it.id));
    let mut found = BTreeMap::new();
    for key in &keys {
        for segment in &head {
            let frames = segment.closed.index.get(&key.id).into_iter().flatten();
            for frame in frames.filter(|it| segment.is_durable(it)) {
                add(&mut found, key.retention, (1, frame.at, frame.at), now);
            }
        }
    }
    let sql = "SELECT b.retention_days, b.segment_number, b.readings, b.first_at, b.last_at FROM vault_block b \
               JOIN vault_epoch_key e ON e.key_id = b.key_id \
               WHERE e.subject = $1 AND e.state < 2 AND b.expires_at > $2";
    let params = [subject.into(), now.as_millis().into()];
    for row in log.db.read(|tx| tx.query(sql, &params))? {
        if is_from_blocks(&head, from_row(row.get(1)?)) {
            let first_at = Timestamp::from_millis(row.get(3)?);
            let last_at = Timestamp::from_millis(row.get(4)?);
            let part = (from_row(row.get(2)?), first_at, last_at);
            add(
                &mut found,
                crate::keys::days_from_row(row.get(0)?),
                part,
                now,
            );
        }
    }
    Ok(found.into_values().collect())
}

fn add(
    found: &mut BTreeMap<Retention, Held>,
    retention: Retention,
    (readings, first_at, last_at): (u64, Timestamp, Timestamp),
    now: Timestamp,
) {
    let last_at = expires_at(last_at, retention);
    if last_at <= now {
        return;
    }
    let next_at = expires_at(first_at, retention).max(now);
    let held = found.entry(retention).or_insert(Held {
        retention,
        readings: 0,
        next_at,
        last_at,
    });
    held.readings += readings;
    held.next_at = held.next_at.min(next_at);
    held.last_at = held.last_at.max(last_at);
}
