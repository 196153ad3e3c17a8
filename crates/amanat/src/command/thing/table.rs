//! CSV (RFC 4180), as far as a table of devices needs it: a header, quotes, lines numbered as an editor numbers them.

/// The longest value, in bytes.
const MAX_VALUE_BYTES: usize = 4_096;
/// The most columns.
const MAX_COLUMNS: usize = 32;

/// One row, with the line on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: usize,
    pub(super) values: Vec<String>,
}

/// What is wrong with the form of a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub(super) struct TableError {
    pub(super) line: usize,
    pub(super) reason: &'static str,
}

/// Reads every row, the header too. Empty lines are passed over.
pub(super) fn rows(text: &str) -> Result<Vec<Row>, TableError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        rest: text.chars().peekable(),
        line: 1,
    };
    let mut rows = Vec::new();
    while reader.rest.peek().is_some() {
        let row = reader.row()?;
        if row.values.iter().any(|it| !it.is_empty()) {
            rows.push(row);
        }
    }
    Ok(rows)
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
}

impl Reader<'_> {
    fn row(&mut self) -> Result<Row, TableError> {
        let line = self.line;
        let mut values = Vec::new();
        loop {
            let (value, is_last) = self.value()?;
            values.push(value);
            if values.len() > MAX_COLUMNS {
                return Err(self.wrong("there are more columns than a table of devices has"));
            }
            if is_last {
                return Ok(Row { line, values });
            }
        }
    }

    /// A value, and whether the row ends behind it.
    fn value(&mut self) -> Result<(String, bool), TableError> {
        let mut value = String::new();
        let is_quoted = self.rest.next_if_eq(&'"').is_some();
        if is_quoted {
            self.quoted(&mut value)?;
        }
        loop {
            match self.rest.next() {
                None => return Ok((trimmed(value, is_quoted), true)),
                Some('\r') if self.rest.peek() == Some(&'\n') => {}
                Some('\n') => {
                    self.line += 1;
                    return Ok((trimmed(value, is_quoted), true));
                }
                Some(',') => return Ok((trimmed(value, is_quoted), false)),
                Some(_) if is_quoted => {
                    return Err(self.wrong("something stands behind a closing quote"));
                }
                Some('"') => {
                    return Err(self.wrong("a quote stands inside of a value: quote all of it"));
                }
                Some(it) => value.push(it),
            }
            if value.len() > MAX_VALUE_BYTES {
                return Err(self.wrong("a value is too long"));
            }
        }
    }

    /// Up to the closing quote; two quotes are one.
    fn quoted(&mut self, value: &mut String) -> Result<(), TableError> {
        let begun = self.line;
        loop {
            match self.rest.next() {
                None => {
                    return Err(TableError {
                        line: begun,
                        reason: "a quote is not closed",
                    });
                }
                Some('"') if self.rest.next_if_eq(&'"').is_some() => value.push('"'),
                Some('"') => return Ok(()),
                Some(it) => {
                    self.line += usize::from(it == '\n');
                    value.push(it);
                }
            }
            if value.len() > MAX_VALUE_BYTES {
                return Err(self.wrong("a value is too long"));
            }
        }
    }

    const fn wrong(&self, reason: &'static str) -> TableError {
        TableError {
            line: self.line,
            reason,
        }
    }
}

fn trimmed(value: String, is_quoted: bool) -> String {
    match is_quoted {
        true => value,
        false => value.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(usize, Vec<String>)> {
        let rows = rows(text).unwrap();
        rows.into_iter().map(|it| (it.line, it.values)).collect()
    }

    fn owned(values: &[&str]) -> Vec<String> {
        values.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn quotes_line_ends_and_a_byte_order_mark_are_read_as_rfc_4180_says() {
        let text = "\u{feff}id, topic\r\nplug-1,\"a,\"\"b\"\"\nc\"\r\n\r\nplug-2,\n";
        assert_eq!(
            values(text),
            [
                (1, owned(&["id", "topic"])),
                (2, owned(&["plug-1", "a,\"b\"\nc"])),
                (5, owned(&["plug-2", ""])),
            ]
        );
        assert!(rows("").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        let long = "x".repeat(MAX_VALUE_BYTES + 1);
        let wide = ",".repeat(MAX_COLUMNS + 1);
        for (text, line) in [
            ("id\n\"open", 2),
            ("id\na\"b", 2),
            ("id\n\"a\"b", 2),
            (long.as_str(), 1),
            (wide.as_str(), 1),
        ] {
            assert_eq!(rows(text).unwrap_err().line, line);
        }
    }
}
