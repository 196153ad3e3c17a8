//! What names of fields tell: two tables, of our own (`facts.tsv`) and of Zigbee devices (`zigbee.tsv`).

use model::{Coarsening, DataType, FieldKind, Range, Sensitivity, Statistic, Window};

const FACTS: &str = include_str!("facts.tsv");
const ZIGBEE: &str = include_str!("zigbee.tsv");

/// What the name of a field tells.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Guess {
    pub(super) kind: Option<FieldKind>,
    pub(super) english: Option<&'static str>,
    pub(super) urdu: Option<&'static str>,
    pub(super) unit: Option<&'static str>,
    pub(super) range: Option<Range>,
    pub(super) sensitivity: Option<Sensitivity>,
    pub(super) data: Option<DataType>,
    pub(super) coarse: Vec<Coarsening>,
    /// Why it is so sensitive, or what it is.
    pub(super) why: Option<&'static str>,
}

/// What is known of this name, for a value of this kind.
pub(super) fn guess(name: &str, kind: Option<FieldKind>) -> Option<Guess> {
    candidates(name).find_map(|it| exactly(&it, kind))
}

/// What both tables know of one spelling.
fn exactly(name: &str, kind: Option<FieldKind>) -> Option<Guess> {
    let zigbee = zigbee(name);
    let kind = kind.or_else(|| zigbee.as_ref().and_then(|it| it.kind));
    match (fact(name, kind), zigbee) {
        (Some(fact), Some(zigbee)) => Some(Guess {
            kind: fact.kind.or(zigbee.kind),
            unit: zigbee.unit.or(fact.unit),
            ..fact
        }),
        (fact, zigbee) => fact.or(zigbee),
    }
}

/// The name without case and signs; without a number behind it; and its words, the last first.
fn candidates(name: &str) -> impl Iterator<Item = String> {
    let whole = plain(name);
    let base = whole.trim_end_matches(|it: char| it.is_ascii_digit());
    let base = base.to_owned();
    let words = words(name).into_iter().rev();
    [whole, base]
        .into_iter()
        .chain(words)
        .filter(|it| it.len() > 1)
}

/// `presenceDetected_left`: presence, detected, left.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for letter in name.chars() {
        let is_new = !letter.is_alphanumeric() || (was_small && letter.is_uppercase());
        if is_new {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
        was_small = letter.is_lowercase();
    }
    words
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(|it| it.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

fn fact(name: &str, kind: Option<FieldKind>) -> Option<Guess> {
    FACTS.lines().find_map(|line| {
        let mut columns = line.split('\t');
        let mut next = || columns.next().filter(|it| !it.is_empty());
        let names = next()?;
        let of = FieldKind::parse(next()?);
        if !names.split(' ').any(|it| it.eq_ignore_ascii_case(name))
            || (kind.is_some() && of.is_some() && of != kind)
        {
            return None;
        }
        Some(Guess {
            kind: of,
            english: next(),
            urdu: next(),
            data: next().and_then(DataType::parse),
            sensitivity: next().and_then(Sensitivity::parse),
            unit: next(),
            range: next().and_then(range),
            coarse: next().map(levels).unwrap_or_default(),
            why: next(),
        })
    })
}

fn zigbee(name: &str) -> Option<Guess> {
    ZIGBEE.lines().find_map(|line| {
        let mut columns = line.split('\t');
        let property = columns.next()?;
        if plain(property) != name {
            return None;
        }
        let mut next = || columns.next().filter(|it| !it.is_empty());
        let kind = next().and_then(FieldKind::parse);
        let label = next();
        let unit = next();
        Some(Guess {
            kind,
            english: label,
            urdu: None,
            unit: unit.map(standard_unit),
            range: None,
            sensitivity: None,
            data: None,
            coarse: Vec::new(),
            why: next(),
        })
    })
}

/// `-90 90`.
fn range(text: &str) -> Option<Range> {
    let (min, max) = text.split_once(' ')?;
    Some(Range {
        min: min.parse().ok(),
        max: max.parse().ok(),
    })
}

/// `round 2; round 0.5`, coarsest first.
fn levels(text: &str) -> Vec<Coarsening> {
    text.split("; ").filter_map(level).collect()
}

fn level(text: &str) -> Option<Coarsening> {
    let mut words = text.split(' ');
    let (operator, number) = (words.next()?, words.next()?);
    Some(match operator {
        "round" => Coarsening::Round(number.parse().ok()?),
        "grid" => Coarsening::Grid(number.parse().ok()?),
        "threshold" => Coarsening::Threshold(number.parse().ok()?),
        "window" => Coarsening::Window(Window {
            seconds: number.parse().ok()?,
            of: Statistic::parse(words.next()?)?,
            least: 2,
        }),
        _ => return None,
    })
}

/// The UCUM or SenML name of a unit that people write otherwise.
pub(super) fn standard_unit(unit: &str) -> &str {
    match unit {
        "°C" | "celsius" | "degC" | "C" => "Cel",
        "°F" | "fahrenheit" => "[degF]",
        "°" | "degrees" => "deg",
        "m³" | "m^3" => "m3",
        "m³/h" => "m3/h",
        "µg/m³" | "μg/m³" => "ug/m3",
        "mg/m³" => "mg/m3",
        "L" => "l",
        "lux" => "lx",
        "percent" => "%",
        "seconds" | "sec" => "s",
        "minutes" => "min",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_whole() {
        for line in FACTS.lines() {
            assert_eq!(line.split('\t').count(), 10, "{line}");
            let columns: Vec<_> = line.split('\t').collect();
            assert!(
                columns[1] == "any" || FieldKind::parse(columns[1]).is_some(),
                "{line}"
            );
            assert!(DataType::parse(columns[4]).is_some(), "{line}");
            assert!(Sensitivity::parse(columns[5]).is_some(), "{line}");
            let written = columns[8].split("; ").filter(|it| !it.is_empty()).count();
            assert_eq!(levels(columns[8]).len(), written, "{line}");
            assert!(
                columns[7].is_empty() || range(columns[7]).is_some(),
                "{line}"
            );
        }
        for line in ZIGBEE.lines() {
            assert_eq!(line.split('\t').count(), 5, "{line}");
        }
    }

    #[test]
    fn a_name_is_known_in_many_spellings() {
        let english = |name, kind| guess(name, kind).and_then(|it| it.english);
        let number = Some(FieldKind::Number);
        assert_eq!(english("apower", number), Some("Power in use"));
        assert_eq!(english("POWER", Some(FieldKind::Text)), Some("Switched on"));
        assert_eq!(english("power_left", number), Some("Power in use"));
        assert_eq!(english("Temperature2", number), Some("Temperature"));
        assert_eq!(
            english("livingroom_temperature", number),
            Some("Temperature")
        );
        assert_eq!(
            english("friendly_name", Some(FieldKind::Text)),
            Some("Name")
        );
        assert_eq!(
            english("presenceDetected", Some(FieldKind::Boolean)),
            Some("Somebody is there")
        );
        assert_eq!(english("power_outage_count", number), None);
        assert_eq!(english("zorblax", number), None);
    }

    #[test]
    fn a_unit_of_the_zigbee_table_is_written_as_in_ucum() {
        let guess = guess("local_temperature", None).unwrap();
        assert_eq!(
            (guess.kind, guess.unit),
            (Some(FieldKind::Number), Some("Cel"))
        );
    }
}
