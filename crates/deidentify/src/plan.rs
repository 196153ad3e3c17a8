//! What a data set consists of: its columns, how coarse each is, and how many people must stand behind a row.

/// No data set may ask for fewer homes behind a row.
pub const LEAST_K: u32 = 5;
/// No data set needs more.
pub const MOST_K: u32 = 1_000;
/// No batch is admitted of fewer homes, whatever `k` is.
pub const LEAST_HOMES: u32 = 10;
/// No data set needs more.
pub const MOST_HOMES: u32 = 100_000;
/// The most columns.
pub const MAX_COLUMNS: usize = 12;
/// The most steps of coarseness of a column.
pub const MAX_STEPS: usize = 4;
/// The most bounds of buckets.
pub const MAX_BOUNDS: usize = 32;
/// At most so much of a batch may be left out, in percent: what remains of a batch of which more is missing tells about few.
pub const MOST_LEFT_OUT_PERCENT: u8 = 60;
/// The longest geohash: a cell of about 1.2 km by 0.6 km.
pub const MAX_GEOHASH: u8 = 6;
/// The longest name of a column.
pub const MAX_NAME_BYTES: usize = 40;
/// Numbers of a plan are counted in millionths.
pub const MILLION: i64 = 1_000_000;

/// Who counts as one of `k`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// Each person: where a message itself says whom it is about.
    People,
    /// Each group of people who share devices: where people are assigned to devices.
    Homes,
}

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// At least `k` homes have the same in all of these together.
    Shared,
    /// It may differ among those `k`; whether it gives somebody away is for the attacks to find.
    Value,
}

/// A coarseness of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeStep {
    /// The hour of a date.
    Hour,
    /// The date.
    Day,
    /// The month of a year.
    Month,
    /// The hour, of any day.
    HourOfDay,
    /// A quarter of a day, of any day.
    PartOfDay,
    /// The day of the week, of any week.
    Weekday,
}

impl TimeStep {
    /// Every one, with its word.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Hour, "hour"),
        (Self::Day, "day"),
        (Self::Month, "month"),
        (Self::HourOfDay, "hour-of-day"),
        (Self::PartOfDay, "part-of-day"),
        (Self::Weekday, "weekday"),
    ];

    /// Reads its word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|it| it.1 == text);
        found.map(|it| it.0)
    }

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|it| it.0 == self);
        found.map_or("", |it| it.1)
    }

    /// Whether everything that this tells follows from what `finer` tells.
    const fn follows(self, finer: Self) -> bool {
        match finer {
            Self::Hour => !matches!(self, Self::Hour),
            Self::Day => matches!(self, Self::Month | Self::Weekday),
            Self::HourOfDay => matches!(self, Self::PartOfDay),
            _ => false,
        }
    }
}

/// How coarse a column is: the finest step first, each following from the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ladder {
    /// When, in the data set's own time.
    Time(Vec<TimeStep>),
    /// Numbers as the lower end of a stretch of this width, in millionths.
    Number(Vec<i64>),
    /// Numbers as the lower end of the stretch between these bounds, in millionths.
    Buckets(Vec<i64>),
    /// Places as geohashes of so many characters.
    Place(Vec<u8>),
    /// Words and truth values as they are.
    Word,
}

impl Ladder {
    /// How many steps it has.
    #[must_use]
    pub fn steps(&self) -> usize {
        match self {
            Self::Time(steps) => steps.len(),
            Self::Number(steps) => steps.len(),
            Self::Place(steps) => steps.len(),
            Self::Buckets(_) | Self::Word => 1,
        }
    }

    fn is_sound(&self) -> bool {
        if !(1..=MAX_STEPS).contains(&self.steps()) {
            return false;
        }
        match self {
            Self::Time(steps) => steps.is_sorted_by(|finer, coarser| coarser.follows(*finer)),
            Self::Number(steps) => {
                steps
                    .iter()
                    .all(|it| (1..=1_000_000 * MILLION).contains(it))
                    && steps.is_sorted_by(|finer, coarser| finer < coarser && coarser % finer == 0)
            }
            Self::Place(steps) => {
                steps.iter().all(|it| (1..=MAX_GEOHASH).contains(it))
                    && steps.is_sorted_by(|finer, coarser| finer > coarser)
            }
            Self::Buckets(bounds) => {
                (2..=MAX_BOUNDS).contains(&bounds.len()) && bounds.is_sorted_by(|a, b| a < b)
            }
            Self::Word => true,
        }
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in files: lower-case letters, digits and underscores.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// How coarse it is.
    pub ladder: Ladder,
    /// Whether it may be left empty, as the coarsest step of all.
    pub may_vanish: bool,
}

impl Column {
    /// How many steps it has.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.ladder.steps() + usize::from(self.may_vanish)
    }
}

/// What a data set consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The columns.
    pub columns: Vec<Column>,
    /// So many homes have the same shared values, in each row.
    pub k: u32,
    /// So many homes must have given before a batch is looked at.
    pub least_homes: u32,
    /// So much of a batch may be left out, in percent.
    pub most_left_out_percent: u8,
    /// How far the data set's own time is before UTC, in minutes.
    pub utc_offset_minutes: i32,
    /// Who counts as one.
    pub apart: Apart,
}

