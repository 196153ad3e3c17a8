//! From values to figures that may be published, and how they are written.
//!
//! Half of ε tells how many people are in it, the other half the figure; for the number of people alone it is all of ε. Below the declared
//! number of people the figure is withheld. That is decided by the number *with* noise, so it tells nothing more (post-processing).

use model::Timestamp;
use serde::{Deserialize, Serialize};
use statistics::budget::Epsilon;
use statistics::release::{self as figures, Figure};
use statistics::{Randomness, RandomnessError};

use super::DrawError;
use super::declared::{DeclaredStatistic, Measure};

/// The version of the document.
const VERSION: u8 = 1;
/// How many random bytes are asked for at once.
const POOL_BYTES: usize = 4_096;

/// A figure with noise, in units of the last decimal place (people: as they are).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noisy {
    /// As it came out.
    pub value: i64,
    /// With 95 of 100 chances the noise is no larger; `None` for a quantile, whose noise depends on the values.
    pub within_95: Option<i64>,
}

/// What was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// How many people or households.
    pub people: Noisy,
    /// The figure; one for each step of a histogram; none for the number of people alone, or where it is withheld.
    pub values: Vec<Noisy>,
    /// Too few people: the figure was not drawn.
    pub is_withheld: bool,
}

/// Random bytes of the operating system, many at a time.
pub(super) struct System {
    pool: [u8; POOL_BYTES],
    used: usize,
}

impl System {
    pub(super) const fn new() -> Self {
        Self {
            pool: [0; POOL_BYTES],
            used: POOL_BYTES,
        }
    }
}

impl Randomness for System {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        let mut end = self.used.saturating_add(bytes.len());
        if end > POOL_BYTES {
            getrandom::fill(&mut self.pool).map_err(|_| RandomnessError)?;
            (self.used, end) = (0, bytes.len());
        }
        let taken = self.pool.get_mut(self.used..end).ok_or(RandomnessError)?;
        bytes.copy_from_slice(taken);
        taken.fill(0);
        self.used = end;
        Ok(())
    }
}

/// Draws what is asked for. `values` has one for each unit, within the bounds.
pub(super) fn draw(
    declared: &DeclaredStatistic,
    (measure, epsilon): (Measure, Epsilon),
    values: &[i64],
    source: &mut dyn Randomness,
) -> Result<Drawn, DrawError> {
    let (bounds, grid) = declared
        .bounds()
        .zip(declared.grid())
        .ok_or(DrawError::Unreadable)?;
    let (for_people, for_figure) = shares(measure, epsilon);
    let people = u64::try_from(values.len()).unwrap_or(u64::MAX);
    if measure == Measure::Mean {
        let drawn = figures::mean(values, bounds, epsilon, source)?;
        let values = vec![noisy(&drawn.mean)];
        return Ok(drawn_of(declared, noisy(&drawn.people), values));
    }
    let people = noisy(&figures::count(people, for_people, source)?);
    let is_few = people.value < i64::from(declared.least_people);
    let found = match measure {
        Measure::People => {
            return Ok(Drawn {
                people,
                values: Vec::new(),
                is_withheld: false,
            });
        }
        _ if is_few => Vec::new(),
        Measure::Sum => vec![noisy(&figures::sum(values, bounds, for_figure, source)?)],
        Measure::Histogram => {
            let bins = declared.step_begins().len();
            let bin_of = values.iter().map(|it| declared.bin(*it));
            let found = figures::histogram(bin_of, bins, for_figure, source)?;
            found.iter().map(noisy).collect()
        }
        Measure::Quantile(_) | Measure::Mean => {
            let which = measure.quantile().ok_or(DrawError::Unreadable)?;
            let value = figures::quantile(values, which, grid, for_figure, source)?;
            vec![Noisy {
                value,
                within_95: None,
            }]
        }
    };
    Ok(drawn_of(declared, people, found))
}

