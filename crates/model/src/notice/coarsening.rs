//! How values are made less precise.

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
    /// Whether this shows no more of any value than `other`. `false` also when the two cannot be compared.
    #[must_use]
    pub fn is_no_finer_than(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Presence, _) => true,
            (Self::Round(step), Self::Round(other)) => is_multiple(*step, *other),
            (Self::Grid(cell), Self::Grid(other)) => is_multiple(*cell, *other),
            (Self::Bucket(bounds), Self::Bucket(other)) => {
                bounds.iter().all(|it| other.contains(it))
            }
            (Self::Geohash(characters), Self::Geohash(other)) => characters <= other,
            (Self::Threshold(bound), Self::Threshold(other)) => bound == other,
            (Self::Threshold(bound), Self::Bucket(bounds)) => bounds.contains(bound),
            (Self::Category(category), Self::Category(other)) => category.is_no_finer_than(other),
            (Self::Window(window), Self::Window(other)) => {
                window.of == other.of
                    && window.seconds % other.seconds == 0
                    && window.least >= other.least
            }
            _ => false,
        }
    }
}

impl Category {
    /// Whether every group of `other` lies whole in one group of this, so that this shows no more.
    fn is_no_finer_than(&self, other: &Self) -> bool {
        let shown = |text: &str| {
            let group = self
                .groups
                .iter()
                .find(|it| it.members.iter().any(|it| it == text));
            group.map(|it| &it.label).or(self.otherwise.as_ref())
        };
        let whole = other.groups.iter().all(|group| {
            let mut labels = group.members.iter().map(|it| shown(it));
            let first = labels.next();
            first.is_none_or(|first| labels.all(|it| it == first))
        });
        // What `other` throws together must not come apart here, and what it hides must stay hidden.
        let listed = |text: &String| other.groups.iter().any(|it| it.members.contains(text));
        whole
            && self.groups.iter().all(|it| it.members.iter().all(listed))
            && (self.otherwise.is_none() || other.otherwise.is_some())
    }
}

/// Whether `step` is a whole multiple of `other`: only then does rounding to it tell nothing that rounding to `other` hides.
fn is_multiple(step: f64, other: f64) -> bool {
    let times = step / other;
    times >= 1.0 && (times - times.round()).abs() < 1e-9
}
