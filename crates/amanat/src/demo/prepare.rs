//! A new data directory for the demo, all or nothing.
//!
//! It is made beside its place, as `<name>.preparing`, and renamed when it is complete: a start that is interrupted
//! leaves nothing that looks finished. Credentials are written for their owner only, one file a name.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use alliance::{Account, Actor, Alliance, Member, Office};
use anyhow::{Context, anyhow};
use custody::Token;
use model::{
    Assignment, DeploymentId, Grant, MemberId, Notice, PersonId, RecipientId, Role, Text, ThingId,
    Timestamp,
};

use super::material::{
    CARD_DEPLOYMENT, DEPLOYMENTS, DemoDeployment, MEMBERS, RESIDENT_CARD, Senses,
};
use super::{commons, statistics};
use crate::data_directory;
use crate::exit::Stop;

/// Where the credentials of things and recipients lie, in the data directory.
const TOKENS: &str = "demo/tokens";

/// What stands at the place of the data directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing, or an empty directory.
    Free,
    /// A demo.
    Demo,
}

/// Looks at the place of the data directory; anything but a demo is left alone.
pub(crate) fn place(path: &Path) -> Result<Place, Stop> {
    if path.join(TOKENS).is_dir() {
        return Ok(Place::Demo);
    }
    match fs::read_dir(path).map(|mut it| it.next().is_none()) {
        Ok(true) => Ok(Place::Free),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(Place::Free),
        Ok(false) => Err(Stop::invalid(
            anyhow!("`{}` holds something that is no demo", path.display()),
            "name another directory with --data; nothing was touched",
        )),
        Err(err) => {
            let error =
                anyhow::Error::new(err).context(format!("cannot read `{}`", path.display()));
            Err(Stop::invalid(error, "name another directory with --data"))
        }
    }
}

/// The directory in which the data of `path` is prepared; what an interrupted start left there is removed.
pub(crate) fn workplace(path: &Path) -> anyhow::Result<PathBuf> {
    let name = path
        .file_name()
        .with_context(|| format!("`{}` names no directory", path.display()))?;
    let mut beside = name.to_owned();
    beside.push(".preparing");
    let beside = path.with_file_name(beside);
    match fs::remove_dir_all(&beside) {
        Err(err) if err.kind() != ErrorKind::NotFound => {
            Err(err).with_context(|| format!("cannot remove `{}`", beside.display()))
        }
        _ => Ok(beside),
    }
}

/// Moves the prepared directory to its place.
pub(crate) fn finish(workplace: &Path, path: &Path) -> anyhow::Result<()> {
    fs::rename(workplace, path)
        .with_context(|| format!("cannot move the prepared data to `{}`", path.display()))
}

/// Registers everything of the demo. `tell` says how far it is.
pub(crate) fn fill(
    alliance: &Alliance,
    directory: &Path,
    now: Timestamp,
    tell: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let tokens = Tokens::new(directory)?;
    let by = Actor::Operator;
    let resident = alliance.create_made_up_account(&by, Office::Resident, now)?;
    let officer = alliance.create_made_up_account(&by, Office::Licensing, now)?;
    for member in &MEMBERS {
        let member = Member {
            id: MemberId::parse(member.id)?,
            chamber: member.chamber,
            name: text(member.name),
            about: text(member.about),
            joined_at: statistics::began(now),
        };
        alliance.register_member(&by, &member)?;
    }
    tell(&format!("{} members joined", MEMBERS.len()));
    for deployment in &DEPLOYMENTS {
        let registered = Registered {
            alliance,
            tokens: &tokens,
            resident: &resident.id,
            officer: &officer,
            now: match deployment.id == statistics::DEPLOYMENT {
                true => statistics::began(now),
                false => now,
            },
        };
        tell(&registered.deployment(deployment)?);
    }
    tell(&statistics::fill(alliance, now)?);
    tell(&commons::fill(alliance, statistics::began(now), now)?);
    let buses = DeploymentId::parse(CARD_DEPLOYMENT)?;
    alliance.link_subject(&by, &buses, RESIDENT_CARD, &resident.id, now)?;
    Ok(())
}

