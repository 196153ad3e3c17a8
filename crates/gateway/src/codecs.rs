//! Workers that run codecs, each a process of its own that can only compute (crate `codec`, ADR 0017).
//!
//! Nothing here blocks a thread: who asks waits for an answer, and is answered within bounds.
//!
//! | limit | what happens at it |
//! |---|---|
//! | [`CodecOptions::workers`] | so many codecs run at once; others wait |
//! | one message at a time of a deployment | the next waits for it, so that no deployment has more than one worker |
//! | [`MAX_WAITING`] messages of a deployment | [`CodecError::Busy`]: the message is refused, to be sent again |
//! | [`ANSWER_MS`] | the worker is ended, the message refused, and the deployment's codecs rest for [`REST_MS`] |
//! | [`ANSWERS_OF_A_WORKER`] | the worker is replaced between two messages |
//! | whatever the crate `codec` bounds | [`CodecError::Refused`] |
//!
//! A worker starts when it is first needed, with an empty environment, in the root directory, and with no descriptors but
//! its two pipes. It serves one deployment for as long as it lives: a codec that found a way to write into the memory of
//! its worker would see, and could change, what comes after it there, and that is its own deployment's. At most
//! [`KEPT_WORKERS`] wait for their deployment's next message; the one that has waited longest makes room.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use codec::wire::{self, Answer, Call, Question};
use model::DeploymentId;
use rustc_hash::FxHashMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::{Counter, Counters};

/// How long a worker may take for a message, in milliseconds.
pub const ANSWER_MS: u64 = 500;
/// How long a worker may take for its first message, in milliseconds: its start is in it.
pub const FIRST_ANSWER_MS: u64 = 2_000;
/// How long the codecs of a deployment rest after one had to be ended, in milliseconds.
pub const REST_MS: u64 = 2_000;
/// How many messages of a deployment may wait for its codecs.
pub const MAX_WAITING: usize = 64;
/// How many messages a worker reads before it is replaced.
pub const ANSWERS_OF_A_WORKER: u32 = 2_000;
/// How many workers that have nothing to do are kept at most.
pub const KEPT_WORKERS: usize = 16;
/// How many deployments are remembered once they have nothing waiting.
const KEPT_TURNS: usize = 1_024;

/// How codecs are run.
#[derive(Debug, Clone)]
pub struct CodecOptions {
    /// The program that is a worker, with its arguments.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How many run at once.
    pub workers: usize,
}

/// Why a codec gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The codec, or a limit of its engine.
    #[error(transparent)]
    Refused(#[from] wire::Refusal),
    /// The worker did not answer in time, or ended.
    #[error(
        "the codec did not end in time or took its worker down: correct it and try it with `amanat codec try`"
    )]
    Ended,
    /// One of the deployment's codecs had to be ended a moment ago.
    #[error(
        "a codec of this deployment had to be ended a moment ago: send the message again later"
    )]
    Resting,
    /// Too many messages of the deployment wait.
    #[error(
        "too many messages of this deployment wait for their codec: send the message again later"
    )]
    Busy,
    /// Workers cannot be started.
    #[error("codecs cannot be run on this server now: send the message again later")]
    Unavailable,
}

impl CodecError {
    /// Whether the same message may be decoded later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Resting | Self::Busy | Self::Unavailable)
    }
}

/// The workers.
pub struct Codecs {
    options: CodecOptions,
    counters: Arc<Counters>,
    clock: Clock,
    /// As many as may run.
    places: Semaphore,
    /// Those that run and have nothing to do, with the deployment that each serves; who has waited longest stands first.
    idle: Mutex<Vec<(DeploymentId, Worker)>>,
    turns: Mutex<FxHashMap<DeploymentId, Arc<Turn>>>,
}

/// A deployment's turn.
struct Turn {
    one: Semaphore,
    waiting: AtomicUsize,
    rests_until_ms: AtomicU64,
}

impl Codecs {
    /// Makes a pool; nothing is started yet.
    #[must_use]
    pub fn new(options: CodecOptions, counters: Arc<Counters>) -> Arc<Self> {
        Arc::new(Self {
            places: Semaphore::new(options.workers.max(1)),
            options,
            counters,
            clock: Clock::start(),
            idle: Mutex::default(),
            turns: Mutex::default(),
        })
    }

    /// Asks a codec of a deployment; gives JSON.
    ///
    /// # Errors
    /// See [`CodecError`]; each is counted.
    pub async fn ask(
        &self,
        deployment: &DeploymentId,
        source: &str,
        call: Call<'_>,
    ) -> Result<String, CodecError> {
        let counter = match self.attempt(deployment, source, call).await {
            Ok(data) => {
                self.counters.add(Counter::CodecAnswers);
                return Ok(data);
            }
            Err(err) => err,
        };
        self.counters.add(Counter::CodecFailures);
        Err(counter)
    }

