//! What a device says when a passkey is made and when it is used, and what of it is checked: WebAuthn Level 3, sections 7.1
//! and 7.2, without attestation.
//!
//! ```text
//! authenticator data (section 6.1), big-endian:
//! SHA-256 of the site's host (32) | flags (1) | count (4) | when made: maker (16) | length (2) | credential | key | …
//! flags: 1 somebody was there, 4 it was checked who, 64 a credential follows
//! ```

use serde::Deserialize;

use super::KeptPasskey;
use super::public_key::PublicKey;

/// The longest description of the browser that is read, in bytes.
const MAX_CLIENT_DATA_BYTES: usize = 4096;
/// The longest statement of a device that is read, in bytes.
const MAX_AUTHENTICATOR_BYTES: usize = 4096;
/// The longest identifier of a credential, in bytes (section 4, "Credential ID").
const MAX_CREDENTIAL_BYTES: usize = 1023;
/// The longest signature: RSA of 2048 bits.
const MAX_SIGNATURE_BYTES: usize = 256;

const PRESENT: u8 = 1;
const ATTESTED: u8 = 1 << 6;
const MAKER_BYTES: usize = 16;

/// The site for which passkeys are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// Its host, as browsers name it (section 5.1.2, `rp.id`).
    pub id: String,
    /// Its origin: scheme, host and port.
    pub origin: String,
}

/// Why a passkey is not taken. Which it is stays in the tests and the log of nobody: people are told that it did not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// What the browser describes cannot be read, or is too long.
    #[error("the description of the browser cannot be read")]
    ClientData,
    /// It was made for something else.
    #[error("the passkey answers something else")]
    Kind,
    /// The challenge is not ours, not for this, too old, or was answered before.
    #[error("the challenge does not hold")]
    Challenge,
    /// The browser was at another site, or in a frame of one.
    #[error("the passkey was used at another site")]
    Origin,
    /// What the device states cannot be read.
    #[error("the statement of the device cannot be read")]
    Authenticator,
    /// The device answered another site.
    #[error("the device answered another site")]
    Site,
    /// Nobody was there.
    #[error("nobody confirmed at the device")]
    Absent,
    /// A kind of key that is not asked for.
    #[error("keys of this kind are not taken")]
    Key,
    /// The signature is wrong.
    #[error("the signature does not hold")]
    Signature,
    /// The count went back: there may be a copy of the passkey.
    #[error("the passkey counted backwards")]
    Counter,
    /// It is not one of ours, or of somebody else than it says.
    #[error("the passkey is not known")]
    Unknown,
}

/// What a device says of a new passkey.
#[derive(Debug, Clone)]
pub struct Registration {
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `getAuthenticatorData()`.
    pub authenticator_data: Vec<u8>,
    /// `getPublicKey()`.
    pub public_key: Vec<u8>,
}

/// What a device says when a passkey is used.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// `rawId`.
    pub credential: Vec<u8>,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `authenticatorData`.
    pub authenticator_data: Vec<u8>,
    /// `signature`.
    pub signature: Vec<u8>,
    /// `userHandle`: whose the device thinks it is; empty where it does not say.
    pub user_handle: Vec<u8>,
}

/// A passkey that can be kept, once its challenge was ours.
pub(super) struct Made {
    pub(super) challenge: String,
    pub(super) credential: Vec<u8>,
    pub(super) public_key: Vec<u8>,
    pub(super) sign_count: u32,
}

/// An assertion that holds, once its challenge was ours.
#[derive(Debug)]
pub(super) struct Asserted {
    pub(super) challenge: String,
    pub(super) sign_count: u32,
}

/// Section 5.8.1, "Client Data Used in WebAuthn Signatures".
#[derive(Deserialize)]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
}

