//! One reading in the formats of an export. What each means is in `docs/reference/export-format.md`.

use model::{DeploymentId, ThingId, Timestamp};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::timeline::{Accuracy, TimelineField};

/// One reading as the formats need it.
pub(super) struct Line<'a> {
    pub(super) at: Timestamp,
    pub(super) vanishes_at: Timestamp,
    pub(super) retention_days: u16,
    pub(super) deployment: &'a DeploymentId,
    pub(super) thing: &'a ThingId,
    /// What was kept, without the name of a destination.
    pub(super) body: &'a RawValue,
    pub(super) fields: &'a [(TimelineField, &'a str)],
}

/// JSON Lines: one object a line, with the body as it was kept.
pub(super) fn json_line(line: &Line<'_>, out: &mut Vec<u8>) {
    let head = format!(
        "{{\"at\":\"{}\",\"deployment\":\"{}\",\"thing\":\"{}\",\"retention_days\":{},\"vanishes_at\":\"{}\",\"body\":",
        line.at, line.deployment, line.thing, line.retention_days, line.vanishes_at
    );
    out.extend_from_slice(head.as_bytes());
    // Between the values of JSON a line break is white space, and inside a text it cannot stand.
    let flat = |it: u8| {
        if matches!(it, b'\n' | b'\r') {
            b' '
        } else {
            it
        }
    };
    out.extend(line.body.get().bytes().map(flat));
    out.extend_from_slice(b"}\n");
}

/// The first line of a CSV file.
pub(super) const CSV_HEAD: &str = "time_utc,deployment,thing,field,value,unit,accuracy,threshold,window_from_utc,window_until_utc,window_of,window_count,vanishes_utc\r\n";

/// A moment as spreadsheets read it: no `T`, no `Z`.
fn plain_time(at: Timestamp) -> String {
    at.to_string().replace('T', " ").replace('Z', "")
}

/// CSV (RFC 4180): one line for each value.
pub(super) fn csv_lines(line: &Line<'_>, out: &mut Vec<u8>) {
    let at = plain_time(line.at);
    let vanishes = plain_time(line.vanishes_at);
    for (field, unit) in line.fields {
        let value = match serde_json::from_str(&field.value) {
            Ok(Value::String(text)) => cell(&text),
            // A number, true or false: as it was kept, digit for digit.
            _ => field.value.clone(),
        };
        let accuracy = match field.coarse {
            None => String::new(),
            Some(Accuracy::Within(it)) => it.to_string(),
            Some(Accuracy::NotStated) => "not-stated".to_owned(),
        };
        let threshold = field.threshold.map(|it| it.to_string()).unwrap_or_default();
        let window = field.window.map_or_else(
            || ",,,".to_owned(),
            |it| {
                let (from, until) = (plain_time(it.from), plain_time(it.until));
                format!("{from},{until},{},{}", it.of.as_str(), it.count)
            },
        );
        let text = format!(
            "{at},{},{},{},{value},{},{accuracy},{threshold},{window},{vanishes}\r\n",
            line.deployment,
            line.thing,
            cell(&field.pointer),
            cell(unit),
        );
        out.extend_from_slice(text.as_bytes());
    }
}

