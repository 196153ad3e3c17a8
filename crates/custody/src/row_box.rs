//! Rows that are sealed whole, because they hold measurements or name people.
//!
//! # Format, version 1
//! ```text
//! 0   1  version = 1
//! 1  16  salt, random, one for each start of the process
//! 17  8  counter, big-endian, from 0
//! 25  …  AES-256-GCM ciphertext and tag
//! ```
//! The key is HMAC-SHA-256 of the salt under a key that is derived from the root key for one use alone; the nonce is four
//! zeros and the counter. So no nonce is used twice under a key, however often rows are written. Associated data: the name of
//! the row, so it cannot be given to another one.

use std::sync::atomic::{AtomicU64, Ordering};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

const VERSION: u8 = 1;
const SALT_BYTES: usize = 16;
const COUNTER_BYTES: usize = 8;

/// Seals and opens rows of one kind.
pub(crate) struct RowBox {
    root: hmac::Key,
    salt: [u8; SALT_BYTES],
    key: LessSafeKey,
    counter: AtomicU64,
}

impl RowBox {
    /// `root` is derived for this use alone. `None` when the operating system gives no randomness.
    pub(crate) fn new(root: hmac::Key) -> Option<Self> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).ok()?;
        Some(Self {
            key: sealing_key(&root, &salt)?,
            root,
            salt,
            counter: AtomicU64::new(0),
        })
    }

    /// What the row `name` holds; `None` only when it is far too large.
    pub(crate) fn seal(&self, name: &[u8], mut body: Vec<u8>) -> Option<Vec<u8>> {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        self.key
            .seal_in_place_append_tag(nonce(counter), Aad::from(name), &mut body)
            .ok()?;
        Some([&[VERSION][..], &self.salt, &counter, &body].concat())
    }

    /// What was sealed under that name; `None` when it cannot be read.
    pub(crate) fn open(&self, name: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let ([VERSION], rest) = sealed.split_first_chunk::<1>()? else {
            return None;
        };
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>()?;
        let (counter, body) = rest.split_first_chunk::<COUNTER_BYTES>()?;
        let key = sealing_key(&self.root, salt)?;
        let mut body = body.to_vec();
        let plain = key
            .open_in_place(nonce(*counter), Aad::from(name), &mut body)
            .ok()?;
        let length = plain.len();
        body.truncate(length);
        Some(body)
    }
}

fn sealing_key(root: &hmac::Key, salt: &[u8; SALT_BYTES]) -> Option<LessSafeKey> {
    let mut context = hmac::Context::with_key(root);
    context.update(b"seal\0");
    context.update(salt);
    let key = UnboundKey::new(&AES_256_GCM, context.sign().as_ref()).ok()?;
    Some(LessSafeKey::new(key))
}

fn nonce(counter: [u8; COUNTER_BYTES]) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    for (place, byte) in nonce
        .iter_mut()
        .skip(NONCE_LEN - COUNTER_BYTES)
        .zip(counter)
    {
        *place = byte;
    }
    Nonce::assume_unique_for_key(nonce)
}
