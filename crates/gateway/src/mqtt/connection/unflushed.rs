//! Deliveries that a layer above the socket has taken and may still hold back.

use super::sending::Written;
use crate::handover::Handover;
use crate::mqtt::backend::Backend;

/// Their receipts: they count when everything is with the socket, and not if the connection ends before.
pub(super) struct Unflushed<B: Backend> {
    receipts: Vec<B::Receipt>,
}

impl<B: Backend> Default for Unflushed<B> {
    fn default() -> Self {
        Self {
            receipts: Vec::new(),
        }
    }
}

impl<B: Backend> Unflushed<B> {
    /// The transport took these; where it holds nothing back that is the end of it.
    pub(super) fn add(&mut self, written: Vec<Written<B>>, handover: Option<&Handover>) {
        let Some(handover) = handover else {
            return;
        };
        self.receipts
            .extend(written.into_iter().map(|it| it.receipt));
        if self.receipts.is_empty() {
            handover.done();
        }
    }

    /// Everything that the transport took is with the socket.
    pub(super) fn delivered(&mut self, handover: Option<&Handover>) {
        if let Some(handover) = handover {
            handover.done();
            self.receipts = Vec::new();
        }
    }
}

impl<B: Backend> Drop for Unflushed<B> {
    fn drop(&mut self) {
        self.receipts.drain(..).for_each(B::void);
    }
}
