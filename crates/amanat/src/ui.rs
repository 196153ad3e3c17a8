//! What the command line says: data on standard output, words on standard error.
//!
//! The only place that prints. A reader that went away (`amanat … | head`) is not an error.

use std::io::{self, Write};

/// Prints one line of data.
pub(crate) fn data(line: &str) {
    // A closed pipe means that nobody reads any more: there is nobody to tell.
    let _ = write_line(&mut io::stdout().lock(), line);
}

/// Prints one line of words.
pub(crate) fn words(line: &str) {
    // The same.
    let _ = write_line(&mut io::stderr().lock(), line);
}

/// Where a stream of data goes.
pub(crate) fn out() -> io::StdoutLock<'static> {
    io::stdout().lock()
}

fn write_line(out: &mut impl Write, line: &str) -> io::Result<()> {
    out.write_all(line.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}
