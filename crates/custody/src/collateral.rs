//! What a field gives away besides what it is for: whether somebody is there.
//!
//! Where the notice declares a field that tells presence by itself (`tells-presence`), the readings that were kept show how
//! well *other* fields, or how fast they change, tell the same. The measure is the area under the ROC curve, computed by
//! ranks (Mann and Whitney 1947): shown one moment with somebody there and one without, in how many of 100 such pairs
//! does the value alone pick the right one. 50 is a coin; the direction does not matter.
//!
//! Nothing is estimated from too little: see [`LEAST_READINGS`] and [`LEAST_OF_EACH`]. The readings are a person's own, for
//! that person, or those of things that sense no person, for everybody.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use model::{DeploymentId, Notice, PersonId, Pointer, Subject, ThingId, Timestamp};
use serde_json::Value;
use vault::{Order, ReadQuery};

use crate::Custody;

/// The fewest readings from which something is said.
pub const LEAST_READINGS: usize = 100;
/// The fewest of them with somebody there, and the fewest without.
pub const LEAST_OF_EACH: usize = 20;
/// The most readings of one subject that are looked at, newest first.
pub const MOST_READINGS: usize = 5_000;
/// The most things of a deployment that are looked at.
const MOST_THINGS: usize = 32;
/// How long what everybody may know of a deployment is not worked out again: anybody may ask for it, and it costs much.
const KNOWN_MS: i64 = 600_000;
/// From here on it is worth saying: of 100 pairs, so many are told apart.
pub const WORTH_SAYING: u8 = 70;
/// Two readings further apart than this have no slope between them, in milliseconds.
const LONGEST_STEP_MS: i64 = 3_600_000;

/// What betrays presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// How great the value is.
    Value,
    /// How fast it rises or falls.
    Slope,
}

/// A field that betrays whether somebody is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceFact {
    /// The field.
    pub field: Pointer,
    /// By its value or by its slope: whichever tells more.
    pub sign: Sign,
    /// Of 100 pairs of one moment with and one without somebody, how many are told apart; 50 to 100.
    pub told_apart: u8,
    /// From how many readings.
    pub readings: usize,
}

/// Why nothing could be worked out.
#[derive(Debug, thiserror::Error)]
pub enum CollateralError {
    /// The vault.
    #[error("the readings could not be opened")]
    Vault(#[from] vault::ReadError),
}

/// One moment of one thing: what was kept of the fields that are numbers, and whether somebody was there.
#[derive(Debug, Default)]
struct Moment {
    is_somebody: Option<bool>,
    values: BTreeMap<usize, f64>,
}

/// What everybody may know, with when it was worked out. Only deployments in force are in it.
pub(crate) type PublicFacts = BTreeMap<DeploymentId, (Timestamp, Vec<PresenceFact>)>;

type Moments = BTreeMap<(ThingId, Timestamp), Moment>;

impl Custody {
    /// What the readings kept about a person from one deployment give away about presence, most telling first.
    /// Only for that person: the caller has checked who asks. Blocks on the vault: not for an async worker.
    ///
    /// # Errors
    /// When the readings cannot be opened.
    pub fn presence_facts_of(
        &self,
        person: &PersonId,
        deployment: &DeploymentId,
        now: Timestamp,
    ) -> Result<Vec<PresenceFact>, CollateralError> {
        let subjects = [Subject::Person(person.clone())];
        self.presence_facts(&subjects, deployment, now)
    }

