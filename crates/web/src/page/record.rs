//! The public record: its entries in plain words, one entry with its proof, and how to check it all.

use askama::Template;
use custody::{RecordQuery, RecordWitness, WitnessAlarm};
use model::EntryKind;

use super::{About, EntryLine, Page, sample};
use crate::route::Route;
use crate::shell::{Shell, Viewer};
use crate::site::PublicUrl;

/// What a page of the record shows.
#[derive(Template)]
#[template(path = "record.html")]
pub(crate) struct RecordPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Entries, newest first.
    pub(crate) entries: Vec<EntryLine>,
    /// How many entries the whole record has.
    pub(crate) size: u64,
    /// Whether this is the newest page.
    pub(crate) newest: bool,
    /// The page of older entries, if there are any.
    pub(crate) older: Option<Route>,
    /// Who cosigns it.
    pub(crate) witnesses: Vec<RecordWitness>,
    /// Where the record's files are, for the command that checks them.
    pub(crate) log_url: String,
    /// The key that signs the record's head, as a note verifier key.
    pub(crate) key: String,
}

impl RecordPage {
    fn search(&self) -> Route {
        Route::RecordSearch(RecordQuery::default())
    }

    fn hourly(&self) -> Route {
        Route::RecordSearch(RecordQuery {
            kind: Some(EntryKind::ReceiptsCommitted),
            ..RecordQuery::default()
        })
    }

    fn programs(&self) -> Route {
        Route::RecordEntries { from: 0 }
    }

    fn alarmed(&self) -> Vec<String> {
        let alarmed = self.witnesses.iter().filter_map(|it| {
            let key = match it.alarm? {
                WitnessAlarm::Larger => "record-witness-larger",
                WitnessAlarm::Other => "record-witness-other",
            };
            Some(self.shell.with(key).set("name", &it.name).to_string())
        });
        alarmed.collect()
    }

    fn cosigned(&self, witness: &RecordWitness) -> String {
        let Some(at) = &witness.cosigned_at else {
            return self.shell.say("record-witness-not-yet");
        };
        let words = self.shell.with("record-witness-cosigned");
        let words = words.set("count", witness.size);
        words.set("at", self.shell.moment(at)).to_string()
    }
}

impl Page for RecordPage {
    const NAME: &'static str = "record";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |entries: Vec<EntryLine>, size: u64| Self {
            shell: sample::at(shell, Route::record()),
            entries,
            size,
            newest: true,
            older: None,
            witnesses: Vec::new(),
            log_url: "https://amanat.example/record/log".to_owned(),
            key: sample::VERIFIER.to_owned(),
        };
        let mut paged = page(sample::entries(), 1_234);
        paged.newest = false;
        paged.older = Some(Route::Record { before: Some(4) });
        let witness = |name: &str, size: u64, alarm: Option<WitnessAlarm>| RecordWitness {
            key: String::new(),
            name: name.to_owned(),
            size,
            cosigned_at: (size > 0).then_some(sample::NOW),
            alarm,
            alarm_at: alarm.map(|_| sample::NOW),
        };
        let mut full = page(sample::entries(), 6);
        full.witnesses = vec![
            witness("witness.example/university", 6, None),
            witness("witness.example/consumers", 0, None),
        ];
        let mut alarm = page(sample::entries(), 6);
        alarm.witnesses = WitnessAlarm::ALL
            .map(|it| witness("witness.example/university", 7, Some(it)))
            .into();
        vec![
            ("full", full),
            ("alarm", alarm),
            ("paged", paged),
            ("empty", page(Vec::new(), 0)),
        ]
    }
}

/// Entries of the record that fit.
#[derive(Template)]
#[template(path = "record_search.html")]
pub(crate) struct RecordSearchPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What is looked for.
    pub(crate) query: RecordQuery,
    /// What was found, newest first.
    pub(crate) entries: Vec<EntryLine>,
    /// The page of older ones.
    pub(crate) older: Option<Route>,
}

