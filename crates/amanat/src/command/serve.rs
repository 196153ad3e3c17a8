//! `amanat serve`: run the server.

use clap::Args;

use super::check_config::{self, SourceArguments};
use super::report;
use crate::config::{Config, Flag};
use crate::exit::{Exit, Stop};
use crate::logging;
use crate::server::{self, Kept, Sockets};

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
    let flags = arguments.listen.flags();
    let (config, _) = check_config::load(arguments.source, flags)?;
    logging::start(&config.log);
    let kept = Kept::open(&config)?;
    super::runtime()?.block_on(serve(&config, kept, arguments.json))
}

async fn serve(config: &Config, kept: Kept, json: bool) -> Result<Exit, Stop> {
    let mut lifecycle = super::lifecycle()?;
    let sockets = Sockets::bind(config).await?;
    let addresses = sockets.addresses().clone();
    sockets.start(config, &kept.alliance, &mut lifecycle);
    report(&addresses, &[], json);
    server::run_to_the_end(lifecycle, None, kept).await
}