/// Withholds the figure where the people are too few.
fn drawn_of(declared: &DeclaredStatistic, people: Noisy, mut values: Vec<Noisy>) -> Drawn {
    let is_withheld = people.value < i64::from(declared.least_people);
    if is_withheld {
        values.clear();
    }
    Drawn {
        people,
        values,
        is_withheld,
    }
}

/// What of ε is for the number of people, and what for the figure.
fn shares(measure: Measure, epsilon: Epsilon) -> (Epsilon, Epsilon) {
    match measure {
        Measure::People => (epsilon, Epsilon::ZERO),
        // As `statistics::release::mean` does: the sum first.
        Measure::Mean => {
            let (sum, people) = epsilon.halves();
            (people, sum)
        }
        _ => epsilon.halves(),
    }
}

fn noisy(figure: &Figure) -> Noisy {
    let end = if figure.value < 0 { i64::MIN } else { i64::MAX };
    Noisy {
        value: i64::try_from(figure.value).unwrap_or(end),
        within_95: Some(i64::try_from(figure.within_95).unwrap_or(i64::MAX)),
    }
}

/// A release as it is published and hashed into the record.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    v: u8,
    statistic: String,
    declaration_sha256: String,
    from: String,
    until: String,
    drawn: String,
    figure: String,
    decimals: u8,
    bounds: [i64; 2],
    steps: Vec<i64>,
    epsilon: String,
    mechanism: String,
    people: WrittenPart,
    values: Option<WrittenValues>,
    withheld: bool,
}

/// How many people, and how that was made.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenPart {
    value: i64,
    within_95: Option<i64>,
    epsilon: String,
    sensitivity: u64,
    scale: String,
}

/// The figure, in units of the last decimal place, and how it was made.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenValues {
    values: Vec<i64>,
    within_95: Option<i64>,
    epsilon: String,
    sensitivity: u64,
    scale: String,
}

/// By what a figure is hidden.
pub(super) const fn mechanism(measure: Measure) -> &'static str {
    match measure {
        Measure::Quantile(_) => "discrete Laplace for the people, permute-and-flip for the figure",
        Measure::Mean => "discrete Laplace for the people and for the sum",
        _ => "discrete Laplace",
    }
}

/// How much one unit more or less changes what noise is added to: the sum of a mean is of what lies above the lower bound. For a
/// quantile: how much it changes how well a candidate fits, in hundredths of a person.
fn sensitivity(declared: &DeclaredStatistic, measure: Measure) -> u64 {
    match measure {
        Measure::People | Measure::Histogram => 1,
        Measure::Sum => declared
            .low
            .unsigned_abs()
            .max(declared.high.unsigned_abs()),
        Measure::Mean => declared.high.abs_diff(declared.low),
        Measure::Quantile(percent) => u64::from(percent.max(100_u8.saturating_sub(percent))),
    }
}

