//! A person's own timeline: what was recorded about them, and who received it.

use std::collections::BTreeMap;

use model::{DeploymentId, PersonId, Pointer, Statistic, Subject, ThingId, Timestamp};
use policy::WindowMark;
use serde::Deserialize;
use serde_json::value::RawValue;
use vault::ReadQuery;

use crate::Custody;
use crate::receipts::ReceiptRow;
use crate::rows::{self, RowError};

/// The most readings of one page.
pub const MAX_READINGS: u16 = 500;
/// The most readings of one moment that a timeline pages through.
pub const MAX_SKIP: u32 = 100_000;
/// The most receipts of one page.
const MAX_RECEIPTS: i64 = 200;

/// What was recorded about a person and who received it.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// Readings, newest first.
    pub readings: Vec<TimelineReading>,
    /// Receipts, newest hour first. Those of the last second may be missing.
    pub receipts: Vec<ReceiptRow>,
    /// Where the next page begins; `None` when this one is not full.
    pub older: Option<Place>,
    /// What is sealed to the person's own keys, of any time: nobody else can read it, so it is not among the readings.
    pub sealed: vault::OwnTotal,
}

/// A place in a timeline. A moment can hold more readings than a page, so a place is a time and how many of the
/// readings of the last moment before it are on earlier pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The first moment that is too new.
    pub until: Timestamp,
    /// How many of the newest readings before `until` were seen; at most [`MAX_SKIP`] counts.
    pub skip: u32,
}

impl Place {
    /// Everything before a moment.
    #[must_use]
    pub const fn before(until: Timestamp) -> Self {
        Self { until, skip: 0 }
    }

    /// The place behind a full page that began here.
    fn behind(self, page: &[TimelineReading]) -> Option<Self> {
        let last = page.last()?.at;
        let until = last.plus_millis(1);
        let of_last = page.iter().rev().take_while(|it| it.at == last).count();
        let of_last = u32::try_from(of_last).unwrap_or(MAX_SKIP);
        let seen = if self.until == until { self.skip } else { 0 };
        Some(Self {
            until,
            skip: seen.saturating_add(of_last),
        })
    }
}

/// One reading.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineReading {
    /// When it came in.
    pub at: Timestamp,
    /// From which deployment.
    pub deployment: DeploymentId,
    /// From which thing.
    pub thing: ThingId,
    /// When all of it has vanished: its retention, counted from when it came in, or what a later notice made of that.
    pub vanishes_at: Timestamp,
    /// What was kept, ordered by name.
    pub fields: Vec<TimelineField>,
}

/// One value of a reading.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineField {
    /// Its JSON Pointer.
    pub pointer: String,
    /// The value as JSON text.
    pub value: String,
    /// Where it is less precise than it was measured: how much less.
    pub coarse: Option<Accuracy>,
    /// Where it only says whether the measured value was at or above something: what that was, in the field's unit.
    pub threshold: Option<f64>,
    /// Where it was made of the values of a time window: which, of how many and how.
    pub window: Option<WindowMark>,
    /// Where it was not measured: the model that worked it out.
    pub made_by: Option<MadeBy>,
}

/// The model that worked a value out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MadeBy {
    /// Its name in the notice.
    pub id: String,
    /// Its version, where the notice said which.
    pub version: Option<String>,
}

/// The honest accuracy of a coarse value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Accuracy {
    /// The true value differs by no more than this, in the field's unit.
    Within(f64),
    /// The value says no more than its step, or that there was one.
    NotStated,
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
    /// `limit` readings (at most [`MAX_READINGS`]) of a person from a place on, newest first, and who received what.
    /// Only for that person: the caller has checked who asks.
    ///
    /// # Errors
    /// See [`TimelineError`].
    pub fn timeline(
        &self,
        person: &PersonId,
        place: Place,
        limit: u16,
        now: Timestamp,
    ) -> Result<Timeline, TimelineError> {
        let subject = Subject::Person(person.clone());
        let limit = usize::from(limit.min(MAX_READINGS));
        let skip = usize::try_from(place.skip.min(MAX_SKIP)).unwrap_or_default();
        let readings = self.inner.vault.read(&ReadQuery {
            subject: subject.clone(),
            now,
            from: Timestamp::EPOCH,
            until: place.until,
            limit: skip.saturating_add(limit),
            order: vault::Order::NewestFirst,
        })?;
        let readings: Vec<_> = readings
            .into_iter()
            .skip(skip)
            .map(|it| {
                let body =
                    serde_json::from_slice(&it.body).map_err(|_| TimelineError::Unreadable)?;
                let fields = fields(body).map_err(|_| TimelineError::Unreadable)?;
                Ok(TimelineReading {
                    vanishes_at: self.inner.promises.gone_at(&it, &fields),
                    at: it.at,
                    deployment: it.deployment,
                    thing: it.thing,
                    fields,
                })
            })
            .collect::<Result<_, TimelineError>>()?;
        let receipts = self
            .inner
            .db
            .read(|tx| rows::receipt::of(tx, &subject, MAX_RECEIPTS, now))?;
        let sealed = self.inner.vault.own_total(&subject, now);
        let sealed = sealed.map_err(RowError::from)?;
        let older = place.behind(&readings).filter(|_| readings.len() == limit);
        Ok(Timeline {
            readings,
            receipts,
            older,
            sealed,
        })
    }
}

