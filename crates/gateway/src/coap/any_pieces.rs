//! What the fuzz target `blocks` does with pieces of messages as clients choose them; see `crate::any_bytes`.

use std::collections::BTreeMap;

use smallvec::smallvec;

use super::block::{Block, Piece, Step, TransferKey, Transfers};

/// The longest message, in bytes.
const MAX_BYTES: usize = 200;

/// Each piece is: who sends it, how many seconds after the one before, how long its option (two bits) and its bytes are, then these.
/// What becomes whole is what its sender sent since its first piece, and no longer than a message may be.
pub(crate) fn blocks(mut input: &[u8]) {
    let mut transfers = Transfers::new(MAX_BYTES);
    let mut sent: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    let mut now_ms = 0;
    while let [who, pause, lengths, rest @ ..] = input {
        let (option, rest) = rest.split_at(usize::from(lengths & 3).min(rest.len()));
        let (bytes, rest) = rest.split_at(usize::from(lengths >> 2).min(rest.len()));
        input = rest;
        now_ms += u64::from(*pause) * 1_000;
        let Some(block) = Block::read(option) else {
            continue;
        };
        let piece = Piece {
            block,
            bytes,
            announced: (who & 0x80 != 0).then_some(u32::from(*pause)),
        };
        let step = transfers.take(key(*who), piece, now_ms);
        let known = sent.entry(who % 8).or_default();
        if block.number == 0 {
            known.clear();
        }
        known.extend_from_slice(bytes);
        match step {
            Step::More(_) => assert!(block.has_more && known.len() <= MAX_BYTES),
            Step::Whole(whole) => {
                assert!(!block.has_more && whole.len() <= MAX_BYTES);
                assert_eq!(whole, std::mem::take(known));
            }
            Step::Refused(..) => known.clear(),
        }
    }
    transfers.forget(u64::MAX);
}

/// Eight transfers: two addresses, two senders, two tags.
fn key(who: u8) -> TransferKey {
    TransferKey {
        from: ([127, 0, 0, 1 + (who & 1)], 5_683).into(),
        sender: if who & 2 == 0 { "a" } else { "b" }.into(),
        topic: "t".into(),
        tag: smallvec![who >> 2 & 1],
    }
}
