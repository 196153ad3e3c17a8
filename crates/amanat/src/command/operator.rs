//! What the commands of an operator share: which data directory, who answers, how secrets are shown.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use serde_json::Value;

use super::check_config::{self, SourceArguments};
use super::sign_in_link;
use crate::config::{Config, Flag};
use crate::control::operate::WhoRequest;
use crate::control::{self, OperatorRequest, operate};
use crate::exit::{Exit, Stop};
use crate::server::Kept;
use crate::ui;

/// Which server's data.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
}

/// Where a new token goes.
#[derive(Debug, Args)]
pub(crate) struct TokenArguments {
    /// Write the token to a new file that only its owner may read, instead of printing it
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

const NEXT: &str = "nothing was changed; correct what is named and try again";

/// Asks the running server; where none runs, does it here.
pub(super) fn ask(place: Place, request: &OperatorRequest) -> Result<Value, Stop> {
    let config = place.config("name it with --data; `amanat serve` makes it")?;
    let failed = |err: anyhow::Error| Stop::failure(err, NEXT);
    let line = request.to_line().map_err(failed)?;
    if let Some(answer) = answered(&config, &line).map_err(failed)? {
        return Ok(answer);
    }
    // Nobody answers: the data directory is free, or opening it says who has it.
    let site = sign_in_link::site(&config)?;
    let kept = Kept::open(&config)?;
    let site = operate::Site {
        alliance: &kept.alliance,
        url: &site,
        connected: None,
    };
    let answer = operate::act(&site, request).map_err(failed);
    kept.close()?;
    answer
}

impl Place {
    /// The configuration there; where there is no data directory `help` says what to do.
    pub(super) fn config(self, help: &'static str) -> Result<Config, Stop> {
        let data = self
            .data
            .map(|it| Flag::new("--data", "data.directory", it));
        let (config, _) = check_config::load(self.source, data.into_iter().collect())?;
        let directory = &config.data.directory;
        match directory.is_dir() {
            true => Ok(config),
            false => Err(Stop::invalid(
                anyhow!("there is no data directory `{}`", directory.display()),
                help,
            )),
        }
    }
}

/// What the running server answers to a line; nothing where none runs.
pub(super) fn answered(config: &Config, line: &str) -> anyhow::Result<Option<Value>> {
    let answer = control::ask_line(&config.data.directory, line)?;
    Ok(answer.map(|it| serde_json::from_str(&it)).transpose()?)
}

/// Asks for something that makes a token, and shows it: printed, or in its file.
pub(super) fn ask_for_token(
    place: Place,
    token: &TokenArguments,
    request: &OperatorRequest,
) -> Result<Exit, Stop> {
    // Before anything is made: a token that cannot be written would be lost.
    let file = token
        .token_file
        .as_deref()
        .map(SecretFile::make)
        .transpose()?;
    let answer = ask(place, request)?;
    let made = answer
        .get("token")
        .or_else(|| answer.get("tokens")?.get(0))
        .and_then(Value::as_str);
    let Some(made) = made else {
        return problems(&answer, |_| None);
    };
    match file {
        Some(file) => file
            .write(format!("{made}\n").as_bytes())
            .map_err(|err| Stop::failure(err, "the token is lost: renew it"))?,
        None => ui::data(&format!("token: {made}")),
    }
    if let Some(until) = answer.get("until").and_then(Value::as_str) {
        ui::words(&former(until));
    }
    ui::words("this token is not shown again");
    Ok(Exit::Ok)
}

/// What becomes of the token before this one.
fn former(until: &str) -> String {
    let over = model::Timestamp::parse(until).is_ok_and(|it| it <= crate::clock::now());
    match over {
        true => "the former token works no more".to_owned(),
        false => format!("the former token works until {until}"),
    }
}

/// A new file for one secret, of mode 0600. Where nothing comes to be written, it is taken away again, so that the next
/// try can have its name.
pub(super) struct SecretFile {
    path: PathBuf,
    file: std::fs::File,
    is_written: bool,
}

impl SecretFile {
    /// Makes it, empty.
    pub(super) fn make(path: &Path) -> Result<Self, Stop> {
        Ok(Self {
            file: new_secret(path)?,
            path: path.to_owned(),
            is_written: false,
        })
    }

    /// Writes the secret.
    pub(super) fn write(mut self, secret: &[u8]) -> std::io::Result<()> {
        self.file.write_all(secret)?;
        self.file.sync_all()?;
        self.is_written = true;
        Ok(())
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        if !self.is_written {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A new file for secrets, of mode 0600.
pub(super) fn new_secret(path: &Path) -> Result<std::fs::File, Stop> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot make `{}`", path.display()))
        .map_err(|err| Stop::invalid(err, "name a file that does not exist yet"))
}

/// Says what the server found wrong; `line` is the line of a thing, where there are lines.
pub(super) fn problems(answer: &Value, line: impl Fn(u64) -> Option<usize>) -> Result<Exit, Stop> {
    let listed = answer.get("problems").and_then(Value::as_array);
    let Some(listed) = listed else {
        return Ok(Exit::Ok);
    };
    for problem in listed {
        let position = problem.get(0).and_then(Value::as_u64).unwrap_or_default();
        let words = problem.get(1).and_then(Value::as_str).unwrap_or_default();
        match line(position) {
            Some(line) => ui::words(&format!("line {line}: {words}")),
            None => ui::words(words),
        }
    }
    let all = answer
        .get("all")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let more = all.saturating_sub(listed.len() as u64);
    if more > 0 {
        ui::words(&format!("and {more} more"));
    }
    Err(Stop::invalid(anyhow!("nothing was registered"), NEXT))
}

/// Says what was done and will have no effect as things are.
pub(super) fn warn(answer: &Value) {
    let warnings = answer.get("warnings").and_then(Value::as_array);
    for warning in warnings.into_iter().flatten().filter_map(Value::as_str) {
        ui::words(&format!("warning: {warning}"));
    }
}

/// Nothing but that it worked.
pub(super) fn done(place: Place, request: &OperatorRequest) -> Result<Exit, Stop> {
    ask(place, request).map(|_| Exit::Ok)
}

/// A new token for somebody; the former one goes on working for a while.
pub(super) fn renew(
    place: Place,
    who: WhoRequest,
    overlap_ms: i64,
    token: &TokenArguments,
) -> Result<Exit, Stop> {
    ask_for_token(place, token, &OperatorRequest::Renew { who, overlap_ms })
}

/// Nothing opens somebody any more.
pub(super) fn revoke(place: Place, who: WhoRequest) -> Result<Exit, Stop> {
    done(place, &OperatorRequest::Revoke { who })
}

/// Reads a duration such as `7d`, `12h` or `0s` into milliseconds.
pub(super) fn overlap(text: &str) -> Result<i64, String> {
    let words = || "write a time such as 7d, 12h or 0s".to_owned();
    let span: jiff::Span = text.parse().map_err(|_| words())?;
    let day = jiff::SpanRelativeTo::days_are_24_hours();
    let duration = span.to_duration(day).map_err(|_| words())?;
    i64::try_from(duration.as_millis())
        .ok()
        .filter(|it| *it >= 0)
        .ok_or_else(words)
}
