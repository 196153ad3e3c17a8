//! A person takes along what is kept about them: the page where they ask for it, and the page inside the file.

use askama::Template;
use custody::{
    ExportField, ExportFormat, ExportJob, ExportProgress, ExportRequest, ExportState,
    ExportSummary, ExportThing, LeftOut, Plot, PlotBucket, WhyLeftOut,
};
use model::{DeploymentId, Language, PersonId, Text, ThingId, Timestamp};

use super::{Page, sample};
use crate::exporting::ACCOUNT_FILE;
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};
use crate::texts::Texts;

/// Why nothing was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExportNews {
    /// Who asks has not proved who they are.
    NotProved,
    /// There is one already.
    HasOne,
    /// Too many people have one.
    TooMany,
}

/// Where a person asks for their data.
#[derive(Template)]
#[template(path = "export.html")]
pub(crate) struct ExportPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// The deployments that are about the person.
    pub(crate) places: Vec<(DeploymentId, Text)>,
    /// What they asked for.
    pub(crate) job: Option<ExportJob>,
    /// Why nothing was begun.
    pub(crate) news: Option<ExportNews>,
}

impl ExportPage {
    /// Whether a new one can be asked for.
    fn may_ask(&self) -> bool {
        let job = self.job.as_ref();
        job.is_none_or(|it| it.state != ExportState::Waiting)
    }

    fn bytes(&self, bytes: &u64) -> String {
        size(&self.shell, bytes)
    }

    fn progress(&self) -> Option<ExportProgress> {
        self.job.as_ref()?.progress
    }
}

/// Bytes in the largest unit that gives a whole number above zero.
pub(super) fn size(shell: &Texts, bytes: &u64) -> String {
    match *bytes {
        0..=1_023 => shell.with("export-bytes").set("count", *bytes).to_string(),
        1_024..=1_048_575 => {
            let message = shell.with("export-kilobytes");
            message.set("count", bytes / 1_024).to_string()
        }
        _ => {
            let message = shell.with("export-megabytes");
            message.set("count", bytes / 1_048_576).to_string()
        }
    }
}

impl Page for ExportPage {
    const NAME: &'static str = "export";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let home = sample::home();
        let job = |state, progress| ExportJob {
            id: "abcdefghijklmnopqrstuvwxyz".to_owned(),
            request: ExportRequest {
                person: sample_person(),
                only: None,
                formats: ExportFormat::ALL.to_vec(),
            },
            state,
            asked_at: sample::NOW,
            gone_at: (state != ExportState::Waiting).then(|| sample::NOW.plus_millis(86_400_000)),
            bytes: 12_582_912,
            progress,
        };
        let page = |job, news| Self {
            shell: sample::signed_in(shell, Route::Export),
            form: FormToken::sample(),
            places: vec![(home.deployment.clone(), home.title.clone())],
            job,
            news,
        };
        let half = ExportProgress {
            permille: 420,
            readings: 51_234,
        };
        vec![
            ("new", page(None, None)),
            ("waiting", page(Some(job(ExportState::Waiting, None)), None)),
            (
                "made",
                page(Some(job(ExportState::Waiting, Some(half))), None),
            ),
            ("ready", page(Some(job(ExportState::Ready, None)), None)),
            ("failed", page(Some(job(ExportState::Failed, None)), None)),
            ("denied", page(None, Some(ExportNews::NotProved))),
            (
                "second",
                page(
                    Some(job(ExportState::Waiting, None)),
                    Some(ExportNews::HasOne),
                ),
            ),
            ("full", page(None, Some(ExportNews::TooMany))),
        ]
    }
}

fn sample_person() -> PersonId {
    PersonId::parse("p-sample").unwrap_or_else(|_| unreachable!("it is an identifier"))
}

/// The page inside the file: it needs nothing beside it but the other files of the export.
#[derive(Template)]
#[template(path = "take_away.html")]
pub(crate) struct TakeAwayPage {
    /// Language and time zone.
    pub(crate) shell: Texts,
    /// What is in the file.
    pub(crate) summary: ExportSummary,
}

/// A picture of a field: 600 units wide and 120 high. Time goes from left to right, in every language.
struct Picture {
    first: Timestamp,
    last: Timestamp,
    least: String,
    greatest: String,
    /// The band between the least and the greatest value of each stretch.
    band: String,
    /// The line of the means.
    line: String,
}

/// The most files that the page lists beside those of devices.
const MAX_OTHERS: usize = 200;
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;