/// A text as one cell. A spreadsheet takes a text that begins with `=`, `+`, `-`, `@`, a tab or a line break for a formula; such a one
/// gets an apostrophe before it (OWASP, CSV injection). Quoted where RFC 4180 section 2 (6) wants it.
pub(crate) fn cell(text: &str) -> String {
    let is_formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let mark = if is_formula { "'" } else { "" };
    if text.contains([',', '"', '\r', '\n', '\t', ';', '\'']) || is_formula {
        format!("\"{mark}{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// The units that SenML knows (RFC 8428 section 12.1).
const SENML_UNITS: [&str; 58] = [
    "m", "kg", "g", "s", "A", "K", "cd", "mol", "Hz", "rad", "sr", "N", "Pa", "J", "W", "C", "V",
    "F", "Ohm", "S", "Wb", "T", "H", "Cel", "lm", "lx", "Bq", "Gy", "Sv", "kat", "m2", "m3", "l",
    "m/s", "m/s2", "m3/s", "l/s", "W/m2", "cd/m2", "bit", "bit/s", "lat", "lon", "pH", "dB", "dBW",
    "Bspl", "count", "/", "%", "%RH", "%EL", "EL", "1/s", "1/min", "beat/min", "beats", "S/m",
];

/// SenML (RFC 8428): one record for each value; the records of a thing are one pack, so `is_first` begins it. What has neither a number,
/// a text nor a truth value is left out. Gives how many records were written.
pub(super) fn senml_records(line: &Line<'_>, is_first: bool, out: &mut Vec<u8>) -> u64 {
    let mut count = 0;
    for (field, unit) in line.fields {
        let key = match field.value.bytes().next() {
            Some(b'"') => "vs",
            Some(b't' | b'f') => "vb",
            Some(b'-' | b'0'..=b'9') => "v",
            _ => continue,
        };
        let begins_pack = is_first && count == 0;
        out.extend_from_slice(if begins_pack { b"[\n{" } else { b",\n{" });
        if begins_pack {
            out.extend_from_slice(format!("\"bn\":\"{}:\",", line.thing).as_bytes());
        }
        if count == 0 {
            let millis = line.at.as_millis();
            let time = format!(
                "\"bt\":{}.{:03},",
                millis.div_euclid(1000),
                millis.rem_euclid(1000)
            );
            out.extend_from_slice(time.as_bytes());
        }
        let name = senml_name(&field.pointer);
        if !name.is_empty() {
            out.extend_from_slice(format!("\"n\":\"{name}\",").as_bytes());
        }
        if SENML_UNITS.contains(unit) {
            out.extend_from_slice(format!("\"u\":\"{unit}\",").as_bytes());
        }
        out.extend_from_slice(format!("\"{key}\":{}}}", field.value).as_bytes());
        count += 1;
    }
    count
}

/// The end of a SenML pack.
pub(super) const SENML_END: &[u8] = b"\n]\n";

/// A pointer in the characters that names of SenML have (RFC 8428 section 4.5.1).
fn senml_name(pointer: &str) -> String {
    let fits = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | ':' | '.' | '/' | '_');
    let name = pointer.strip_prefix('/').unwrap_or(pointer);
    name.chars()
        .map(|it| if fits(it) { it } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(body: &str, unit: &'static str) -> [String; 3] {
        let body: Box<RawValue> = RawValue::from_string(body.to_owned()).unwrap();
        let fields = crate::timeline::fields(&body).unwrap();
        let fields: Vec<_> = fields.into_iter().map(|it| (it, unit)).collect();
        let line = Line {
            at: Timestamp::from_millis(1_790_000_000_250),
            vanishes_at: Timestamp::from_millis(1_790_086_400_250),
            retention_days: 1,
            deployment: &DeploymentId::parse("home").unwrap(),
            thing: &ThingId::parse("meter-1").unwrap(),
            body: &body,
            fields: &fields,
        };
        let mut found = [Vec::new(), Vec::new(), Vec::new()];
        json_line(&line, &mut found[0]);
        csv_lines(&line, &mut found[1]);
        senml_records(&line, true, &mut found[2]);
        found.map(|it| String::from_utf8(it).unwrap())
    }

    #[test]
    fn a_reading_in_each_format() {
        let [json, csv, senml] = written(r#"{"power":1210.50,"on":true}"#, "W");
        assert_eq!(
            json,
            "{\"at\":\"2026-09-21T14:13:20.25Z\",\"deployment\":\"home\",\"thing\":\"meter-1\",\"retention_days\":1,\
             \"vanishes_at\":\"2026-09-22T14:13:20.25Z\",\"body\":{\"power\":1210.50,\"on\":true}}\n"
        );
        assert_eq!(
            csv,
            "2026-09-21 14:13:20.25,home,meter-1,/on,true,W,,,,,,,2026-09-22 14:13:20.25\r\n\
             2026-09-21 14:13:20.25,home,meter-1,/power,1210.50,W,,,,,,,2026-09-22 14:13:20.25\r\n"
        );
        assert_eq!(
            senml,
            "[\n{\"bn\":\"meter-1:\",\"bt\":1790000000.250,\"n\":\"on\",\"u\":\"W\",\"vb\":true},\
             \n{\"n\":\"power\",\"u\":\"W\",\"v\":1210.50}"
        );
        assert_eq!(
            CSV_HEAD.matches(',').count(),
            csv.lines().next().unwrap().matches(',').count()
        );
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_a_text() {
        for (text, expected) in [
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-2+3", "\"'-2+3\""),
            ("+1", "\"'+1\""),
            ("\tx", "\"'\tx\""),
            ("a\"b", "\"a\"\"b\""),
            ("a,b", "\"a,b\""),
            ("plain", "plain"),
        ] {
            assert_eq!(cell(text), expected);
        }
        let [_, csv, _] = written(r#"{"note":"=cmd|'/c calc'!A0","n":-5.5}"#, "");
        assert!(csv.contains(",\"'=cmd|'/c calc'!A0\","), "{csv}");
        assert!(csv.contains(",/n,-5.5,"), "numbers stay numbers: {csv}");
    }

    #[test]
    fn names_of_senml_have_only_its_characters() {
        assert_eq!(senml_name("/a b/ü/0"), "a_b/_/0");
        assert_eq!(senml_name(""), "");
    }
}
