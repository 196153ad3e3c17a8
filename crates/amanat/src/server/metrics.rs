//! `/metrics`: the counters of the gateway and of custody as Prometheus text. A closed list, no labels, nobody's name.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use custody::{Custody, RetainedCounts, WindowCounts};
use gateway::{Counters, Guard};

use crate::backup::{Backups, Figures};

/// What is counted where data is held.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    /// Deliveries that found no place.
    dropped: u64,
    /// Bytes of messages that wait for recipients.
    waiting: usize,
    /// Events of switches beyond what is written in an hour.
    unwritten: u64,
    windows: WindowCounts,
    retained: RetainedCounts,
}

/// What connections hold, with its name.
const CONNECTIONS_HOLD: &str = "held_bytes";

impl Held {
    fn of(custody: &Custody) -> Self {
        Self {
            dropped: custody.dropped_deliveries(),
            waiting: custody.held_bytes(),
            unwritten: custody.unwritten_source_events(),
            windows: custody.window_counts(),
            retained: custody.retained_counts(),
        }
    }

    /// Every number that only grows, with its name.
    const fn counted(&self) -> [(&'static str, u64); 7] {
        [
            ("deliveries_dropped", self.dropped),
            ("retained_refused", self.retained.refused),
            ("source_events_unwritten", self.unwritten),
            ("window_values_late", self.windows.late),
            ("window_values_refused", self.windows.refused),
            ("window_values_unfit", self.windows.unfit),
            ("windows_silent", self.windows.silent),
        ]
    }

    /// Every number that rises and falls, with its name.
    const fn standing(&self) -> [(&'static str, usize); 4] {
        [
            ("retained_bytes", self.retained.bytes),
            ("retained_messages", self.retained.messages),
            ("waiting_bytes", self.waiting),
            ("windows_open", self.windows.open),
        ]
    }
}

/// The routes of the metrics listener.
pub(super) fn router(
    counters: Arc<Counters>,
    custody: Custody,
    guard: Arc<Guard>,
    backups: Backups,
) -> Router {
    Router::new().route(
        "/metrics",
        get(move || {
            let mut page = page(&counters, &Held::of(&custody), guard.held_bytes());
            about_backups(&mut page, &backups.figures());
            async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4")], page).into_response() }
        }),
    )
}

/// `connections_hold`: how many bytes wait in packets that are not whole and in answers that nobody has read.
fn page(counters: &Counters, held: &Held, connections_hold: usize) -> String {
    let mut page = String::new();
    let gateway = counters.snapshot().into_iter();
    let gateway = gateway.map(|(counter, value)| ("gateway", counter.name(), value));
    let custody = held.counted().into_iter();
    let custody = custody.map(|(name, value)| ("custody", name, value));
    for (part, name, value) in gateway.chain(custody) {
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "# TYPE amanat_{part}_{name}_total counter\namanat_{part}_{name}_total {value}\n"
        );
    }
    let custody = held.standing().into_iter();
    let custody = custody.map(|(name, value)| ("custody", name, value));
    for (part, name, value) in
        std::iter::once(("gateway", CONNECTIONS_HOLD, connections_hold)).chain(custody)
    {
        let _ = write!(
            page,
            "# TYPE amanat_{part}_{name} gauge\namanat_{part}_{name} {value}\n"
        );
    }
    page
}

/// How it stands with backups.
fn about_backups(page: &mut String, figures: &Figures) {
    for (name, kind, value) in [
        ("erasures_waiting", "gauge", figures.erasures_waiting),
        ("failures_total", "counter", figures.failures),
        (
            "last_success_timestamp_seconds",
            "gauge",
            figures.last_success,
        ),
    ] {
        let _ = write!(
            page,
            "# TYPE amanat_backup_{name} {kind}\namanat_backup_{name} {value}\n"
        );
    }
}

#[cfg(test)]
mod tests {
    use gateway::Counter;

    use super::*;

    #[test]
    fn every_counter_is_on_the_page() {
        let counters = Counters::default();
        counters.add_many(Counter::PublishesAccepted, 3);
        let held = Held {
            dropped: 4,
            waiting: 11,
            retained: RetainedCounts {
                messages: 12,
                bytes: 13,
                refused: 14,
            },
            unwritten: 10,
            windows: WindowCounts {
                open: 5,
                late: 6,
                refused: 7,
                unfit: 8,
                silent: 9,
            },
        };
        let page = page(&counters, &held, 15);
        for line in [
            "amanat_gateway_publishes_accepted_total 3",
            "amanat_custody_deliveries_dropped_total 4",
            "amanat_custody_source_events_unwritten_total 10",
            "amanat_custody_windows_open 5",
            "amanat_custody_waiting_bytes 11",
            "amanat_custody_retained_messages 12",
            "amanat_custody_retained_bytes 13",
            "amanat_custody_retained_refused_total 14",
            "amanat_custody_window_values_late_total 6",
            "amanat_custody_window_values_refused_total 7",
            "amanat_custody_window_values_unfit_total 8",
            "amanat_custody_windows_silent_total 9",
            "amanat_gateway_held_bytes 15",
        ] {
            assert!(page.lines().any(|it| it == line), "{line} in {page}");
        }
        let held = held.counted().len() + held.standing().len();
        assert_eq!(page.lines().count(), 2 * (Counter::ALL.len() + held + 1));
    }

    #[test]
    fn backups_are_on_the_page() {
        let mut page = String::new();
        let figures = Figures {
            last_success: 5,
            failures: 6,
            erasures_waiting: 7,
        };
        about_backups(&mut page, &figures);
        for line in [
            "amanat_backup_last_success_timestamp_seconds 5",
            "amanat_backup_failures_total 6",
            "amanat_backup_erasures_waiting 7",
        ] {
            assert!(page.lines().any(|it| it == line), "{line} in {page}");
        }
    }

    #[test]
    fn a_line_has_a_name_and_a_number_and_no_place_for_anything_from_outside() {
        let page = page(&Counters::default(), &Held::default(), 0);
        for line in page.lines().filter(|it| !it.starts_with('#')) {
            let (name, number) = line.split_once(' ').unwrap();
            let is_word = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
            assert!(
                name.starts_with("amanat_") && name.chars().all(is_word),
                "{line}"
            );
            assert!(number.parse::<u64>().is_ok(), "{line}");
        }
    }

    #[test]
    fn every_number_is_explained_in_the_reference() {
        let reference = include_str!("../../../../docs/reference/metrics.md");
        let mut page = page(&Counters::default(), &Held::default(), 0);
        about_backups(&mut page, &Figures::default());
        let names = page.lines().filter(|it| !it.starts_with('#'));
        for name in names.filter_map(|it| it.split(' ').next()) {
            assert!(
                reference.contains(&format!("| `{name}` |")),
                "{name} is missing"
            );
        }
        let explained = reference.lines().filter(|it| it.starts_with("| `amanat_"));
        assert_eq!(explained.count() * 2, page.lines().count());
    }
}
