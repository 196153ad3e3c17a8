//! A person's choices between the form and custody.
//!
//! A control is named `<purpose> <recipient> <pointer>`; neither identifier has a space, a pointer may have some.

use custody::{ChoiceSheet, SheetRow};
use model::{Choice, DeploymentId, Level, Notice, PersonId};

use super::word;
use crate::form::value_of;
use crate::page::{ChoiceChange, ChoiceLane, ChoiceRow, Saved};
use crate::shell::Shell;
use crate::visit::Failure;

/// What a form wishes: the levels it sent, and the one row it is limited to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    only: Option<String>,
    levels: Vec<(String, String)>,
}

/// Whether a wish can be put in force.
#[derive(Debug, PartialEq)]
pub(crate) enum Decision {
    /// These choices.
    Good(Vec<Choice>),
    /// No: the rows with these names have no such level.
    Bad(Vec<String>),
}

impl Wish {
    /// Reads the pairs of the form.
    pub(crate) fn parse(pairs: Vec<(String, String)>) -> Self {
        let only = Some(value_of(&pairs, "only")).filter(|it| !it.is_empty());
        let levels = pairs
            .into_iter()
            .filter(|(name, _)| name != "only")
            .collect();
        Self { only, levels }
    }

    fn level_of(&self, name: &str) -> Option<&str> {
        let found = self.levels.iter().find(|(it, _)| it == name);
        found.map(|(_, level)| level.as_str())
    }

    fn concerns(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|it| it == name)
    }
}

fn name(row: &SheetRow) -> String {
    format!("{} {} {}", row.purpose, row.recipient, row.field)
}

/// What the form asks to put in force. A name that is not on the sheet makes the whole request a bad one:
/// the notice has changed since the page was made.
pub(crate) fn decide(
    sheet: &ChoiceSheet,
    wish: &Wish,
    person: &PersonId,
    deployment: &DeploymentId,
) -> Result<Decision, Failure> {
    let names: Vec<String> = sheet.rows.iter().map(name).collect();
    let sent = wish.levels.iter().map(|(name, _)| name).chain(&wish.only);
    if sent.into_iter().any(|it| !names.contains(it)) {
        return Err(Failure::BAD_REQUEST);
    }
    let mut choices = Vec::new();
    let mut bad = Vec::new();
    for (row, name) in sheet.rows.iter().zip(names) {
        if !row.basis.can_choose() || !wish.concerns(&name) {
            continue;
        }
        let offered = |level: &Level| row.options.iter().any(|(it, _)| it == level);
        match wish.level_of(&name).map(Level::parse) {
            None if wish.only.is_none() => {}
            Some(Some(level)) if offered(&level) => {
                if is_decided(row, level, wish.only.is_some()) {
                    choices.push(choice(row, level, person, deployment));
                }
            }
            _ => bad.push(name),
        }
    }
    Ok(if bad.is_empty() {
        Decision::Good(choices)
    } else {
        Decision::Bad(bad)
    })
}

/// Whether a level in a form is a decision to keep. A changed one is; so is a refusal, and a row that was saved
/// on its own. An untouched "exact" in a form that was saved as a whole is not: it must not outlive the default.
fn is_decided(row: &SheetRow, level: Level, alone: bool) -> bool {
    alone || level != row.chosen || level < Level::ON
}

fn choice(row: &SheetRow, level: Level, person: &PersonId, deployment: &DeploymentId) -> Choice {
    Choice {
        person: person.clone(),
        deployment: deployment.clone(),
        field: row.field.clone(),
        purpose: row.purpose.clone(),
        recipient: row.recipient.clone(),
        level,
    }
}

/// The sheet as the page shows it: by recipient and purpose, in the order of the notice.
pub(crate) fn lanes(sheet: &ChoiceSheet) -> Vec<ChoiceLane> {
    let mut lanes: Vec<(&SheetRow, ChoiceLane)> = Vec::new();
    for row in &sheet.rows {
        let same = |(it, _): &&mut (&SheetRow, ChoiceLane)| {
            it.recipient == row.recipient && it.purpose == row.purpose
        };
        let number = lanes.len();
        match lanes.iter_mut().find(same) {
            Some((_, lane)) => {
                let anchor = format!("{}-{}", lane.anchor, lane.rows.len());
                lane.rows.extend(shown(&sheet.notice, row, anchor));
            }
            None => {
                let mut lane = empty_lane(&sheet.notice, row, format!("c{number}"));
                lane.rows
                    .extend(shown(&sheet.notice, row, format!("c{number}-0")));
                lanes.push((row, lane));
            }
        }
    }
    lanes.into_iter().map(|(_, lane)| lane).collect()
}

fn empty_lane(notice: &Notice, row: &SheetRow, anchor: String) -> ChoiceLane {
    let recipient = notice.recipient(&row.recipient);
    let purpose = notice.purpose(&row.purpose);
    ChoiceLane {
        anchor,
        recipient: recipient.map_or_else(|| word(row.recipient.as_str()), |it| it.title.clone()),
        terms: recipient.map_or_else(|| word(""), |it| it.terms.clone()),
        purpose: purpose.map_or_else(|| word(row.purpose.as_str()), |it| it.title.clone()),
        why: purpose.map_or_else(|| word(""), |it| it.why.clone()),
        rows: Vec::new(),
    }
}