    /// The same for the things of a deployment that sense no person: for everybody. At most ten minutes old; worked out for
    /// one deployment at a time, whoever asks.
    ///
    /// # Errors
    /// When the readings cannot be opened.
    pub fn presence_facts_at(
        &self,
        deployment: &DeploymentId,
        now: Timestamp,
    ) -> Result<Vec<PresenceFact>, CollateralError> {
        let known = &self.inner.public_facts;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, facts)) = known.get(deployment)
            && (0..KNOWN_MS).contains(&now.as_millis().saturating_sub(at.as_millis()))
        {
            return Ok(facts.clone());
        }
        let facts = self.work_out_facts_at(deployment, now)?;
        if self.in_force_at(deployment, now).is_some() {
            known.insert(deployment.clone(), (now, facts.clone()));
        }
        Ok(facts)
    }

    fn work_out_facts_at(
        &self,
        deployment: &DeploymentId,
        now: Timestamp,
    ) -> Result<Vec<PresenceFact>, CollateralError> {
        let catalogue = self.inner.catalogue.load();
        let things = catalogue.things.values();
        let mut subjects: Vec<_> = things
            .filter(|it| it.deployment.id == *deployment)
            .map(|it| Subject::Thing(it.id.clone()))
            .collect();
        subjects.sort();
        subjects.truncate(MOST_THINGS);
        self.presence_facts(&subjects, deployment, now)
    }

    fn presence_facts(
        &self,
        subjects: &[Subject],
        deployment: &DeploymentId,
        now: Timestamp,
    ) -> Result<Vec<PresenceFact>, CollateralError> {
        let Some(in_force) = self.in_force_at(deployment, now) else {
            return Ok(Vec::new());
        };
        let notice = &in_force.notice;
        if !notice.fields.iter().any(|it| it.tells_presence) {
            return Ok(Vec::new());
        }
        let mut moments = Moments::new();
        for subject in subjects {
            let readings = self.inner.vault.read(&ReadQuery {
                subject: subject.clone(),
                now,
                from: Timestamp::EPOCH,
                until: now.plus_millis(1),
                limit: MOST_READINGS,
                order: Order::NewestFirst,
            })?;
            for reading in readings.iter().filter(|it| it.deployment == *deployment) {
                let key = (reading.thing.clone(), reading.at);
                add(notice, &reading.body, moments.entry(key).or_default());
            }
        }
        Ok(facts(notice, &moments))
    }
}

/// Adds what one stored body says to its moment: retention classes keep parts of a message apart.
fn add(notice: &Notice, body: &[u8], moment: &mut Moment) {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    for (index, field) in notice.fields.iter().enumerate() {
        let Some(value) = body.pointer(field.pointer.as_str()) else {
            continue;
        };
        if field.tells_presence {
            let says = match value {
                Value::Bool(it) => Some(*it),
                Value::Number(it) => it.as_f64().map(|it| it > 0.0),
                _ => None,
            };
            // Somebody is there when one of the fields that tell presence says so.
            moment.is_somebody = match (moment.is_somebody, says) {
                (Some(before), Some(says)) => Some(before || says),
                (before, says) => says.or(before),
            };
        } else if let Some(value) = value.as_f64() {
            moment.values.insert(index, value);
        }
    }
}

fn facts(notice: &Notice, moments: &Moments) -> Vec<PresenceFact> {
    let mut facts: Vec<_> = notice
        .fields
        .iter()
        .enumerate()
        .filter_map(|(index, field)| {
            let (values, slopes) = samples(moments, index);
            let by_value = told_apart(values).map(|it| (it, Sign::Value));
            let by_slope = told_apart(slopes).map(|it| (it, Sign::Slope));
            let best = by_value.max(by_slope).or(by_value).or(by_slope)?;
            let ((told_apart, readings), sign) = best;
            (told_apart >= WORTH_SAYING).then(|| PresenceFact {
                field: field.pointer.clone(),
                sign,
                told_apart,
                readings,
            })
        })
        .collect();
    facts.sort_by(|a, b| b.told_apart.cmp(&a.told_apart).then(a.field.cmp(&b.field)));
    facts
}

/// A number with whether somebody was there.
type Sample = (f64, bool);

