//! `amanat policy explain PATH`: say in sentences what passes to whom, what is dropped and what is kept, and why.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use jiff::tz::TimeZone;
use model::{
    Dropped, Explanation, KeptFor, Language, Notice, NoticeError, Pointer, PurposeId, RecipientId,
};
use policy::case::{Answer, CASE_FILE, Case};
use policy::{Lane, explain_dropped, explain_kept};
use serde_json::{Value, json};
use web::{Asker, DEFAULT_TIME_ZONE, Sentences};

use super::notice_files::Wrong;
use super::policy_test;
use crate::exit::{Exit, Stop};
use crate::ui;

/// How many problems of a notice are named before the command that checks notices is.
const SHOWN_PROBLEMS: usize = 3;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A notice file, or a case: a directory with case.json
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Choices, access, limits and messages for the notice: a file in the format of case.json
    #[arg(long, value_name = "FILE")]
    case: Option<PathBuf>,
    /// A message to explain, where there is no case
    #[arg(long, value_name = "FILE", conflicts_with = "case")]
    message: Option<PathBuf>,
    /// Only this recipient
    #[arg(long, value_name = "ID")]
    recipient: Option<String>,
    /// Only this purpose
    #[arg(long, value_name = "ID")]
    purpose: Option<String>,
    /// Only this field (JSON Pointer)
    #[arg(long, value_name = "POINTER")]
    field: Option<String>,
    /// The language of the sentences: en or ur
    #[arg(long, value_name = "LANGUAGE", default_value = "en", value_parser = language)]
    language: Language,
    /// Print JSON, with the sentences in both languages
    #[arg(long)]
    json: bool,
}

fn language(text: &str) -> Result<Language, String> {
    let found = Language::ALL.into_iter().find(|it| it.tag() == text);
    found.ok_or_else(|| "write en or ur".to_owned())
}

/// What of one message passes, is dropped and is kept.
struct Story {
    at: String,
    /// Why the message cannot be read, where it cannot.
    unread: Option<String>,
    lanes: Vec<(Lane, Vec<Explanation>)>,
    dropped: Vec<Dropped>,
    kept: Vec<KeptFor>,
    asker: Asker,
}

/// Prints a sentence for each field, lane by lane.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let help =
        "corpus/policy/README.md describes cases, docs/how-to/explain-a-decision.md this command";
    let case = read(arguments).map_err(|err| match err.downcast_ref::<NoticeError>() {
        Some(wrong) => stop_at_notice(&arguments.path, wrong),
        None => Stop::invalid(err, help),
    })?;
    let wanted = Wanted::parse(arguments).map_err(|err| Stop::invalid(err, help))?;
    let is_bare = is_bare(arguments);
    let has_messages = arguments.message.is_some() || !is_bare;
    let stories = case.answers(|answer| wanted.story(answer, has_messages));
    if let Some(file) = &arguments.message
        && let Some(unread) = stories.iter().find_map(|it| it.unread.as_ref())
    {
        let error = anyhow!("the message `{}`: {unread}", file.display());
        let next = "name a file that holds one message as the device sends it; without --message the command tells what holds for every message";
        return Err(Stop::invalid(error, next));
    }
    if stories.iter().all(|it| it.lanes.is_empty()) {
        let error = anyhow!("the notice declares nothing of what is asked for");
        return Err(Stop::invalid(
            error,
            "name a recipient, purpose and field of the notice",
        ));
    }
    if arguments.json {
        let stories: Vec<_> = stories
            .iter()
            .map(|it| story_json(case.notice(), it))
            .collect();
        ui::data(&super::listing::json_line(&json!({ "messages": stories })));
    } else {
        let sentences = sentences(arguments.language);
        for story in &stories {
            if !is_bare {
                ui::data(&format!("message of {}", story.at));
            }
            print(&sentences, case.notice(), story);
        }
    }
    Ok(Exit::Ok)
}

/// Whether there is nothing but a notice: then it is told what holds before any choice, with access for everybody.
fn is_bare(arguments: &Arguments) -> bool {
    arguments.case.is_none() && !arguments.path.join(CASE_FILE).is_file()
}

fn read(arguments: &Arguments) -> anyhow::Result<Case> {
    if arguments.path.join(CASE_FILE).is_file() {
        return policy_test::read(&arguments.path);
    }
    let text_of_notice = text(&arguments.path)?;
    let notice = Notice::parse(&text_of_notice)?;
    let case = match &arguments.case {
        Some(case) => text(case)?,
        None => bare_case(&notice, arguments.message.as_deref())?,
    };
    Ok(Case::parse(&text_of_notice, &case)?)
}

/// Prints the first problems of the notice; the rest is for the command that checks notices.
fn stop_at_notice(path: &Path, wrong: &NoticeError) -> Stop {
    let name = path.display().to_string();
    let count = wrong.problems.len();
    let shown = wrong.problems.iter().take(SHOWN_PROBLEMS).cloned();
    for line in Wrong::Problems(shown.collect()).lines(&name) {
        ui::words(&line);
    }
    let error = match count {
        0..=SHOWN_PROBLEMS => anyhow!("`{name}` is not a notice that can be used"),
        more => anyhow!("`{name}` has {more} problems: the first {SHOWN_PROBLEMS} stand above"),
    };
    let next = format!("`amanat notice check {name}` lists every problem with its remedy");
    Stop::invalid(error, next)
}

