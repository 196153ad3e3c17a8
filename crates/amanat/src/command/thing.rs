//! `amanat thing`: devices, their topics, dialects and tokens, one by one or from a file.

mod import;
mod table;

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use model::{DeploymentId, PersonId, ThingId};
use serde_json::{Value, json};

use super::listing::{self, Column, ListArguments, Part, ShowArguments};
use super::operator::{self, Place, TokenArguments};
use crate::control::OperatorRequest;
use crate::control::operate::{ThingRequest, WhoRequest};
use crate::exit::{Exit, Stop};
use crate::ui;

const THINGS: &[Column] = &[
    ("thing", "/id"),
    ("topic", "/topic"),
    ("dialect", "/adapter"),
    ("receives as", "/receives-as"),
    ("revoked", "/revoked-at"),
];
const THING: &[Column] = &[
    ("thing", "/id"),
    ("deployment", "/deployment"),
    ("topic", "/topic"),
    ("dialect", "/adapter"),
    ("receives as", "/receives-as"),
    ("people it senses", "/people"),
    ("connections now", "/connections"),
    ("last came", "/last-came/at"),
    ("last came over", "/last-came/over"),
    ("revoked", "/revoked-at"),
    ("former token until", "/former-token-until"),
    ("removed", "/removed"),
];
const BRIDGES: &[Part] = &[Part {
    title: "bridges that speak for it",
    pointer: "/bridges",
    columns: &[("bridge", "/0"), ("its name there", "/1")],
}];

#[derive(Debug, Subcommand)]
pub(crate) enum ThingCommand {
    /// Register a device; its token is shown this once
    Add(AddArguments),
    /// Register every device of a CSV file, all or none
    Import(import::Arguments),
    /// Say which devices a deployment has
    List {
        /// The deployment
        #[arg(long, value_parser = DeploymentId::parse)]
        deployment: DeploymentId,
        #[command(flatten)]
        how: ListArguments,
    },
    /// Show one device, and whether it is connected: no secret of it
    Show {
        /// The device
        #[arg(value_parser = ThingId::parse)]
        thing: ThingId,
        #[command(flatten)]
        how: ShowArguments,
    },
    /// Change the topic or the dialect of a device, in force at once
    Set(SetArguments),
    /// Make a new token; what the former one opened stays open for the overlap
    Renew {
        #[command(flatten)]
        one: OneArguments,
        /// How long the former token goes on working, such as 7d
        #[arg(long, value_name = "TIME", default_value = "0s", value_parser = operator::overlap)]
        overlap: i64,
        #[command(flatten)]
        token: TokenArguments,
    },
    /// End the token, its certificates and what they opened, at once
    Revoke(OneArguments),
    /// Remove a device for good; its identifier stays taken
    Remove(OneArguments),
    /// From now on it senses nobody, or one person less: somebody moved out, or took what is not theirs
    Release {
        #[command(flatten)]
        one: OneArguments,
        /// Only this person [default: everybody, and its claim code ends]
        #[arg(long, value_name = "ACCOUNT", value_parser = PersonId::parse)]
        person: Option<PersonId>,
    },
    /// Make a code with which a resident takes the device as theirs; shown this once
    ClaimCode(ClaimArguments),
}

