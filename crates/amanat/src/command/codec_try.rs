//! `amanat codec try FILE`: run a codec on one message as the server would, and print what it makes of it.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::anyhow;
use clap::Args;
use codec::wire::{self, Answer, Call, Question, Refusal};

use crate::exit::{Exit, Stop};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The codec: a JavaScript file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The bytes of the message, in hexadecimal
    #[arg(long, value_name = "HEX", value_parser = hex)]
    bytes: Bytes,
    /// The port of an uplink: calls `decodeUplink`
    #[arg(long, value_name = "PORT", conflicts_with = "topic")]
    port: Option<u8>,
    /// When the uplink was received, as 2026-03-04T05:06:07Z
    #[arg(long, value_name = "TIME", requires = "port")]
    received_at: Option<String>,
    /// The topic of a message of another kind: calls `decode`
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
}

/// A message.
#[derive(Debug, Clone)]
pub(crate) struct Bytes(Vec<u8>);

fn hex(text: &str) -> Result<Bytes, String> {
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .map(Bytes)
        .map_err(|_| {
            "write two digits for each byte, such as 0167 00e1 without the space".to_owned()
        })
}

/// Prints the data on standard output; a refusal is a failure.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let source = super::codec::read(&arguments.file)?;
    let call = match &arguments.topic {
        Some(topic) => Call::Decode {
            topic: topic.into(),
            bytes: arguments.bytes.0.as_slice().into(),
        },
        None => Call::DecodeUplink {
            bytes: arguments.bytes.0.as_slice().into(),
            f_port: arguments.port.unwrap_or(1),
            received_at: arguments.received_at.as_deref().map(Into::into),
        },
    };
    let question = Question {
        source: source.into(),
        call,
    };
    match ask(&question)? {
        Answer::Data(data) => {
            ui::data(&data);
            Ok(Exit::Ok)
        }
        Answer::Refused { refusal, detail } => {
            ui::words(&format!("error: {}", said(refusal)));
            if !detail.is_empty() {
                ui::words(&format!("the codec or its engine said: {detail}"));
            }
            Ok(Exit::Failure)
        }
    }
}

/// Refuses a codec that reads no message whatever: one that cannot be run, or has neither function.
pub(super) fn check(source: &str) -> Result<(), Stop> {
    let uplink = Call::DecodeUplink {
        bytes: [].as_slice().into(),
        f_port: 1,
        received_at: None,
    };
    let other = Call::Decode {
        topic: "".into(),
        bytes: [].as_slice().into(),
    };
    let mut wrong = anyhow!("the codec reads no message");
    for call in [uplink, other] {
        let source = source.into();
        match ask(&Question { source, call })? {
            Answer::Refused {
                refusal: refusal @ (Refusal::Broken | Refusal::NoFunction),
                detail,
            } => {
                wrong = match detail.as_str() {
                    "" => anyhow!("{}", said(refusal)),
                    detail => anyhow!("{detail}").context(said(refusal)),
                }
            }
            _ => return Ok(()),
        }
    }
    let next = "the codec from before stays; `amanat codec try` runs it on a message";
    Err(Stop::invalid(wrong, next))
}

/// A refusal, for somebody who is trying already.
fn said(refusal: Refusal) -> String {
    let words = refusal.to_string();
    let hint = ": try it with `amanat codec try`";
    words.strip_suffix(hint).unwrap_or(&words).to_owned()
}

/// Asks a worker of its own. What cannot be counted has no limit here: end it by hand.
fn ask(question: &Question<'_>) -> Result<Answer, Stop> {
    let next = "codecs need a kernel with seccomp, and at most 128 KiB each";
    let failed = |err: std::io::Error| Stop::failure(err, next);
    let program = std::env::current_exe().map_err(failed)?;
    let mut worker = Command::new(program)
        .arg("codec-worker")
        .env_clear()
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    if let Some(mut questions) = worker.stdin.take() {
        wire::write(&mut questions, question).map_err(failed)?;
    }
    let answer = worker
        .stdout
        .take()
        .map(|it| it.take(u64::try_from(wire::MAX_FRAME_BYTES).unwrap_or(u64::MAX)))
        .map(|mut it| wire::read(&mut it))
        .transpose()
        .map_err(failed)?
        .flatten()
        .ok_or_else(|| failed(std::io::ErrorKind::UnexpectedEof.into()))?;
    worker.wait().map_err(failed)?;
    serde_json::from_slice(&answer).map_err(|err| failed(err.into()))
}
