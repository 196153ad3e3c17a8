//! The only place that writes to the terminal: results on stdout, words about the run on stderr.

use std::io::Write;

/// Writes a line of result to stdout.
pub(crate) fn say(text: &str) {
    // A reader that went away is not an error of ours.
    writeln!(std::io::stdout(), "{text}").ok();
}

/// Writes a line about the run to stderr.
pub(crate) fn note(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}

/// A table in columns: the first flush left, the others flush right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).enumerate();
        let line: Vec<String> = cells
            .map(|(column, (cell, &width))| {
                if column == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            })
            .collect();
        line.join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_aligns_its_columns() {
        let rows = [
            vec!["step".to_owned(), "minutes".to_owned()],
            vec!["clippy".to_owned(), "0.5".to_owned()],
        ];
        assert_eq!(table(&rows), "step    minutes\nclippy      0.5");
    }
}