fn shown(notice: &Notice, row: &SheetRow, anchor: String) -> Option<ChoiceRow> {
    Some(ChoiceRow {
        name: name(row),
        anchor,
        field: notice.field(&row.field)?.clone(),
        covered: notice.subject_field.as_ref() == Some(&row.field),
        basis: row.basis,
        source: row.source.clone(),
        options: row.options.iter().map(|(level, _)| *level).collect(),
        chosen: row.chosen,
        effective: row.effective,
        bad: false,
    })
}

/// Puts what the form sent back into the page, and marks what was wrong.
pub(crate) fn keep_input(lanes: &mut [ChoiceLane], wish: &Wish, bad: &[String]) {
    for row in lanes.iter_mut().flat_map(|it| &mut it.rows) {
        row.bad = bad.contains(&row.name);
        let sent = wish.level_of(&row.name).and_then(Level::parse);
        if let Some(level) = sent.filter(|it| row.options.contains(it)) {
            row.chosen = level;
        }
    }
}

/// What is different now, in the reader's words.
pub(crate) fn changes(shell: &Shell, before: &ChoiceSheet, after: &ChoiceSheet) -> Saved {
    let notice = &after.notice;
    let changes = after.rows.iter().filter_map(|row| {
        let old = before.rows.iter().find(|it| name(it) == name(row))?;
        if old.chosen == row.chosen {
            return None;
        }
        let shown = shown(notice, row, String::new())?;
        Some(ChoiceChange {
            field: shell.of(&shown.field.title).to_owned(),
            recipient: shell
                .of(&notice.recipient(&row.recipient)?.title)
                .to_owned(),
            purpose: shell.of(&notice.purpose(&row.purpose)?.title).to_owned(),
            before: shown.words(shell, &old.chosen),
            after: shown.words(shell, &row.chosen),
        })
    });
    let changes: Vec<_> = changes.collect();
    if changes.is_empty() {
        Saved::Nothing
    } else {
        Saved::Changes(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::sample;
    use model::{LegalBasis, LicenceState, Pointer, PurposeId, RecipientId};

    fn sheet(basis: LegalBasis) -> ChoiceSheet {
        let options = [Level::OFF, Level::coarse(1).unwrap(), Level::ON];
        let chosen = basis.default_level();
        ChoiceSheet {
            notice: sample::home(),
            licence: LicenceState::Active,
            rows: vec![SheetRow {
                field: Pointer::parse("/energy").unwrap(),
                purpose: PurposeId::parse("billing").unwrap(),
                recipient: RecipientId::parse("power-utility").unwrap(),
                basis,
                source: None,
                options: options.map(|it| (it, None)).into(),
                chosen,
                effective: chosen,
            }],
        }
    }

    const ROW: &str = "billing power-utility /energy";

    #[track_caller]
    fn check(
        basis: LegalBasis,
        pairs: &[(&str, &str)],
        expected: Result<Result<&[Level], usize>, Failure>,
    ) {
        let pairs = pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        let person = PersonId::parse("p-1").unwrap();
        let deployment = DeploymentId::parse("gulberg-homes").unwrap();
        let decided = decide(&sheet(basis), &Wish::parse(pairs), &person, &deployment);
        let short = decided.map(|it| match it {
            Decision::Good(choices) => Ok(choices.iter().map(|it| it.level).collect::<Vec<_>>()),
            Decision::Bad(names) => Err(names.len()),
        });
        assert_eq!(short, expected.map(|it| it.map(<[Level]>::to_vec)));
    }

    #[test]
    fn one_row_or_the_whole_form_is_saved() {
        let coarse = Level::coarse(1).unwrap();
        check(
            LegalBasis::Contract,
            &[(ROW, "coarse-1")],
            Ok(Ok(&[coarse])),
        );
        check(
            LegalBasis::Contract,
            &[(ROW, "off"), ("only", ROW)],
            Ok(Ok(&[Level::OFF])),
        );
        check(LegalBasis::Contract, &[], Ok(Ok(&[])));
    }

    #[test]
    fn an_untouched_yes_is_not_a_decision_but_a_refusal_is() {
        check(LegalBasis::Contract, &[(ROW, "on")], Ok(Ok(&[])));
        check(
            LegalBasis::Contract,
            &[(ROW, "on"), ("only", ROW)],
            Ok(Ok(&[Level::ON])),
        );
        check(LegalBasis::Consent, &[(ROW, "off")], Ok(Ok(&[Level::OFF])));
    }

    #[test]
    fn what_the_law_fixes_is_not_touched() {
        check(LegalBasis::LegalObligation, &[(ROW, "off")], Ok(Ok(&[])));
    }

    #[test]
    fn levels_and_rows_that_do_not_exist_change_nothing() {
        check(LegalBasis::Contract, &[(ROW, "coarse-2")], Ok(Err(1)));
        check(LegalBasis::Contract, &[(ROW, "loud")], Ok(Err(1)));
        check(LegalBasis::Contract, &[("only", ROW)], Ok(Err(1)));
        check(
            LegalBasis::Contract,
            &[("billing spy /energy", "on")],
            Err(Failure::BAD_REQUEST),
        );
    }
}
