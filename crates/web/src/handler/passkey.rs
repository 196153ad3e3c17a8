//! What the script of the passkey forms fills in, and what it needs for it.

use alliance::{Assertion, ChallengeFor, Registration, RelyingParty};
use data_encoding::BASE64URL_NOPAD;

use crate::form::value_of;
use crate::page::PasskeyAsk;
use crate::visit::{Failure, Visit};

/// What a form asks the browser for; `None` where the site's address has no name, so that passkeys cannot be made for it.
pub(crate) fn ask(
    visit: &Visit,
    wanted: ChallengeFor,
    secret: &str,
) -> Result<Option<PasskeyAsk>, Failure> {
    let Some(site) = visit.site.public_url().relying_party() else {
        return Ok(None);
    };
    let challenge = visit
        .site
        .alliance()
        .passkey_challenge(wanted, secret, visit.now)?;
    Ok(Some(PasskeyAsk {
        challenge,
        site: site.id,
    }))
}

/// The site that passkeys are for.
pub(crate) fn site(visit: &Visit) -> Result<RelyingParty, Failure> {
    let site = visit.site.public_url().relying_party();
    site.ok_or(Failure::BAD_REQUEST)
}

fn bytes(pairs: &[(String, String)], name: &str) -> Result<Vec<u8>, Failure> {
    let text = value_of(pairs, name);
    let decoded = BASE64URL_NOPAD.decode(text.as_bytes());
    decoded.map_err(|_| Failure::BAD_REQUEST)
}

/// What a device said that made a passkey.
pub(crate) fn registration(pairs: &[(String, String)]) -> Result<Registration, Failure> {
    Ok(Registration {
        client_data: bytes(pairs, "client")?,
        authenticator_data: bytes(pairs, "authenticator")?,
        public_key: bytes(pairs, "key")?,
    })
}

/// What a device said that used a passkey.
pub(crate) fn assertion(pairs: &[(String, String)]) -> Result<Assertion, Failure> {
    Ok(Assertion {
        credential: bytes(pairs, "credential")?,
        client_data: bytes(pairs, "client")?,
        authenticator_data: bytes(pairs, "authenticator")?,
        signature: bytes(pairs, "signature")?,
        user_handle: bytes(pairs, "user")?,
    })
}