/// The values of a field and their slopes, each with whether somebody was there.
fn samples(moments: &Moments, field: usize) -> (Vec<Sample>, Vec<Sample>) {
    let (mut values, mut slopes) = (Vec::new(), Vec::new());
    let mut before: Option<(&ThingId, Timestamp, f64)> = None;
    for ((thing, at), moment) in moments {
        let (Some(value), Some(is_somebody)) = (moment.values.get(&field), moment.is_somebody)
        else {
            continue;
        };
        values.push((*value, is_somebody));
        if let Some((last_thing, last_at, last)) = before
            && last_thing == thing
        {
            let step = at.as_millis() - last_at.as_millis();
            if step > 0 && step <= LONGEST_STEP_MS {
                slopes.push(((value - last) / step as f64, is_somebody));
            }
        }
        before = Some((thing, *at, *value));
    }
    (values, slopes)
}

/// Of 100 pairs, how many are told apart, and from how many samples; `None` when there are too few.
fn told_apart(mut samples: Vec<Sample>) -> Option<(u8, usize)> {
    let with = samples.iter().filter(|it| it.1).count();
    let without = samples.len() - with;
    if samples.len() < LEAST_READINGS || with < LEAST_OF_EACH || without < LEAST_OF_EACH {
        return None;
    }
    samples.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks_with = 0.0;
    let mut first = 0;
    for group in samples.chunk_by(|a, b| a.0 == b.0) {
        // Equal values share the middle of their ranks.
        let middle = (2 * first + group.len() + 1) as f64 / 2.0;
        ranks_with += middle * group.iter().filter(|it| it.1).count() as f64;
        first += group.len();
    }
    let (with, without) = (with as f64, without as f64);
    let area = (ranks_with - with * (with + 1.0) / 2.0) / (with * without);
    // Between 50 and 100, so that the cast keeps the number.
    let pairs = (area.max(1.0 - area) * 100.0).round() as u8;
    Some((pairs, samples.len()))
}

/// Of 100 pairs of moments, how many a value in this unit told apart in a room that was measured for a published study:
/// Room Occupancy Estimation, UCI Machine Learning Repository, data set 864 (CC BY 4.0); sensor 1, its 10,026 complete rows,
/// by the measure of this module. `None` for units that were not measured there.
#[must_use]
pub fn published_fact(unit: &str) -> Option<u8> {
    match unit {
        "lx" => Some(98),
        "Cel" => Some(93),
        "ppm" => Some(92),
        _ => None,
    }
}