    async fn attempt(
        &self,
        deployment: &DeploymentId,
        source: &str,
        call: Call<'_>,
    ) -> Result<String, CodecError> {
        if source.len() > codec::MAX_SOURCE_BYTES || call.len() > codec::MAX_INPUT_BYTES {
            return Err(wire::Refusal::TooLarge.into());
        }
        let question = Question {
            source: source.into(),
            call,
        };
        let frame = wire::frame(&question).map_err(|_| wire::Refusal::TooLarge)?;
        let turn = self.turn(deployment);
        let _waiting = Waiting::enter(&turn)?;
        // Neither is ever closed.
        let _one = turn.one.acquire().await.map_err(|_| CodecError::Busy)?;
        if self.clock.now().uptime_ms < turn.rests_until_ms.load(Ordering::Relaxed) {
            return Err(CodecError::Resting);
        }
        let _place = self.places.acquire().await.map_err(|_| CodecError::Busy)?;
        let answer = self.with_worker(deployment, &frame).await;
        if answer == Err(CodecError::Ended) {
            self.counters.add(Counter::CodecWorkersEnded);
            let until = self.clock.now().uptime_ms.saturating_add(REST_MS);
            turn.rests_until_ms.store(until, Ordering::Relaxed);
        }
        match answer? {
            Answer::Data(data) => Ok(data),
            Answer::Refused { refusal, .. } => Err(refusal.into()),
        }
    }

    /// Asks the worker of a deployment. If the caller goes away meanwhile the worker is ended with it.
    async fn with_worker(
        &self,
        deployment: &DeploymentId,
        frame: &[u8],
    ) -> Result<Answer, CodecError> {
        let mut worker = match self.waiting_for(deployment) {
            Some(worker) => worker,
            None => Worker::start(&self.options).map_err(|err| {
                tracing::error!(error = %err, "a worker for codecs cannot be started");
                CodecError::Unavailable
            })?,
        };
        let patience = match worker.answers {
            0 => FIRST_ANSWER_MS,
            _ => ANSWER_MS,
        };
        let answer = tokio::time::timeout(Duration::from_millis(patience), worker.ask(frame));
        match answer.await {
            Ok(Ok(answer)) => {
                if worker.answers < ANSWERS_OF_A_WORKER {
                    self.keep(deployment, worker);
                }
                Ok(answer)
            }
            Ok(Err(_)) if worker.answers == 0 => {
                worker.end().await;
                tracing::error!("a worker for codecs ended at its start: is seccomp there?");
                Err(CodecError::Unavailable)
            }
            Ok(Err(_)) | Err(_) => {
                worker.end().await;
                Err(CodecError::Ended)
            }
        }
    }

    fn waiting_for(&self, deployment: &DeploymentId) -> Option<Worker> {
        let mut idle = self.idle();
        let at = idle.iter().position(|it| it.0 == *deployment)?;
        Some(idle.remove(at).1)
    }

    fn keep(&self, deployment: &DeploymentId, worker: Worker) {
        let mut idle = self.idle();
        let is_full = idle.len() >= KEPT_WORKERS;
        let oldest = is_full.then(|| idle.remove(0));
        idle.push((deployment.clone(), worker));
        drop(idle);
        // Its process ends when it is dropped.
        drop(oldest);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(DeploymentId, Worker)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, deployment: &DeploymentId) -> Arc<Turn> {
        let now_ms = self.clock.now().uptime_ms;
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= KEPT_TURNS {
            turns.retain(|_, turn| {
                turn.waiting.load(Ordering::Relaxed) > 0
                    || Arc::strong_count(turn) > 1
                    || turn.rests_until_ms.load(Ordering::Relaxed) > now_ms
            });
        }
        let turn = turns.entry(deployment.clone()).or_insert_with(|| {
            Arc::new(Turn {
                one: Semaphore::new(1),
                waiting: AtomicUsize::new(0),
                rests_until_ms: AtomicU64::new(0),
            })
        });
        Arc::clone(turn)
    }
}

impl std::fmt::Debug for Codecs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Codecs")
            .field("workers", &self.options.workers)
            .finish_non_exhaustive()
    }
}

/// Counts as waiting until it is dropped.
struct Waiting<'a>(&'a Turn);

impl<'a> Waiting<'a> {
    fn enter(turn: &'a Turn) -> Result<Self, CodecError> {
        let waiting = Self(turn);
        match turn.waiting.fetch_add(1, Ordering::Relaxed) {
            before if before < MAX_WAITING => Ok(waiting),
            _ => Err(CodecError::Busy),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A process.
struct Worker {
    child: Child,
    questions: ChildStdin,
    answers_pipe: ChildStdout,
    answers: u32,
}

impl Worker {
    fn start(options: &CodecOptions) -> io::Result<Self> {
        let mut child = Command::new(&options.program)
            .args(&options.arguments)
            .env_clear()
            .env("TZ", "UTC")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (questions, answers_pipe) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self {
            child,
            questions,
            answers_pipe,
            answers: 0,
        })
    }

    async fn ask(&mut self, frame: &[u8]) -> io::Result<Answer> {
        self.questions.write_all(frame).await?;
        let mut head = [0; 4];
        self.answers_pipe.read_exact(&mut head).await?;
        let mut body = vec![0; wire::length(head)?];
        self.answers_pipe.read_exact(&mut body).await?;
        self.answers = self.answers.saturating_add(1);
        Ok(serde_json::from_slice(&body)?)
    }

    async fn end(mut self) {
        // It may have ended already; either way it is waited for, so that it leaves nothing behind.
        let _ = self.child.kill().await;
    }
}
