//! `amanat serve`: run the server.

use clap::Args;

use super::check_config::{self, SourceArguments};
use super::report;
use crate::config::{Config, Flag};
use crate::exit::{Exit, Stop};
use crate::logging;
use crate::server::{self, Kept, Sockets};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    listen: ListenArguments,
    /// Print the addresses as one line of JSON
    #[arg(long)]
    json: bool,
}

/// The flags that have names of their own; the demo has them too.
#[derive(Debug, Args)]
pub(crate) struct ListenArguments {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// The address of the site; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<String>,
    /// The address of MQTT without TLS; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) mqtt: Option<String>,
    /// The address of MQTT with TLS; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) mqtts: Option<String>,
}

impl ListenArguments {
    /// The flags that were given.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        let flags = [
            ("--data", "data.directory", &self.data),
            ("--http", "http.listen", &self.http),
            ("--mqtt", "mqtt.listen", &self.mqtt),
            ("--mqtts", "mqtt.tls-listen", &self.mqtts),
        ];
        flags
            .into_iter()
            .filter_map(|(name, path, value)| Some(Flag::new(name, path, value.as_ref()?)))
            .collect()
    }
}

/// Serves until a signal.
pub(crate) fn run(arguments: Arguments) -> Result<Exit, Stop> {
    let sign_in = sign_in_command(&arguments);
    let flags = arguments.listen.flags();
    let (config, _) = check_config::load(arguments.source, flags)?;
    logging::start(&config.log);
    let kept = Kept::open(&config)?;
    super::runtime()?.block_on(serve(&config, kept, arguments.json, &sign_in))
}

async fn serve(config: &Config, kept: Kept, json: bool, sign_in: &str) -> Result<Exit, Stop> {
    let mut lifecycle = super::lifecycle()?;
    let sockets = Sockets::bind(config, kept.alliance.custody()).await?;
    let addresses = sockets.addresses().clone();
    sockets.start(config, &kept.alliance, &mut lifecycle);
    report(&addresses, &[], json);
    ui::words("ready; end with Ctrl-C");
    ui::words(&format!("to sign in, run: {sign_in}"));
    server::run_to_the_end(lifecycle, None, kept).await
}

/// The command that makes a sign-in link for this server: it finds the same configuration.
fn sign_in_command(arguments: &Arguments) -> String {
    let mut words = vec!["amanat".to_owned(), "sign-in-link".to_owned()];
    let mut give = |flag: &str, value: &str| words.extend([flag.to_owned(), quoted(value)]);
    if let Some(file) = &arguments.source.config {
        give("--config", &file.display().to_string());
    }
    if let Some(data) = &arguments.listen.data {
        give("--data", data);
    }
    for set in &arguments.source.set {
        // A URL of the database may hold a password.
        if set.path == "data.directory" {
            give("--set", &format!("{}={}", set.path, set.value));
        }
    }
    words.join(" ")
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_alphanumeric() || "-_./=:".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        assert_eq!(quoted("data/a-1.toml"), "data/a-1.toml");
        assert_eq!(quoted("my data"), "'my data'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