impl RecordSearchPage {
    /// Every kind: its word, in words, and whether it is looked for.
    fn kinds(&self) -> Vec<(&'static str, String, bool)> {
        let kind = |it: &EntryKind| {
            let words = self.shell.act(it, "…", None);
            (it.as_str(), words, self.query.kind == Some(*it))
        };
        EntryKind::ALL.iter().map(kind).collect()
    }
}

impl Page for RecordSearchPage {
    const NAME: &'static str = "record-search";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |query: RecordQuery, entries: Vec<EntryLine>| Self {
            shell: sample::at(shell, Route::RecordSearch(query.clone())),
            older: (!entries.is_empty()).then(|| Route::RecordSearch(query.clone())),
            query,
            entries,
        };
        let query = RecordQuery {
            kind: Some(EntryKind::LicenceSuspended),
            about: "deployment:city-bus".to_owned(),
            words: "smoke".to_owned(),
            before: None,
        };
        vec![
            ("full", page(RecordQuery::default(), sample::entries())),
            ("empty", page(query, Vec::new())),
        ]
    }
}

/// The newest entries as a feed (RFC 4287).
#[derive(Template)]
#[template(path = "record_feed.xml")]
pub(crate) struct RecordFeed {
    /// Its texts.
    pub(crate) shell: Shell,
    /// Its language.
    pub(crate) language: model::Language,
    /// Where people reach the site.
    pub(crate) site: PublicUrl,
    /// They, newest first.
    pub(crate) entries: Vec<EntryLine>,
}

impl RecordFeed {
    fn to(&self, route: impl std::borrow::Borrow<Route>) -> String {
        self.site.to(route.borrow())
    }

    /// When something new came last. RFC 4287 section 4.1.1 asks for it of an empty feed, too.
    fn updated(&self) -> model::Timestamp {
        let newest = self.entries.first().map(|it| it.at);
        newest.unwrap_or(model::Timestamp::EPOCH)
    }
}

/// The proof that an entry is part of the record, in lower-case hex.
#[derive(Debug, Clone)]
pub(crate) struct Proof {
    /// The RFC 6962 hash of the entry.
    pub(crate) leaf: String,
    /// The hashes from the leaf's sibling up.
    pub(crate) path: Vec<String>,
    /// The size of the tree that the proof is for.
    pub(crate) size: u64,
    /// Its root.
    pub(crate) root: String,
    /// The signed note with that size and root.
    pub(crate) checkpoint: String,
}

/// What the page of one entry shows.
#[derive(Template)]
#[template(path = "entry.html")]
pub(crate) struct EntryPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The entry in words.
    pub(crate) entry: EntryLine,
    /// Lower-case hex SHA-256 of the document that the act is about.
    pub(crate) document: Option<String>,
    /// The bytes in the record, as text.
    pub(crate) raw: String,
    /// The proof; `None` until the next signed head holds the entry.
    pub(crate) proof: Option<Proof>,
    /// How many entries the record has.
    pub(crate) size: u64,
}

impl EntryPage {
    const fn previous(&self) -> Option<u64> {
        self.entry.index.checked_sub(1)
    }

    fn next(&self) -> Option<u64> {
        let next = self.entry.index.checked_add(1)?;
        (next < self.size).then_some(next)
    }
}

impl Page for EntryPage {
    const NAME: &'static str = "entry";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |entry: EntryLine, path: u8| Self {
            shell: sample::at(shell, Route::entry(&entry.index)),
            document: (entry.kind == EntryKind::NoticePublished).then(|| sample::hash(9)),
            raw: sample::raw_entry(&entry),
            proof: Some(sample::proof(path)),
            size: 6,
            entry,
        };
        let entries = sample::entries();
        let mut entries = entries.into_iter();
        let full = entries.next().map(|it| ("full", page(it, 3)));
        let first = entries.last().map(|mut it| {
            it.about = About::Other("office:alliance".to_owned());
            let mut only = page(it, 0);
            only.size = 1;
            ("only", only)
        });
        full.into_iter().chain(first).collect()
    }
}
