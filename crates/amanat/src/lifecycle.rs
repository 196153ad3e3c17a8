//! Starting and stopping: every task is tracked, and the end has two phases.
//!
//! 1. SIGINT, SIGTERM, the end of `--for`, an [`Alarm`], or a task that ends by itself sets [`Stopping`]: nothing new is
//!    accepted, connections finish.
//! 2. When all tasks have ended, or [`PATIENCE`] is over, the caller flushes vault and record.
//!
//! A second signal ends the process without waiting.

use std::future::Future;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::exit::Exit;

/// How long tasks may take to end. Longer than the gateway lets connections drain.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tells a task that it is time to end.
#[derive(Debug, Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Ready when it is time to end.
    pub(crate) async fn wait(&mut self) {
        // An error means that the lifecycle itself is gone, which is the same.
        let _ = self.0.wait_for(|it| *it).await;
    }
}

/// Stops the process as a failure, so that whoever supervises it starts it again.
#[derive(Debug, Clone)]
pub(crate) struct Alarm(watch::Sender<bool>);

impl Alarm {
    /// To be called once the reason is logged.
    pub(crate) fn raise(&self) {
        self.0.send_replace(true);
    }
}

/// The tasks of a process.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    stop: watch::Sender<bool>,
    alarm: watch::Sender<bool>,
    tasks: JoinSet<&'static str>,
    interrupt: Signal,
    terminate: Signal,
}

impl Lifecycle {
    /// Listens for signals from now on.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            stop: watch::Sender::new(false),
            alarm: watch::Sender::new(false),
            tasks: JoinSet::new(),
            interrupt: signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?,
            terminate: signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?,
        })
    }

    /// What a task waits for.
    pub(crate) fn stopping(&self) -> Stopping {
        Stopping(self.stop.subscribe())
    }

    /// What a task raises when the process cannot do its work any more.
    pub(crate) fn alarm(&self) -> Alarm {
        Alarm(self.alarm.clone())
    }

    /// Runs a task until [`Stopping`].
    pub(crate) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.tasks.spawn(async move {
            task.await;
            name
        });
    }

    /// Waits for a reason to stop, then until every task has ended.
    pub(crate) async fn run(mut self, length: Option<Duration>) -> Exit {
        let over = async move {
            match length {
                Some(length) => tokio::time::sleep(length).await,
                None => std::future::pending().await,
            }
        };
        let mut alarm = self.alarm.subscribe();
        let mut exit = tokio::select! {
            Ok(_) = alarm.wait_for(|it| *it) => Exit::Failure,
            () = over => Exit::Ok,
            _ = self.interrupt.recv() => Exit::Ok,
            _ = self.terminate.recv() => Exit::Ok,
            Some(ended) = self.tasks.join_next() => ended_early(ended),
        };
        tracing::info!("stopping");
        self.stop.send_replace(true);
        tokio::select! {
            () = drained(&mut self.tasks) => (),
            _ = self.interrupt.recv() => exit = Exit::Failure,
            _ = self.terminate.recv() => exit = Exit::Failure,
            () = tokio::time::sleep(PATIENCE) => {
                tracing::warn!("some tasks did not end in time and are dropped");
            }
        }
        exit
    }
}

/// A task that ends while nothing stops is a fault.
fn ended_early(ended: Result<&'static str, tokio::task::JoinError>) -> Exit {
    match ended {
        Ok(name) => tracing::error!("the {name} ended by itself"),
        Err(err) => tracing::error!("a part of the server failed: {err}"),
    }
    Exit::Failure
}

async fn drained(tasks: &mut JoinSet<&'static str>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(err) = ended {
            tracing::error!("a part of the server failed while stopping: {err}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tasks_are_told_to_stop_and_waited_for() {
        let mut lifecycle = Lifecycle::new().unwrap();
        let (done, finished) = tokio::sync::oneshot::channel();
        let mut stopping = lifecycle.stopping();
        lifecycle.spawn("test", async move {
            stopping.wait().await;
            done.send(()).unwrap();
        });
        let exit = lifecycle.run(Some(Duration::from_millis(1))).await;
        assert_eq!(exit, Exit::Ok);
        finished.await.unwrap();
    }

    #[tokio::test]
    async fn a_task_that_ends_by_itself_is_a_failure() {
        let mut lifecycle = Lifecycle::new().unwrap();
        lifecycle.spawn("test", async {});
        assert_eq!(lifecycle.run(None).await, Exit::Failure);
    }

    #[tokio::test]
    async fn an_alarm_stops_every_task_and_is_a_failure() {
        let mut lifecycle = Lifecycle::new().unwrap();
        let (alarm, mut stopping) = (lifecycle.alarm(), lifecycle.stopping());
        let (done, finished) = tokio::sync::oneshot::channel();
        lifecycle.spawn("test", async move {
            alarm.raise();
            stopping.wait().await;
            done.send(()).unwrap();
        });
        assert_eq!(lifecycle.run(None).await, Exit::Failure);
        finished.await.unwrap();
    }
}
