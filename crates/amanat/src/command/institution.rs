//! `amanat member`, `amanat deployment`, `amanat licence`: what has to be there before a device may send.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use model::{DeploymentId, MemberId};

use super::notice_files;
use super::operator::{self, Place};
use crate::control::OperatorRequest;
use crate::control::operate::Decision;
use crate::exit::{Exit, Stop};
use crate::ui;

#[derive(Debug, Subcommand)]
pub(crate) enum MemberCommand {
    /// Add an organisation that joined; public
    Add(MemberArguments),
}

#[derive(Debug, Args)]
pub(crate) struct MemberArguments {
    /// Its identifier
    #[arg(value_parser = MemberId::parse)]
    member: MemberId,
    /// Its chamber: government, academia, vendors, startups, ngos, communities
    #[arg(long)]
    chamber: String,
    /// Its name in English
    #[arg(long, value_name = "TEXT")]
    name_en: String,
    /// Its name in Urdu
    #[arg(long, value_name = "TEXT")]
    name_ur: String,
    /// What it does, in a sentence in English
    #[arg(long, value_name = "TEXT")]
    about_en: String,
    /// What it does, in a sentence in Urdu
    #[arg(long, value_name = "TEXT")]
    about_ur: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeploymentCommand {
    /// Publish a notice: the first one registers the deployment
    Publish {
        /// The notice, as `amanat notice check` finds it sound
        notice: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Say which deployments there are, one line of JSON each
    List {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum LicenceCommand {
    /// Put a licence in force; public
    Issue {
        /// When it ends by itself, such as 2030-01-01T00:00:00Z
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        #[command(flatten)]
        licence: LicenceArguments,
    },
    /// Stop a deployment for a time; public
    Suspend(LicenceArguments),
    /// Put a suspended licence in force again; public
    Reinstate(LicenceArguments),
    /// Take a licence away for good; public
    Revoke(LicenceArguments),
}

#[derive(Debug, Args)]
pub(crate) struct LicenceArguments {
    /// The deployment
    #[arg(value_parser = DeploymentId::parse)]
    deployment: DeploymentId,
    /// Why: it stands in the public record, so name no person
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    place: Place,
}

/// Adds a member.
pub(crate) fn member(MemberCommand::Add(it): MemberCommand) -> Result<Exit, Stop> {
    let request = OperatorRequest::AddMember {
        member: it.member.to_string(),
        chamber: it.chamber,
        name: [it.name_en, it.name_ur],
        about: [it.about_en, it.about_ur],
    };
    operator::done(it.place, &request)
}

/// Publishes a notice, or lists deployments.
pub(crate) fn deployment(command: DeploymentCommand) -> Result<Exit, Stop> {
    match command {
        DeploymentCommand::Publish { notice, place } => {
            notice_files::sound(&notice)?;
            let source = notice_files::read(&notice)?;
            let answer = operator::ask(place, &OperatorRequest::PublishNotice { source })?;
            ui::data(&answer.to_string());
        }
        DeploymentCommand::List { place } => {
            let answer = operator::ask(place, &OperatorRequest::ListDeployments {})?;
            operator::list(&answer, "deployments");
        }
    }
    Ok(Exit::Ok)
}

/// Decides on a licence, as the operator.
pub(crate) fn licence(command: LicenceCommand) -> Result<Exit, Stop> {
    let (decision, until, it) = match command {
        LicenceCommand::Issue { until, licence } => (Decision::Issue, until, licence),
        LicenceCommand::Suspend(it) => (Decision::Suspend, None, it),
        LicenceCommand::Reinstate(it) => (Decision::Reinstate, None, it),
        LicenceCommand::Revoke(it) => (Decision::Revoke, None, it),
    };
    let request = OperatorRequest::Licence {
        deployment: it.deployment.to_string(),
        decision,
        until,
        reason: it.reason,
    };
    operator::done(it.place, &request)
}
