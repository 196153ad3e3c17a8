//! Fields and their coarse levels: whether they make sense for the type of the value.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{plain, text, texts, whole};
use super::conform::shown;
use super::reader::Reader;
use super::tree::Node;
use crate::notice::{
    Category, Coarsening, DataType, Field, FieldKind, Format, Group, Range, Sensitivity, Statistic,
    Window,
};
use crate::{Level, Pointer, Role, Roles};

/// The fewest values of a window, unless the notice says otherwise: a single value is not shown as a mean.
const DEFAULT_LEAST: u32 = 2;

/// Where a field stands in a message, as its pointer is written, and the node that says so.
pub(super) fn place(field: &Node) -> Option<(&Node, String)> {
    match (field.get("pointer"), field.get("senml")) {
        (Some(node), None) => {
            // A forgotten slash is reported once; it is clear what was meant.
            let text = node.text()?;
            let slash = if text.is_empty() || text.starts_with('/') {
                ""
            } else {
                "/"
            };
            Some((node, format!("{slash}{text}")))
        }
        (None, Some(node)) => Some((node, senml_pointer(node.text()?))),
        _ => None,
    }
}

/// A SenML name as one part of a pointer.
fn senml_pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Names of RFC 8428 section 4.5.1.
fn is_senml_name(name: &str) -> bool {
    let other = |it: u8| it.is_ascii_alphanumeric() || b"-:./_".contains(&it);
    name.bytes()
        .next()
        .is_some_and(|it| it.is_ascii_alphanumeric())
        && name.bytes().all(other)
}

/// Reads one field. `format` is that of the notice, where it could be read.
pub(super) fn field(reader: &mut Reader<'_>, node: &Node, format: Option<Format>) -> Option<Field> {
    senml(reader, node, format);
    let kind = node.get("kind").and_then(|it| FieldKind::parse(it.text()?));
    let range = node.get("range").and_then(|it| range(reader, it, kind));
    let place = place(node).and_then(|it| Pointer::parse(&it.1).ok());
    let unit = plain(node, "unit");
    let about = about(reader, node);
    let of = Of {
        kind,
        unit: unit.as_deref(),
        range,
        is_many: place.as_ref().is_some_and(Pointer::has_wildcard),
    };
    let before = reader.count();
    let levels: Vec<_> = node
        .list("coarse")
        .iter()
        .map(|it| (it, coarsening(it)))
        .collect();
    for (it, level) in &levels {
        if let Some(level) = level {
            sense(reader, it, level, &of);
        }
    }
    if reader.count() == before {
        order(reader, &levels);
        labels(reader, &levels);
    }
    Some(Field {
        pointer: place?,
        title: text(node, "title")?,
        kind: kind?,
        unit,
        range,
        sensitivity: Sensitivity::parse(node.get("sensitivity")?.text()?)?,
        data: node.get("data").and_then(|it| DataType::parse(it.text()?)),
        about,
        tells_presence: node.get("tells-presence").is_some(),
        made_by: super::build::parsed(node, "made-by"),
        coarse: levels.into_iter().filter_map(|it| it.1).collect(),
    })
}

fn senml(reader: &mut Reader<'_>, node: &Node, format: Option<Format>) {
    let Some((node, name)) = node.get("senml").and_then(|it| Some((it, it.text()?))) else {
        return;
    };
    if matches!(format, Some(Format::Json | Format::Cbor)) {
        let reason = "`senml` names a value of SenML, and the format is another";
        reader.wrong(
            node,
            reason,
            "write `pointer`, or set `format` to senml-json or senml-cbor",
        );
    }
    if !is_senml_name(name) {
        let reason = format!("`{}` is not a SenML name", shown(name));
        let remedy = "use A-Z, a-z, 0-9 and - : . / _, starting with a letter or digit";
        reader.wrong(node, reason, remedy);
    }
}

fn range(reader: &mut Reader<'_>, node: &Node, kind: Option<FieldKind>) -> Option<Range> {
    let end = |key| Some(node.get(key)?.number()?.real);
    let range = Range {
        min: end("min"),
        max: end("max"),
    };
    if kind.is_some_and(|it| it != FieldKind::Number) {
        reader.wrong(
            node,
            "only numbers have a range",
            "remove it, or make the field a number",
        );
    }
    if node.members().is_empty() {
        reader.wrong(node, "the range has no end", "write min, max or both");
    }
    if let (Some(min), Some(max)) = (range.min, range.max)
        && min >= max
    {
        let reason = format!("the range begins at {min} and ends at {max}");
        reader.wrong(node, reason, "write the smaller number as min");
    }
    Some(range)
}

