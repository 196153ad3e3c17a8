//! A person's timeline, by day in the reader's time zone.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use custody::{CommittedAs, MadeBy, Place, ReceiptRow, Timeline, TimelineField, TimelineReading};
use model::{Assignment, DeploymentId, Notice, PersonId, Pointer, Statistic, Text, Timestamp};

use super::word;
use crate::page::{
    Day, DeliveryLine, HeldFast, LinkedDeployment, MAX_STAYS, Part, Reading, Received, Stay, Value,
};
use crate::route::DeliveriesFile;
use crate::shell::Shell;
use crate::texts::symbol;
use crate::visit::{Failure, Visit};

/// How many readings a page has.
pub(crate) const PAGE: u16 = 20;

/// How many decimals a page shows: with five, a place is exact to a metre.
const DECIMALS: usize = 5;

/// The deployments that sense a person.
pub(crate) fn linked(visit: &Visit, person: &PersonId) -> Result<Vec<LinkedDeployment>, Failure> {
    let custody = visit.site.custody();
    let ids = custody.deployments_about(person);
    let in_force = ids
        .iter()
        .filter_map(|it| custody.in_force_at(it, visit.now));
    let link = |it: custody::InForce| {
        Ok(LinkedDeployment {
            known_by: custody.naming_field(person, &it.id).map(|it| it.title),
            stays: stays(visit, person, &it.id)?,
            id: it.id,
            title: it.notice.title.clone(),
            licence: it.licence,
        })
    };
    in_force.map(link).collect()
}

/// How the devices of a deployment sense a person.
fn stays(
    visit: &Visit,
    person: &PersonId,
    deployment: &DeploymentId,
) -> Result<Vec<Stay>, Failure> {
    let assigned = visit.site.custody().assignments(person, deployment);
    let assigned = assigned.map_err(|err| Failure::internal(&err))?;
    let stay = |it: Assignment| Stay {
        thing: it.thing,
        role: it.role,
        from: Some(it.valid_from).filter(|it| *it > Timestamp::EPOCH),
        until: it.valid_until,
        is_over: it.valid_until.is_some_and(|it| it <= visit.now),
    };
    Ok(assigned.into_iter().take(MAX_STAYS).map(stay).collect())
}

/// The notices that a timeline mentions.
struct Notices(BTreeMap<DeploymentId, Option<Arc<Notice>>>);

impl Notices {
    fn of<'a>(visit: &Visit, ids: impl Iterator<Item = &'a DeploymentId>) -> Self {
        let find = |id: &DeploymentId| {
            let found = visit.site.custody().in_force_at(id, visit.now);
            (id.clone(), found.map(|it| it.notice))
        };
        Self(ids.map(find).collect())
    }

    fn get(&self, id: &DeploymentId) -> Option<&Notice> {
        self.0.get(id)?.as_deref()
    }

    fn title(&self, id: &DeploymentId) -> Text {
        let notice = self.get(id);
        notice.map_or_else(|| word(id.as_str()), |it| it.title.clone())
    }
}

/// The days of a page, newest first: those of its readings, and those on which somebody received something.
pub(crate) fn days(
    visit: &Visit,
    shell: &Shell,
    timeline: &Timeline,
    before: Option<Place>,
) -> Vec<Day> {
    let readings = timeline.readings.iter().map(|it| &it.deployment);
    let receipts = timeline.receipts.iter().map(|it| &it.deployment);
    let notices = Notices::of(visit, readings.chain(receipts));
    let mut days: BTreeMap<Timestamp, Day> = BTreeMap::new();
    for reading in &timeline.readings {
        let day = day_of(&mut days, shell, &reading.at);
        show(&notices, shell, reading, &mut day.readings);
    }
    let newest = before.map(|it| shell.start_of_day(&it.until));
    let oldest = timeline.older.map(|it| shell.start_of_day(&it.until));
    for receipt in &timeline.receipts {
        let start = shell.start_of_day(&receipt.last_at);
        let on_page = newest.is_none_or(|it| start <= it) && oldest.is_none_or(|it| start >= it);
        if on_page {
            let day = day_of(&mut days, shell, &receipt.last_at);
            count(&notices, receipt, &mut day.received);
        }
    }
    days.into_values().rev().collect()
}

