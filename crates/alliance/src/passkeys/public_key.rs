//! Public keys of passkeys, as the `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7) that browsers give out
//! (WebAuthn Level 3, section 5.2.1.1, `getPublicKey()`), so that no CBOR has to be read.
//!
//! | algorithm (COSE) | key | here |
//! |---|---|---|
//! | ES256 (-7) | P-256, not compressed (RFC 5480) | 26 fixed bytes, `04`, x, y |
//! | EdDSA (-8) | Ed25519 (RFC 8410) | 12 fixed bytes, 32 |
//! | RS256 (-257) | RSA of 2048 bits, exponent 65537 (RFC 3279) | 33 fixed bytes, modulus, 5 fixed bytes |

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const ED: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
const RSA: [u8; 33] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
    0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01,
    0x00,
];
const EXPONENT: [u8; 5] = [0x02, 0x03, 0x01, 0x00, 0x01];

/// A key with which signatures are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PublicKey<'a> {
    /// A point on P-256, not compressed.
    Es256(&'a [u8; 65]),
    /// An Ed25519 key.
    EdDsa(&'a [u8; 32]),
    /// The modulus of an RSA key.
    Rs256(&'a [u8; 256]),
}

impl<'a> PublicKey<'a> {
    /// Reads the three forms above, and no other.
    pub(super) fn read(spki: &'a [u8]) -> Option<Self> {
        if let Some(rest) = spki.strip_prefix(&P256) {
            let point: &[u8; 65] = rest.try_into().ok()?;
            return (point.first() == Some(&4)).then_some(Self::Es256(point));
        }
        if let Some(rest) = spki.strip_prefix(&ED) {
            return rest.try_into().ok().map(Self::EdDsa);
        }
        let rest = spki.strip_prefix(&RSA)?.strip_suffix(&EXPONENT)?;
        rest.try_into().ok().map(Self::Rs256)
    }

    /// Whether the key made this signature over this message.
    pub(super) fn made(&self, signature: &[u8], message: &[u8]) -> bool {
        let checked = match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::EdDsa(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Self::Rs256(modulus) => RsaPublicKeyComponents {
                n: modulus.as_slice(),
                e: [1_u8, 0, 1].as_slice(),
            }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        checked.is_ok()
    }
}