/// Somebody who has not chosen anything, and does not ask, access for every declared recipient, and the message, if there is one.
fn bare_case(notice: &Notice, message: Option<&Path>) -> anyhow::Result<String> {
    let moment = "1970-01-01T00:00:00Z";
    let lanes = notice.declarations.iter().flat_map(|it| {
        let recipients = it.recipients.iter();
        recipients.map(|to| json!({ "recipient": to.as_str(), "purpose": it.purpose.as_str(), "from": moment }))
    });
    let message = match message {
        Some(file) => {
            let bytes =
                std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
            data_encoding::HEXLOWER.encode(&bytes)
        }
        None => String::new(),
    };
    let case = json!({
        "about": "What holds before any choice.",
        "people": [[]],
        "grants": lanes.collect::<Vec<_>>(),
        "licence": "active",
        "now": moment,
        "payload": { "hex": message },
    });
    Ok(case.to_string())
}

fn text(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))
}

fn sentences(language: Language) -> Sentences {
    let zone = TimeZone::get(DEFAULT_TIME_ZONE).unwrap_or(TimeZone::UTC);
    Sentences::new(language, zone)
}

/// What is asked about; everything where nothing is named.
struct Wanted {
    recipient: Option<RecipientId>,
    purpose: Option<PurposeId>,
    field: Option<Pointer>,
}

impl Wanted {
    fn parse(arguments: &Arguments) -> anyhow::Result<Self> {
        Ok(Self {
            recipient: arguments
                .recipient
                .as_deref()
                .map(RecipientId::parse)
                .transpose()?,
            purpose: arguments
                .purpose
                .as_deref()
                .map(PurposeId::parse)
                .transpose()?,
            field: arguments.field.as_deref().map(Pointer::parse).transpose()?,
        })
    }

    fn story(&self, answer: &Answer<'_>, has_messages: bool) -> Story {
        let question = &answer.question;
        let decided = answer.decided.as_ref();
        let is_asked = |it: &Pointer| self.field.as_ref().is_none_or(|field| field == it);
        let lanes = question.program.lanes().iter().filter(|it| {
            self.recipient
                .as_ref()
                .is_none_or(|wanted| *wanted == it.recipient)
                && self
                    .purpose
                    .as_ref()
                    .is_none_or(|wanted| *wanted == it.purpose)
        });
        let fields = |lane: &Lane| {
            let declared =
                question.inputs.notice.declarations.iter().filter(|it| {
                    it.purpose == lane.purpose && it.recipients.contains(&lane.recipient)
                });
            let mut fields: Vec<&Pointer> = Vec::new();
            for field in declared.flat_map(|it| &it.fields).filter(|it| is_asked(it)) {
                if !fields.contains(&field) {
                    fields.push(field);
                }
            }
            let told = fields.into_iter().filter_map(|it| answer.why(lane, it));
            (lane.clone(), told.collect::<Vec<_>>())
        };
        Story {
            at: question.facts.now.to_string(),
            unread: decided
                .err()
                .filter(|_| has_messages)
                .map(ToString::to_string),
            lanes: lanes.map(fields).filter(|it| !it.1.is_empty()).collect(),
            dropped: decided.map_or_else(|_| Vec::new(), |it| explain_dropped(&it.0)),
            kept: decided.map_or_else(|_| Vec::new(), |it| explain_kept(question, &it.1)),
            asker: question.asker.map_or(Asker::Anybody, |_| Asker::Sensed),
        }
    }
}

fn print(sentences: &Sentences, notice: &Notice, story: &Story) {
    if let Some(unread) = &story.unread {
        ui::data(&format!(
            "  {unread}: nothing passes; what follows holds for messages that can be read"
        ));
    }
    for (lane, fields) in &story.lanes {
        ui::data(&format!("{} for {}", lane.recipient, lane.purpose));
        for it in fields {
            let why = sentences.why(notice, it, story.asker);
            ui::data(&format!("  {}: {why}", place(it.field.as_str())));
        }
    }
    if !story.dropped.is_empty() {
        ui::data("dropped");
    }
    for it in &story.dropped {
        let why = sentences.dropped(notice, it);
        ui::data(&format!("  {}: {why}", place(&it.place)));
    }
    if !story.kept.is_empty() {
        ui::data("kept");
    }
    for it in &story.kept {
        let why = sentences.kept(notice, it);
        ui::data(&format!("  {}: {why}", place(it.field.as_str())));
    }
}

/// A pointer, also that of the whole message, which is empty.
fn place(pointer: &str) -> &str {
    if pointer.is_empty() {
        "(the whole message)"
    } else {
        pointer
    }
}

fn story_json(notice: &Notice, story: &Story) -> Value {
    let [en, ur] = [Language::En, Language::Ur].map(sentences);
    let field = |it: &Explanation| {
        json!({
            "field": it.field.as_str(),
            "level": it.level.to_string(),
            "factor": it.because.as_str(),
            "en": en.why(notice, it, story.asker),
            "ur": ur.why(notice, it, story.asker),
        })
    };
    let lanes = story.lanes.iter().map(|(lane, fields)| {
        json!({
            "recipient": lane.recipient.as_str(),
            "purpose": lane.purpose.as_str(),
            "fields": fields.iter().map(field).collect::<Vec<_>>(),
        })
    });
    let dropped = story.dropped.iter().map(|it| {
        json!({
            "place": it.place,
            "factor": it.because.as_str(),
            "en": en.dropped(notice, it),
            "ur": ur.dropped(notice, it),
        })
    });
    let kept = story.kept.iter().map(|it| {
        json!({
            "field": it.field.as_str(),
            "level": it.level.to_string(),
            "days": it.retention.as_days(),
            "en": en.kept(notice, it),
            "ur": ur.kept(notice, it),
        })
    });
    json!({
        "at": story.at,
        "unread": story.unread,
        "lanes": lanes.collect::<Vec<_>>(),
        "dropped": dropped.collect::<Vec<_>>(),
        "kept": kept.collect::<Vec<_>>(),
    })
}
