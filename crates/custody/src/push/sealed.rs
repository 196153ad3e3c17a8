//! The address of a webhook and its signing keys as a row has them: sealed whole, because even a URL can hold a token.
//!
//! The frame is that of `destination::sealed`, under a key of its own. The plaintext is JSON (`Wire`); associated data: the label, the
//! webhook, a NUL, the recipient.

use data_encoding::BASE64;
use model::{RecipientId, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::WebhookId;
use crate::destination::{Host, Secret, SecretBox, WebAddress};

const LABEL: &[u8] = b"amanat/webhook/1\0";
const SIGNING_KEY_BYTES: usize = 32;
/// What a signing key begins with, after the Standard Webhooks specification.
const SIGNING_KEY_PREFIX: &str = "whsec_";
/// The most signing keys that hold at once: the present one, and former ones while they overlap.
const MAX_KEYS: usize = 3;

/// It does not open, or could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed address of a webhook does not open: is this the right root key?")]
pub(super) struct SealError;

/// Where a webhook is, and what its requests are signed with.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: WebAddress,
    /// The present one first; others until their moment.
    keys: Vec<(Secret, Option<Timestamp>)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    host: String,
    port: u16,
    path: String,
    keys: Vec<(String, Option<i64>)>,
}

impl Target {
    /// A new one, and its key.
    pub(super) fn new(address: WebAddress) -> Result<(Self, Secret), getrandom::Error> {
        let key = signing_key()?;
        let keys = vec![(key.clone(), None)];
        Ok((Self { address, keys }, key))
    }

    /// Gives it another key; the former ones hold until a moment, or their own end where that is earlier.
    pub(super) fn rotate(
        &mut self,
        former_until: Timestamp,
        now: Timestamp,
    ) -> Result<Secret, getrandom::Error> {
        let key = signing_key()?;
        for (_, until) in &mut self.keys {
            let end = until.map_or(former_until, |it| it.min(former_until));
            *until = Some(end);
        }
        self.keys.insert(0, (key.clone(), None));
        self.keys
            .retain(|(_, until)| until.is_none_or(|it| it > now));
        self.keys.truncate(MAX_KEYS);
        Ok(key)
    }

    /// The keys that hold now, the present one first.
    pub(super) fn keys_at(&self, now: Timestamp) -> Vec<Secret> {
        let held = self.keys.iter().filter(|it| it.1.is_none_or(|it| it > now));
        held.map(|it| it.0.clone()).collect()
    }

    pub(super) fn seal(
        &self,
        safe: &SecretBox,
        id: &WebhookId,
        recipient: &RecipientId,
    ) -> Result<Vec<u8>, SealError> {
        let time = |it: &Option<Timestamp>| it.map(Timestamp::as_millis);
        let key = |(key, until): &(Secret, Option<Timestamp>)| {
            (key.expose_secret().to_owned(), time(until))
        };
        let mut wire = Wire {
            host: self.address.host.to_string(),
            port: self.address.port,
            path: self.address.path.clone(),
            keys: self.keys.iter().map(key).collect(),
        };
        let plain = serde_json::to_vec(&wire).map(Zeroizing::new);
        wire.wipe();
        let sealed = safe.seal_bytes(&associated(id, recipient), plain.map_err(|_| SealError)?);
        sealed.map_err(|_| SealError)
    }

    pub(super) fn open(
        safe: &SecretBox,
        id: &WebhookId,
        recipient: &RecipientId,
        row: &[u8],
    ) -> Result<Self, SealError> {
        let plain = safe.open_bytes(&associated(id, recipient), row);
        let plain = plain.map_err(|_| SealError)?;
        let wire: Wire = serde_json::from_slice(&plain).map_err(|_| SealError)?;
        let key = |(key, until): (String, Option<i64>)| {
            (Secret::new(key), until.map(Timestamp::from_millis))
        };
        Ok(Self {
            address: WebAddress {
                host: Host::parse(&wire.host).map_err(|_| SealError)?,
                port: wire.port,
                path: wire.path,
            },
            keys: wire.keys.into_iter().map(key).collect(),
        })
    }
}

impl Wire {
    fn wipe(&mut self) {
        for (key, _) in self.keys.drain(..) {
            drop(Zeroizing::new(key));
        }
    }
}

fn associated(id: &WebhookId, recipient: &RecipientId) -> Vec<u8> {
    let (id, recipient) = (id.as_str().as_bytes(), recipient.as_str().as_bytes());
    [LABEL, id, b"\0", recipient].concat()
}

fn signing_key() -> Result<Secret, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; SIGNING_KEY_BYTES]);
    getrandom::fill(bytes.as_mut())?;
    let text = Zeroizing::new(BASE64.encode(bytes.as_ref()));
    Ok(Secret::new(format!("{SIGNING_KEY_PREFIX}{}", *text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn an_address_and_its_keys_open_only_for_their_webhook_and_recipient() {
        let safe = SecretBox::new(&[7; 32]).unwrap();
        let (a, b) = (WebhookId::random().unwrap(), WebhookId::random().unwrap());
        let [p, q] = ["office", "clinic"].map(|it| RecipientId::parse(it).unwrap());
        let address = WebAddress::parse("https://a.example/in?t=1").unwrap();
        let (target, key) = Target::new(address.clone()).unwrap();
        let row = target.seal(&safe, &a, &p).unwrap();
        assert!(!String::from_utf8_lossy(&row).contains("example"));
        let opened = Target::open(&safe, &a, &p, &row).unwrap();
        assert_eq!(opened.address, address);
        let keys = opened.keys_at(at(0));
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].expose_secret(), key.expose_secret());
        assert!(Target::open(&safe, &b, &p, &row).is_err());
        assert!(Target::open(&safe, &a, &q, &row).is_err());
        let mut changed = row;
        *changed.last_mut().unwrap() ^= 1;
        assert!(Target::open(&safe, &a, &p, &changed).is_err());
    }

    #[test]
    fn former_keys_hold_while_they_overlap_and_there_are_few() {
        let address = WebAddress::parse("https://a.example/").unwrap();
        let (mut target, first) = Target::new(address).unwrap();
        let second = target.rotate(at(100), at(0)).unwrap();
        let shown = |target: &Target, now| {
            let keys = target.keys_at(now);
            keys.iter()
                .map(|it| it.expose_secret().to_owned())
                .collect::<Vec<_>>()
        };
        let both = [&second, &first].map(|it| it.expose_secret().to_owned());
        assert_eq!(shown(&target, at(99)), both);
        assert_eq!(shown(&target, at(100)), both[..1]);
        for _ in 0..5 {
            target.rotate(at(1_000), at(1)).unwrap();
        }
        assert_eq!(target.keys.len(), MAX_KEYS);
        // Without an overlap the former ones end at once.
        let last = target.rotate(at(2), at(2)).unwrap();
        assert_eq!(shown(&target, at(2)), [last.expose_secret().to_owned()]);
    }
}
