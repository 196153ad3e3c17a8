//! A declaration to begin with, made of a notice: somebody reads it, changes it, and declares it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use model::{DataType, Field, FieldKind, Notice, Text};

use super::declared::{MAX_SUMMARY_CHARS, MAX_TITLE_CHARS, MAX_UNIT_BYTES};

/// A draft has so many columns of fields: the more there are, the fewer homes have the same row.
const MAX_DRAFT_FIELDS: usize = 3;
/// The width of the first step where the notice does not say which values there are.
const ANY_WIDTH: f64 = 1.0;
/// The finest and the widest first step.
const WIDTHS: (i32, i32) = (-5, 7);

/// A declaration of a data set for a notice, as a TOML file that reads. Hours are counted in the zone that lies so many minutes from UTC.
/// How exact its columns are is a guess from the ranges of the fields.
#[must_use]
pub fn draft_data_set(notice: &Notice, utc_offset_minutes: i32) -> String {
    let mut text = String::new();
    let id = format!("{}-hours", notice.deployment);
    let id: String = match id.len() {
        0..=64 => id,
        _ => "new-data-set".to_owned(),
    };
    let fields = [
        ("id", quoted(&id)),
        ("deployment", quoted(notice.deployment.as_str())),
        ("title", both(&notice.title, MAX_TITLE_CHARS)),
        ("summary", both(&notice.summary, MAX_SUMMARY_CHARS)),
        ("licence", quoted("CC-BY-4.0")),
        ("k", "5".to_owned()),
        ("least-homes", "10".to_owned()),
        ("most-left-out-percent", "40".to_owned()),
        ("utc-offset-minutes", utc_offset_minutes.to_string()),
        ("every-days", "7".to_owned()),
    ];
    for (name, value) in fields {
        push(&mut text, name, &value);
    }
    let hour = Text {
        en: "Hour of the day".to_owned(),
        ur: "دن کا گھنٹہ".to_owned(),
    };
    text.push_str("\n[[columns]]\n");
    push(&mut text, "name", &quoted("hour"));
    push(&mut text, "title", &both(&hour, MAX_TITLE_CHARS));
    push(&mut text, "kind", &quoted("time"));
    push(&mut text, "steps", r#"["hour-of-day", "part-of-day"]"#);
    let columns = columns(notice);
    for (name, field) in &columns {
        text.push_str("\n[[columns]]\n");
        push(&mut text, "name", &quoted(name));
        push(&mut text, "title", &both(&field.title, MAX_TITLE_CHARS));
        push(&mut text, "kind", &quoted("number"));
        push(&mut text, "field", &quoted(field.pointer.as_str()));
        let unit = field
            .unit
            .as_deref()
            .filter(|it| it.len() <= MAX_UNIT_BYTES);
        if let Some(unit) = unit {
            push(&mut text, "unit", &quoted(unit));
        }
        let [finer, coarser] = steps(field).map(|it| quoted(&it));
        push(&mut text, "steps", &format!("[{finer}, {coarser}]"));
    }
    text.push_str("\n[plot]\n");
    push(&mut text, "x", &quoted("hour"));
    if let Some((name, _)) = columns.first() {
        push(&mut text, "y", &quoted(name));
    }
    text
}

fn push(text: &mut String, name: &str, value: &str) {
    // Into memory: cannot fail.
    let _ = writeln!(text, "{name} = {value}");
}

/// A basic string of TOML: what JSON escapes, TOML reads alike (TOML 1.0, section "String").
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn both(text: &Text, most: usize) -> String {
    let cut = |it: &str| {
        let plain = it.chars().map(|it| if it.is_control() { ' ' } else { it });
        quoted(&plain.take(most).collect::<String>())
    };
    format!("{{ en = {}, ur = {} }}", cut(&text.en), cut(&text.ur))
}

/// The first fields that can be columns, with the names that they get.
fn columns(notice: &Notice) -> Vec<(String, &Field)> {
    let fits = |it: &&Field| {
        it.kind == FieldKind::Number
            && it.data != Some(DataType::Identifier)
            && notice.subject_field.as_ref() != Some(&it.pointer)
            && !it.pointer.has_wildcard()
    };
    let mut taken = BTreeSet::from(["hour".to_owned(), "row".to_owned()]);
    let mut columns = Vec::new();
    for field in notice.fields.iter().filter(fits) {
        let name = name_of(field);
        if columns.len() < MAX_DRAFT_FIELDS && taken.insert(name.clone()) {
            columns.push((name, field));
        }
    }
    columns
}

fn name_of(field: &Field) -> String {
    let last = field
        .pointer
        .as_str()
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let plain = last.chars().map(|it| match it.to_ascii_lowercase() {
        it @ ('a'..='z' | '0'..='9') => it,
        _ => '_',
    });
    let name: String = plain.take(30).collect();
    match name.starts_with(|it: char| it.is_ascii_lowercase()) {
        true => name,
        false => format!("v{name}"),
    }
}

/// About a tenth of the range as a power of ten, and ten times that.
fn steps(field: &Field) -> [String; 2] {
    let range = field.range.and_then(|it| Some(it.max? - it.min?));
    let width = range.map_or(ANY_WIDTH, |it| it / 10.0);
    let exponent = match width > 0.0 && width.is_finite() {
        // Between the two widths: no digit is lost.
        true => {
            (width
                .log10()
                .floor()
                .clamp(f64::from(WIDTHS.0), f64::from(WIDTHS.1))) as i32
        }
        false => 0,
    };
    [exponent, exponent + 1].map(power_of_ten)
}

fn power_of_ten(exponent: i32) -> String {
    let places = usize::try_from(exponent.unsigned_abs()).unwrap_or(0);
    match exponent < 0 {
        true => format!("0.{}1", "0".repeat(places.saturating_sub(1))),
        false => format!("1{}", "0".repeat(places)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::declared::DataSet;
    use super::*;

    #[test]
    fn gp_b4b_a_draft_reads_and_fits_the_notice_that_it_was_made_of() {
        let notice = Notice::parse(include_str!("../../tests/it/home.toml")).unwrap();
        let text = draft_data_set(&notice, 300);
        let data_set = DataSet::parse(&text).unwrap().fits(&notice).unwrap();
        assert_eq!(data_set.deployment, notice.deployment);
        assert_eq!(data_set.plan.utc_offset_minutes, 300);
        assert!(data_set.columns.len() > 1, "{text}");
        assert!(data_set.plot.is_some_and(|it| it.y == Some(1)));
    }

    #[test]
    fn whatever_a_notice_calls_things_the_draft_reads() {
        let mut notice = Notice::parse(include_str!("../../tests/it/home.toml")).unwrap();
        notice.title.en = format!("A \"title\"\\ with\u{7f} {}", "x".repeat(500));
        notice.title.ur = "گھر \"ایک\"".to_owned();
        for field in &mut notice.fields {
            field.title.en = "a\tb\u{1}c".to_owned();
            field.unit = Some("u".repeat(MAX_UNIT_BYTES + 1));
        }
        let data_set = DataSet::parse(&draft_data_set(&notice, -720)).unwrap();
        assert_eq!(data_set.columns[1].unit, "");
        notice.fields.clear();
        assert!(
            DataSet::parse(&draft_data_set(&notice, 0))
                .unwrap()
                .plot
                .is_some()
        );
    }

    #[test]
    fn widths_are_powers_of_ten() {
        for (exponent, expected) in [(-5, "0.00001"), (-1, "0.1"), (0, "1"), (3, "1000")] {
            assert_eq!(power_of_ten(exponent), expected);
        }
    }
}
