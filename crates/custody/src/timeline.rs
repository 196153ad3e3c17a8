//! A person's own timeline: what was recorded about them, and who received it.

use std::collections::BTreeMap;

use model::{DeploymentId, PersonId, Subject, ThingId, Timestamp};
use serde_json::value::RawValue;
use vault::ReadQuery;

use crate::Custody;
use crate::receipts::ReceiptRow;
use crate::rows::{self, RowError};

/// The most readings of one page.
pub const MAX_READINGS: u16 = 500;
/// The most receipts of one page.
const MAX_RECEIPTS: i64 = 200;

/// What was recorded about a person and who received it.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// Readings, newest first.
    pub readings: Vec<TimelineReading>,
    /// Receipts, newest hour first. Those of the last second may be missing.
    pub receipts: Vec<ReceiptRow>,
}

/// One reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineReading {
    /// When it came in.
    pub at: Timestamp,
    /// From which deployment.
    pub deployment: DeploymentId,
    /// From which thing.
    pub thing: ThingId,
    /// When it vanishes: its retention, counted from when it came in.
    pub vanishes_at: Timestamp,
    /// JSON Pointers and values as JSON text, ordered by name.
    pub fields: Vec<(String, String)>,
}

/// Why a timeline could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TimelineError {
    /// The vault.
    #[error("the readings could not be opened")]
    Vault(#[from] vault::ReadError),
    /// The receipts.
    #[error("the receipts could not be read")]
    Rows(#[from] RowError),
    /// A reading that is no JSON: what was sealed is not what was written.
    #[error("a reading is not what was written")]
    Unreadable,
}

impl Custody {
    /// The newest `limit` readings (at most [`MAX_READINGS`]) of a person before `before`, and who received what.
    /// Only for that person: the caller has checked who asks.
    ///
    /// # Errors
    /// See [`TimelineError`].
    pub fn timeline(
        &self,
        person: &PersonId,
        before: Timestamp,
        limit: u16,
        now: Timestamp,
    ) -> Result<Timeline, TimelineError> {
        let subject = Subject::Person(person.clone());
        let readings = self.inner.vault.read(&ReadQuery {
            subject: subject.clone(),
            now,
            from: Timestamp::EPOCH,
            until: before,
            limit: usize::from(limit.min(MAX_READINGS)),
            order: vault::Order::NewestFirst,
        })?;
        let readings = readings
            .into_iter()
            .map(|it| {
                let body =
                    serde_json::from_slice(&it.body).map_err(|_| TimelineError::Unreadable)?;
                let mut fields = Vec::new();
                leaves(body, &mut String::new(), &mut fields)
                    .map_err(|_| TimelineError::Unreadable)?;
                Ok(TimelineReading {
                    at: it.at,
                    deployment: it.deployment,
                    thing: it.thing,
                    vanishes_at: it
                        .at
                        .plus_millis(i64::from(it.retention.as_days()) * 86_400_000),
                    fields,
                })
            })
            .collect::<Result<_, TimelineError>>()?;
        let receipts = self
            .inner
            .db
            .read(|tx| rows::receipt::of(tx, &subject, MAX_RECEIPTS))?;
        Ok(Timeline { readings, receipts })
    }
}

/// The leaves of a reading with their pointers and their exact text, by name; what the platform itself added (`@…`) and
/// nulls are left out.
fn leaves(
    value: &RawValue,
    pointer: &mut String,
    out: &mut Vec<(String, String)>,
) -> serde_json::Result<()> {
    let text = value.get();
    match text.bytes().next() {
        Some(b'{') => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
            for (name, value) in members.iter().filter(|(name, _)| !name.starts_with('@')) {
                step(
                    pointer,
                    &name.replace('~', "~0").replace('/', "~1"),
                    value,
                    out,
                )?;
            }
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            for (index, value) in items.iter().enumerate() {
                step(pointer, &index.to_string(), value, out)?;
            }
        }
        _ if text == "null" => {}
        _ => out.push((pointer.clone(), text.to_owned())),
    }
    Ok(())
}

/// Readings nest no deeper than the pointers of their notice, so this recursion is bounded.
fn step(
    pointer: &mut String,
    token: &str,
    value: &RawValue,
    out: &mut Vec<(String, String)>,
) -> serde_json::Result<()> {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(token);
    leaves(value, pointer, out)?;
    pointer.truncate(length);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_named_by_pointer_and_keep_their_text() {
        let body = r#"{"a/b": {"c": [1.50, null, "x"]}, "@coarse": {"/d": 1}, "d": true}"#;
        let mut out = Vec::new();
        leaves(
            serde_json::from_str(body).unwrap(),
            &mut String::new(),
            &mut out,
        )
        .unwrap();
        let expected = [
            ("/a~1b/c/0", "1.50"),
            ("/a~1b/c/2", "\"x\""),
            ("/d", "true"),
        ];
        assert_eq!(out, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }
}