fn about(reader: &mut Reader<'_>, node: &Node) -> Roles {
    if node.get("about").is_none() {
        return Roles::ALL;
    }
    let mut roles = Roles::NONE;
    for (node, word) in texts(node, "about") {
        let Some(role) = Role::parse(word) else {
            continue;
        };
        if roles.contains(role) {
            let reason = format!("role `{word}` stands twice");
            reader.wrong(node, reason, "remove one of them");
        }
        roles = roles.with(role);
    }
    roles
}

fn coarsening(node: &Node) -> Option<Coarsening> {
    let [member] = node.members() else {
        return None;
    };
    let it = &member.node;
    Some(match member.key.as_str() {
        "round" => Coarsening::Round(it.number()?.real),
        "grid" => Coarsening::Grid(it.number()?.real),
        "bucket" => {
            let bounds = it.items().iter().map(|it| Some(it.number()?.real));
            Coarsening::Bucket(bounds.collect::<Option<_>>()?)
        }
        "geohash" => Coarsening::Geohash(whole(node, "geohash")?),
        "threshold" => Coarsening::Threshold(it.number()?.real),
        "category" => Coarsening::Category(Category {
            groups: it.list("groups").iter().map(group).collect::<Option<_>>()?,
            otherwise: plain(it, "otherwise"),
        }),
        "window" => {
            let of = Statistic::parse(it.get("of")?.text()?)?;
            let least = if of == Statistic::Count {
                1
            } else {
                DEFAULT_LEAST
            };
            Coarsening::Window(Window {
                seconds: whole(it, "seconds")?,
                of,
                least: whole(it, "least").unwrap_or(least),
            })
        }
        "presence" => Coarsening::Presence,
        _ => return None,
    })
}

fn group(node: &Node) -> Option<Group> {
    Some(Group {
        label: plain(node, "label")?,
        members: texts(node, "members").map(|it| it.1.to_owned()).collect(),
    })
}

/// What a coarse level is of.
struct Of<'a> {
    kind: Option<FieldKind>,
    unit: Option<&'a str>,
    range: Option<Range>,
    is_many: bool,
}

impl Of<'_> {
    /// Whether the value is of another type than this, as far as it is known.
    fn is_not(&self, kind: FieldKind) -> bool {
        self.kind.is_some_and(|it| it != kind)
    }
}

fn sense(reader: &mut Reader<'_>, node: &Node, level: &Coarsening, of: &Of<'_>) {
    let to_number = "use presence = true, or make the field a number";
    match level {
        Coarsening::Round(_) | Coarsening::Grid(_) | Coarsening::Bucket(_)
            if of.is_not(FieldKind::Number) =>
        {
            reader.wrong(node, "only numbers can be rounded or bucketed", to_number);
        }
        Coarsening::Bucket(bounds) if !bounds.is_sorted_by(|a, b| a < b) => {
            let remedy = "write each bound once, the smallest first";
            reader.wrong(node, "the bounds of the bucket do not ascend", remedy);
        }
        Coarsening::Threshold(_) if of.is_not(FieldKind::Number) => {
            reader.wrong(node, "only numbers have a threshold", to_number);
        }
        Coarsening::Threshold(bound) => threshold(reader, node, *bound, of),
        Coarsening::Geohash(_) => geohash(reader, node, of),
        Coarsening::Category(category) => {
            if of.is_not(FieldKind::Text) {
                let remedy = "use bucket for numbers, or make the field a text";
                reader.wrong(node, "only texts fall into categories", remedy);
            }
            members(reader, node, category);
        }
        Coarsening::Window(_) => {
            if of.is_not(FieldKind::Number) {
                reader.wrong(node, "only numbers have a statistic over time", to_number);
            }
            if of.is_many {
                let reason =
                    "a window cannot hold a value that stands in every position of an array";
                reader.wrong(
                    node,
                    reason,
                    "choose another level, or name single positions",
                );
            }
        }
        _ => {}
    }
}

fn threshold(reader: &mut Reader<'_>, node: &Node, bound: f64, of: &Of<'_>) {
    let tells_nothing = of.range.is_some_and(|it| {
        it.min.is_some_and(|min| bound <= min) || it.max.is_some_and(|max| bound > max)
    });
    if tells_nothing {
        let reason = format!("the threshold {bound} is the same for every value of the range");
        reader.wrong(node, reason, "write a threshold inside the range");
    }
}

