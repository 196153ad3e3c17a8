//! What is said beside a recorded value that is not as it was measured.

use custody::{TimelineField, WindowMark};
use model::Statistic;

use super::Texts;

impl Texts {
    /// How a recorded value differs from what was measured: `to within ± 250 W`, `mean of 12 values, …`. `None` where it
    /// does not.
    pub(crate) fn recorded(&self, value: &TimelineField, unit: &str) -> Option<String> {
        if let Some(mark) = &value.window {
            return Some(self.made_of(mark));
        }
        if let Some(bound) = value.threshold {
            let bound = self.bounds(&[bound], unit);
            let text = self.with("value-threshold").set("bound", bound);
            return Some(text.to_string());
        }
        value.coarse.map(|it| self.accuracy(it, unit))
    }

    fn made_of(&self, mark: &WindowMark) -> String {
        let key = match mark.of {
            Statistic::Mean => "window-mean",
            Statistic::Min => "window-min",
            Statistic::Max => "window-max",
            Statistic::Count => "window-count",
            Statistic::Last => "window-last",
        };
        let until = if self.day(&mark.from) == self.day(&mark.until) {
            self.time(&mark.until)
        } else {
            self.moment(&mark.until)
        };
        let text = self.with(key).set("count", mark.count);
        let text = text
            .set("from", self.moment(&mark.from))
            .set("until", until);
        if mark.incomplete {
            let incomplete = self.with("window-incomplete");
            incomplete.set("window", text.to_string()).to_string()
        } else {
            text.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use custody::Accuracy;
    use jiff::tz::TimeZone;
    use model::{Language, Timestamp};

    fn english() -> Texts {
        Texts::new(Language::En, TimeZone::UTC)
    }

    fn field() -> TimelineField {
        TimelineField {
            pointer: "/t".to_owned(),
            value: "21.5".to_owned(),
            coarse: Some(Accuracy::NotStated),
            threshold: None,
            window: None,
            made_by: None,
        }
    }

    #[track_caller]
    fn check(mark: WindowMark, expected: &str) {
        let field = TimelineField {
            window: Some(mark),
            ..field()
        };
        let found = english().recorded(&field, "°C").unwrap();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_aggregate_says_what_it_was_made_of() {
        let mark = WindowMark {
            from: Timestamp::parse("2026-11-22T10:00:00Z").unwrap(),
            until: Timestamp::parse("2026-11-22T10:15:00Z").unwrap(),
            of: Statistic::Mean,
            count: 12,
            incomplete: false,
        };
        check(
            mark,
            "mean of 12 values, 22 November 2026, 10:00:00 to 10:15:00",
        );
        let one = WindowMark {
            of: Statistic::Last,
            count: 1,
            until: Timestamp::parse("2026-11-23T00:00:00Z").unwrap(),
            incomplete: true,
            ..mark
        };
        check(
            one,
            "last of 1 value, 22 November 2026, 10:00:00 to 23 November 2026, 00:00:00; some values may be missing",
        );
    }

    #[test]
    fn a_side_of_a_threshold_names_the_bound() {
        let side = TimelineField {
            threshold: Some(30.0),
            ..field()
        };
        let found = english().recorded(&side, "°C");
        assert_eq!(found.unwrap(), "whether it was 30\u{a0}°C or more");
        assert_eq!(
            english().recorded(&field(), "°C").unwrap(),
            "made less exact"
        );
    }
}