#[derive(Debug, Args)]
pub(crate) struct OneArguments {
    /// The device
    #[arg(value_parser = ThingId::parse)]
    thing: ThingId,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct AddArguments {
    /// Its identifier: also its user name
    #[arg(value_parser = ThingId::parse)]
    thing: ThingId,
    /// Its deployment
    #[arg(long, value_parser = DeploymentId::parse)]
    deployment: DeploymentId,
    /// Its native topic, such as zigbee2mqtt/kitchen
    #[arg(long)]
    topic: Option<String>,
    /// The dialect that it speaks on a connection of its own [default: plain]
    #[arg(long, value_name = "WORD")]
    adapter: Option<String>,
    /// The bridge that speaks for it
    #[arg(long, requires = "name")]
    bridge: Option<String>,
    /// What that bridge calls it
    #[arg(long, requires = "bridge")]
    name: Option<String>,
    #[command(flatten)]
    token: TokenArguments,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
#[group(id = "change", required = true, multiple = true, args = ["topic", "adapter"])]
pub(crate) struct SetArguments {
    /// Its native topic; empty: none
    #[arg(long)]
    topic: Option<String>,
    /// Its dialect; empty: plain
    #[arg(long, value_name = "WORD")]
    adapter: Option<String>,
    #[command(flatten)]
    one: OneArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ClaimArguments {
    #[command(flatten)]
    one: OneArguments,
    /// As what the device senses whoever takes it: holder, household or occupant
    #[arg(long, default_value = "holder")]
    role: String,
    /// For how many days the code works
    #[arg(long, default_value_t = 30)]
    days: u32,
    /// Write a page with the code and its QR code, to print, to a new file that only its owner may read
    #[arg(long, value_name = "FILE")]
    label: Option<PathBuf>,
}

/// Does what is asked of things.
pub(crate) fn run(command: ThingCommand) -> Result<Exit, Stop> {
    match command {
        ThingCommand::Add(it) => add(it),
        ThingCommand::Import(it) => import::run(it),
        ThingCommand::List { deployment, how } => {
            let deployment = deployment.to_string();
            how.list("things", THINGS, |page| OperatorRequest::ListThings {
                deployment,
                page,
            })
        }
        ThingCommand::Show { thing, how } => {
            let thing = thing.to_string();
            how.show(THING, BRIDGES, &OperatorRequest::ShowThing { thing })
        }
        ThingCommand::Set(it) => {
            let request = OperatorRequest::ChangeThing {
                thing: it.one.thing.to_string(),
                topic: it.topic,
                adapter: it.adapter,
            };
            operator::done(it.one.place, &request)
        }
        ThingCommand::Renew {
            one,
            overlap,
            token,
        } => {
            let who = WhoRequest::Thing(one.thing.to_string());
            operator::renew(one.place, who, overlap, &token)
        }
        ThingCommand::Revoke(OneArguments { thing, place }) => {
            let who = WhoRequest::Thing(thing.to_string());
            operator::revoke(place, who)
        }
        ThingCommand::Remove(OneArguments { thing, place }) => {
            let thing = thing.to_string();
            operator::done(place, &OperatorRequest::RemoveThing { thing })
        }
        ThingCommand::Release { one, person } => release(one, person.as_ref()),
        ThingCommand::ClaimCode(it) => claim_code(it),
    }
}

fn add(it: AddArguments) -> Result<Exit, Stop> {
    let request = OperatorRequest::AddThings {
        deployment: it.deployment.to_string(),
        things: vec![ThingRequest {
            id: it.thing.to_string(),
            topic: it.topic,
            adapter: it.adapter,
            bridge: it.bridge.zip(it.name),
        }],
        dry_run: false,
    };
    operator::ask_for_token(it.place, &it.token, &request)
}

fn release(one: OneArguments, person: Option<&PersonId>) -> Result<Exit, Stop> {
    let thing = one.thing.to_string();
    let request = OperatorRequest::ReleaseThing {
        thing: thing.clone(),
        person: person.map(PersonId::to_string),
    };
    let answer = operator::ask(one.place, &request)?;
    let ended = people(&answer, "ended");
    ui::data(&listing::json_line(
        &json!({ "thing": thing, "ended": ended }),
    ));
    ui::words(&format!(
        "from now on nothing of it is recorded for {ended} of its people; what was recorded stays theirs"
    ));
    Ok(Exit::Ok)
}

fn people(answer: &Value, name: &str) -> u64 {
    answer.get(name).and_then(Value::as_u64).unwrap_or_default()
}

fn claim_code(it: ClaimArguments) -> Result<Exit, Stop> {
    let request = OperatorRequest::ClaimCode {
        thing: it.one.thing.to_string(),
        role: it.role,
        days: it.days,
    };
    let label = it.label.as_deref();
    let label = label.map(operator::SecretFile::make).transpose()?;
    let answer = operator::ask(it.one.place, &request)?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
    match label {
        Some(file) => {
            let lost = "the code is lost: make another";
            let page = web::claim_label(text("code"), text("link"), text("until"))
                .map_err(|err| Stop::failure(err, lost))?;
            file.write(page.as_bytes())
                .context("cannot write the label")
                .map_err(|err| Stop::failure(err, lost))?;
        }
        None => {
            ui::data(&format!("code: {}", text("code")));
            ui::data(&format!("link: {}", text("link")));
        }
    }
    if text("code").is_empty() {
        return Err(Stop::failure(
            anyhow!("the answer has no code"),
            "try again",
        ));
    }
    ui::words(&format!("it works once, until {}", text("until")));
    let people = people(&answer, "people");
    if people > 0 {
        ui::words(&format!(
            "people it senses now: {people}; if they moved out or took it by mistake: amanat thing release"
        ));
    }
    Ok(Exit::Ok)
}
