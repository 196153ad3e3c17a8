//! `amanat sign-in-link`: a link with which somebody signs in once.
//!
//! Only who may use the data directory can make one. While a server runs, it is asked through its control socket;
//! otherwise the database is opened here. Without a name it is for the licensing office, so that the first sign-in needs
//! to know nothing. For an account that a resident uses, the command only asks for access: `alliance::operator_access`.

use alliance::Office;
use anyhow::anyhow;
use clap::Args;
use model::{MemberId, PersonId};
use web::PublicUrl;

use super::check_config::{self, SourceArguments};
use crate::config::{Config, Flag};
use crate::control::{self, LinkRequest, Made};
use crate::exit::{Exit, Stop};
use crate::server::Kept;
use crate::ui;

/// The office that can sign in before anybody made an account.
const FIRST: Office = Office::Licensing;
/// The offices whose accounts need nothing but a link.
const OFFICES: [Office; 2] = [Office::Resident, Office::Licensing];

#[derive(Debug, Args)]
#[group(id = "who", multiple = false, args = ["account", "new", "delegate"])]
pub(crate) struct Arguments {
    /// Who signs in: the identifier of an account [default: the licensing office's first account, made if there is none]
    #[arg(value_name = "ACCOUNT", value_parser = PersonId::parse)]
    account: Option<PersonId>,
    /// Make a new account: resident or licensing
    #[arg(long, value_name = "OFFICE", value_parser = office)]
    new: Option<Office>,
    /// Make a new account for somebody who speaks for this member: answers its cases, sits in panels on those of others
    #[arg(long, value_name = "MEMBER", value_parser = MemberId::parse)]
    delegate: Option<MemberId>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
}

/// Prints `account: ID` and `sign-in: URL`.
pub(crate) fn run(arguments: Arguments) -> Result<Exit, Stop> {
    let request = match (arguments.account, arguments.new, arguments.delegate) {
        (Some(account), ..) => LinkRequest::Existing(account),
        (None, Some(office), _) => LinkRequest::New(office),
        (None, None, Some(member)) => LinkRequest::Delegate(member),
        (None, None, None) => LinkRequest::First(FIRST),
    };
    let data = arguments
        .data
        .map(|it| Flag::new("--data", "data.directory", it));
    let (config, _) = check_config::load(arguments.source, data.into_iter().collect())?;
    let directory = &config.data.directory;
    if !directory.is_dir() {
        return Err(Stop::invalid(
            anyhow!("there is no data directory `{}`", directory.display()),
            "name it with --data",
        ));
    }
    let made = match control::ask(directory, &request) {
        Ok(Some(made)) => made,
        // Nobody answers: the data directory is free, or opening it says who has it.
        Ok(None) => make_here(&config, &request)?,
        Err(err) => return Err(Stop::failure(err, NEXT)),
    };
    if matches!(request, LinkRequest::First(_)) {
        ui::words("nobody was named: this link is for the first account of the licensing office");
    }
    ui::data(&format!("account: {}", made.account));
    ui::data(&format!("sign-in: {}", made.url));
    Ok(Exit::Ok)
}

const NEXT: &str = "check the account and the data directory; an account in use: docs/how-to/keep-your-account-safe.md";

fn office(text: &str) -> Result<Office, String> {
    let office = Office::parse(text).filter(|it| OFFICES.contains(it));
    office.ok_or_else(|| {
        let words: Vec<_> = OFFICES.iter().map(|it| it.as_str()).collect();
        format!(
            "write one of: {}; for a delegate name the member with --delegate",
            words.join(", ")
        )
    })
}

fn make_here(config: &Config, request: &LinkRequest) -> Result<Made, Stop> {
    let site = site(config)?;
    let kept = Kept::open(config)?;
    let made =
        control::make(&kept.alliance, &site, request).map_err(|err| Stop::failure(err, NEXT))?;
    kept.close()?;
    Ok(made)
}

/// Where the site will be, once the server runs.
pub(super) fn site(config: &Config) -> Result<PublicUrl, Stop> {
    let http = &config.http;
    match &http.public_url {
        Some(url) => Ok(url.clone()),
        None if http.listen.port() == 0 => Err(Stop::invalid(
            anyhow!(
                "the server does not run, and with http.listen at `{}` the address of the site is not known before",
                http.listen
            ),
            "start the server, or set http.public-url",
        )),
        None => PublicUrl::parse(&format!("http://{}", http.listen))
            .map_err(|err| Stop::invalid(err, "set http.public-url")),
    }
}
