//! `amanat member`, `amanat deployment`, `amanat licence`: what has to be there before a device may send.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use model::{DeploymentId, MemberId};

use super::listing::{self, Column, ListArguments, Part, ShowArguments};
use super::notice_files;
use super::operator::{self, Place};
use crate::control::OperatorRequest;
use crate::control::operate::Decision;
use crate::exit::{Exit, Stop};
use crate::ui;

const MEMBERS: &[Column] = &[
    ("member", "/id"),
    ("chamber", "/chamber"),
    ("name", "/name/en"),
    ("joined", "/joined"),
];
const MEMBER: &[Column] = &[
    ("member", "/id"),
    ("chamber", "/chamber"),
    ("name", "/name/en"),
    ("name in Urdu", "/name/ur"),
    ("about", "/about/en"),
    ("about in Urdu", "/about/ur"),
    ("joined", "/joined"),
];
const THEIRS: &[Part] = &[Part {
    title: "its deployments",
    pointer: "/deployments",
    columns: DEPLOYMENTS,
}];
const DEPLOYMENTS: &[Column] = &[
    ("deployment", "/id"),
    ("title", "/title/en"),
    ("member", "/controller"),
    ("notice", "/version"),
    ("licence", "/licence"),
    ("things", "/things"),
];
const DEPLOYMENT: &[Column] = &[
    ("deployment", "/id"),
    ("title", "/title/en"),
    ("title in Urdu", "/title/ur"),
    ("member", "/controller"),
    ("notice", "/version"),
    ("licence", "/licence"),
    ("licence until", "/licence-until"),
    ("things", "/things"),
    ("senses people", "/senses-people"),
    ("purposes", "/purposes"),
    ("recipients", "/recipients"),
];
const DECLARED: &[Part] = &[
    Part {
        title: "who was given access",
        pointer: "/grants",
        columns: &[
            ("recipient", "/recipient"),
            ("purpose", "/purpose"),
            ("from", "/from"),
            ("until", "/until"),
            ("state", "/state"),
            ("declared", "/declared"),
        ],
    },
    Part {
        title: "in the public record, the latest first",
        pointer: "/record",
        columns: ENTRIES,
    },
];
const ENTRIES: &[Column] = &[
    ("at", "/at"),
    ("what", "/kind"),
    ("by", "/by"),
    ("reason", "/reason"),
];
const LICENCES: &[Column] = &[
    ("deployment", "/id"),
    ("licence", "/licence"),
    ("until", "/licence-until"),
    ("notice", "/version"),
    ("things", "/things"),
];
const LICENCE: &[Column] = &[
    ("deployment", "/id"),
    ("licence", "/licence"),
    ("until", "/licence-until"),
    ("notice", "/version"),
];
const DECIDED: &[Part] = &[Part {
    title: "what was decided, the latest first",
    pointer: "/decisions",
    columns: ENTRIES,
}];

#[derive(Debug, Subcommand)]
pub(crate) enum MemberCommand {
    /// Add an organisation that joined; public
    Add(MemberArguments),
    /// Say which members there are
    List(ListArguments),
    /// Show one member and its deployments
    Show {
        /// The member
        #[arg(value_parser = MemberId::parse)]
        member: MemberId,
        #[command(flatten)]
        how: ShowArguments,
    },
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
    /// Say which deployments there are
    List(ListArguments),
    /// Show one deployment: what it declares, who has access, what stands about it in the record
    Show {
        /// The deployment
        #[arg(value_parser = DeploymentId::parse)]
        deployment: DeploymentId,
        #[command(flatten)]
        how: ShowArguments,
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
    /// Say how the licences stand, of every deployment
    List(ListArguments),
    /// Show how one licence stands, and what was decided about it
    Show {
        /// The deployment
        #[arg(value_parser = DeploymentId::parse)]
        deployment: DeploymentId,
        #[command(flatten)]
        how: ShowArguments,
    },
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

/// Adds a member, or says which there are.
pub(crate) fn member(command: MemberCommand) -> Result<Exit, Stop> {
    match command {
        MemberCommand::Add(it) => add_member(it),
        MemberCommand::List(how) => how.list("members", MEMBERS, |page| {
            OperatorRequest::ListMembers { page }
        }),
        MemberCommand::Show { member, how } => {
            let member = member.to_string();
            how.show(MEMBER, THEIRS, &OperatorRequest::ShowMember { member })
        }
    }
}

fn add_member(it: MemberArguments) -> Result<Exit, Stop> {
    let request = OperatorRequest::AddMember {
        member: it.member.to_string(),
        chamber: it.chamber,
        name: [it.name_en, it.name_ur],
        about: [it.about_en, it.about_ur],
    };
    operator::done(it.place, &request)
}

/// Publishes a notice, or says which deployments there are.
pub(crate) fn deployment(command: DeploymentCommand) -> Result<Exit, Stop> {
    match command {
        DeploymentCommand::Publish { notice, place } => {
            notice_files::sound(&notice)?;
            let source = notice_files::read(&notice)?;
            let answer = operator::ask(place, &OperatorRequest::PublishNotice { source })?;
            ui::data(&listing::json_line(&answer));
            Ok(Exit::Ok)
        }
        DeploymentCommand::List(how) => how.list("deployments", DEPLOYMENTS, |page| {
            OperatorRequest::ListDeployments { page }
        }),
        DeploymentCommand::Show { deployment, how } => {
            let deployment = deployment.to_string();
            let request = OperatorRequest::ShowDeployment { deployment };
            how.show(DEPLOYMENT, DECLARED, &request)
        }
    }
}

/// Decides on a licence, as the operator, or says how licences stand.
pub(crate) fn licence(command: LicenceCommand) -> Result<Exit, Stop> {
    let (decision, until, it) = match command {
        LicenceCommand::Issue { until, licence } => (Decision::Issue, until, licence),
        LicenceCommand::Suspend(it) => (Decision::Suspend, None, it),
        LicenceCommand::Reinstate(it) => (Decision::Reinstate, None, it),
        LicenceCommand::Revoke(it) => (Decision::Revoke, None, it),
        LicenceCommand::List(how) => {
            return how.list("deployments", LICENCES, |page| {
                OperatorRequest::ListDeployments { page }
            });
        }
        LicenceCommand::Show { deployment, how } => {
            let deployment = deployment.to_string();
            return how.show(
                LICENCE,
                DECIDED,
                &OperatorRequest::ShowLicence { deployment },
            );
        }
    };
    let request = OperatorRequest::Licence {
        deployment: it.deployment.to_string(),
        decision,
        until,
        reason: it.reason,
    };
    operator::done(it.place, &request)
}