fn geohash(reader: &mut Reader<'_>, node: &Node, of: &Of<'_>) {
    let is_coordinate = matches!(of.unit, Some("lat" | "lon"));
    match of.kind {
        Some(FieldKind::Number) if !is_coordinate => {
            let remedy = "set unit = \"lat\" or \"lon\", or use grid";
            reader.wrong(
                node,
                "a geohash needs to know whether the number is a latitude or a longitude",
                remedy,
            );
        }
        Some(FieldKind::Boolean) => {
            reader.wrong(
                node,
                "only coordinates and texts have a geohash",
                "use presence = true",
            );
        }
        _ => {}
    }
}

fn members(reader: &mut Reader<'_>, node: &Node, category: &Category) {
    let mut seen = BTreeSet::new();
    let nodes = node.get("category").map_or(&[][..], |it| it.list("groups"));
    for (node, group) in nodes.iter().zip(&category.groups) {
        for member in &group.members {
            if !seen.insert(member) {
                let reason = format!("`{}` stands in the groups twice", shown(member));
                reader.wrong(node, reason, "leave it in one group");
            }
        }
    }
    let mut labels = BTreeSet::new();
    for (node, group) in nodes.iter().zip(&category.groups) {
        if !labels.insert(&group.label) {
            let reason = format!("two groups are called `{}`", shown(&group.label));
            reader.wrong(node, reason, "make one group of them");
        }
    }
}

/// Each level must show more than the one before it: choices rely on it.
fn order(reader: &mut Reader<'_>, levels: &[(&Node, Option<Coarsening>)]) {
    for ((number, pair), _) in (2_u8..).zip(levels.windows(2)).zip(0..Level::MAX_COARSE) {
        let [(_, Some(coarse)), (node, Some(fine))] = pair else {
            continue;
        };
        if !may_precede(coarse, fine) {
            let reason = format!("level coarse-{number} must be more precise than the one before");
            reader.wrong(
                node,
                reason,
                "write the coarsest level first, each only once",
            );
        }
    }
}

/// Operators of different nature cannot be compared; there the notice is believed.
fn may_precede(coarse: &Coarsening, fine: &Coarsening) -> bool {
    use Coarsening::{Bucket, Category, Grid, Round, Threshold, Window};
    if fine.is_no_finer_than(coarse) {
        return false;
    }
    match (coarse, fine) {
        (Round(a) | Grid(a), Round(b) | Grid(b)) => a > b,
        (Bucket(_), Bucket(_)) | (Category(_), Category(_)) => coarse.is_no_finer_than(fine),
        // Two thresholds say different things; neither says less.
        (Threshold(_), Threshold(_)) => false,
        (Window(a), Window(b)) if a.of == b.of => (a.seconds, a.least) > (b.seconds, b.least),
        _ => true,
    }
}

/// What a label stands for: these texts, or all but these.
#[derive(PartialEq)]
enum Extent<'a> {
    Only(BTreeSet<&'a str>),
    AllBut(BTreeSet<&'a str>),
}

/// One label has one meaning at every level: who reads it does not see the level.
fn labels(reader: &mut Reader<'_>, levels: &[(&Node, Option<Coarsening>)]) {
    let mut meanings: BTreeMap<&str, Extent<'_>> = BTreeMap::new();
    for (node, level) in levels {
        let Some(Coarsening::Category(category)) = level else {
            continue;
        };
        for (label, extent) in extents(category) {
            match meanings.get(label) {
                Some(known) if *known != extent => {
                    let reason =
                        format!("`{}` stands for other texts at another level", shown(label));
                    reader.wrong(node, reason, "give every meaning a label of its own");
                }
                Some(_) => {}
                None => {
                    meanings.insert(label, extent);
                }
            }
        }
    }
}

fn extents(category: &Category) -> BTreeMap<&str, Extent<'_>> {
    let members = |keep: &dyn Fn(&str) -> bool| -> BTreeSet<&str> {
        let groups = category.groups.iter().filter(|it| keep(&it.label));
        groups
            .flat_map(|it| it.members.iter().map(String::as_str))
            .collect()
    };
    let labels = category.groups.iter().map(|it| it.label.as_str());
    let mut extents: BTreeMap<_, _> = labels
        .map(|label| (label, Extent::Only(members(&|it| it == label))))
        .collect();
    if let Some(label) = &category.otherwise {
        extents.insert(label, Extent::AllBut(members(&|it| it != label)));
    }
    extents
}
