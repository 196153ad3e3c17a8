//! What is counted of a delivery, once it is made.

use std::sync::Arc;

use model::Timestamp;
use policy::FieldSet;

use super::{Offered, Permit};
use crate::receipts::Delivered;

/// A delivery that is being made. It is counted when this is dropped, unless the payload was not sent after all:
/// forgetting about it counts one delivery too many, never one too few.
#[must_use = "dropping it at once counts a delivery that may not have been made"]
pub struct Receipt {
    told: Option<Told>,
}

/// What is counted of a delivery.
struct Told {
    offered: Arc<Offered>,
    fields: FieldSet,
    exact: FieldSet,
    at: Timestamp,
}

impl Receipt {
    pub(super) fn of(permit: Permit) -> Self {
        // Whom a message names is told to recipients by a cover name.
        let names = permit.offered.message.payload.schema().subject_field();
        let told = Told {
            fields: permit.outcome.fields(),
            exact: permit.outcome.exact().without(names.into_iter().collect()),
            at: permit.decided_at,
            offered: permit.offered,
        };
        Self { told: Some(told) }
    }

    /// When the right to what was written may end although nobody acts, as [`Permit::ends_at`].
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        let told = self.told.as_ref()?;
        told.offered.ends_after(told.at)
    }

    /// No byte of the payload was handed to the recipient.
    pub fn void(mut self) {
        self.told = None;
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let Some(told) = &self.told else { return };
        let (message, subscriber) = (&told.offered.message, &told.offered.subscriber);
        message.thing.deployment.receipts.count(&Delivered {
            concerned: &message.concerned,
            recipient: &subscriber.recipient,
            purpose: &subscriber.filter.purpose,
            thing: &message.thing,
            schema: message.payload.schema(),
            fields: told.fields,
            exact: told.exact,
            at: told.at,
        });
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receipt(…)")
    }
}