/// The marks of coarse values in a stored body.
#[derive(Deserialize, Default)]
struct Marks {
    #[serde(rename = "@coarse", default)]
    coarse: BTreeMap<String, Option<f64>>,
    #[serde(rename = "@threshold", default)]
    threshold: BTreeMap<String, f64>,
    #[serde(rename = "@window", default)]
    window: BTreeMap<String, Window>,
    #[serde(rename = "@model", default)]
    model: BTreeMap<String, MadeBy>,
}

#[derive(Deserialize)]
struct Window {
    from: String,
    until: String,
    of: String,
    count: u32,
    #[serde(default)]
    incomplete: bool,
}

impl Window {
    fn mark(&self) -> Option<WindowMark> {
        Some(WindowMark {
            from: Timestamp::parse(&self.from).ok()?,
            until: Timestamp::parse(&self.until).ok()?,
            of: Statistic::parse(&self.of)?,
            count: self.count,
            incomplete: self.incomplete,
        })
    }
}

/// The values of a stored body, with their exact text and their accuracy.
pub(crate) fn fields(body: &RawValue) -> serde_json::Result<Vec<TimelineField>> {
    let marks: Marks = match body.get().starts_with('{') {
        true => serde_json::from_str(body.get())?,
        false => Marks::default(),
    };
    let mut found = Vec::new();
    leaves(body, &mut String::new(), &mut found)?;
    let field = |(pointer, value): (String, String)| TimelineField {
        coarse: mark(&marks.coarse, &pointer).map(|it| match it {
            Some(accuracy) => Accuracy::Within(*accuracy),
            None => Accuracy::NotStated,
        }),
        threshold: mark(&marks.threshold, &pointer).copied(),
        window: marks.window.get(&pointer).and_then(Window::mark),
        made_by: mark(&marks.model, &pointer).cloned(),
        pointer,
        value,
    };
    Ok(found.into_iter().map(field).collect())
}

/// What is marked at a place; all values of a list have one mark, under the field's pointer with its `*`.
fn mark<'m, T>(marks: &'m BTreeMap<String, T>, place: &str) -> Option<&'m T> {
    marks.get(place).or_else(|| {
        let covers = |it: &String| Pointer::parse(it).is_ok_and(|it| it.covers(place));
        marks.iter().find(|it| covers(it.0)).map(|it| it.1)
    })
}

/// The leaves of a reading with their pointers and their exact text, by name. A bare value stands under `@value` when it
/// is coarse, and is the leaf at the root; everything else that the platform added (`@…`) and nulls are left out.
fn leaves(
    value: &RawValue,
    pointer: &mut String,
    out: &mut Vec<(String, String)>,
) -> serde_json::Result<()> {
    let text = value.get();
    match text.bytes().next() {
        Some(b'{') => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
            for (name, value) in &members {
                match name.strip_prefix('@') {
                    None => step(
                        pointer,
                        &name.replace('~', "~0").replace('/', "~1"),
                        value,
                        out,
                    )?,
                    Some("value") => leaves(value, pointer, out)?,
                    Some(_) => {}
                }
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

    #[track_caller]
    fn check(body: &str, expected: &[(&str, &str, Option<Accuracy>)]) {
        let found = fields(serde_json::from_str(body).unwrap()).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.pointer.as_str(), it.value.as_str(), it.coarse))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn values_are_named_by_pointer_and_keep_their_text() {
        check(
            r#"{"a/b": {"c": [1.50, null, "x"]}, "d": true}"#,
            &[
                ("/a~1b/c/0", "1.50", None),
                ("/a~1b/c/2", "\"x\"", None),
                ("/d", "true", None),
            ],
        );
        check(
            r#"{"a": [{"b": 15}, {"b": 20}], "@coarse": {"/a/*/b": 2.5}}"#,
            &[
                ("/a/0/b", "15", Some(Accuracy::Within(2.5))),
                ("/a/1/b", "20", Some(Accuracy::Within(2.5))),
            ],
        );
        check("21.5", &[("", "21.5", None)]);
    }

    #[test]
    fn aggregates_and_sides_of_a_threshold_say_what_they_are() {
        let window = r#"{"from":"2026-07-30T10:00:00Z","until":"2026-07-30T10:15:00Z","of":"mean","count":12}"#;
        let body = format!(
            r#"{{"a":1.5,"b":true,"@coarse":{{"/a":null,"/b":null}},"@threshold":{{"/b":30}},"@window":{{"/a":{window}}}}}"#
        );
        let found = fields(serde_json::from_str(&body).unwrap()).unwrap();
        let [a, b] = found.as_slice() else {
            panic!("{found:?}")
        };
        let mark = a.window.unwrap();
        assert_eq!(
            (mark.of, mark.count, mark.incomplete),
            (Statistic::Mean, 12, false)
        );
        assert_eq!(mark.from.to_string(), "2026-07-30T10:00:00Z");
        assert_eq!(
            (a.threshold, b.threshold, b.window),
            (None, Some(30.0), None)
        );
    }

    #[test]
    fn coarse_values_say_how_coarse() {
        check(
            r#"{"a": 1000, "b": true, "@coarse": {"/a": 250, "/b": null}}"#,
            &[
                ("/a", "1000", Some(Accuracy::Within(250.0))),
                ("/b", "true", Some(Accuracy::NotStated)),
            ],
        );
        check(
            r#"{"@value": 20, "@coarse": {"": 2.5}}"#,
            &[("", "20", Some(Accuracy::Within(2.5)))],
        );
    }
}
