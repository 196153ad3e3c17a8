//! A connection on which a thing, or a bridge for its things, listens for commands.

use std::sync::Arc;
use std::task::{Context, Poll};

use custody::{BridgeListener, Command, CommandAck, Custody, Peer, SourceListener};
use model::Timestamp;

/// How long a thing may take to acknowledge a command, in milliseconds.
const COMMAND_ACK_MS: i64 = 30_000;

/// Whoever listens.
pub(super) enum Ears {
    Thing(SourceListener),
    Bridge(BridgeListener),
}

impl Ears {
    /// Listens as a peer does; nothing where it is neither.
    pub(super) fn of(
        custody: &Custody,
        peer: &Peer,
        takes: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Option<Self> {
        if let Some(bridge) = peer.bridge() {
            return Some(Self::Bridge(custody.listen_behind(bridge, takes)));
        }
        let thing = peer.thing()?;
        Some(Self::Thing(custody.listen(thing, takes)))
    }

    /// The topics on which a peer may get commands, some with names in braces.
    pub(super) fn topics(custody: &Custody, peer: &Peer) -> Vec<String> {
        match (peer.bridge(), peer.thing()) {
            (Some(bridge), _) => custody.command_topics_behind(bridge),
            (None, Some(thing)) => custody.command_topics(thing),
            (None, None) => Vec::new(),
        }
    }

    pub(super) fn change(&self, takes: impl Fn(&str) -> bool + Send + Sync + 'static) {
        match self {
            Self::Thing(listener) => listener.change(takes),
            Self::Bridge(listener) => listener.change(takes),
        }
    }

    pub(super) fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<Arc<Command>> {
        match self {
            Self::Thing(listener) => listener.poll_command(cx),
            Self::Bridge(listener) => listener.poll_command(cx),
        }
    }

    /// A command was handed to the connection; with `with_ack` its client will say that it has it.
    pub(super) fn sent(&self, command: &Arc<Command>, with_ack: bool, now: Timestamp) {
        match self {
            Self::Thing(listener) => {
                let ack = match with_ack {
                    true => CommandAck::Within(COMMAND_ACK_MS),
                    false => CommandAck::Never,
                };
                listener.sent(command, ack, now);
            }
            Self::Bridge(listener) => listener.sent(command, now),
        }
    }

    pub(super) fn received(&self, command: u64, now: Timestamp) {
        match self {
            Self::Thing(listener) => listener.received(command, now),
            Self::Bridge(listener) => listener.received(command, now),
        }
    }
}