/// What is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// `k`.
    #[error("`k` lies between {LEAST_K} and {MOST_K}: fewer would not hide anybody")]
    K,
    /// The least number of homes.
    #[error(
        "`least-homes` lies between {LEAST_HOMES} and {MOST_HOMES}, and is no less than twice `k`"
    )]
    Homes,
    /// How much may be left out.
    #[error("`most-left-out-percent` is at most {MOST_LEFT_OUT_PERCENT}")]
    LeftOut,
    /// The time zone.
    #[error("`utc-offset-minutes` lies between -720 and 840")]
    Offset,
    /// Too few or many columns.
    #[error("a data set has 1 to {MAX_COLUMNS} columns, at least one of them shared")]
    Columns,
    /// A name.
    #[error(
        "the column `{0}` needs a name of its own, of 1 to {MAX_NAME_BYTES} characters of a-z, 0-9 and underscores, which begins with a letter and is not `row`"
    )]
    Name(String),
    /// The steps of a column.
    #[error(
        "the steps of the column `{0}` must be 1 to {MAX_STEPS}, the finest first, and each must follow from the one before (numbers: a multiple of it)"
    )]
    Steps(String),
    /// A column that may differ and is no number.
    #[error("the column `{0}` is no number, so it must be shared")]
    Value(String),
}

impl Plan {
    /// How many steps of coarseness the whole has.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.columns.iter().map(Column::steps).max().unwrap_or(1)
    }

    /// Says what is wrong with it, if anything is.
    ///
    /// # Errors
    /// The first problem found.
    pub fn check(&self) -> Result<(), PlanError> {
        if !(LEAST_K..=MOST_K).contains(&self.k) {
            return Err(PlanError::K);
        }
        let homes = LEAST_HOMES.max(self.k.saturating_mul(2))..=MOST_HOMES;
        if !homes.contains(&self.least_homes) {
            return Err(PlanError::Homes);
        }
        if self.most_left_out_percent > MOST_LEFT_OUT_PERCENT {
            return Err(PlanError::LeftOut);
        }
        if !(-720..=840).contains(&self.utc_offset_minutes) {
            return Err(PlanError::Offset);
        }
        let is_shared = |it: &Column| it.role == Role::Shared;
        if self.columns.len() > MAX_COLUMNS || !self.columns.iter().any(is_shared) {
            return Err(PlanError::Columns);
        }
        for (column, idx) in self.columns.iter().zip(0..) {
            let before = self.columns.iter().take(idx);
            let is_taken = before.into_iter().any(|it| it.name == column.name);
            if is_taken || !is_name(&column.name) {
                return Err(PlanError::Name(column.name.clone()));
            }
            if !column.ladder.is_sound() {
                return Err(PlanError::Steps(column.name.clone()));
            }
            let is_number = matches!(column.ladder, Ladder::Number(_) | Ladder::Buckets(_));
            if column.role == Role::Value && !is_number {
                return Err(PlanError::Value(column.name.clone()));
            }
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_';
    text != "row"
        && (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.bytes().all(is_plain)
        && text.starts_with(|it: char| it.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            columns: vec![Column {
                name: "hour".to_owned(),
                role: Role::Shared,
                ladder: Ladder::Time(vec![TimeStep::Hour, TimeStep::Day]),
                may_vanish: false,
            }],
            k: 5,
            least_homes: 10,
            most_left_out_percent: 30,
            utc_offset_minutes: 300,
            apart: Apart::Homes,
        }
    }

    #[test]
    fn floors_cannot_be_gone_below() {
        assert_eq!(plan().check(), Ok(()));
        assert_eq!(Plan { k: 4, ..plan() }.check(), Err(PlanError::K));
        let few = Plan {
            least_homes: 9,
            ..plan()
        };
        assert_eq!(few.check(), Err(PlanError::Homes));
        let twice = Plan { k: 6, ..plan() };
        assert_eq!(twice.check(), Err(PlanError::Homes));
        let most = Plan {
            most_left_out_percent: 61,
            ..plan()
        };
        assert_eq!(most.check(), Err(PlanError::LeftOut));
    }

    #[test]
    fn a_step_follows_from_the_one_before() {
        let check = |ladder: Ladder, expected: bool| {
            assert_eq!(ladder.is_sound(), expected, "{ladder:?}");
        };
        use TimeStep::{Day, Hour, HourOfDay, Month, PartOfDay, Weekday};
        check(Ladder::Time(vec![Hour, Day, Month]), true);
        check(Ladder::Time(vec![Hour, HourOfDay, PartOfDay]), true);
        check(Ladder::Time(vec![Day, HourOfDay]), false);
        check(Ladder::Time(vec![Weekday, Month]), false);
        check(Ladder::Time(vec![Hour, Hour]), false);
        check(Ladder::Time(Vec::new()), false);
        check(Ladder::Number(vec![5, 10, 20]), true);
        check(Ladder::Number(vec![5, 12]), false);
        check(Ladder::Number(vec![0]), false);
        check(Ladder::Place(vec![6, 5]), true);
        check(Ladder::Place(vec![7]), false);
        check(Ladder::Place(vec![4, 5]), false);
        check(Ladder::Buckets(vec![0, 1]), true);
        check(Ladder::Buckets(vec![1, 0]), false);
        check(Ladder::Buckets(vec![1]), false);
    }

    #[test]
    fn only_numbers_may_differ_and_names_are_plain() {
        let check = |change: fn(&mut Column), expected: fn(String) -> PlanError| {
            let mut plan = plan();
            let mut second = plan.columns[0].clone();
            second.name = "second".to_owned();
            change(&mut second);
            let name = second.name.clone();
            plan.columns.push(second);
            assert_eq!(plan.check(), Err(expected(name)));
        };
        check(|it| it.role = Role::Value, PlanError::Value);
        check(|it| it.name = "hour".to_owned(), PlanError::Name);
        check(|it| it.name = "row".to_owned(), PlanError::Name);
        check(|it| it.name = "A".to_owned(), PlanError::Name);
        check(|it| it.name = "a,b".to_owned(), PlanError::Name);
    }
}
