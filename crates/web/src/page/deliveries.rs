//! Who received what about a person, hour by hour, and the proof of each line.

use askama::Template;
use custody::{MAX_RECEIPTS_LISTED, ReceiptsFrom};
use model::{Text, Timestamp};

use super::{Page, Received, sample};
use crate::route::{DeliveriesFile, Route};
use crate::shell::{Shell, Viewer};

/// What holds a line fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeldFast {
    /// Nothing yet: its hour is not over.
    NotYet,
    /// An entry of the record: its number, and the file of the proof.
    By(u64, DeliveriesFile),
    /// An entry that nobody can find any more.
    Forgotten,
}

/// What somebody received in one hour.
#[derive(Debug, Clone)]
pub(crate) struct DeliveryLine {
    /// Who, for what, from where, how often.
    pub(crate) received: Received,
    /// From which thing.
    pub(crate) thing: String,
    /// When the hour begins and ends.
    pub(crate) hour: (Timestamp, Timestamp),
    /// Fields that passed as measured at least once.
    pub(crate) exact: Vec<Text>,
    /// Fields that never did.
    pub(crate) coarse: Vec<Text>,
    /// What holds it fast.
    pub(crate) held: HeldFast,
}

/// The list.
#[derive(Template)]
#[template(path = "deliveries.html")]
pub(crate) struct DeliveriesPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What was received, newest first.
    pub(crate) lines: Vec<DeliveryLine>,
    /// Whether this is the first page.
    pub(crate) newest: bool,
    /// Where older lines begin.
    pub(crate) older: Option<ReceiptsFrom>,
    /// The key of the record.
    pub(crate) key: String,
}

impl DeliveriesPage {
    fn when(&self, line: &DeliveryLine) -> String {
        let (from, until) = line.hour;
        let words = self
            .shell
            .with("deliveries-hour")
            .set("day", self.shell.day(&from));
        let words = words.set("from", self.shell.time(&from));
        words.set("until", self.shell.time(&until)).to_string()
    }

    fn older(&self) -> Option<Route> {
        self.older.map(|it| Route::Deliveries(Some(it)))
    }

    fn files(&self) -> [(Route, String); 2] {
        let shell = &self.shell;
        [
            (
                Route::DeliveriesFile(DeliveriesFile::Csv),
                shell.say("deliveries-csv"),
            ),
            (
                Route::DeliveriesFile(DeliveriesFile::Json),
                shell.say("deliveries-json"),
            ),
        ]
    }

    fn limit(&self) -> String {
        let words = self.shell.with("deliveries-limit");
        words.set("count", MAX_RECEIPTS_LISTED).to_string()
    }
}

fn sample_line(held: HeldFast, coarse: bool) -> Option<DeliveryLine> {
    let received = sample::received().into_iter().next()?;
    let fields = received.fields.clone();
    let (exact, coarse) = match coarse {
        true => (Vec::new(), fields),
        false => (fields, Vec::new()),
    };
    Some(DeliveryLine {
        thing: "meter-1".to_owned(),
        hour: (sample::NOW, sample::NOW.plus_millis(3_600_000)),
        exact,
        coarse,
        held,
        received,
    })
}

impl Page for DeliveriesPage {
    const NAME: &'static str = "deliveries";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |lines, older| Self {
            shell: sample::signed_in(shell, Route::Deliveries(None)),
            lines,
            newest: true,
            older,
            key: sample::VERIFIER.to_owned(),
        };
        let proof = HeldFast::By(17, DeliveriesFile::Proof(3, 417));
        let full = [
            sample_line(HeldFast::NotYet, false),
            sample_line(proof, true),
            sample_line(HeldFast::Forgotten, false),
        ];
        let full = full.into_iter().flatten().collect();
        let older = ReceiptsFrom {
            hour: 498_706,
            skip: 2,
        };
        vec![
            ("full", page(full, Some(older))),
            ("empty", page(Vec::new(), None)),
        ]
    }
}