fn day_of<'a>(
    days: &'a mut BTreeMap<Timestamp, Day>,
    shell: &Shell,
    at: &Timestamp,
) -> &'a mut Day {
    let start = shell.start_of_day(at);
    days.entry(start).or_insert(Day {
        start,
        readings: Vec::new(),
        received: Vec::new(),
    })
}

/// Adds a reading. What one message left is several readings where its values are kept for different times.
fn show(notices: &Notices, shell: &Shell, reading: &TimelineReading, readings: &mut Vec<Reading>) {
    let notice = notices.get(&reading.deployment);
    let fields = reading.fields.iter();
    let part = Part {
        vanishes_at: reading.vanishes_at,
        values: fields.map(|it| value(notice, shell, it)).collect(),
    };
    let same = |it: &&mut Reading| it.at == reading.at && it.thing == reading.thing;
    match readings.last_mut().filter(same) {
        Some(known) => known.parts.push(part),
        None => readings.push(Reading {
            at: reading.at,
            deployment: reading.deployment.clone(),
            title: notices.title(&reading.deployment),
            thing: reading.thing.clone(),
            parts: vec![part],
        }),
    }
}

fn value(notice: Option<&Notice>, shell: &Shell, recorded: &TimelineField) -> Value {
    let (pointer, json) = (recorded.pointer.as_str(), recorded.value.as_str());
    let field = notice.and_then(|it| it.field_at(pointer));
    let unit = field.and_then(|it| it.unit.as_deref()).map(symbol);
    let exact = plain(shell, json);
    let is_count = recorded.window.is_some_and(|it| it.of == Statistic::Count);
    Value {
        title: field.map_or_else(|| word(pointer), |it| it.title.clone()),
        declared: field.is_some(),
        text: short(json).unwrap_or_else(|| exact.clone()),
        exact,
        coarse: shell.recorded(recorded, unit.unwrap_or_default()),
        made_by: recorded
            .made_by
            .as_ref()
            .map(|it| made_by(notice, shell, it)),
        unit: unit.filter(|_| !is_count).unwrap_or_default().to_owned(),
    }
}

/// Which model worked a value out.
fn made_by(notice: Option<&Notice>, shell: &Shell, made: &MadeBy) -> String {
    let mut models = notice.into_iter().flat_map(|it| &it.models);
    let model = models.find(|it| it.id.as_str() == made.id);
    let title = model.map_or(made.id.as_str(), |it| shell.of(&it.title));
    let words = shell.with("model-made").set("model", title);
    let version = made.version.as_deref().unwrap_or_default();
    words.set("version", version).to_string()
}

/// A JSON value as people read it.
fn plain(shell: &Shell, json: &str) -> String {
    match json {
        "true" => shell.say("value-yes"),
        "false" => shell.say("value-no"),
        _ => serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned()),
    }
}

/// A number with more than [`DECIMALS`] decimals, rounded; `None` for everything else.
fn short(json: &str) -> Option<String> {
    let (_, decimals) = json.split_once('.')?;
    let number: f64 = json.parse().ok()?;
    if decimals.len() <= DECIMALS || !decimals.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let rounded = format!("{number:.DECIMALS$}");
    let rounded = rounded.trim_end_matches('0').trim_end_matches('.');
    Some(rounded.to_owned())
}

/// Receipts as a list shows them.
pub(crate) fn deliveries(
    visit: &Visit,
    receipts: &[ReceiptRow],
) -> Result<Vec<DeliveryLine>, Failure> {
    let notices = Notices::of(visit, receipts.iter().map(|it| &it.deployment));
    let mut entries: BTreeMap<u64, Option<u64>> = BTreeMap::new();
    let line = |it: &ReceiptRow| {
        let held = match it.committed {
            CommittedAs::Open => HeldFast::NotYet,
            CommittedAs::Forgotten => HeldFast::Forgotten,
            CommittedAs::Proven { batch, place } => {
                let entry = match entries.entry(batch) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(new) => {
                        let found = visit.site.custody().receipts_entry(it.committed);
                        *new.insert(found.map_err(|err| Failure::internal(&err))?)
                    }
                };
                let file = DeliveriesFile::Proof(batch, place);
                entry.map_or(HeldFast::Forgotten, |it| HeldFast::By(it, file))
            }
        };
        let notice = notices.get(&it.deployment);
        let coarse = it.fields.iter().filter(|field| !it.exact.contains(field));
        Ok(DeliveryLine {
            received: received_of(&notices, it),
            thing: it.thing.to_string(),
            hour: (it.begins_at(), it.ends_at()),
            exact: it.exact.iter().map(|it| title_of(notice, it)).collect(),
            coarse: coarse.map(|it| title_of(notice, it)).collect(),
            held,
        })
    };
    receipts.iter().map(line).collect()
}

