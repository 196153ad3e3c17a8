//! The binary of Amanat: command line, configuration, wiring, lifecycle, demo.
//!
//! Owns what no library crate may: the environment, the clocks, signals, printing, the order of start and stop.
//! Decides nothing about data: that is `policy`, reached through `custody` and `alliance`.
//! Start reading at [`cli`]; each command is one file under `command/`.

mod backup;
mod cli;
mod clock;
mod command;
mod config;
mod control;
mod data_directory;
mod demo;
mod exit;
mod keys;
mod lifecycle;
mod load;
mod logging;
mod mqtt;
mod server;
mod tls;
mod ui;
mod witness;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os()).into()
}