struct Registered<'a> {
    alliance: &'a Alliance,
    tokens: &'a Tokens,
    resident: &'a PersonId,
    officer: &'a Account,
    now: Timestamp,
}

impl Registered<'_> {
    fn deployment(&self, deployment: &DemoDeployment) -> anyhow::Result<String> {
        let (by, now) = (Actor::Operator, self.now);
        let notice = self.alliance.publish_notice(&by, deployment.notice, now)?;
        let officer = Actor::Account(self.officer.clone());
        self.alliance.issue_licence(
            &officer,
            &notice.deployment,
            None,
            deployment.licence_reason,
            now,
        )?;
        self.things(deployment, &notice)?;
        self.recipients(&notice)?;
        Ok(format!(
            "`{}`: notice published, licence issued, {} things and {} recipients registered",
            deployment.id,
            deployment.things.len(),
            notice.recipients.len()
        ))
    }

    fn things(&self, deployment: &DemoDeployment, notice: &Notice) -> anyhow::Result<()> {
        let (by, now) = (Actor::Operator, self.now);
        for it in deployment.things {
            let thing = ThingId::parse(it.id)?;
            let token = self
                .alliance
                .register_thing(&by, &thing, &notice.deployment, now)?;
            self.tokens.write(it.id, &token)?;
            let role = match it.senses {
                Senses::NobodyAssigned => continue,
                Senses::Household => Role::Household,
                Senses::Holder => Role::Holder,
            };
            let assignment = Assignment {
                thing,
                person: self.resident.clone(),
                role,
                valid_from: model::Timestamp::EPOCH,
                valid_until: None,
            };
            self.alliance.assign(&by, &assignment, now)?;
        }
        Ok(())
    }

    /// Registers recipients that are new, and grants what the notice declares for them.
    fn recipients(&self, notice: &Notice) -> anyhow::Result<()> {
        let (by, now) = (Actor::Operator, self.now);
        for recipient in &notice.recipients {
            if !self.tokens.has(recipient.id.as_str()) {
                let token = self.alliance.register_recipient(&by, &recipient.id, now)?;
                self.tokens.write(recipient.id.as_str(), &token)?;
            }
        }
        for (recipient, purpose) in lanes(notice) {
            let grant = Grant {
                recipient,
                purpose,
                deployment: notice.deployment.clone(),
                valid_from: now,
                valid_until: None,
            };
            self.alliance.grant(&by, &grant, now)?;
        }
        Ok(())
    }
}

/// Every recipient and purpose that a notice declares, once.
pub(crate) fn lanes(notice: &Notice) -> Vec<(RecipientId, model::PurposeId)> {
    let mut lanes: Vec<_> = notice
        .declarations
        .iter()
        .flat_map(|it| {
            it.recipients
                .iter()
                .map(|recipient| (recipient.clone(), it.purpose.clone()))
        })
        .collect();
    lanes.sort();
    lanes.dedup();
    lanes
}

fn text([en, ur]: [&str; 2]) -> Text {
    Text {
        en: en.to_owned(),
        ur: ur.to_owned(),
    }
}

/// The files with the credentials of things and recipients.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    directory: PathBuf,
}

impl Tokens {
    fn new(data: &Path) -> anyhow::Result<Self> {
        let tokens = Self::of(data);
        data_directory::make(&tokens.directory)
            .with_context(|| format!("cannot make `{}`", tokens.directory.display()))?;
        Ok(tokens)
    }

    /// The files in a data directory.
    pub(crate) fn of(data: &Path) -> Self {
        Self {
            directory: data.join(TOKENS),
        }
    }

    fn has(&self, id: &str) -> bool {
        self.directory.join(id).exists()
    }

    fn write(&self, id: &str, token: &Token) -> anyhow::Result<()> {
        data_directory::write_secret(&self.directory.join(id), token.expose_secret().as_bytes())
            .with_context(|| format!("cannot write the token of `{id}`"))
    }

    /// The token of a thing or recipient.
    pub(crate) fn read(&self, id: &str) -> anyhow::Result<zeroize::Zeroizing<String>> {
        let path = self.directory.join(id);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("cannot read the token `{}`", path.display()))?;
        Ok(zeroize::Zeroizing::new(text.trim_end().to_owned()))
    }
}
