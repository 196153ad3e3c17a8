//! Reads the table of `docs/coverage.md`.

/// A requirement and what proves it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The line of the file, counted from one.
    pub(crate) line: usize,
    /// The requirement.
    pub(crate) id: String,
    /// Where in the product a person meets it.
    pub(crate) place: String,
    /// The tests that prove it.
    pub(crate) tests: Vec<String>,
    /// How far it is.
    pub(crate) state: State,
}

/// How far a requirement is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Partly,
    Proved,
}

impl State {
    /// The word in the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Partly => "partly",
            Self::Proved => "proved",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Open, Self::Partly, Self::Proved]
            .into_iter()
            .find(|it| it.word() == word)
    }
}

const HEADER: [&str; 4] = ["id", "where in the product", "test", "state"];

/// The rows under the header, and what could not be read, each starting with its line.
pub(crate) fn parse(text: &str) -> (Vec<Row>, Vec<String>) {
    let mut rows = Vec::new();
    let mut problems = Vec::new();
    let mut is_inside = false;
    let mut was_seen = false;
    for (number, line) in text.lines().enumerate() {
        let Some(cells) = cells(line) else {
            is_inside = false;
            continue;
        };
        if cells == HEADER {
            is_inside = true;
            was_seen = true;
        } else if is_inside && !is_rule(&cells) {
            match row(number + 1, &cells) {
                Ok(row) => rows.push(row),
                Err(problem) => problems.push(format!(":{}: {problem}", number + 1)),
            }
        }
    }
    if !was_seen {
        problems.push(format!(": has no table `| {} |`", HEADER.join(" | ")));
    }
    (rows, problems)
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

fn is_rule(cells: &[&str]) -> bool {
    cells
        .iter()
        .all(|it| !it.is_empty() && it.chars().all(|it| matches!(it, '-' | ':')))
}

fn row(line: usize, cells: &[&str]) -> Result<Row, String> {
    let [id, place, tests, state] = cells else {
        return Err(format!("has {} cells instead of 4", cells.len()));
    };
    let Some(state) = State::parse(state) else {
        return Err(format!(
            "`{state}` is no state: `open`, `partly` or `proved`"
        ));
    };
    let names = tests.split(',').map(str::trim).filter(|it| !it.is_empty());
    let tests = names.map(test_name).collect::<Result<_, _>>()?;
    Ok(Row {
        line,
        id: (*id).to_owned(),
        place: (*place).to_owned(),
        tests,
        state,
    })
}

fn test_name(cell: &str) -> Result<String, String> {
    let name = cell.strip_prefix('`').and_then(|it| it.strip_suffix('`'));
    let name = name.filter(|it| it.contains("::") && !it.contains(['`', ' ']));
    name.map(str::to_owned)
        .ok_or_else(|| format!("`{cell}` is no test: write `crate::path::test` in backticks"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_header(rows: &str) -> String {
        format!(
            "# Coverage\n\n| id | where in the product | test | state |\n|:--|---|---|---|\n{rows}"
        )
    }

    #[track_caller]
    fn check_problem(rows: &str, expected: &str) {
        assert_eq!(
            parse(&with_header(rows)),
            (vec![], vec![expected.to_owned()])
        );
    }

    #[test]
    fn rows_are_read_with_their_line() {
        let (rows, problems) = parse(&with_header(
            "| GP-A1 | the page | `a::b`, `c::d::e` | proved |\n\n| x | y |\n",
        ));
        assert_eq!(problems, Vec::<String>::new());
        let expected = Row {
            line: 5,
            id: "GP-A1".to_owned(),
            place: "the page".to_owned(),
            tests: vec!["a::b".to_owned(), "c::d::e".to_owned()],
            state: State::Proved,
        };
        assert_eq!(rows, [expected]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        check_problem("| GP-A1 | | open |", ":5: has 3 cells instead of 4");
        check_problem(
            "| GP-A1 | | | done |",
            ":5: `done` is no state: `open`, `partly` or `proved`",
        );
        check_problem(
            "| GP-A1 | | see a::b | partly |",
            ":5: `see a::b` is no test: write `crate::path::test` in backticks",
        );
        check_problem(
            "| GP-A1 | | `lonely` | partly |",
            ":5: ``lonely`` is no test: write `crate::path::test` in backticks",
        );
    }

    #[test]
    fn a_page_without_the_table_is_a_problem() {
        let (rows, problems) = parse("| id | test |\n|---|---|\n| GP-A1 | |\n");
        assert_eq!(rows, []);
        assert_eq!(
            problems,
            [": has no table `| id | where in the product | test | state |`"]
        );
    }
}
