//! Events on standard error, as the configuration says.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::config::{self, LogFormat};

/// Starts logging for a command without a configuration. The first call of the process counts.
pub(crate) fn start_plain() {
    start_as("info", LogFormat::Text);
}

/// Starts logging. The first call of the process counts.
pub(crate) fn start(log: &config::Log) {
    start_as(log.filter.as_str(), log.format);
}

fn start_as(filter: &str, format: LogFormat) {
    let filter = EnvFilter::new(filter);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    // A second call finds a subscriber in place and leaves it.
    let _ = match format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