impl TakeAwayPage {
    /// The pages of an export in every language; the first is the one that opens.
    pub(crate) fn all(texts: &Texts, summary: &ExportSummary) -> Vec<custody::ExportPage> {
        let pages = Language::ALL.into_iter().filter_map(|language| {
            let page = Self {
                shell: texts.in_language(language),
                summary: summary.clone(),
            };
            Some(custody::ExportPage {
                name: file_name(language).to_owned(),
                body: page.render().ok()?.into_bytes(),
            })
        });
        pages.collect()
    }

    fn tag(&self) -> &'static str {
        self.shell.language().tag()
    }

    fn direction(&self) -> &'static str {
        self.shell.language().direction()
    }

    fn other(&self) -> Language {
        match self.shell.language() {
            Language::En => Language::Ur,
            Language::Ur => Language::En,
        }
    }

    fn other_file(&self) -> &'static str {
        file_name(self.other())
    }

    fn title<'a>(&'a self, thing: &'a ExportThing) -> &'a str {
        let title = thing.title.as_ref();
        title.map_or(thing.deployment.as_str(), |it| self.shell.of(it))
    }

    fn field<'a>(&'a self, field: &'a ExportField) -> &'a str {
        let title = field.title.as_ref();
        title.map_or(field.pointer.as_str(), |it| self.shell.of(it))
    }

    /// The files of a thing, by name, with their size in words.
    fn files(&self, thing: &ExportThing) -> Vec<(String, String)> {
        let stem = format!("readings/{}/{}.", thing.deployment, thing.thing);
        let files = self.summary.files.iter();
        let mine = files.filter(|(name, _)| name.starts_with(&stem));
        mine.map(|(name, bytes)| (name.clone(), size(&self.shell, bytes)))
            .collect()
    }

    /// The files that are named nowhere else on the page, with their size in words; not the receipts, which can be many.
    fn others(&self) -> Vec<(String, String)> {
        let is_other = |name: &str| {
            let known = [
                "choices/choices.json",
                "deliveries/deliveries.csv",
                "record/entries.jsonl",
                "fields.csv",
            ];
            !known.contains(&name)
                && !name.starts_with("readings/")
                && !name.starts_with("consent/receipts/")
        };
        let files = self.summary.files.iter();
        let others = files.filter(|(name, _)| is_other(name)).take(MAX_OTHERS);
        others
            .map(|(name, bytes)| (name.clone(), size(&self.shell, bytes)))
            .collect()
    }

    fn has(&self, format: ExportFormat) -> bool {
        self.summary.formats.contains(&format)
    }

    fn left_out(&self, left_out: &LeftOut) -> String {
        let key = match left_out.why {
            WhyLeftOut::LiveOnly => "away-left-live",
            WhyLeftOut::OwnEndpoint => "away-left-endpoint",
            WhyLeftOut::NotAskedFor => return self.shell.say("away-left-others"),
            WhyLeftOut::Sealed => return self.shell.say("away-left-sealed"),
            WhyLeftOut::SealedElsewhere => return self.shell.say("away-left-sealed-more"),
        };
        let all = self.shell.say("away-left-all");
        let place = left_out
            .deployment
            .as_ref()
            .map_or(all, ToString::to_string);
        self.shell.with(key).set("place", place).to_string()
    }

    fn picture(&self, plot: &Plot) -> Option<Picture> {
        picture(plot)
    }
}

fn file_name(language: Language) -> &'static str {
    match language {
        Language::En => "index.html",
        Language::Ur => "index.ur.html",
    }
}

