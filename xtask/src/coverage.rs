//! `cargo xtask coverage`: which requirements of the founding paper a test proves.
//!
//! `docs/coverage.md` has one row for each requirement: `| id | where in the product | test | state |`.
//! Tests are named `crate::path::test`, in backticks, with a comma between two; a test of an integration
//! binary is `crate::binary::path::test`. The state is one of
//!
//! - `open`: nothing proves it, and no test is named;
//! - `partly`: the named tests prove a part of it;
//! - `proved`: the named tests prove it, and one of them has the id in its name (`GP-A1` is `gp_a1`).
//!
//! A named test must be one that `cargo nextest list` finds and that the profile `ci` runs.

mod requirements;
mod table;
mod tests_that_run;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;

use self::requirements::REQUIREMENTS;
use self::table::{Row, State};
use crate::ui;
use crate::workspace::Workspace;

const TABLE: &str = "docs/coverage.md";

/// Checks the table and prints how many requirements are proved.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let text = workspace.text(TABLE)?;
    let (rows, mut problems) = table::parse(&text);
    let named = rows.iter().any(|it| !it.tests.is_empty());
    let tests = if named {
        tests_that_run::list(workspace)?
    } else {
        BTreeSet::new()
    };
    problems.extend(check(&rows, &tests));
    for problem in &problems {
        ui::note(&format!("{TABLE}{problem}"));
    }
    if !problems.is_empty() {
        bail!("coverage: {} problems in {TABLE}", problems.len());
    }
    ui::say(&sentence(&rows));
    Ok(())
}

fn sentence(rows: &[Row]) -> String {
    let count = |state| rows.iter().filter(|it| it.state == state).count();
    let partly = count(State::Partly);
    ui::note(&format!("coverage: {partly} more proved in part"));
    format!(
        "{} of {} requirements proved",
        count(State::Proved),
        REQUIREMENTS.len()
    )
}

/// What is wrong with the rows, given the tests that run.
fn check(rows: &[Row], tests: &BTreeSet<String>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        if !REQUIREMENTS.contains(&row.id.as_str()) {
            problems.push(format!(":{}: `{}` is no requirement", row.line, row.id));
        }
        if let Some(first) = lines.insert(&row.id, row.line) {
            problems.push(format!(
                ":{}: `{}` has a row already, on line {first}",
                row.line, row.id
            ));
        }
        problems.extend(
            check_row(row, tests)
                .into_iter()
                .map(|it| format!(":{}: `{}` {it}", row.line, row.id)),
        );
    }
    let missing = REQUIREMENTS.iter().filter(|it| !lines.contains_key(**it));
    problems.extend(missing.map(|it| format!(": has no row for `{it}`")));
    problems
}

fn check_row(row: &Row, tests: &BTreeSet<String>) -> Vec<String> {
    let gone = row.tests.iter().filter(|it| !tests.contains(*it));
    let mut problems: Vec<_> = gone
        .map(|it| format!("names `{it}`, which is no test that `cargo xtask test` runs"))
        .collect();
    if row.tests.is_empty() && row.state != State::Open {
        problems.push(format!("is `{}` but names no test", row.state.word()));
    }
    if !row.tests.is_empty() && row.state == State::Open {
        problems.push("is `open` but names a test: say `partly` or `proved`".to_owned());
    }
    if row.state != State::Open && row.place.is_empty() {
        problems.push(format!(
            "is `{}` but says nowhere where in the product it is",
            row.state.word()
        ));
    }
    let own_name = row.id.to_lowercase().replace('-', "_");
    let is_named = |it: &String| it.split("::").any(|part| has_id(part, &own_name));
    if row.state == State::Proved && !row.tests.is_empty() && !row.tests.iter().any(is_named) {
        problems.push(format!(
            "is `proved`, but no test has `{own_name}` in its name"
        ));
    }
    problems
}

