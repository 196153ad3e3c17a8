//! What is retained, for one who has subscribed: message by message, each looked up when it is asked for.

use std::sync::Arc;

use model::Timestamp;

use super::days;
use crate::Custody;
use crate::catalogue::{Deployment, ThingNumber};
use crate::deliver::hub::Subscriber;
use crate::deliver::{Delivery, Message, Sent, Subscription};

/// The retained messages that a subscription asks for. It holds none of them: a message that is erased or replaced meanwhile is
/// not given, or the newer one is.
pub struct RetainedCursor {
    custody: Custody,
    subscriber: Arc<Subscriber>,
    left: std::vec::IntoIter<(Arc<Deployment>, ThingNumber)>,
}

impl Subscription {
    /// The retained messages that it asks for, things in the order in which they were registered. None for a shared
    /// subscription (MQTT 5.0 section 4.8.2).
    #[must_use]
    pub fn retained(&self) -> RetainedCursor {
        let subscriber = self.subscriber();
        let mut wanted = Vec::new();
        if !subscriber.is_shared() {
            let catalogue = self.custody().inner.catalogue.load();
            for deployment in subscriber.reached(&catalogue) {
                let table = deployment.retained.lock();
                let things = table.iter().filter(|it| subscriber.wants(&it.1.thing));
                let mut numbers: Vec<_> = things.map(|it| it.0).collect();
                drop(table);
                numbers.sort_unstable();
                wanted.extend(numbers.into_iter().map(|it| (Arc::clone(deployment), it)));
            }
        }
        RetainedCursor {
            custody: self.custody().clone(),
            subscriber: Arc::clone(subscriber),
            left: wanted.into_iter(),
        }
    }
}

impl RetainedCursor {
    /// The next message; as with every delivery, [`Custody::permit`] says whether anything of it may leave.
    pub fn next(&mut self, now: Timestamp) -> Option<Delivery> {
        loop {
            let (deployment, number) = self.left.next()?;
            if let Some(delivery) = self.delivery(&deployment, number, now) {
                return Some(delivery);
            }
        }
    }

    /// How many there may be still.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left.len()
    }

    fn delivery(
        &self,
        deployment: &Deployment,
        number: ThingNumber,
        now: Timestamp,
    ) -> Option<Delivery> {
        let retained = Arc::clone(deployment.retained.lock().get(number)?);
        if retained.expires_at.is_some_and(|it| it <= now) {
            return None;
        }
        let state = deployment.state.load();
        if !Arc::ptr_eq(&state.schema, retained.payload.schema()) {
            return None; // A new notice: what was retained under the old one is being erased.
        }
        let bound = state.bound(number, &retained.named, retained.at)?;
        let (recipient, purpose) = self.subscriber.lane();
        let lane = bound.program.lane(recipient, purpose)?;
        let outcome = retained.outcome(lane)?;
        let outcome = bound
            .program
            .kept_beyond(lane, outcome, days(retained.at, now))?;
        let concerned = state.concerned(&bound, &retained.thing.id);
        let sent = Sent {
            origin: retained.origin,
            retain: true,
            expires_at: retained.expires_at,
        };
        let message = Message::new(
            &retained.thing,
            retained.payload.clone(),
            retained.named.clone(),
            concerned,
            retained.at,
            sent,
        );
        let message = message.shared();
        if message.is_left_out(false) {
            self.custody.inner.hub.count_dropped(1);
            return None;
        }
        Some(Delivery::retained(
            &message,
            &self.subscriber,
            &outcome,
            lane,
        ))
    }
}

impl std::fmt::Debug for RetainedCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RetainedCursor({} left)", self.left())
    }
}
