//! Provisioning keys: one secret for a fleet, with which each device gets a token of its own, once.
//!
//! A key belongs to one deployment, and brings in things whose identifiers have one pattern, at most so many and until a
//! moment. A device shows the key and says who it is; a thing is registered and its token given, in one act. The device
//! throws the key away. Which device came in by which key and when is kept ([`Custody::provisioned`]).
//!
//! Whoever has the key can bring in devices of the pattern that have not come in yet, and nothing else: a device that is in
//! cannot be taken over with it, since its identifier is taken.

use std::sync::Arc;

use model::{DeploymentId, ThingId, Timestamp};

use crate::Custody;
use crate::act::{Act, ActError, NewThing};
use crate::rows::{self, RowError};
use crate::secret::{Token, TokenHash};

/// The most devices that one key brings in.
pub const MAX_PROVISIONED: i64 = 1_000_000;
/// How long a key works at most, in milliseconds: a year.
pub const MAX_PROVISIONING_MILLIS: i64 = 365 * 86_400_000;
/// How many devices of a key are told at most.
pub const MAX_PROVISIONED_SHOWN: i64 = 1_000;

/// What identifiers a key brings in: identifier characters and one `*`, which stands for one or more of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdPattern(String);

/// Not a pattern of identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pattern has at least four characters of a-z, 0-9 and hyphens, and one `*` in them")]
pub struct IdPatternError;

impl IdPattern {
    /// Reads a pattern such as `plug-*`.
    ///
    /// # Errors
    /// See [`IdPatternError`].
    pub fn parse(text: &str) -> Result<Self, IdPatternError> {
        let (head, tail) = text.split_once('*').ok_or(IdPatternError)?;
        let is_short = head.len() + tail.len() < 4;
        // What stands for `*` may be one character: then the whole is an identifier.
        match ThingId::parse(&format!("{head}0{tail}")) {
            Ok(_) if !is_short => Ok(Self(text.to_owned())),
            _ => Err(IdPatternError),
        }
    }

    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn matches(&self, id: &ThingId) -> bool {
        let Some((head, tail)) = self.0.split_once('*') else {
            return false;
        };
        let rest = id.as_str().strip_prefix(head);
        let middle = rest.and_then(|it| it.strip_suffix(tail));
        middle.is_some_and(|it| !it.is_empty())
    }
}

/// A provisioning key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisioningKey {
    /// What it is called.
    pub id: String,
    /// Where its devices come in.
    pub deployment: DeploymentId,
    /// Which ones.
    pub pattern: IdPattern,
    /// The dialect of their connections; nothing is plain.
    pub adapter: Option<Arc<str>>,
    /// How many more.
    pub uses_left: i64,
    /// The first moment at which it does not work any more.
    pub expires_at: Timestamp,
}

/// Why a device did not come in by a key.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// No such key, a wrong secret, or the key is over or used up: nobody is told which.
    #[error("this provisioning key does not work: ask the operator for a new one")]
    Key,
    /// The identifier is none that the key brings in.
    #[error("the identifier is none that this key brings in")]
    Pattern,
    /// The act failed.
    #[error(transparent)]
    Act(#[from] ActError),
}

impl Act<'_, '_> {
    /// Makes a provisioning key, whose secret is shown this once.
    ///
    /// # Errors
    /// When its name is taken or no identifier, its limits are none, the deployment is not known, or the database fails.
    pub fn make_provisioning_key(&mut self, key: &ProvisioningKey) -> Result<Token, ActError> {
        let now = self.now();
        let in_time = key.expires_at > now
            && key.expires_at <= now.plus_millis(MAX_PROVISIONING_MILLIS)
            && (1..=MAX_PROVISIONED).contains(&key.uses_left);
        if !in_time || ThingId::parse(&key.id).is_err() {
            return Err(ActError::ProvisioningKey);
        }
        if rows::deployment::notice_version(self.tx(), &key.deployment)?.is_none() {
            return Err(ActError::NoDeployment(key.deployment.clone()));
        }
        if rows::provisioning::one(self.tx(), &key.id)?.is_some() {
            return Err(ActError::Taken(key.id.clone()));
        }
        let token = Token::random()?;
        rows::provisioning::insert(self.tx(), key, &token.hash(), now)?;
        Ok(token)
    }

