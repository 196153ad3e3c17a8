//! How values are made less precise.

use std::collections::BTreeMap;

use super::words::Statistic;

/// One way to make a value less precise.
#[derive(Debug, Clone, PartialEq)]
pub enum Coarsening {
    /// Numbers: the nearest multiple of the step (finite, above zero). Accuracy: ± half the step.
    Round(f64),
    /// Coordinates in degrees: the middle of a grid cell of this size. Accuracy: ± half the cell.
    Grid(f64),
    /// Numbers: the lower bound of the bucket that holds the value. Bounds ascend.
    Bucket(Vec<f64>),
    /// Coordinates: the middle of a geohash cell of this many characters (1 to 8), where the unit is `lat` or `lon`.
    /// Texts that are geohashes: their first characters. Accuracy: half the cell's height or width; none for texts.
    Geohash(u8),
    /// Numbers: whether the value is at or above this (`true` or `false`).
    Threshold(f64),
    /// Texts: the label of the group that the value belongs to.
    Category(Category),
    /// Numbers: a statistic over each time window, once it is over.
    Window(Window),
    /// Anything: only that there was a value (`true`).
    Presence,
}

/// Groups of texts under a broader word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// The groups; no member stands in two.
    pub groups: Vec<Group>,
    /// The label for every other text; without it, other texts do not pass.
    pub otherwise: Option<String>,
}

/// Texts that one label stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The broader word.
    pub label: String,
    /// What it stands for.
    pub members: Vec<String>,
}

/// Tumbling time windows, aligned to the epoch (UTC), by the time at which a message came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Length in seconds, from [`Window::MIN_SECONDS`] to [`Window::MAX_SECONDS`].
    pub seconds: u32,
    /// What is shown.
    pub of: Statistic,
    /// The fewest values for which something is shown, at least 1.
    pub least: u32,
}

impl Window {
    /// The shortest window.
    pub const MIN_SECONDS: u32 = 10;
    /// The longest window: a week.
    pub const MAX_SECONDS: u32 = 7 * 86_400;
}

impl Coarsening {
    /// Whether this shows no more of any value than `other`: what it shows is a function of what `other` shows, and nothing
    /// where `other` shows nothing for good. `false` also when the two cannot be compared.
    ///
    /// Rounding to 10 is no function of rounding to 5 (7 and 8 go to 5 and 10, but 4 goes to 5 too, and then to 0): the multiple
    /// must be odd, so that the edges of the coarser are edges of the finer. Longer windows are no function of shorter ones where
    /// these are silent about a few values, and means are rounded.
    #[must_use]
    pub fn is_no_finer_than(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Presence, _) => true,
            (Self::Round(step), Self::Round(other)) => {
                multiple(*step, *other).is_some_and(|it| it % 2 == 1)
            }
            (Self::Grid(cell), Self::Grid(other)) => multiple(*cell, *other).is_some(),
            (Self::Bucket(bounds), Self::Bucket(other)) => {
                bounds.iter().all(|it| other.contains(it))
            }
            (Self::Bucket(bounds), Self::Grid(cell)) => bounds.iter().all(|it| is_edge(*it, *cell)),
            (Self::Geohash(characters), Self::Geohash(other)) => characters <= other,
            (Self::Threshold(bound), Self::Threshold(other)) => bound == other,
            (Self::Threshold(bound), Self::Bucket(bounds)) => bounds.contains(bound),
            (Self::Threshold(bound), Self::Grid(cell)) => is_edge(*bound, *cell),
            (Self::Category(category), Self::Category(other)) => category.is_no_finer_than(other),
            (Self::Window(window), Self::Window(other)) => window.is_no_finer_than(other),
            _ => false,
        }
    }
}

impl Window {
    fn is_no_finer_than(&self, other: &Self) -> bool {
        let is_same = self.seconds == other.seconds && self.least >= other.least;
        let is_longer = other.seconds > 0
            && self.seconds.is_multiple_of(other.seconds)
            && other.least <= 1
            && self.of != Statistic::Mean;
        self.of == other.of && (is_same || is_longer)
    }
}

impl Category {
    /// Whether everything that `other` throws together stays together here, and what it hides stays hidden.
    fn is_no_finer_than(&self, other: &Self) -> bool {
        // One text that neither names stands for all of these.
        let texts = self.members().chain(other.members()).map(Some);
        let mut shown: BTreeMap<Option<&str>, Option<&str>> = BTreeMap::new();
        texts.chain([None]).all(|text| {
            let (own, theirs) = (self.shown(text), other.shown(text));
            let is_hidden = theirs.is_none() && own.is_some();
            !is_hidden && *shown.entry(theirs).or_insert(own) == own
        })
    }

    fn members(&self) -> impl Iterator<Item = &str> {
        let groups = self.groups.iter();
        groups.flat_map(|it| it.members.iter().map(String::as_str))
    }

    /// The label of a text; `None` stands for a text that no group names.
    fn shown(&self, text: Option<&str>) -> Option<&str> {
        let mut groups = self.groups.iter();
        let holds = |group: &&Group| group.members.iter().any(|it| Some(it.as_str()) == text);
        let group = groups.find(holds).map(|it| it.label.as_str());
        group.or(self.otherwise.as_deref())
    }
}

/// How many times `unit` goes into `value`, where it does so exactly as decimals.
fn multiple(value: f64, unit: f64) -> Option<i128> {
    let (value, unit) = (decimal(value)?, decimal(unit)?);
    let exponent = value.1.min(unit.1);
    let aligned = |it: (i128, i32)| {
        let zeros = u32::try_from(it.1.checked_sub(exponent)?).ok()?;
        it.0.checked_mul(10_i128.checked_pow(zeros)?)
    };
    let (value, unit) = (aligned(value)?, aligned(unit)?);
    let is_exact = unit > 0 && value > 0 && value % unit == 0;
    is_exact.then(|| value / unit)
}

/// Whether a cell of a grid begins here.
fn is_edge(bound: f64, cell: f64) -> bool {
    bound == 0.0 || multiple(bound.abs(), cell).is_some()
}

/// The shortest decimal that reads back as `value`: mantissa and exponent.
fn decimal(value: f64) -> Option<(i128, i32)> {
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e')?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mantissa = format!("{whole}{fraction}").parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    Some((mantissa, exponent.parse::<i32>().ok()?.checked_sub(places)?))
}
