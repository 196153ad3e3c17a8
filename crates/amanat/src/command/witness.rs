//! `amanat witness`: cosign the records of others, so that nobody can show two people two histories.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use record::Verifier;
use serde_json::json;

use super::reachable;
use crate::data_directory::DataDirectory;
use crate::exit::{Exit, Stop};
use crate::logging;
use crate::server::{self, Door, HttpLimits};
use crate::ui;
use crate::witness::{self, OpenWitnessError, Witnesses};

/// How many connections a witness has at once.
const CONNECTIONS: usize = 256;
/// How many of them one address may have.
const CONNECTIONS_PER_ADDRESS: usize = 16;
/// How long a client may take nothing of an answer, and how long connections may take to end.
const PROGRESS: Duration = Duration::from_secs(30);
const DRAIN: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The witness's own directory: its key and what it cosigned; it is made when it is not there. Never restore an older copy of it
    #[arg(long, value_name = "DIR", default_value = "amanat-witness")]
    data: PathBuf,
    /// What the witness is called: by custom an address without `https://`, such as `witness.ngo.example`; needed the first time
    #[arg(long)]
    name: Option<String>,
    /// The verifier key of a record to follow; a site has it at /record/log.vkey. Can be given several times
    #[arg(long = "log", value_name = "VKEY", required = true, value_parser = key)]
    logs: Vec<Verifier>,
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Print key and address as one line of JSON
    #[arg(long)]
    json: bool,
}

fn key(text: &str) -> Result<Verifier, String> {
    Verifier::parse(text).map_err(|err| err.to_string())
}

/// Listens until a signal.
pub(crate) fn run(arguments: Arguments) -> Result<Exit, Stop> {
    logging::start_plain();
    let directory = DataDirectory::open(&arguments.data)
        .map_err(|err| Stop::failure(err, "name another directory, or end who uses it"))?;
    let opened = Witnesses::open(directory.path(), arguments.name.as_deref(), arguments.logs);
    let witnesses = Arc::new(opened.map_err(not_opened)?);
    let runtime = super::runtime()?;
    runtime.block_on(serve(witnesses, arguments.listen, arguments.json))
}

async fn serve(witnesses: Arc<Witnesses>, at: SocketAddr, json: bool) -> Result<Exit, Stop> {
    let mut lifecycle = super::lifecycle()?;
    let socket = server::listen(at).await;
    let socket = socket.map_err(server::taken)?;
    let at = socket.local_addr();
    let at = at.map_err(|err| Stop::failure(err, "check the network of this machine"))?;
    let (key, http) = (witnesses.key(), format!("http://{}", reachable(at)));
    if json {
        ui::data(&super::listing::json_line(
            &json!({ "witness": key, "http": http }),
        ));
    } else {
        ui::data(&format!("witness: {key}"));
        ui::data(&format!("http: {http}"));
    }
    let limits = HttpLimits {
        connections: CONNECTIONS,
        connections_per_address: CONNECTIONS_PER_ADDRESS,
        progress: PROGRESS,
        drain: DRAIN,
    };
    let router = witness::router(witnesses, lifecycle.alarm());
    let served = server::serve_http(
        Door::plain(socket),
        router,
        None,
        limits,
        lifecycle.stopping(),
    );
    lifecycle.spawn("witness", served);
    ui::words("ready; end with Ctrl-C");
    Ok(lifecycle.run(None).await)
}

fn not_opened(err: OpenWitnessError) -> Stop {
    let next = match &err {
        OpenWitnessError::TooMany => "run a second witness in a directory of its own",
        OpenWitnessError::Twice(_) => "name each log once",
        OpenWitnessError::Name(_) => "write a name without spaces and `+`",
        OpenWitnessError::NoName => "give --name, such as --name witness.ngo.example",
        OpenWitnessError::Other(_) => "leave --name out, or name another directory with --data",
        OpenWitnessError::Directory(_) => "check the directory and who may write to it",
        OpenWitnessError::Last { .. } => {
            "check that the log's key is right; if the disk lost it, begin a new witness in another directory: its key is another one, because the old one would cosign any history"
        }
    };
    match err {
        OpenWitnessError::Directory(_) => Stop::failure(err, next),
        _ => Stop::invalid(err, next),
    }
}