/// Whether a name has this id as whole words: `do_1` is in `do_1_values_are_shown`, not in `do_11` nor in `redo_1`.
fn has_id(name: &str, id: &str) -> bool {
    let framed = format!("_{name}_");
    framed.contains(&format!("_{id}_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TESTS: [&str; 2] = [
        "amanat::it::gp_a1_the_notice_is_public",
        "amanat::it::other",
    ];

    fn row(cells: &str) -> Row {
        let (rows, problems) = table::parse(&format!(
            "| id | where in the product | test | state |\n|---|---|---|---|\n{cells}\n"
        ));
        assert_eq!(problems, Vec::<String>::new());
        rows.into_iter().next().unwrap()
    }

    #[track_caller]
    fn check_cells(cells: &str, expected: &[&str]) {
        let tests = TESTS.map(str::to_owned).into();
        assert_eq!(check_row(&row(cells), &tests), expected);
    }

    #[test]
    fn rows_that_name_tests_that_run_pass() {
        check_cells("| GP-A1 | | | open |", &[]);
        check_cells("| GP-A1 | /d/ | `amanat::it::other` | partly |", &[]);
        check_cells(
            "| GP-A1 | /d/ | `amanat::it::gp_a1_the_notice_is_public`, `amanat::it::other` | proved |",
            &[],
        );
    }

    #[test]
    fn a_test_that_is_gone_fails() {
        check_cells(
            "| GP-A1 | /d/ | `amanat::it::gp_a1_gone` | proved |",
            &["names `amanat::it::gp_a1_gone`, which is no test that `cargo xtask test` runs"],
        );
    }

    #[test]
    fn state_and_tests_must_agree() {
        check_cells(
            "| GP-A1 | /d/ | | proved |",
            &["is `proved` but names no test"],
        );
        check_cells(
            "| GP-A1 | /d/ | | partly |",
            &["is `partly` but names no test"],
        );
        check_cells(
            "| GP-A1 | | `amanat::it::other` | partly |",
            &["is `partly` but says nowhere where in the product it is"],
        );
        check_cells(
            "| GP-A1 | /d/ | `amanat::it::other` | open |",
            &["is `open` but names a test: say `partly` or `proved`"],
        );
        check_cells(
            "| GP-A1 | /d/ | `amanat::it::other` | proved |",
            &["is `proved`, but no test has `gp_a1` in its name"],
        );
    }

    #[test]
    fn an_id_counts_only_as_whole_words() {
        assert!(has_id("do_1_values_are_shown", "do_1"));
        assert!(has_id("do_1", "do_1"));
        assert!(!has_id("do_11_values", "do_1"));
        assert!(!has_id("redo_1_values", "do_1"));
    }

    #[test]
    fn every_requirement_has_one_row_and_no_other() {
        let mut text =
            String::from("| id | where in the product | test | state |\n|---|---|---|---|\n");
        for id in &REQUIREMENTS[1..] {
            text.push_str(&format!("| {id} | | | open |\n"));
        }
        text.push_str("| GP-A2 | | | open |\n| GP-Z9 | | | open |\n");
        let (rows, _) = table::parse(&text);
        assert_eq!(
            check(&rows, &BTreeSet::new()),
            [
                ":57: `GP-A2` has a row already, on line 3",
                ":58: `GP-Z9` is no requirement",
                ": has no row for `GP-A1`",
            ]
        );
    }

    #[test]
    fn the_table_of_this_repository_has_every_requirement_once() {
        let (rows, problems) = table::parse(include_str!("../../docs/coverage.md"));
        assert_eq!(problems, Vec::<String>::new());
        let every_named = rows.iter().flat_map(|it| it.tests.clone()).collect();
        assert_eq!(check(&rows, &every_named), Vec::<String>::new());
    }

    #[test]
    fn the_sentence_counts_what_is_proved() {
        let rows = [
            row("| GP-A1 | /d/ | `amanat::it::gp_a1` | proved |"),
            row("| GP-A2 | /d/ | `amanat::it::gp_a2` | partly |"),
            row("| GP-A3 | | | open |"),
        ];
        assert_eq!(sentence(&rows), "1 of 55 requirements proved");
    }
}
