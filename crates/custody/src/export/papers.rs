//! What an export has beside readings: choices, records and receipts of consent, receipts of deliveries, notices, and the entries of the
//! public record with what anyone needs to check them.

use std::collections::BTreeSet;

use model::{DeploymentId, Notice, Subject, Timestamp};
use serde_json::json;

use super::rows_out::cell;
use super::spool::{PartId, Spool};
use super::{ExportError, ExportFrame, ExportSummary};
use crate::Custody;
use crate::receipts::HOUR_MILLIS;
use crate::receipts::written::CSV_HEAD;
use crate::rows;

/// The name of the file with the public key of the record.
pub(super) const KEY_NAME: &str = "record/log.vkey";
/// The name of the file with entries of the record.
pub(super) const ENTRIES_NAME: &str = "record/entries.jsonl";
/// The name of the file of choices.
pub(super) const CHOICES_NAME: &str = "choices/choices.json";
/// The most entries of the record about one deployment.
const MAX_RECORD_ENTRIES: u16 = 10_000;

impl Custody {
    /// The files, in no order.
    pub(super) fn papers(
        &self,
        frame: &ExportFrame<'_>,
        spool: &mut Spool,
        summary: &mut ExportSummary,
    ) -> Result<Vec<PartId>, ExportError> {
        let mut parts = vec![spool.whole(KEY_NAME, format!("{}\n", summary.key).as_bytes())?];
        let choices = self.choices_file(&summary.person, summary.made_at);
        parts.push(spool.whole(CHOICES_NAME, choices.as_bytes())?);
        self.consent(frame, spool, summary, &mut parts)?;
        self.deliveries(spool, summary, &mut parts)?;
        let about = self.deployments_in(summary);
        self.notices(&about, spool, &mut parts)?;
        self.entries(&about, spool, summary, &mut parts)?;
        Ok(parts)
    }

    /// The deployments with readings in it, and those that are about the person.
    fn deployments_in(&self, summary: &ExportSummary) -> BTreeSet<DeploymentId> {
        let about = self.deployments_about(&summary.person).into_iter();
        let about = about.filter(|it| summary.only.as_ref().is_none_or(|only| only == it));
        let things = summary.things.iter().map(|it| it.deployment.clone());
        about.chain(things).collect()
    }

    fn consent(
        &self,
        frame: &ExportFrame<'_>,
        spool: &mut Spool,
        summary: &mut ExportSummary,
        parts: &mut Vec<PartId>,
    ) -> Result<(), ExportError> {
        let person = &summary.person;
        for record in &frame.records {
            let name = format!("consent/record.{}.json", record.language.tag());
            if let Some(text) = self.consent_record(person, None, record)? {
                parts.push(spool.whole(&name, text.as_bytes())?);
            }
        }
        let Some(first) = frame.records.first() else {
            return Ok(());
        };
        let acts = self
            .inner
            .db
            .read(|tx| rows::consent::all_acts(tx, person))?;
        for act in acts {
            let name = format!(
                "consent/receipts/{:05}-{}.json",
                act.number,
                act.id.as_str()
            );
            if let Some(text) = self.consent_receipt(person, &act.id, first)? {
                parts.push(spool.whole(&name, text.as_bytes())?);
                summary.choices += 1;
            }
        }
        Ok(())
    }

    fn deliveries(
        &self,
        spool: &mut Spool,
        summary: &mut ExportSummary,
        parts: &mut Vec<PartId>,
    ) -> Result<(), ExportError> {
        let lines = spool.begin("deliveries/deliveries.jsonl".to_owned())?;
        let table = spool.begin("deliveries/deliveries.csv".to_owned())?;
        spool.write(table, 1, |it| it.extend_from_slice(CSV_HEAD.as_bytes()))?;
        parts.extend([lines, table]);
        let subject = Subject::Person(summary.person.clone());
        let mut next = i64::MIN;
        loop {
            let found = self.inner.db.read(|tx| {
                let Some(hour) = rows::receipt::hour_from(tx, &subject, next)? else {
                    return Ok(None);
                };
                let rows = rows::receipt::of_hour(tx, &subject, hour, summary.made_at)?;
                Ok::<_, rows::RowError>(Some((hour, rows)))
            })?;
            let Some((hour, rows)) = found else {
                return Ok(());
            };
            next = hour.saturating_add(1);
            for row in rows {
                let begun = Timestamp::from_millis(hour.saturating_mul(HOUR_MILLIS));
                if begun > summary.made_at {
                    continue;
                }
                summary.deliveries += 1;
                spool.write(lines, 1, |it| row.write_json(it))?;
                spool.write(table, 1, |it| row.write_csv(it))?;
            }
        }
    }

    /// The notices, and what their fields are called, in words.
    fn notices(
        &self,
        about: &BTreeSet<DeploymentId>,
        spool: &mut Spool,
        parts: &mut Vec<PartId>,
    ) -> Result<(), ExportError> {
        let table = spool.begin("fields.csv".to_owned())?;
        let head = "deployment,deployment_en,deployment_ur,field,title_en,title_ur,unit\r\n";
        spool.write(table, 1, |it| it.extend_from_slice(head.as_bytes()))?;
        parts.push(table);
        for id in about {
            let source = self
                .inner
                .db
                .read(|tx| rows::consent::notice_in_force(tx, id))?;
            let Some(source) = source else {
                continue;
            };
            let name = format!("notices/{id}.toml");
            parts.push(spool.whole(&name, source.as_bytes())?);
            let Ok(published) = Notice::parse_published(&source) else {
                continue;
            };
            let notice = published.notice;
            for field in &notice.fields {
                let cells = [
                    id.as_str(),
                    &notice.title.en,
                    &notice.title.ur,
                    field.pointer.as_str(),
                    &field.title.en,
                    &field.title.ur,
                    field.unit.as_deref().unwrap_or_default(),
                ];
                let row = cells.map(cell).join(",");
                spool.write(table, 1, |it| {
                    it.extend_from_slice(row.as_bytes());
                    it.extend_from_slice(b"\r\n");
                })?;
            }
        }
        Ok(())
    }

    fn entries(
        &self,
        about: &BTreeSet<DeploymentId>,
        spool: &mut Spool,
        summary: &mut ExportSummary,
        parts: &mut Vec<PartId>,
    ) -> Result<(), ExportError> {
        let file = spool.begin(ENTRIES_NAME.to_owned())?;
        parts.push(file);
        for id in about {
            let mut found = self.record_about(&format!("deployment:{id}"), MAX_RECORD_ENTRIES)?;
            found.sort_by_key(|it| it.position);
            for entry in found {
                let Some((_, proof)) = self.record_entry(entry.position)? else {
                    continue;
                };
                let path: Vec<_> = proof.proof.path.iter().map(ToString::to_string).collect();
                let line = json!({
                    "position": entry.position,
                    "entry": String::from_utf8_lossy(&proof.bytes),
                    "tree_size": proof.proof.size,
                    "path": path,
                    "checkpoint": proof.checkpoint,
                });
                summary.entries += 1;
                spool.write(file, 1, |it| {
                    it.extend_from_slice(line.to_string().as_bytes());
                    it.push(b'\n');
                })?;
            }
        }
        Ok(())
    }
}
