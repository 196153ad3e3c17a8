//! The command line: what can be said, and who answers.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use crate::command;
use crate::exit::{Exit, Stop};
use crate::ui;

/// The shared platform of an IoT alliance: what was agreed is what devices do.
#[derive(Debug, Parser)]
#[command(name = "amanat", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a small alliance with real traffic, to look at
    Demo(command::demo::Arguments),
    /// Run the server
    Serve(command::serve::Arguments),
    /// Work with the public record
    #[command(subcommand)]
    Record(command::record::RecordCommand),
    /// Work with exports, what people take along
    #[command(subcommand)]
    Export(Export),
    /// Open what is sealed to your own key, on your own computer: one reading a line
    Open(command::open::Arguments),
    /// Work with the policy
    #[command(subcommand)]
    Policy(Policy),
    /// Work with notices, the public declarations of deployments
    #[command(subcommand)]
    Notice(Notice),
    /// Work with the pages of the site
    #[command(subcommand)]
    Pages(Pages),
    /// Work with members, the organisations that joined
    #[command(subcommand)]
    Member(command::institution::MemberCommand),
    /// Work with deployments and their notices
    #[command(subcommand)]
    Deployment(command::institution::DeploymentCommand),
    /// Decide on licences: without one, no device of a deployment may send
    #[command(subcommand)]
    Licence(command::institution::LicenceCommand),
    /// Work with devices
    #[command(subcommand)]
    Thing(command::thing::ThingCommand),
    /// Work with bridges, which speak for several devices
    #[command(subcommand)]
    Bridge(command::bridge::BridgeCommand),
    /// Work with provisioning keys, with which the devices of a fleet get tokens of their own
    #[command(subcommand)]
    Provisioning(command::provisioning::ProvisioningCommand),
    /// Work with recipients and what they receive for
    #[command(subcommand)]
    Recipient(command::recipient::RecipientCommand),
    /// Work with commands, what recipients have devices do
    #[command(subcommand, name = "command")]
    Orders(command::commands::CommandsCommand),
    /// Work with erasures: what recipients were told to erase too
    #[command(subcommand)]
    Erasure(command::erasure::ErasureCommand),
    /// Work with webhooks, where the readings of recipients are sent
    #[command(subcommand)]
    Webhook(command::webhook::WebhookCommand),
    /// Work with statistical data sets: figures about many people, released with noise
    #[command(subcommand)]
    Statistics(command::statistics::StatisticsCommand),
    /// Work with open data sets, made of what people give without their names
    #[command(subcommand)]
    Commons(command::commons::CommonsCommand),
    /// Make a link with which somebody signs in once
    SignInLink(command::sign_in_link::Arguments),
    /// Cosign public records of others: what was shown to a witness cannot be taken back unseen
    Witness(command::witness::Arguments),
    /// Work with codecs, the scripts that read what no dialect knows
    #[command(subcommand)]
    Codec(command::codec::CodecCommand),
    /// Run codecs for the server that started this
    #[command(hide = true)]
    CodecWorker,
    /// Work with the root key, which opens everything that is kept
    #[command(subcommand)]
    Key(command::key::KeyCommand),
    /// Work with backups: make, check and restore them
    #[command(subcommand)]
    Backup(command::backup::BackupCommand),
    /// Work with certificates of devices
    #[command(subcommand)]
    Ca(command::ca::Ca),
    /// Work with the TLS of a running server
    #[command(subcommand)]
    Tls(command::ca::Tls),
    /// Read and check the configuration; bind nothing
    CheckConfig(command::check_config::Arguments),
    /// Print the reference page of the configuration
    #[command(hide = true)]
    ConfigReference,
    /// Make a data directory for measurements
    #[command(hide = true)]
    BenchFixture(command::bench_fixture::Arguments),
    /// Put load on an MQTT server and measure it
    Load(Box<command::load::Arguments>),
}

#[derive(Debug, Subcommand)]
enum Export {
    /// Check that an export is whole and as it was made
    Verify(command::export_verify::Arguments),
    /// Bring an export back into an account of this server
    Import(command::export_import::Arguments),
}

#[derive(Debug, Subcommand)]
enum Policy {
    /// Run cases of rules, facts and messages
    Test(command::policy_test::Arguments),
    /// Say in sentences what passes to whom, what is dropped and what is kept, and why
    Explain(command::policy_explain::Arguments),
}

