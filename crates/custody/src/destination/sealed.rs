//! An endpoint and its secret as a row has them: sealed whole, because even a URL can hold a token.
//!
//! # Format
//! ```text
//! 0   1  version = 1
//! 1  12  nonce, random
//! 13  …  AES-256-GCM ciphertext and tag
//! ```
//! The plaintext is JSON (`Wire`). Associated data: the label of the format, the destination, a NUL, the person; so a row cannot be
//! given to another destination or person. The key is derived from the root key for this use alone.

use std::borrow::Cow;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Broker, Bucket, BucketStyle, DestinationId, Endpoint, Host, Secret, WebAddress};

const VERSION: u8 = 1;
const LABEL: &[u8] = b"amanat/destination/1\0";

/// Sealing or opening failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed address of a destination does not open: is this the right root key?")]
pub(crate) struct SealError;

/// Seals endpoints and their secrets.
pub(crate) struct SecretBox(LessSafeKey);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    endpoint: WireEndpoint,
    secret: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum WireEndpoint {
    Webhook(WireAddress),
    Broker {
        host: String,
        port: u16,
        topic: String,
        user: String,
    },
    Bucket {
        service: WireAddress,
        region: String,
        name: String,
        prefix: String,
        style: String,
        key_id: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireAddress {
    host: String,
    port: u16,
    path: String,
}

impl SecretBox {
    pub(crate) fn new(key: &[u8; 32]) -> Result<Self, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| SealError)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    pub(crate) fn seal(
        &self,
        id: &DestinationId,
        person: &model::PersonId,
        endpoint: &Endpoint,
        secret: &Secret,
    ) -> Result<Vec<u8>, SealError> {
        let wire = Wire {
            endpoint: to_wire(endpoint),
            secret: Cow::Borrowed(secret.expose_secret()),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&wire).map_err(|_| SealError)?);
        self.seal_bytes(&associated(id, person), plain)
    }

    /// Seals what is opened again with the same associated data only.
    pub(crate) fn seal_bytes(
        &self,
        associated: &[u8],
        mut sealed: Zeroizing<Vec<u8>>,
    ) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| SealError)?;
        let tag = self
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated),
                &mut sealed,
            )
            .map_err(|_| SealError)?;
        let mut row = vec![VERSION];
        row.extend_from_slice(&nonce);
        row.extend_from_slice(&sealed);
        row.extend_from_slice(tag.as_ref());
        Ok(row)
    }

    pub(crate) fn open(
        &self,
        id: &DestinationId,
        person: &model::PersonId,
        row: &[u8],
    ) -> Result<(Endpoint, Secret), SealError> {
        let plain = self.open_bytes(&associated(id, person), row)?;
        let wire: Wire<'_> = serde_json::from_slice(&plain).map_err(|_| SealError)?;
        Ok((
            from_wire(wire.endpoint).ok_or(SealError)?,
            Secret::new(wire.secret.into_owned()),
        ))
    }

    /// Opens what was sealed with the same associated data.
    pub(crate) fn open_bytes(
        &self,
        associated: &[u8],
        row: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (version, rest) = row.split_first().ok_or(SealError)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN).ok_or(SealError)?;
        if *version != VERSION {
            return Err(SealError);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
        let mut opened = Zeroizing::new(sealed.to_vec());
        let plain = self
            .0
            .open_in_place(nonce, Aad::from(associated), &mut opened)
            .map_err(|_| SealError)?;
        let length = plain.len();
        opened.truncate(length);
        Ok(opened)
    }
}

fn associated(id: &DestinationId, person: &model::PersonId) -> Vec<u8> {
    [
        LABEL,
        id.as_str().as_bytes(),
        b"\0",
        person.as_str().as_bytes(),
    ]
    .concat()
}

fn address_to_wire(address: &WebAddress) -> WireAddress {
    WireAddress {
        host: address.host.to_string(),
        port: address.port,
        path: address.path.clone(),
    }
}

fn address_from_wire(wire: WireAddress) -> Option<WebAddress> {
    Some(WebAddress {
        host: Host::parse(&wire.host).ok()?,
        port: wire.port,
        path: wire.path,
    })
}

fn to_wire(endpoint: &Endpoint) -> WireEndpoint {
    match endpoint {
        Endpoint::Webhook(address) => WireEndpoint::Webhook(address_to_wire(address)),
        Endpoint::Broker(broker) => WireEndpoint::Broker {
            host: broker.host.to_string(),
            port: broker.port,
            topic: broker.topic.clone(),
            user: broker.user.clone(),
        },
        Endpoint::Bucket(bucket) => WireEndpoint::Bucket {
            service: address_to_wire(&bucket.service),
            region: bucket.region.clone(),
            name: bucket.name.clone(),
            prefix: bucket.prefix.clone(),
            style: bucket.style.as_str().to_owned(),
            key_id: bucket.key_id.clone(),
        },
    }
}

fn from_wire(wire: WireEndpoint) -> Option<Endpoint> {
    Some(match wire {
        WireEndpoint::Webhook(address) => Endpoint::Webhook(address_from_wire(address)?),
        WireEndpoint::Broker {
            host,
            port,
            topic,
            user,
        } => Endpoint::Broker(Broker {
            host: Host::parse(&host).ok()?,
            port,
            topic,
            user,
        }),
        WireEndpoint::Bucket {
            service,
            region,
            name,
            prefix,
            style,
            key_id,
        } => Endpoint::Bucket(Bucket {
            service: address_from_wire(service)?,
            region,
            name,
            prefix,
            style: BucketStyle::parse(&style)?,
            key_id,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_opens_only_for_its_destination_and_person() {
        let safe = SecretBox::new(&[7; 32]).unwrap();
        let (a, b) = (
            DestinationId::random().unwrap(),
            DestinationId::random().unwrap(),
        );
        let (p, q) = ("p-a", "p-b");
        let [p, q] = [p, q].map(|it| model::PersonId::parse(it).unwrap());
        let endpoints = [
            Endpoint::Webhook(WebAddress::parse("https://a.example/in?t=1").unwrap()),
            Endpoint::Broker(Broker::parse("mqtts://b.example", "", "me").unwrap()),
            Endpoint::Bucket(
                Bucket::parse(
                    "https://c.example",
                    "r",
                    "mine",
                    "x/y",
                    BucketStyle::Path,
                    "K",
                )
                .unwrap(),
            ),
        ];
        for endpoint in endpoints {
            let row = safe
                .seal(&a, &p, &endpoint, &Secret::new("hush".to_owned()))
                .unwrap();
            assert!(!String::from_utf8_lossy(&row).contains("example"));
            let (found, secret) = safe.open(&a, &p, &row).unwrap();
            assert_eq!((found, secret.expose_secret()), (endpoint, "hush"));
            assert!(safe.open(&b, &p, &row).is_err());
            assert!(safe.open(&a, &q, &row).is_err());
            assert!(
                SecretBox::new(&[8; 32])
                    .unwrap()
                    .open(&a, &p, &row)
                    .is_err()
            );
            for at in 0..row.len() {
                let mut changed = row.clone();
                changed[at] ^= 1;
                assert!(safe.open(&a, &p, &changed).is_err(), "byte {at}");
            }
        }
        assert_eq!(format!("{:?}", Secret::new("hush".to_owned())), "Secret(…)");
    }
}