/// The challenge that a browser answered, at this site, for this.
fn challenge_of(
    client_data: &[u8],
    kind: &str,
    site: &RelyingParty,
) -> Result<String, PasskeyError> {
    if client_data.len() > MAX_CLIENT_DATA_BYTES {
        return Err(PasskeyError::ClientData);
    }
    let said: ClientData =
        serde_json::from_slice(client_data).map_err(|_| PasskeyError::ClientData)?;
    if said.r#type != kind {
        return Err(PasskeyError::Kind);
    }
    if said.origin != site.origin || said.cross_origin {
        return Err(PasskeyError::Origin);
    }
    Ok(said.challenge)
}

/// The beginning of what a device states.
struct Statement<'a> {
    flags: u8,
    sign_count: u32,
    rest: &'a [u8],
}

impl<'a> Statement<'a> {
    fn read(bytes: &'a [u8], site: &RelyingParty) -> Result<Self, PasskeyError> {
        let unreadable = PasskeyError::Authenticator;
        if bytes.len() > MAX_AUTHENTICATOR_BYTES {
            return Err(unreadable);
        }
        let (host, rest) = bytes.split_at_checked(32).ok_or(unreadable)?;
        let (flags, rest) = rest.split_first().ok_or(unreadable)?;
        let (count, rest) = rest.split_first_chunk::<4>().ok_or(unreadable)?;
        let expected = ring::digest::digest(&ring::digest::SHA256, site.id.as_bytes());
        if host != expected.as_ref() {
            return Err(PasskeyError::Site);
        }
        if flags & PRESENT == 0 {
            return Err(PasskeyError::Absent);
        }
        Ok(Self {
            flags: *flags,
            sign_count: u32::from_be_bytes(*count),
            rest,
        })
    }

    /// The credential that was made.
    fn credential(&self) -> Result<&'a [u8], PasskeyError> {
        let unreadable = PasskeyError::Authenticator;
        if self.flags & ATTESTED == 0 {
            return Err(unreadable);
        }
        let (_maker, rest) = self.rest.split_at_checked(MAKER_BYTES).ok_or(unreadable)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(unreadable)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (credential, _) = rest.split_at_checked(length).ok_or(unreadable)?;
        if credential.is_empty() || length > MAX_CREDENTIAL_BYTES {
            return Err(unreadable);
        }
        Ok(credential)
    }
}

impl Registration {
    /// Section 7.1, but for the challenge and the attestation.
    pub(super) fn check(&self, site: &RelyingParty) -> Result<Made, PasskeyError> {
        let challenge = challenge_of(&self.client_data, "webauthn.create", site)?;
        let statement = Statement::read(&self.authenticator_data, site)?;
        let credential = statement.credential()?;
        PublicKey::read(&self.public_key).ok_or(PasskeyError::Key)?;
        Ok(Made {
            challenge,
            credential: credential.to_vec(),
            public_key: self.public_key.clone(),
            sign_count: statement.sign_count,
        })
    }
}

impl Assertion {
    /// Section 7.2, but for the challenge.
    pub(super) fn check(
        &self,
        site: &RelyingParty,
        kept: &KeptPasskey,
    ) -> Result<Asserted, PasskeyError> {
        let other = self.user_handle != kept.account.as_str().as_bytes();
        if other && !self.user_handle.is_empty() {
            return Err(PasskeyError::Unknown);
        }
        let challenge = challenge_of(&self.client_data, "webauthn.get", site)?;
        let statement = Statement::read(&self.authenticator_data, site)?;
        if self.signature.len() > MAX_SIGNATURE_BYTES {
            return Err(PasskeyError::Signature);
        }
        let key = PublicKey::read(&kept.public_key).ok_or(PasskeyError::Key)?;
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.client_data);
        let signed = [self.authenticator_data.as_slice(), digest.as_ref()].concat();
        if !key.made(&self.signature, &signed) {
            return Err(PasskeyError::Signature);
        }
        // Step 22: devices that do not count always say 0.
        let (before, after) = (kept.sign_count, statement.sign_count);
        if (before, after) != (0, 0) && after <= before {
            return Err(PasskeyError::Counter);
        }
        Ok(Asserted {
            challenge,
            sign_count: after,
        })
    }
}

#[cfg(test)]
mod tests;
