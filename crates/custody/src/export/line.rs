//! A kept reading as a line of JSON, as exports have it and files that are sealed to a person's own keys.

use serde_json::value::RawValue;
use vault::StoredReading;

use super::rows_out::{Line, json_line};
use crate::destination::without_mark;

const DAY_MILLIS: i64 = 86_400_000;

/// Writes the line. Of a body that is no JSON, which is never written, the line has its bytes as a text.
pub(crate) fn reading_line(reading: &StoredReading, out: &mut Vec<u8>) {
    let bytes = without_mark(&reading.body);
    let as_text = || serde_json::value::to_raw_value(&String::from_utf8_lossy(&bytes)).ok();
    let body: Option<&RawValue> = serde_json::from_slice(&bytes).ok();
    let body = body.map(ToOwned::to_owned).or_else(as_text);
    let Some(body) = body else {
        return;
    };
    let days = reading.retention.as_days();
    let line = Line {
        at: reading.at,
        vanishes_at: reading.at.plus_millis(i64::from(days) * DAY_MILLIS),
        retention_days: days,
        deployment: &reading.deployment,
        thing: &reading.thing,
        body: &body,
        fields: &[],
    };
    json_line(&line, out);
}
