//! `amanat codec-worker`: the process in which codecs run. The server starts it; it is of no use by hand.

use crate::exit::{Exit, Stop};

/// Answers questions on its standard input until there are no more.
pub(crate) fn run() -> Result<Exit, Stop> {
    let next = "the server starts this program; on a kernel without seccomp codecs cannot be run";
    codec::work().map_err(|err| Stop::failure(err, next))?;
    Ok(Exit::Ok)
}
