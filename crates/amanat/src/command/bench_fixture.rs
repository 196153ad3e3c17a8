//! `amanat bench-fixture --data DIR`: a data directory for measurements.
//!
//! One licensed deployment whose notice declares every field of the measured payload; things that sense nobody, and
//! recipients that are granted everything. Beside the data it writes `credentials` and `recipient-credentials`
//! (`user:token` a line, mode 0600), `payload.json` and `filter`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use alliance::{Actor, Alliance, Member};
use anyhow::{Context, bail};
use clap::Args;
use model::{Chamber, Grant, MemberId, Notice, PurposeId, RecipientId, Text, ThingId, Timestamp};

use crate::clock;
use crate::config::{self, Flag, Process};
use crate::data_directory::write_secret;
use crate::exit::{Exit, Stop};
use crate::load::payload::{field_names, sensor_object};
use crate::server::Kept;
use crate::ui;

/// The size of the payload that figures are about.
const PAYLOAD_BYTES: usize = 150;
const PURPOSE: &str = "measuring";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A data directory that does not exist yet
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// How many things
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    things: u32,
    /// How many recipients
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    recipients: u8,
}

/// Makes the directory and its files.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let data = &arguments.data;
    let next = "name a directory that does not exist yet";
    if data.exists() {
        let error = anyhow::anyhow!("`{}` exists", data.display());
        return Err(Stop::invalid(error, next));
    }
    let directory = Flag::new("--data", "data.directory", data.display().to_string());
    let (config, _) =
        config::load(&Process, None, &[directory]).map_err(|err| Stop::invalid(err, next))?;
    let kept = Kept::open(&config)?;
    fill(&kept.alliance, arguments, clock::now()).map_err(|err| Stop::failure(err, next))?;
    kept.close()?;
    ui::data(&format!(
        "{} things and {} recipients in {}",
        arguments.things,
        arguments.recipients,
        data.display()
    ));
    Ok(Exit::Ok)
}

fn fill(alliance: &Alliance, arguments: &Arguments, now: Timestamp) -> anyhow::Result<()> {
    let by = Actor::Operator;
    alliance.register_member(&by, &member(now)?)?;
    let notice = alliance.publish_notice(&by, &notice(arguments.recipients), now)?;
    let deployment = &notice.deployment;
    alliance.issue_licence(&by, deployment, None, "For measurements only.", now)?;
    let things = (0..arguments.things)
        .map(|it| ThingId::parse(&format!("thing-{it}")))
        .collect::<Result<Vec<_>, _>>()?;
    let tokens = alliance.register_things(&by, &things, deployment, now)?;
    if tokens.len() != things.len() {
        bail!("{} things have {} tokens", things.len(), tokens.len());
    }
    let mut credentials = String::new();
    for (thing, token) in things.iter().zip(&tokens) {
        writeln!(credentials, "{thing}:{}", token.expose_secret())?;
    }
    let mut recipients = String::new();
    for recipient in &notice.recipients {
        let token = alliance.register_recipient(&by, &recipient.id, now)?;
        writeln!(recipients, "{}:{}", recipient.id, token.expose_secret())?;
        alliance.grant(&by, &grant(&notice, &recipient.id, now)?, now)?;
    }
    let data = &arguments.data;
    write(data, "credentials", credentials.as_bytes())?;
    write(data, "recipient-credentials", recipients.as_bytes())?;
    write(data, "payload.json", &sensor_object(PAYLOAD_BYTES)?)?;
    write(data, "filter", format!("for/{PURPOSE}/#").as_bytes())
}

fn write(data: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    write_secret(&data.join(name), bytes).with_context(|| format!("cannot write `{name}`"))
}

fn member(now: Timestamp) -> anyhow::Result<Member> {
    Ok(Member {
        id: MemberId::parse("bench")?,
        chamber: Chamber::Vendors,
        name: both("Bench"),
        about: both("Measures."),
        joined_at: now,
    })
}

fn grant(notice: &Notice, recipient: &RecipientId, now: Timestamp) -> anyhow::Result<Grant> {
    Ok(Grant {
        recipient: recipient.clone(),
        purpose: PurposeId::parse(PURPOSE)?,
        deployment: notice.deployment.clone(),
        valid_from: now,
        valid_until: None,
    })
}

fn both(text: &str) -> Text {
    Text {
        en: text.to_owned(),
        ur: text.to_owned(),
    }
}

/// A notice that declares every field of the payload for every recipient.
fn notice(recipients: u8) -> String {
    let text = r#"{ en = "Bench", ur = "Bench" }"#;
    let (numbers, note) = field_names();
    let mut fields = String::new();
    let mut pointers = Vec::new();
    let kinds = numbers.iter().map(|it| (*it, "number"));
    for (name, kind) in kinds.chain([(note, "text")]) {
        pointers.push(format!("\"/{name}\""));
        fields += &format!(
            "[[fields]]\npointer = \"/{name}\"\ntitle = {text}\nkind = \"{kind}\"\nsensitivity = \"none\"\n"
        );
    }
    let names: Vec<_> = (0..recipients)
        .map(|it| format!("recipient-{it}"))
        .collect();
    let mut parties = String::new();
    for name in &names {
        parties += &format!("[[recipients]]\nid = \"{name}\"\ntitle = {text}\nterms = {text}\n");
    }
    let quoted: Vec<_> = names.iter().map(|it| format!("\"{it}\"")).collect();
    format!(
        "deployment = \"bench\"\nversion = 1\ncontroller = \"bench\"\ntitle = {text}\nsummary = {text}\nplace = {text}\nstored-in = {text}\n\
         [contact]\nname = {text}\nemail = \"bench@example.org\"\nphone = \"+92 42 0000000\"\n\
         {fields}\
         [[purposes]]\nid = \"{PURPOSE}\"\ndpv = \"dpv:TechnicalServiceProvision\"\ntitle = {text}\nwhy = {text}\n\
         {parties}\
         [[declarations]]\nfields = [{}]\npurpose = \"{PURPOSE}\"\nbasis = \"legitimate-interest\"\nrecipients = [{}]\nretention-days = 30\nprecision = \"on\"\n",
        pointers.join(", "),
        quoted.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notice_declares_the_whole_payload() {
        let notice = Notice::parse(&notice(3)).unwrap();
        let payload = sensor_object(PAYLOAD_BYTES).unwrap();
        let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        let members = payload.as_object().unwrap();
        assert_eq!(members.len(), notice.fields.len());
        for field in &notice.fields {
            assert!(payload.pointer(field.pointer.as_str()).is_some());
        }
        assert_eq!(notice.recipients.len(), 3);
    }
}