/// What people call a field; its pointer where the notice no longer has it.
fn title_of(notice: Option<&Notice>, pointer: &str) -> Text {
    let field = notice.and_then(|it| it.field(&Pointer::parse(pointer).ok()?));
    field.map_or_else(|| word(pointer), |it| it.title.clone())
}

/// Adds a receipt to the line of its recipient, purpose and deployment.
fn count(notices: &Notices, receipt: &ReceiptRow, received: &mut Vec<Received>) {
    let line = received_of(notices, receipt);
    let same = |it: &&mut Received| {
        it.recipient == line.recipient
            && it.purpose == line.purpose
            && it.deployment == line.deployment
    };
    let Some(known) = received.iter_mut().find(same) else {
        received.push(line);
        return;
    };
    known.times += line.times;
    known.last_at = known.last_at.max(line.last_at);
    let news = line
        .fields
        .into_iter()
        .filter(|it| !known.fields.contains(it));
    let news: Vec<Text> = news.collect();
    known.fields.extend(news);
}

fn received_of(notices: &Notices, receipt: &ReceiptRow) -> Received {
    let notice = notices.get(&receipt.deployment);
    let recipient = notice.and_then(|it| it.recipient(&receipt.recipient));
    let purpose = notice.and_then(|it| it.purpose(&receipt.purpose));
    Received {
        recipient: recipient
            .map_or_else(|| word(receipt.recipient.as_str()), |it| it.title.clone()),
        purpose: purpose.map_or_else(|| word(receipt.purpose.as_str()), |it| it.title.clone()),
        deployment: notices.title(&receipt.deployment),
        fields: receipt
            .fields
            .iter()
            .map(|it| title_of(notice, it))
            .collect(),
        times: receipt.deliveries,
        last_at: receipt.last_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::sample;
    use crate::shell::Files;
    use model::{Language, ThingId};

    fn reading(at: i64) -> TimelineReading {
        TimelineReading {
            at: Timestamp::from_millis(at),
            deployment: DeploymentId::parse("gulberg-homes").unwrap(),
            thing: ThingId::parse("meter-1").unwrap(),
            vanishes_at: Timestamp::from_millis(at + 1),
            fields: Vec::new(),
        }
    }

    #[test]
    fn values_lose_their_quotes_and_truth_gets_words() {
        let shell = sample::shell(Language::En, Files::Served);
        assert_eq!(plain(&shell, "\"Mall \\\"A\\\"\""), "Mall \"A\"");
        assert_eq!(plain(&shell, "21.50"), "21.50");
        assert_eq!(plain(&shell, "true"), "yes");
    }

    #[test]
    fn what_one_message_left_is_one_reading_however_long_its_values_are_kept() {
        let shell = sample::shell(Language::En, Files::Served);
        let mut readings = Vec::new();
        for at in [9, 9, 8] {
            show(
                &Notices(BTreeMap::new()),
                &shell,
                &reading(at),
                &mut readings,
            );
        }
        let parts: Vec<_> = readings.iter().map(|it| it.parts.len()).collect();
        assert_eq!(parts, [2, 1]);
    }

    #[test]
    fn long_decimals_are_rounded_for_reading() {
        let check = |json: &str, expected: Option<&str>| {
            assert_eq!(short(json).as_deref(), expected, "{json}")
        };
        check("42.090000000000003", Some("42.09"));
        check("-11.01069452", Some("-11.01069"));
        check("1.0000000001", Some("1"));
        check("21.50", None);
        check("1.234567e-9", None);
        check("\"1.2345678\"", None);
    }
}
