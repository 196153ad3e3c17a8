//! One packet of a bridge, about several things: all of it comes in, or none.

use model::Timestamp;
use smallvec::SmallVec;
use vault::Lsn;

use super::{Admitted, Arrival, IngestError, Keep};
use crate::Custody;
use crate::catalogue::DeploymentState;

/// What one thing has in a packet, decided on.
struct Part<'a> {
    arrival: &'a Arrival<'a>,
    state: &'a DeploymentState,
    admitted: SmallVec<[Admitted<'a>; 1]>,
}

impl Custody {
    /// Takes what a bridge sent at once for several things; see [`Custody::ingest`]. When one message cannot come in, none
    /// does, so that what is acknowledged is kept and what is refused left nothing. Where there is nothing to take, the
    /// position is one that is reached already.
    ///
    /// # Errors
    /// See [`IngestError`]: the packet left no trace but a count.
    pub fn take_all(&self, arrivals: &[Arrival<'_>], now: Timestamp) -> Result<Lsn, IngestError> {
        let taken = self.all_taken(arrivals, now);
        taken.inspect_err(|_| arrivals.iter().for_each(|it| self.missed(it.thing)))
    }

    fn all_taken(&self, arrivals: &[Arrival<'_>], now: Timestamp) -> Result<Lsn, IngestError> {
        let states = arrivals.iter().map(|it| it.thing.deployment.state.load());
        let states: SmallVec<[_; 4]> = states.collect();
        let mut parts: SmallVec<[Part<'_>; 4]> = SmallVec::new();
        for (arrival, state) in arrivals.iter().zip(&states) {
            let admitted = self.admitted(state, arrival, now)?;
            parts.push(Part {
                arrival,
                state,
                admitted,
            });
        }
        if parts.iter().all(|it| it.admitted.is_empty()) {
            self.take_back(&parts);
            return Ok(self.durable());
        }
        let keeps: SmallVec<[Keep<'_>; 4]> = parts
            .iter()
            .flat_map(|part| {
                part.admitted
                    .iter()
                    .map(|it| it.keep(part.arrival.thing, now))
            })
            .collect();
        let lsn = self.keep(&keeps)?;
        drop(keeps);
        self.take_back(&parts);
        for part in parts {
            for message in part.admitted {
                self.pass_on(part.state, part.arrival, message, now);
            }
        }
        Ok(lsn)
    }

    /// Forgets what is retained of things that have sent nothing at all.
    fn take_back(&self, parts: &[Part<'_>]) {
        for part in parts.iter().filter(|it| it.admitted.is_empty()) {
            self.forget_retained(part.arrival.thing);
        }
    }
}
