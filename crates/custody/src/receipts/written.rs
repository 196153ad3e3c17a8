//! Receipts in files: a line of JSON, a row of a table.

use model::Timestamp;
use serde::Serialize;

use super::{CommittedAs, HOUR_MILLIS, ReceiptRow};
use crate::export::cell;

/// The head of the table.
pub(crate) const CSV_HEAD: &str = "from_utc,until_utc,recipient,purpose,deployment,thing,fields,exact_fields,messages,last_utc,committed\r\n";

#[derive(Serialize)]
struct Line<'a> {
    from: String,
    until: String,
    recipient: &'a str,
    purpose: &'a str,
    deployment: &'a str,
    thing: &'a str,
    fields: &'a [String],
    exact_fields: &'a [String],
    messages: i64,
    last_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    committed: Option<String>,
}

impl ReceiptRow {
    /// When its hour begins.
    #[must_use]
    pub const fn begins_at(&self) -> Timestamp {
        Timestamp::from_millis(self.hour.saturating_mul(HOUR_MILLIS))
    }

    /// When its hour is over.
    #[must_use]
    pub const fn ends_at(&self) -> Timestamp {
        Timestamp::from_millis(self.hour.saturating_add(1).saturating_mul(HOUR_MILLIS))
    }

    /// `BATCH-PLACE`, where it can be proven.
    #[must_use]
    pub fn proof_name(&self) -> Option<String> {
        match self.committed {
            CommittedAs::Proven { batch, place } => Some(format!("{batch}-{place}")),
            CommittedAs::Open | CommittedAs::Forgotten => None,
        }
    }

    /// The head of the table that [`ReceiptRow::write_csv`] writes rows of.
    #[must_use]
    pub const fn csv_head() -> &'static str {
        CSV_HEAD
    }

    /// Appends it as a line of JSON, with its newline.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let line = Line {
            from: self.begins_at().to_string(),
            until: self.ends_at().to_string(),
            recipient: self.recipient.as_str(),
            purpose: self.purpose.as_str(),
            deployment: self.deployment.as_str(),
            thing: self.thing.as_str(),
            fields: &self.fields,
            exact_fields: &self.exact,
            messages: self.deliveries,
            last_at: self.last_at.to_string(),
            committed: self.proof_name(),
        };
        out.extend(serde_json::to_vec(&line).unwrap_or_default());
        out.push(b'\n');
    }

    /// Appends it as a row of a table (RFC 4180); formulas are defused.
    pub fn write_csv(&self, out: &mut Vec<u8>) {
        let plain = |it: Timestamp| it.to_string().replace('T', " ").replace('Z', "");
        let cells = [
            plain(self.begins_at()),
            plain(self.ends_at()),
            self.recipient.to_string(),
            self.purpose.to_string(),
            self.deployment.to_string(),
            self.thing.to_string(),
            cell(&self.fields.join(" ")),
            cell(&self.exact.join(" ")),
            self.deliveries.to_string(),
            plain(self.last_at),
            self.proof_name().unwrap_or_default(),
        ];
        out.extend_from_slice(cells.join(",").as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}
