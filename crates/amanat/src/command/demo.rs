//! `amanat demo`: a small alliance with real traffic, in one process and one data directory.
//!
//! It reads no configuration file and no environment, so it does the same everywhere.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{io, iter};

use alliance::{Actor, Alliance, Office};
use anyhow::Context;
use clap::Args;

use super::report;
use super::serve::ListenArguments;
use crate::clock::{self, Stopwatch};
use crate::config::{self, Config, Environment, Flag};
use crate::demo::prepare::{self, Place, Tokens};
use crate::demo::replay;
use crate::exit::{Exit, Stop};
use crate::server::{self, Kept, Sockets};
use crate::tls::{self, TlsFiles};
use crate::{logging, ui};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The data directory; it is made when it is not there
    #[arg(long, value_name = "DIR", default_value = "amanat-demo")]
    data: String,
    /// The address of the site; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// The address of MQTT without TLS; port 0 takes a free one [default: 127.0.0.1:1883]
    #[arg(long, value_name = "ADDR")]
    mqtt: Option<String>,
    /// The address of MQTT with TLS; port 0 takes a free one [default: 127.0.0.1:8883, or a free port with --mqtt]
    #[arg(long, value_name = "ADDR")]
    mqtts: Option<String>,
    /// The file with the passphrase of the root key, where it has one; a new demo is made with it
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// End by itself after a time, such as 30s
    #[arg(long = "for", value_name = "DURATION", value_parser = super::duration)]
    length: Option<Duration>,
    /// Print the addresses as one line of JSON
    #[arg(long)]
    json: bool,
}

/// Prepares the data directory where needed, then serves and replays until a signal or the end of `--for`.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let stopwatch = Stopwatch::start();
    let config = demo_config(arguments)?;
    logging::start(&config.log);
    let path = config.data.directory.clone();
    match prepare::place(&path)? {
        Place::Demo => tell(&format!("using the demo in `{}`", path.display())),
        Place::Free => prepare_new(&path, arguments)?,
    }
    tls::self_signed(&path.join(tls::DIRECTORY)).map_err(|err| {
        let error = err.context("cannot make the demo's TLS certificate");
        Stop::failure(error, "check that the data directory can be written to")
    })?;
    let kept = Kept::open(&config)?;
    super::runtime()?.block_on(serve(&config, kept, arguments, stopwatch))
}

async fn serve(
    config: &Config,
    kept: Kept,
    arguments: &Arguments,
    stopwatch: Stopwatch,
) -> Result<Exit, Stop> {
    let mut lifecycle = super::lifecycle()?;
    let sockets = Sockets::bind(config, kept.alliance.custody()).await?;
    let addresses = sockets.addresses().clone();
    sockets.start(config, &kept.alliance, &mut lifecycle);
    let next = "remove the demo's data directory and start again";
    let link = |office| {
        sign_in_link(&kept.alliance, office)
            .map(|it| addresses.site.to(&it))
            .map_err(|err| Stop::failure(err, next))
    };
    let links = [
        ("sign-in", link(Office::Resident)?),
        ("sign-in-officer", link(Office::Licensing)?),
    ];
    report(&addresses, &links, arguments.json);
    let tokens = Tokens::of(&config.data.directory);
    if let Some(mqtt) = addresses.mqtt {
        replay::start(mqtt, &tokens, &mut lifecycle, tell)
            .map_err(|err| Stop::failure(err, next))?;
    }
    tell(&format!(
        "ready after {:.2} s; end with Ctrl-C",
        stopwatch.seconds()
    ));
    server::run_to_the_end(lifecycle, arguments.length, kept).await
}

fn prepare_new(path: &Path, arguments: &Arguments) -> Result<(), Stop> {
    tell(&format!("preparing the demo in `{}`", path.display()));
    let failed = |err| {
        Stop::failure(
            err,
            "nothing was left behind at the data directory; try again",
        )
    };
    let workplace = prepare::workplace(path).map_err(failed)?;
    let directory = Flag::new("--data", "data.directory", workplace.display().to_string());
    let flags: Vec<_> = iter::once(directory).chain(passphrase(arguments)).collect();
    let config = load(&flags)?;
    let kept = Kept::open(&config)?;
    prepare::fill(&kept.alliance, &workplace, clock::now(), &tell).map_err(failed)?;
    kept.close()?;
    prepare::finish(&workplace, path).map_err(failed)
}

/// The route of a link with which the account of an office signs in once.
fn sign_in_link(alliance: &Alliance, office: Office) -> anyhow::Result<web::Route> {
    let account = alliance
        .accounts_of(office)?
        .into_iter()
        .next()
        .with_context(|| format!("the demo has no account for the office {}", office.as_str()))?;
    let link = alliance.one_time_link(&Actor::Operator, &account.id, clock::now())?;
    Ok(web::Route::SignInOnce(link.expose_secret().to_owned()))
}

/// The defaults of the demo, then what the command line says. The certificate is made later, in the data directory.
fn demo_config(arguments: &Arguments) -> Result<Config, Stop> {
    let listen = ListenArguments {
        data: Some(arguments.data.clone()),
        http: arguments.http.clone(),
        mqtt: arguments.mqtt.clone(),
        mqtts: Some(mqtts(arguments).to_owned()),
    };
    let mut flags = vec![Flag::new("--data", "log.filter", "warn")];
    if !mqtts(arguments).is_empty() {
        let files = TlsFiles::of(&Path::new(&arguments.data).join(tls::DIRECTORY));
        let file = |it: &Path| it.display().to_string();
        flags.extend([
            Flag::new("--data", "mqtt.tls-certificate", file(&files.certificate)),
            Flag::new("--data", "mqtt.tls-key", file(&files.key)),
        ]);
    }
    flags.extend(listen.flags());
    flags.extend(passphrase(arguments));
    load(&flags)
}

fn passphrase(arguments: &Arguments) -> Option<Flag> {
    let file = arguments.passphrase_file.as_ref()?;
    let value = file.display().to_string();
    Some(Flag::new(
        "--passphrase-file",
        "keys.passphrase-file",
        value,
    ))
}

/// The usual port, unless plain MQTT was put elsewhere: then somebody else may have the usual ones.
fn mqtts(arguments: &Arguments) -> &str {
    match (&arguments.mqtts, &arguments.mqtt) {
        (Some(mqtts), _) => mqtts,
        (None, Some(_)) => "127.0.0.1:0",
        (None, None) => "127.0.0.1:8883",
    }
}

fn load(flags: &[Flag]) -> Result<Config, Stop> {
    config::load(&Nothing, None, flags)
        .map(|(config, _)| config)
        .map_err(|err| Stop::invalid(err, "see `amanat demo --help`; nothing was started"))
}

/// Surroundings without files and variables.
struct Nothing;

impl Environment for Nothing {
    fn variables(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn read(&self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    /// The demo makes its pair itself, after its data directory.
    fn check_tls(&self, _: &TlsFiles) -> anyhow::Result<()> {
        Ok(())
    }
}

fn tell(line: &str) {
    ui::words(line);
}