    /// Ends a provisioning key: it brings nothing in any more. `false` when there is no such one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_provisioning_key(&mut self, id: &str) -> Result<bool, ActError> {
        let now = self.now();
        Ok(rows::provisioning::end(self.tx(), id, now)?)
    }
}

impl Custody {
    /// Exchanges a provisioning key for a device's own token, once for each device. Blocks on the database.
    ///
    /// # Errors
    /// See [`ProvisionError`]; nothing has changed then.
    pub fn provision(
        &self,
        key: &str,
        secret: &[u8],
        device: &ThingId,
        now: Timestamp,
    ) -> Result<Token, ProvisionError> {
        let key = self.opened(key, secret, now)?;
        if !key.pattern.matches(device) {
            return Err(ProvisionError::Pattern);
        }
        self.act(now, |act| {
            let thing = NewThing {
                adapter: key.adapter.clone(),
                ..NewThing::plain(device.clone())
            };
            let token = act.register_new_thing(&thing, &key.deployment)?;
            let taken = rows::provisioning::take_use(act.tx(), &key.id, device, now);
            match taken.map_err(ActError::Rows)? {
                true => Ok(token),
                false => Err(ProvisionError::Key),
            }
        })
    }

    /// Whether a provisioning key works, without using it.
    ///
    /// # Errors
    /// [`ProvisionError::Key`] when it does not; [`ProvisionError::Act`] when the database fails.
    pub fn check_provisioning_key(
        &self,
        key: &str,
        secret: &[u8],
        now: Timestamp,
    ) -> Result<(), ProvisionError> {
        self.opened(key, secret, now).map(|_| ())
    }

    fn opened(
        &self,
        key: &str,
        secret: &[u8],
        now: Timestamp,
    ) -> Result<ProvisioningKey, ProvisionError> {
        let found = self.inner.db.read(|tx| rows::provisioning::one(tx, key));
        let found = found.map_err(ActError::Rows)?;
        let offered = TokenHash::of(secret);
        let opens = match &found {
            Some((_, hash)) => hash.is(&offered),
            // The empty secret opens nothing, so the hash of nothing cannot match a key that does not exist.
            None => TokenHash::of(b"").is(&offered),
        };
        let opens = opens & !secret.is_empty();
        let in_time = |it: &ProvisioningKey| now < it.expires_at && it.uses_left > 0;
        let open = found.filter(|it| opens && in_time(&it.0));
        open.map(|it| it.0).ok_or(ProvisionError::Key)
    }

    /// Every provisioning key, by name. For the operator.
    ///
    /// # Errors
    /// When the database fails.
    pub fn provisioning_keys(&self) -> Result<Vec<ProvisioningKey>, RowError> {
        self.inner.db.read(rows::provisioning::all)
    }

    /// Which devices a key brought in and when, the latest first, at most [`MAX_PROVISIONED_SHOWN`]. For the operator.
    ///
    /// # Errors
    /// When the database fails.
    pub fn provisioned(&self, key: &str) -> Result<Vec<(ThingId, Timestamp)>, RowError> {
        let read =
            |tx: &mut store::Tx<'_>| rows::provisioning::brought_in(tx, key, MAX_PROVISIONED_SHOWN);
        self.inner.db.read(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_identifiers_of_one_kind_and_not_for_all() {
        let pattern = IdPattern::parse("plug-*-b").unwrap();
        let matches = |id: &str| pattern.matches(&ThingId::parse(id).unwrap());
        assert!(matches("plug-1-b") && matches("plug-kitchen-2-b"));
        assert!(!matches("plug-1-c") && !matches("plug--b") && !matches("plug-b"));
        for bad in [
            "*", "a*", "ab*c", "plug", "Plug-*", "plug-*-*", "-plug*", "",
        ] {
            assert_eq!(IdPattern::parse(bad), Err(IdPatternError), "{bad}");
        }
    }
}
