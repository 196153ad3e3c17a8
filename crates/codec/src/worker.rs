//! The process in which codecs run: `amanat codec-worker`.

use std::io;

use crate::wire::{self, Question};
use crate::{confine, engine};

/// Why a worker ended before its input did.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The limits of the process cannot be set.
    #[error("the limits of the process cannot be set")]
    Limits,
    /// There is no filter for this machine.
    #[error("there is no filter of system calls for this kind of machine")]
    Filter(#[source] seccompiler::BackendError),
    /// The kernel does not take the filter.
    #[error("the kernel does not take the filter of system calls: it needs seccomp")]
    Confine(#[source] seccompiler::Error),
    /// The pipes are broken, or what came is no question.
    #[error("the worker cannot read its questions or write its answers")]
    Pipe(#[source] io::Error),
}

/// Gives up everything but computing, then answers questions until there are no more.
///
/// # Errors
/// See [`WorkerError`]. A worker that cannot be confined answers nothing.
pub fn work() -> Result<(), WorkerError> {
    confine::confine()?;
    let mut questions = io::stdin().lock();
    let mut answers = io::stdout().lock();
    while let Some(bytes) = wire::read(&mut questions).map_err(WorkerError::Pipe)? {
        let question: Question<'_> =
            serde_json::from_slice(&bytes).map_err(|err| WorkerError::Pipe(err.into()))?;
        let answer = engine::run(&question.source, &question.call);
        wire::write(&mut answers, &answer).map_err(WorkerError::Pipe)?;
    }
    Ok(())
}
