//! What the configuration gives to open the root key with, and what to do when that is not enough.

use std::path::Path;
use std::sync::Arc;

use custody::{
    Passphrase, PassphraseError, Protection, ProtectionError, RootKeyError, Transit, TransitOptions,
};

use crate::config::Keys;
use crate::exit::Stop;

/// The word of a root key that nothing protects but the mode of its file.
pub(crate) const PLAIN: &str = "plain";

/// Everything that opens the root key; a new one is made under the first.
pub(crate) fn at_hand(keys: &Keys) -> Result<Vec<Arc<dyn Protection>>, Stop> {
    let mut at_hand: Vec<Arc<dyn Protection>> = Vec::new();
    if let Some(transit) = transit(keys)? {
        at_hand.push(transit);
    }
    if let Some(path) = &keys.passphrase_file {
        at_hand.push(passphrase(path, "see keys.passphrase-file")?);
    }
    Ok(at_hand)
}

/// The passphrase in a file.
pub(crate) fn passphrase(path: &Path, help: &str) -> Result<Arc<dyn Protection>, Stop> {
    match Passphrase::from_file(path) {
        Ok(passphrase) => Ok(Arc::new(passphrase)),
        Err(err) => Err(Stop::invalid(err, format!("{help}; nothing was changed"))),
    }
}

/// The key server of the configuration.
pub(crate) fn transit(keys: &Keys) -> Result<Option<Arc<dyn Protection>>, Stop> {
    let (Some(address), Some(key), Some(token_file)) = (
        &keys.transit_address,
        &keys.transit_key,
        &keys.transit_token_file,
    ) else {
        return Ok(None);
    };
    let options = TransitOptions {
        address: address.clone(),
        mount: keys.transit_mount.clone(),
        key: key.clone(),
        token_file: token_file.clone(),
        namespace: keys.transit_namespace.clone(),
        ca_file: keys.transit_ca_file.clone(),
    };
    let transit = Transit::new(options)
        .map_err(|err| Stop::invalid(err, "see keys.transit-…; nothing was changed"))?;
    Ok(Some(Arc::new(transit)))
}

/// Says so in the log where the root key lies open although the configuration has something to protect it with.
pub(crate) fn compare(keys: &Keys, directory: &Path) {
    let is_wanted = keys.passphrase_file.is_some() || keys.transit_address.is_some();
    let state = custody::root_key_state(directory).ok().flatten();
    if is_wanted && state.is_some_and(|it| it.protection == PLAIN) {
        tracing::warn!(
            "the root key is not protected, though [keys] has what to protect it with: run `amanat key protect`"
        );
    }
}

/// What to do when the root key could not be opened or changed.
pub(crate) fn next(error: &RootKeyError) -> &'static str {
    match error {
        RootKeyError::NotAtHand { protection, .. } if protection == "passphrase" => {
            "set keys.passphrase-file to the file with its passphrase, or add --set keys.passphrase-file=FILE (the demo: --passphrase-file FILE)"
        }
        RootKeyError::NotAtHand { protection, .. } if protection == "transit" => {
            "set keys.transit-address, keys.transit-key and keys.transit-token-file to the key server that opens it"
        }
        RootKeyError::Protection {
            source: ProtectionError::Passphrase(PassphraseError::Wrong(_)),
            ..
        } => {
            "nothing was changed; keys.passphrase-file must hold the passphrase that the key was protected with last: for a former file add --set keys.passphrase-file=FILE"
        }
        RootKeyError::Protection {
            source: ProtectionError::Transit(_),
            ..
        } => {
            "nothing was changed; see keys.transit-… and whether the key server runs, is unsealed and lets this token in"
        }
        RootKeyError::Unfinished { .. } => "run `amanat key rotate`, then this again",
        RootKeyError::Change(_) => {
            "nothing is lost: both keys are kept until it is finished; look at the reason, then run `amanat key rotate`"
        }
        _ => {
            "nothing was changed; docs/how-to/run-a-server.md, \"Keys and backups\", says what belongs together"
        }
    }
}