/// How far two places are apart on the ground, in metres (haversine, mean radius of the earth).
#[must_use]
pub fn distance_m(a: model::Position, b: model::Position) -> f64 {
    const RADIUS_M: f64 = 6_371_008.8;
    let (lat_a, lat_b) = (a.lat.to_radians(), b.lat.to_radians());
    let half = |it: f64| (it / 2.0).sin().powi(2);
    let chord =
        half(lat_b - lat_a) + lat_a.cos() * lat_b.cos() * half((b.lon - a.lon).to_radians());
    2.0 * RADIUS_M * chord.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Position;

    const NOTICE: &str = include_str!("../../../corpus/notice/valid/home-energy.toml");

    /// A notice with a number, and a field that tells presence.
    fn notice() -> Notice {
        let mut notice = Notice::parse(NOTICE).unwrap();
        let field = notice.fields[0].clone();
        let named = |pointer: &str, tells_presence| model::Field {
            pointer: Pointer::parse(pointer).unwrap(),
            tells_presence,
            made_by: None,
            ..field.clone()
        };
        notice.fields = vec![named("/co2", false), named("/people", true)];
        notice
    }

    /// One message a minute.
    fn facts_of(messages: impl Iterator<Item = (f64, u8)>) -> Vec<PresenceFact> {
        let notice = notice();
        let thing = ThingId::parse("hall").unwrap();
        let mut moments = Moments::new();
        for (minute, (co2, people)) in (0_i64..).zip(messages) {
            let at = Timestamp::from_millis(minute * 60_000);
            let body = serde_json::json!({"co2": co2, "people": people}).to_string();
            add(
                &notice,
                body.as_bytes(),
                moments.entry((thing.clone(), at)).or_default(),
            );
        }
        facts(&notice, &moments)
    }

    #[test]
    fn a_value_that_follows_people_betrays_them() {
        let found = facts_of((0..200).map(|it| match it % 40 {
            0..20 => (400.0 + f64::from(it % 7), 0),
            _ => (800.0 + f64::from(it % 7), 2),
        }));
        let expected = PresenceFact {
            field: Pointer::parse("/co2").unwrap(),
            sign: Sign::Value,
            told_apart: 100,
            readings: 200,
        };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_slope_may_tell_what_the_value_does_not() {
        // Up for ten minutes while somebody is there, down for ten while nobody is: the value is the same on both ways.
        let found = facts_of((0..200).map(|it| match it % 20 {
            up @ 0..10 => (400.0 + f64::from(up) * 10.0, 1),
            down => (400.0 + f64::from(20 - down) * 10.0, 0),
        }));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].sign, Sign::Slope);
        assert!(found[0].told_apart >= 90, "{found:?}");
    }

    #[test]
    fn what_has_nothing_to_do_with_people_is_not_named_and_little_is_not_enough() {
        let noise = |it: u32| f64::from(it.wrapping_mul(2_654_435_761) >> 16);
        assert_eq!(
            facts_of((0..400).map(|it| (noise(it), u8::from(it % 2 == 0)))),
            []
        );
        assert_eq!(
            facts_of((0..99).map(|it| (f64::from(it), u8::from(it > 49)))),
            []
        );
        assert_eq!(
            facts_of((0..200).map(|it| (f64::from(it), u8::from(it > 185)))),
            []
        );
    }

    #[test]
    fn the_area_is_that_of_counting_every_pair() {
        let samples: Vec<Sample> = (0..150_u32)
            .map(|it| (f64::from(it * 37 % 11), it * 53 % 7 < 3))
            .collect();
        let mut halves = 0_u32;
        let mut pairs = 0_u32;
        for with in samples.iter().filter(|it| it.1) {
            for without in samples.iter().filter(|it| !it.1) {
                pairs += 1;
                halves += match with.0.total_cmp(&without.0) {
                    std::cmp::Ordering::Greater => 2,
                    std::cmp::Ordering::Equal => 1,
                    std::cmp::Ordering::Less => 0,
                };
            }
        }
        let area = f64::from(halves) / 2.0 / f64::from(pairs);
        let expected = (area.max(1.0 - area) * 100.0).round();
        assert_eq!(
            told_apart(samples).map(|it| f64::from(it.0)),
            Some(expected)
        );
    }

    #[test]
    fn real_measurements_betray_people() {
        // The part of the published data set that the demo replays.
        let rows = include_str!("../../amanat/demo/air-hall.jsonl");
        let told = |name: &str| {
            let sample = |line: &str| {
                let row: Value = serde_json::from_str(line).unwrap();
                let people = row["Room_Occupancy_Count"].as_f64().unwrap();
                (row[name].as_f64().unwrap(), people > 0.0)
            };
            told_apart(rows.lines().map(sample).collect()).map(|it| it.0)
        };
        assert_eq!(told("S1_Light"), Some(100));
        assert_eq!(told("S5_CO2_Slope"), Some(97));
        assert_eq!(told("S1_Sound"), Some(96));
        assert_eq!(told("S6_PIR"), Some(76));
    }

    #[test]
    fn distances_are_those_of_a_map() {
        let lahore = Position {
            lat: 31.5204,
            lon: 74.3587,
        };
        let karachi = Position {
            lat: 24.8607,
            lon: 67.0011,
        };
        assert!((distance_m(lahore, karachi) / 1000.0 - 1_030.0).abs() < 10.0);
        assert_eq!(distance_m(lahore, lahore), 0.0);
        let other_side = Position {
            lat: -31.5204,
            lon: -105.6413,
        };
        assert!((distance_m(lahore, other_side) / 1000.0 - 20_015.0).abs() < 2.0);
    }
}