#[derive(Debug, Subcommand)]
enum Notice {
    /// Check notice files and report every problem with its line and a remedy
    Check(command::notice_check::Arguments),
    /// Say in plain words what a new version of a notice changes for people
    Diff(command::notice_diff::Arguments),
    /// Draft a notice from a message that was seen, or from a description of a device
    Draft(command::notice_draft::Arguments),
    /// Print the JSON Schema of notice files
    Schema,
    /// Print the JSON-LD context of notices
    Context(command::notice_context::Arguments),
    /// Print a notice in another form: TOML, JSON or linked data
    Show(command::notice_show::Arguments),
}

#[derive(Debug, Subcommand)]
enum Pages {
    /// Write every page in every state and language, to look at in a browser
    Check(command::pages_check::Arguments),
}

/// Runs the command that `arguments` name; prints what went wrong.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(err) => return usage(&err),
    };
    match act(arguments.command) {
        Ok(exit) => exit,
        Err(stop) => {
            ui::words(&stop.to_string());
            stop.exit()
        }
    }
}

fn act(command: Command) -> Result<Exit, Stop> {
    match command {
        Command::Demo(arguments) => command::demo::run(&arguments),
        Command::Serve(arguments) => command::serve::run(arguments),
        Command::Pages(Pages::Check(arguments)) => command::pages_check::run(&arguments),
        Command::Member(it) => command::institution::member(it),
        Command::Deployment(it) => command::institution::deployment(it),
        Command::Licence(it) => command::institution::licence(it),
        Command::Thing(it) => command::thing::run(it),
        Command::Bridge(it) => command::bridge::run(it),
        Command::Provisioning(it) => command::provisioning::run(it),
        Command::Recipient(it) => command::recipient::run(it),
        Command::Orders(it) => command::commands::run(it),
        Command::Erasure(it) => command::erasure::run(it),
        Command::Webhook(it) => command::webhook::run(it),
        Command::Commons(command) => command::commons::run(command),
        Command::Statistics(it) => command::statistics::run(it),
        Command::SignInLink(arguments) => command::sign_in_link::run(arguments),
        Command::BenchFixture(arguments) => command::bench_fixture::run(&arguments),
        Command::Record(command) => command::record::run(&command),
        Command::Export(Export::Verify(arguments)) => command::export_verify::run(&arguments),
        Command::Open(arguments) => command::open::run(&arguments),
        Command::Export(Export::Import(arguments)) => command::export_import::run(arguments),
        Command::Policy(Policy::Test(arguments)) => command::policy_test::run(&arguments),
        Command::Policy(Policy::Explain(arguments)) => command::policy_explain::run(&arguments),
        Command::Notice(notice) => about_notices(notice),
        Command::Witness(arguments) => command::witness::run(arguments),
        Command::Codec(command) => command::codec::run(command),
        Command::CodecWorker => command::codec_worker::run(),
        Command::Key(it) => command::key::run(it),
        Command::Backup(it) => command::backup::run(it),
        Command::Ca(ca) => command::ca::run(ca),
        Command::Tls(tls) => command::ca::run_tls(tls),
        Command::CheckConfig(arguments) => command::check_config::run(arguments),
        Command::ConfigReference => command::config_reference::run(),
        Command::Load(arguments) => command::load::run(*arguments),
    }
}

fn about_notices(notice: Notice) -> Result<Exit, Stop> {
    match notice {
        Notice::Check(arguments) => command::notice_check::run(&arguments),
        Notice::Diff(arguments) => command::notice_diff::run(&arguments),
        Notice::Draft(arguments) => command::notice_draft::run(&arguments),
        Notice::Schema => command::notice_schema::run(),
        Notice::Context(arguments) => command::notice_context::run(&arguments),
        Notice::Show(arguments) => command::notice_show::run(&arguments),
    }
}

/// Help and version are data; everything else is a wrong call.
fn usage(err: &clap::Error) -> Exit {
    let text = err.to_string();
    if err.use_stderr() {
        ui::words(text.trim_end());
        Exit::InvalidInput
    } else {
        ui::data(text.trim_end());
        Exit::Ok
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }
}