/// Digits enough for a label.
fn label(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

fn picture(plot: &Plot) -> Option<Picture> {
    let filled: Vec<(usize, &PlotBucket)> = plot
        .buckets
        .iter()
        .enumerate()
        .filter(|(_, it)| it.count > 0)
        .collect();
    let least = filled
        .iter()
        .map(|(_, it)| it.least)
        .fold(f64::INFINITY, f64::min);
    let greatest = filled
        .iter()
        .map(|(_, it)| it.greatest)
        .fold(f64::NEG_INFINITY, f64::max);
    if filled.len() < 2 || !least.is_finite() || !greatest.is_finite() {
        return None;
    }
    let spread = if greatest > least {
        greatest - least
    } else {
        1.0
    };
    let last = u32::try_from(plot.buckets.len().saturating_sub(1))
        .unwrap_or(1)
        .max(1);
    let x = |place: usize| f64::from(u32::try_from(place).unwrap_or(0)) * WIDTH / f64::from(last);
    let y = |value: f64| HEIGHT - (value - least) * HEIGHT / spread;
    let point = |place: usize, value: f64| format!("{:.1},{:.1}", x(place), y(value));
    // Counts are far below 2^52, where every number is exact.
    let mean = |it: &PlotBucket| {
        let count = u32::try_from(it.count).map_or(f64::from(u32::MAX), f64::from);
        it.sum / count
    };
    let line: Vec<_> = filled
        .iter()
        .map(|(place, it)| point(*place, mean(it)))
        .collect();
    let above = filled.iter().map(|(place, it)| point(*place, it.greatest));
    let below = filled
        .iter()
        .rev()
        .map(|(place, it)| point(*place, it.least));
    let band: Vec<_> = above.chain(below).collect();
    let places = i64::try_from(plot.buckets.len()).unwrap_or(i64::MAX);
    let span = plot.width_millis.saturating_mul(places);
    Some(Picture {
        first: plot.start,
        last: plot.start.plus_millis(span),
        least: label(least),
        greatest: label(greatest),
        band: band.join(" "),
        line: line.join(" "),
    })
}

impl Page for TakeAwayPage {
    const NAME: &'static str = "take-away";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let home = sample::home();
        let bucket = |number: u32| PlotBucket {
            count: 4,
            least: f64::from(number % 7),
            greatest: f64::from(number % 7) + 2.0,
            sum: f64::from(number % 7) * 4.0 + 4.0,
        };
        let thing = ThingId::parse("meter-12").ok().map(|thing| ExportThing {
            deployment: home.deployment.clone(),
            title: Some(home.title.clone()),
            thing,
            readings: 1_234,
            first_at: sample::NOW.plus_millis(-86_400_000),
            last_at: sample::NOW,
            fields: vec![ExportField {
                pointer: "/power".to_owned(),
                title: Some(Text {
                    en: "Power".to_owned(),
                    ur: "بجلی کا استعمال".to_owned(),
                }),
                unit: "W".to_owned(),
                plot: Plot {
                    start: sample::NOW.plus_millis(-86_400_000),
                    width_millis: 3_600_000,
                    buckets: (0..24).map(bucket).collect(),
                },
            }],
        });
        let stem = format!("readings/{}/meter-12", home.deployment);
        let left_out = [
            WhyLeftOut::LiveOnly,
            WhyLeftOut::OwnEndpoint,
            WhyLeftOut::NotAskedFor,
            WhyLeftOut::Sealed,
            WhyLeftOut::SealedElsewhere,
        ];
        let summary = |things: Vec<ExportThing>, left_out: Vec<LeftOut>| ExportSummary {
            made_at: sample::NOW,
            person: sample_person(),
            only: None,
            formats: ExportFormat::ALL.to_vec(),
            readings: things.iter().map(|it| it.readings).sum(),
            things,
            choices: 3,
            deliveries: 21,
            entries: 5,
            first_gone_at: None,
            left_out,
            files: sample_files(&stem, home.deployment.as_str()),
            key: "amanat.example/record+12345678+AQ==".to_owned(),
        };
        let left_out = left_out.map(|why| LeftOut {
            deployment: None,
            why,
        });
        let page = |summary| Self {
            shell: shell.texts.clone(),
            summary,
        };
        vec![
            (
                "full",
                page(summary(thing.into_iter().collect(), left_out.into())),
            ),
            ("empty", page(summary(Vec::new(), Vec::new()))),
        ]
    }
}

/// Some files of an export, with their sizes.
fn sample_files(stem: &str, deployment: &str) -> Vec<(String, u64)> {
    vec![
        (format!("{stem}.csv"), 1_234_567),
        (format!("{stem}.jsonl"), 5_000),
        ("consent/record.en.json".to_owned(), 9_000),
        ("consent/receipts/00001-abc.json".to_owned(), 1_000),
        (format!("notices/{}.toml", deployment), 3_000),
        ("readings.parquet".to_owned(), 400_000),
        ("record/log.vkey".to_owned(), 90),
    ]
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    #[test]
    fn a_picture_stays_in_its_frame() {
        let bucket = |least: f64, count| PlotBucket {
            count,
            least,
            greatest: least + 1.0,
            sum: least * 2.0 + 1.0,
        };
        let plot = Plot {
            start: Timestamp::EPOCH,
            width_millis: 60_000,
            buckets: vec![bucket(-5.0, 2), bucket(0.0, 0), bucket(10.0, 2)],
        };
        let found = picture(&plot).unwrap();
        assert_eq!(
            (found.least.as_str(), found.greatest.as_str()),
            ("-5", "11")
        );
        assert_eq!(found.line, "0.0,116.2 600.0,3.8");
        assert!(
            picture(&Plot {
                buckets: Vec::new(),
                ..plot
            })
            .is_none()
        );
    }
}
