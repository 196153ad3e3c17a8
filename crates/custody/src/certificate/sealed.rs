//! The private key of the authority for devices, as its row has it.
//!
//! # Format
//! ```text
//! 0   1  version = 1
//! 1  12  nonce, random
//! 13  …  AES-256-GCM ciphertext and tag of the PKCS #8 key
//! ```
//! Associated data: the label of the format and the authority, so that a row cannot be given to another one. The key is
//! derived from the root key for this use alone.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::AuthorityId;

const VERSION: u8 = 1;
const LABEL: &[u8] = b"amanat/device-authority/1\0";

/// Seals the key of the authority.
pub(crate) struct KeyBox(LessSafeKey);

impl KeyBox {
    pub(crate) fn new(key: &[u8; 32]) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key).ok()?;
        Some(Self(LessSafeKey::new(key)))
    }

    pub(super) fn seal(&self, authority: &AuthorityId, secret: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).ok()?;
        let mut body = Zeroizing::new(secret.to_vec());
        let tag = self
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context(authority)),
                &mut body,
            )
            .ok()?;
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&body);
        sealed.extend_from_slice(tag.as_ref());
        Some(sealed)
    }

    pub(super) fn open(
        &self,
        authority: &AuthorityId,
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (version, rest) = sealed.split_first()?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
        if *version != VERSION {
            return None;
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self
            .0
            .open_in_place(nonce, Aad::from(context(authority)), &mut body)
            .ok()?
            .len();
        body.truncate(length);
        Some(body)
    }
}

fn context(authority: &AuthorityId) -> Vec<u8> {
    [LABEL, authority.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_with_its_root_key_and_for_its_authority_only() {
        let key_box = KeyBox::new(&[7; 32]).unwrap();
        let authority = AuthorityId::of(b"a");
        let sealed = key_box.seal(&authority, b"secret").unwrap();
        assert_eq!(*key_box.open(&authority, &sealed).unwrap(), b"secret");
        assert!(!sealed.windows(6).any(|it| it == b"secret"));
        assert!(key_box.open(&AuthorityId::of(b"b"), &sealed).is_none());
        assert!(
            KeyBox::new(&[8; 32])
                .unwrap()
                .open(&authority, &sealed)
                .is_none()
        );
        for length in 0..sealed.len() {
            assert!(
                key_box
                    .open(&authority, sealed.get(..length).unwrap())
                    .is_none()
            );
        }
    }
}
