//! `amanat notice draft`: a draft of a notice from a message that was seen, or from a description of a device.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use adapters::draft::{Draft, DraftError, MAX_DOCUMENT_BYTES};
use adapters::{Adapter, State, take};
use clap::{Args, ValueEnum};
use model::Format;

use crate::exit::{Exit, Stop};
use crate::ui;

/// The file name that stands for standard input.
const STANDARD_INPUT: &str = "-";

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("source").required(true))]
pub(crate) struct Arguments {
    /// A message that was seen, in a file (`-`: standard input); may stand several times
    #[arg(long, value_name = "FILE", group = "source")]
    from_message: Vec<PathBuf>,
    /// A W3C WoT Thing Description 1.1
    #[arg(long, value_name = "FILE", group = "source")]
    from_td: Option<PathBuf>,
    /// A discovery document of Home Assistant; may stand several times
    #[arg(long, value_name = "FILE", group = "source")]
    from_ha_discovery: Vec<PathBuf>,
    /// The dialect of the message
    #[arg(long, default_value = "plain", value_name = "ADAPTER", value_parser = adapter, requires = "from_message")]
    adapter: Adapter,
    /// The topic on which the message or the document was seen
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// What a plain message is written in
    #[arg(long, value_enum, default_value_t = Written::Json, requires = "from_message")]
    format: Written,
}

/// The formats of which a draft can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Written {
    /// JSON
    Json,
    /// A SenML pack in JSON
    SenmlJson,
}

impl From<Written> for Format {
    fn from(written: Written) -> Self {
        match written {
            Written::Json => Self::Json,
            Written::SenmlJson => Self::SenmlJson,
        }
    }
}

fn adapter(word: &str) -> Result<Adapter, String> {
    Adapter::parse(word).ok_or_else(|| {
        let words: Vec<_> = Adapter::ALL.iter().map(|it| it.as_str()).collect();
        format!("write one of: {}", words.join(", "))
    })
}

/// Prints the draft.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let mut draft = Draft::new(arguments.format.into());
    let mut state = State::default();
    for path in &arguments.from_message {
        let message = read(path)?;
        observe(&mut draft, &mut state, arguments, &message).map_err(|err| named(err, path))?;
    }
    if let Some(path) = &arguments.from_td {
        draft
            .describe(&read(path)?)
            .map_err(|err| named(unusable(err), path))?;
    }
    for path in &arguments.from_ha_discovery {
        draft
            .discover(&read(path)?, arguments.topic.as_deref())
            .map_err(|err| named(unusable(err), path))?;
    }
    let toml = draft.to_toml().map_err(|err| {
        Stop::invalid(
            err,
            "a message that only says that a device is there carries no reading",
        )
    })?;
    ui::data(toml.trim_end());
    ui::words(
        "this is a draft: no field of it passes before somebody has declared it; `amanat notice check` says what is missing",
    );
    Ok(Exit::Ok)
}

/// Why a document cannot be used, and what to do.
struct Unusable {
    error: anyhow::Error,
    next: &'static str,
}

fn unusable(err: DraftError) -> Unusable {
    Unusable {
        error: err.into(),
        next: "give the document as the device or its maker publishes it",
    }
}

fn named(unusable: Unusable, path: &Path) -> Stop {
    let context = format!("no draft can be made of `{}`", path.display());
    Stop::invalid(unusable.error.context(context), unusable.next)
}

/// The topic of readings, where it is one for all devices of a dialect, or says nothing.
const fn usual_topic(adapter: Adapter) -> Option<&'static str> {
    match adapter {
        Adapter::Plain | Adapter::TheThingsStack => Some(""),
        Adapter::ChirpStack => Some("up"),
        Adapter::ThingsBoard => Some("v1/devices/me/telemetry"),
        Adapter::ThingsBoardGateway => Some("v1/gateway/telemetry"),
        _ => None,
    }
}

/// Looks at what the adapter makes of a message.
fn observe(
    draft: &mut Draft,
    state: &mut State,
    arguments: &Arguments,
    message: &[u8],
) -> Result<(), Unusable> {
    let usual = usual_topic(arguments.adapter);
    let topic = match arguments.topic.as_deref().or(usual) {
        Some(topic) => topic,
        None => {
            return Err(Unusable {
                error: anyhow::anyhow!(
                    "the adapter `{}` reads a message by its topic",
                    arguments.adapter.as_str()
                ),
                next: "add --topic with the topic on which the message was seen",
            });
        }
    };
    let taken = take(arguments.adapter, state, topic, message).map_err(|err| Unusable {
        error: err.into(),
        next: "check --adapter and --topic against the device's settings",
    })?;
    for message in taken {
        draft.observe(&message.body).map_err(unusable)?;
    }
    Ok(())
}

/// The file's bytes, but not more than a draft is made of.
fn read(path: &Path) -> Result<Vec<u8>, Stop> {
    let mut bytes = Vec::new();
    let limit = MAX_DOCUMENT_BYTES as u64 + 1;
    let read = if path.as_os_str() == STANDARD_INPUT {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|it| it.take(limit).read_to_end(&mut bytes))
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(err) => {
            let error =
                anyhow::Error::new(err).context(format!("cannot read `{}`", path.display()));
            Err(Stop::invalid(error, "name a file that this user may read"))
        }
    }
}
