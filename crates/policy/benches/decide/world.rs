//! The world of the benchmarks: a notice with so many fields, so many recipients, and a message with all of them.

use std::collections::BTreeSet;

use model::{Choice, Grant, Level, LicenceState, Notice, PersonId, Roles, Timestamp};
use policy::{Facts, Inputs, Payload, Program, Schema, Sensed, compile, decide};

/// Everything is open.
pub(crate) const FACTS: Facts = Facts {
    now: Timestamp::EPOCH,
    licence: LicenceState::Active,
    quarantined: false,
};

/// A program with fields on, coarse and off, at different places for as many recipients as there are `views`; the others
/// have the views of these.
pub(crate) fn program(fields: usize, recipients: usize, views: usize) -> Program {
    let notice =
        Notice::parse(&notice(fields, recipients)).unwrap_or_else(|err| unreachable!("{err:?}"));
    let schema = Schema::compile(&notice).unwrap_or_else(|err| unreachable!("{err}"));
    let (mut choices, mut grants) = (Vec::new(), Vec::new());
    for (number, declaration) in notice.declarations.iter().enumerate() {
        for recipient in &declaration.recipients {
            grants.push(Grant {
                recipient: recipient.clone(),
                purpose: declaration.purpose.clone(),
                deployment: notice.deployment.clone(),
                valid_from: Timestamp::EPOCH,
                valid_until: None,
            });
            for (place, field) in notice.fields.iter().enumerate() {
                choices.extend(level(number % views, place).map(|level| Choice {
                    person: PersonId::parse("p").unwrap_or_else(|err| unreachable!("{err}")),
                    deployment: notice.deployment.clone(),
                    field: field.pointer.clone(),
                    purpose: declaration.purpose.clone(),
                    recipient: recipient.clone(),
                    level,
                }));
            }
        }
    }
    let program = compile(&Inputs {
        notice: &notice,
        schema: &schema,
        people: &[Sensed {
            roles: Roles::ALL,
            choices: &choices,
        }],
        grants: &grants,
        caps: &[],
        generation: 1,
    });
    assert_eq!(program.lanes().len(), recipients);
    program
}

/// One field in five is off and two in five are coarse, at different places for each view.
pub(crate) fn level(view: usize, place: usize) -> Option<Level> {
    match (view + place + (view & place)) % 5 {
        0 => Some(Level::OFF),
        1 => Level::coarse(1),
        2 => Level::coarse(2),
        _ => None,
    }
}

/// A message with every field.
pub(crate) fn payload(program: &Program, fields: usize, views: usize) -> Payload {
    let payload = program.schema().decode(message(fields).as_bytes());
    let payload = payload.unwrap_or_else(|err| unreachable!("{err}"));
    assert_eq!(payload.present().len(), fields);
    let decision = decide(program, &payload, &FACTS);
    let lanes = program.lane_indexes();
    let found: BTreeSet<_> = lanes.filter_map(|it| decision.view(it.0)).collect();
    assert_eq!(found.len(), views.min(program.lanes().len()));
    payload
}

/// The message, as bytes come.
pub(crate) fn message(fields: usize) -> String {
    let numbers: Vec<_> = (0..fields - 4)
        .map(|it| format!("\"value{it}\":{it}.25"))
        .collect();
    format!(
        "{{{},\"at\":{{\"lat\":31.5204,\"lon\":74.3587}},\"state\":\"ok\",\"open\":false}}",
        numbers.join(",")
    )
}

fn notice(fields: usize, recipients: usize) -> String {
    let text = r#"{ en = "Benchmark", ur = "پیمائش" }"#;
    let mut notice = format!(
        "deployment = \"bench\"\nversion = 1\ncontroller = \"city\"\ntitle = {text}\nsummary = {text}\nplace = {text}\n\
         stored-in = {text}\n[contact]\nname = {text}\nemail = \"a@b.example\"\nphone = \"+92 42 0000000\"\n\
         [[purposes]]\nid = \"use\"\ndpv = \"dpv:PublicBenefit\"\ntitle = {text}\nwhy = {text}\n"
    );
    let numbers = (0..fields - 4).map(|it| format!("/value{it}"));
    let numbers = numbers.chain(["/at/lat".to_owned(), "/at/lon".to_owned()]);
    let mut pointers = Vec::new();
    let numbers = numbers.map(|it| (it, "number", "round = 0.5"));
    let others = [("/state", "text"), ("/open", "boolean")];
    let others = others.map(|(it, kind)| (it.to_owned(), kind, ""));
    for (pointer, kind, finer) in numbers.chain(others) {
        let finer = if finer.is_empty() {
            String::new()
        } else {
            format!("[[fields.coarse]]\n{finer}\n")
        };
        notice += &format!(
            "[[fields]]\npointer = \"{pointer}\"\ntitle = {text}\nkind = \"{kind}\"\nsensitivity = \"low\"\n\
             [[fields.coarse]]\npresence = true\n{finer}"
        );
        pointers.push(format!("\"{pointer}\""));
    }
    let pointers = pointers.join(", ");
    for number in 0..recipients {
        let days = if number % 2 == 0 { 30 } else { 365 };
        notice += &format!(
            "[[recipients]]\nid = \"r{number}\"\ntitle = {text}\nterms = {text}\n\
             [[declarations]]\nfields = [{pointers}]\npurpose = \"use\"\nbasis = \"contract\"\nrecipients = [\"r{number}\"]\n\
             retention-days = {days}\nprecision = \"on\"\n"
        );
    }
    notice
}
