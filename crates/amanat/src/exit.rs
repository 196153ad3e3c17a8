//! How a command ends: four codes that scripts rely on, and errors that say what to do next.

use std::fmt;
use std::process::ExitCode;

/// The exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It worked.
    Ok,
    /// It did not work.
    Failure,
    /// It may not be done.
    Denied,
    /// What was given cannot be used: arguments, configuration, files.
    InvalidInput,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0_u8,
            Exit::Failure => 1,
            Exit::Denied => 2,
            Exit::InvalidInput => 3,
        })
    }
}

/// Why a command stopped, and what to do next.
#[derive(Debug)]
pub(crate) struct Stop {
    exit: Exit,
    error: anyhow::Error,
    next: String,
}

impl Stop {
    /// Something did not work.
    pub(crate) fn failure(error: impl Into<anyhow::Error>, next: impl Into<String>) -> Self {
        Self::new(Exit::Failure, error.into(), next.into())
    }

    /// What was given cannot be used.
    pub(crate) fn invalid(error: impl Into<anyhow::Error>, next: impl Into<String>) -> Self {
        Self::new(Exit::InvalidInput, error.into(), next.into())
    }

    fn new(exit: Exit, error: anyhow::Error, next: String) -> Self {
        Self { exit, error, next }
    }

    /// The same, with something else to do next.
    pub(crate) fn with_next(self, next: impl Into<String>) -> Self {
        Self::new(self.exit, self.error, next.into())
    }

    /// The exit code.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Stop {
    /// `error: what`, the chain of causes, `help: what to do next`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.error)?;
        for cause in self.error.chain().skip(1) {
            write!(f, "\n  because: {cause}")?;
        }
        write!(f, "\nhelp: {}", self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_says_what_why_and_what_next() {
        let error = anyhow::anyhow!("permission denied").context("cannot read `a.toml`");
        let stop = Stop::invalid(error, "give a file that you may read");
        assert_eq!(
            stop.to_string(),
            "error: cannot read `a.toml`\n  because: permission denied\nhelp: give a file that you may read"
        );
        assert_eq!(stop.exit(), Exit::InvalidInput);
    }
}
