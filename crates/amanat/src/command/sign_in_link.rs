//! `amanat sign-in-link`: a link with which somebody signs in once.
//!
//! Only who may use the data directory can make one. While a server runs, it is asked through its control socket;
//! otherwise the database is opened here.

use alliance::Office;
use anyhow::anyhow;
use clap::Args;
use model::PersonId;
use web::PublicUrl;

use super::check_config::{self, SourceArguments};
use crate::config::{Config, Flag};
use crate::control::{self, LinkRequest, Made};
use crate::exit::{Exit, Stop};
use crate::server::Kept;
use crate::ui;

#[derive(Debug, Args)]
#[group(id = "who", required = true, multiple = false, args = ["account", "new"])]
pub(crate) struct Arguments {
    /// Who signs in: the identifier of an account
    #[arg(value_name = "ACCOUNT", value_parser = PersonId::parse)]
    account: Option<PersonId>,
    /// Make a new account: resident or licensing
    #[arg(long, value_name = "OFFICE", value_parser = office)]
    new: Option<Office>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
}

/// Prints `account: ID` and `sign-in: URL`.
pub(crate) fn run(arguments: Arguments) -> Result<Exit, Stop> {
    let request = match (arguments.account, arguments.new) {
        (Some(account), _) => LinkRequest::Existing(account),
        (None, Some(office)) => LinkRequest::New(office),
        (None, None) => {
            return Err(Stop::invalid(
                anyhow!("nobody is named"),
                "name an account, or give --new",
            ));
        }
    };
    let data = arguments
        .data
        .map(|it| Flag::new("--data", "data.directory", it));
    let (config, _) = check_config::load(arguments.source, data.into_iter().collect())?;
    let made = match control::ask(&config.data.directory, &request) {
        Ok(Some(made)) => made,
        Ok(None) => make_here(&config, &request)?,
        Err(err) => return Err(Stop::failure(err, NEXT)),
    };
    ui::data(&format!("account: {}", made.account));
    ui::data(&format!("sign-in: {}", made.url));
    Ok(Exit::Ok)
}

const NEXT: &str = "check the account and the data directory";

fn office(text: &str) -> Result<Office, String> {
    Office::parse(text).ok_or_else(|| {
        let words: Vec<_> = Office::ALL.iter().map(|it| it.as_str()).collect();
        format!("write one of: {}", words.join(", "))
    })
}

fn make_here(config: &Config, request: &LinkRequest) -> Result<Made, Stop> {
    if !config.data.directory.is_dir() {
        return Err(Stop::invalid(
            anyhow!(
                "there is no data directory `{}`",
                config.data.directory.display()
            ),
            "name it with --data",
        ));
    }
    let site = match &config.http.public_url {
        Some(url) => url.clone(),
        None => PublicUrl::parse(&format!("http://{}", config.http.listen))
            .map_err(|err| Stop::invalid(err, "set http.public-url"))?,
    };
    let kept = Kept::open(config)?;
    let made =
        control::make(&kept.alliance, &site, request).map_err(|err| Stop::failure(err, NEXT))?;
    kept.close()?;
    Ok(made)
}