/// `sensitivity / ε`, to six decimal places, rounded up.
fn scale(sensitivity: u64, epsilon: Epsilon) -> String {
    let millionths = u128::from(sensitivity) * 1_000_000_000_000;
    let found = millionths.div_ceil(u128::from(epsilon.as_micro().max(1)));
    let text = format!("{}.{:06}", found / 1_000_000, found % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Of which release a document is.
pub(super) struct Heading<'a> {
    pub(super) declared: &'a DeclaredStatistic,
    pub(super) declaration_sha256: &'a str,
    pub(super) from: Timestamp,
    pub(super) at: Timestamp,
    pub(super) measure: Measure,
    pub(super) epsilon: Epsilon,
}

/// The document of a release.
pub(super) fn document(heading: &Heading<'_>, drawn: &Drawn) -> String {
    let Heading {
        declared, measure, ..
    } = heading;
    let (for_people, for_figure) = shares(*measure, heading.epsilon);
    let sensitivity = sensitivity(declared, *measure);
    let values = drawn.values.first().map(|first| WrittenValues {
        values: drawn.values.iter().map(|it| it.value).collect(),
        within_95: first.within_95,
        epsilon: for_figure.to_string(),
        sensitivity,
        scale: scale(sensitivity, for_figure),
    });
    let written = Written {
        v: VERSION,
        statistic: declared.id.to_string(),
        declaration_sha256: heading.declaration_sha256.to_owned(),
        from: heading.from.to_string(),
        until: declared.end_of(heading.from).to_string(),
        drawn: heading.at.to_string(),
        figure: measure.to_string(),
        decimals: declared.decimals,
        bounds: [declared.low, declared.high],
        steps: match measure {
            Measure::Histogram | Measure::Quantile(_) => declared.step_begins(),
            _ => Vec::new(),
        },
        epsilon: heading.epsilon.to_string(),
        mechanism: mechanism(*measure).to_owned(),
        people: WrittenPart {
            value: drawn.people.value,
            within_95: drawn.people.within_95,
            epsilon: for_people.to_string(),
            sensitivity: 1,
            scale: scale(1, for_people),
        },
        values,
        withheld: drawn.is_withheld,
    };
    // Texts and numbers only: nothing of it can fail to be written.
    serde_json::to_string(&written).unwrap_or_default()
}

/// What a document says was drawn.
pub(crate) fn read(document: &str) -> Option<Drawn> {
    let written: Written = serde_json::from_str(document).ok()?;
    if written.v != VERSION {
        return None;
    }
    let values = written.values.map_or_else(Vec::new, |it| {
        let noisy = |value| Noisy {
            value,
            within_95: it.within_95,
        };
        it.values.iter().copied().map(noisy).collect()
    });
    Some(Drawn {
        people: Noisy {
            value: written.people.value,
            within_95: written.people.within_95,
        },
        values,
        is_withheld: written.withheld,
    })
}

/// The words of the public record: the figure, and how it was made.
pub(super) fn words(heading: &Heading<'_>, drawn: &Drawn) -> String {
    let Heading {
        declared,
        measure,
        epsilon,
        ..
    } = heading;
    let (for_people, for_figure) = shares(*measure, *epsilon);
    let within = |it: Option<String>| it.map_or_else(String::new, |it| format!(" ± {it}"));
    let value = |it: &Noisy| match measure {
        Measure::Histogram => format!(
            "{}{}",
            it.value,
            within(it.within_95.map(|it| it.to_string()))
        ),
        _ => {
            let around = within(it.within_95.map(|it| declared.shown(it)));
            format!("{}{around}", declared.shown(it.value))
        }
    };
    let values: Vec<_> = drawn.values.iter().map(value).collect();
    let figure = match (drawn.is_withheld, measure) {
        (true, _) => format!("withheld, fewer than {} people", declared.least_people),
        (false, Measure::People) => String::new(),
        (false, _) => values.join(", "),
    };
    let people = &drawn.people;
    let people = format!(
        "people {}{}",
        people.value,
        within(people.within_95.map(|it| it.to_string()))
    );
    let figure = match figure.as_str() {
        "" => people,
        figure => format!("{figure}; {people}"),
    };
    let (low, high) = (declared.shown(declared.low), declared.shown(declared.high));
    format!(
        "{measure} of {} from {} to {}: {figure} (95 of 100); epsilon {epsilon} ({for_people} for the people, {for_figure} for the figure); {}; bounds {low} to {high}; scale {}",
        declared.field,
        heading.from,
        declared.end_of(heading.from),
        mechanism(*measure),
        match measure {
            Measure::People => scale(1, for_people),
            _ => scale(sensitivity(declared, *measure), for_figure),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;

    impl Randomness for Zeros {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
            bytes.fill(0);
            Err(RandomnessError)
        }
    }

    fn declared() -> DeclaredStatistic {
        let source = r#"{"id":"s","title":{"en":"S","ur":"س"},"deployment":"home","recipient":"r","purpose":"p","field":"/x",
            "each":"mean","decimals":1,"low":"0","high":"10","steps":5,"period":"day","budget":"10","least-people":5}"#;
        DeclaredStatistic::parse(source).unwrap()
    }

    fn heading(declared: &DeclaredStatistic, measure: Measure) -> Heading<'_> {
        Heading {
            declared,
            declaration_sha256: "00",
            from: Timestamp::from_millis(1_790_000_000_000),
            at: Timestamp::from_millis(1_790_100_000_000),
            measure,
            epsilon: Epsilon::parse("8").unwrap(),
        }
    }

    const MEASURES: [Measure; 5] = [
        Measure::People,
        Measure::Sum,
        Measure::Mean,
        Measure::Histogram,
        Measure::Quantile(50),
    ];

    #[test]
    fn every_figure_is_drawn_written_and_read_back() {
        let declared = declared();
        let values: Vec<i64> = (0..1_000).map(|it| it % 100).collect();
        for measure in MEASURES {
            let asked = (measure, Epsilon::parse("8").unwrap());
            let drawn = draw(&declared, asked, &values, &mut System::new()).unwrap();
            assert!(drawn.people.value.abs_diff(1_000) < 60, "{drawn:?}");
            let written = document(&heading(&declared, measure), &drawn);
            assert_eq!(read(&written), Some(drawn.clone()), "{written}");
            let words = words(&heading(&declared, measure), &drawn);
            assert!(
                words.contains("epsilon 8 (") && words.contains("bounds 0.0 to 10.0"),
                "{words}"
            );
            let expected = match measure {
                Measure::People => 0,
                Measure::Histogram => 5,
                _ => 1,
            };
            assert_eq!(drawn.values.len(), expected);
            // The noise is far smaller than this, with so many people and so large an epsilon.
            let (value, truth, most) = match measure {
                Measure::People => (drawn.people.value, 1_000, 60),
                Measure::Sum => (drawn.values[0].value, 49_500, 4_000),
                Measure::Mean => (drawn.values[0].value, 50, 5),
                Measure::Histogram => (drawn.values[2].value, 200, 60),
                Measure::Quantile(_) => (drawn.values[0].value, 40, 20),
            };
            assert!(value.abs_diff(truth) <= most, "{measure}: {value}");
        }
    }

    #[test]
    fn with_few_people_the_figure_is_withheld_whatever_it_is() {
        let declared = DeclaredStatistic {
            least_people: 1_000,
            ..declared()
        };
        for measure in MEASURES {
            let asked = (measure, Epsilon::parse("8").unwrap());
            let drawn = draw(&declared, asked, &[1, 2, 3], &mut System::new()).unwrap();
            assert!(drawn.values.is_empty());
            assert_eq!(drawn.is_withheld, measure != Measure::People);
        }
    }

    #[test]
    fn without_randomness_nothing_is_drawn() {
        for measure in MEASURES {
            let asked = (measure, Epsilon::parse("8").unwrap());
            assert!(draw(&declared(), asked, &[1; 50], &mut Zeros).is_err());
        }
    }

    #[test]
    fn no_part_of_a_figure_costs_more_than_all_of_it() {
        for micro in [1_000, 333_333, 7_000_001] {
            let epsilon = Epsilon::from_micro(micro).unwrap();
            for measure in MEASURES {
                let (one, other) = shares(measure, epsilon);
                assert_eq!(one.as_micro() + other.as_micro(), micro);
            }
        }
        assert_eq!(scale(100, Epsilon::parse("0.25").unwrap()), "400");
        assert_eq!(scale(1, Epsilon::parse("3").unwrap()), "0.333334");
    }

    #[test]
    fn random_bytes_are_not_given_twice() {
        let mut source = System::new();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..2_000 {
            let mut bytes = [0; 16];
            source.fill(&mut bytes).unwrap();
            assert!(seen.insert(bytes));
        }
    }
}
