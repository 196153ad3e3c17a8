//! A session that a test drives by itself: bytes in, answers out, at the time that it chooses.

use std::sync::Arc;
use std::task::Context;

use super::{FakeBackend, Offered, Shelf, World, connect, moment, texts};
use crate::mqtt::backend::Start;
use crate::mqtt::decode::Version;
use crate::mqtt::session::{Ctx, Sent, Session};
use crate::{Counter, Counters, Limits};

/// A session without a socket, at a time the test chooses.
pub(crate) struct Rig {
    pub(crate) session: Session<FakeBackend>,
    pub(crate) backend: FakeBackend,
    pub(crate) counters: Counters,
    pub(crate) version: Version,
    pub(crate) now_ms: u64,
    limits: Limits,
    number: u64,
}

impl Rig {
    pub(crate) fn new(version: Version, limits: Limits) -> Self {
        Self {
            session: Session::new(Arc::new(limits.clone()), 7, moment(0)),
            limits,
            number: 7,
            backend: FakeBackend::default(),
            counters: Counters::default(),
            version,
            now_ms: 0,
        }
    }

    /// A session whose CONNECT has been accepted.
    pub(crate) fn connected(version: Version, user_name: &str, limits: Limits) -> Self {
        let mut rig = Self::new(version, limits);
        let answer = rig.send(&connect(version, user_name));
        assert_eq!(answer, ["CONNACK 0x00"]);
        rig
    }

    /// Sends bytes and gives the answers.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut out = Vec::new();
        let mut used = self.receive(bytes, &mut out);
        if self.session.is_claiming() && !self.world().is_held {
            self.call_into(&mut out, |session, ctx| {
                let kept = ctx.backend.world.lock().unwrap().kept.0.take();
                session.accept(kept, ctx);
            });
            used += self.receive(&bytes[used..], &mut out);
        }
        if self.session.may_read(out.len()) {
            assert_eq!(used, bytes.len(), "the session left bytes of whole packets");
        }
        texts(&out, self.version)
    }

    pub(crate) fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        let mut ctx = Ctx {
            backend: &mut self.backend,
            counters: &self.counters,
            out,
            now: moment(self.now_ms),
        };
        self.session.receive(bytes, &mut ctx)
    }

    /// Calls the session and gives the answers.
    pub(crate) fn call(
        &mut self,
        act: impl FnOnce(&mut Session<FakeBackend>, &mut Ctx<'_, FakeBackend>),
    ) -> Vec<String> {
        let mut out = Vec::new();
        self.call_into(&mut out, act);
        texts(&out, self.version)
    }

    /// Calls the session and gives the bytes that it sends.
    pub(crate) fn call_raw(
        &mut self,
        act: impl FnOnce(&mut Session<FakeBackend>, &mut Ctx<'_, FakeBackend>),
    ) -> Vec<u8> {
        let mut out = Vec::new();
        self.call_into(&mut out, act);
        out
    }

    fn call_into<R>(
        &mut self,
        out: &mut Vec<u8>,
        act: impl FnOnce(&mut Session<FakeBackend>, &mut Ctx<'_, FakeBackend>) -> R,
    ) -> R {
        let mut ctx = Ctx {
            backend: &mut self.backend,
            counters: &self.counters,
            out,
            now: moment(self.now_ms),
        };
        act(&mut self.session, &mut ctx)
    }

    /// Offers deliveries and sends what the window lets through.
    pub(crate) fn offer(&mut self, deliveries: &[Offered]) -> Vec<String> {
        self.world().offered.extend(deliveries.iter().cloned());
        self.flush()
    }

    /// Sends what waits, as far as the window lets it.
    pub(crate) fn flush(&mut self) -> Vec<String> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut out = Vec::new();
        let _ = self
            .session
            .poll_offered(&mut self.backend, &mut cx, usize::MAX);
        while self.session.window() > 0 && self.send_next(&mut out).is_some() {}
        texts(&out, self.version)
    }

    /// Sends the next packet that waits.
    pub(crate) fn send_next(&mut self, out: &mut Vec<u8>) -> Option<Sent<FakeBackend>> {
        let now = moment(self.now_ms).wall;
        self.session
            .send_next(&self.backend, now, &mut Vec::new(), out)
    }

    /// The connection is gone. What is kept of the session is given up to the next who claims it.
    pub(crate) fn end(&mut self) -> bool {
        self.end_for(None)
    }

    /// The connection is gone because the client has made another one.
    pub(crate) fn end_for(&mut self, start: Option<Start>) -> bool {
        let kept = self.call_into(&mut Vec::new(), |session, ctx| session.end(start, ctx));
        let is_kept = kept.is_some();
        self.world().kept = Shelf(kept);
        is_kept
    }

    /// A new connection to the same world.
    pub(crate) fn again(&mut self) {
        let limits = Arc::new(self.limits.clone());
        self.number += 1;
        self.session = Session::new(limits, self.number, moment(self.now_ms));
    }

    /// Says that everything up to `position` is kept.
    pub(crate) fn durable(&mut self, position: u64) -> Vec<String> {
        self.call(|session, ctx| session.acknowledge(position, ctx.out))
    }

    /// The counters of refusals that are not zero.
    pub(crate) fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.counters
            .snapshot()
            .into_iter()
            .filter(|(counter, value)| counter.is_refusal() && *value > 0)
            .map(|(counter, value)| (counter.name(), value))
            .collect()
    }

    pub(crate) fn count(&self, counter: Counter) -> u64 {
        self.counters.value(counter)
    }

    pub(crate) fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.backend.world.lock().unwrap()
    }
}
