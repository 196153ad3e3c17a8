//! Checkpoints (C2SP `tlog-checkpoint`): the signed size and root hash of a log.

use std::fmt;

use crate::hash::Hash;
use crate::key::{Signer, Verifier};
use crate::log_store::LogStore;
use crate::note::{Note, NoteError};
use crate::path::LogPath;

/// What a log says about itself at one moment. Prints as the text of the note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log this is: the name of its key.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root hash of the tree.
    pub root: Hash,
}

/// A text that is not a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("checkpoint text is malformed")]
pub struct CheckpointTextError;

/// Why the checkpoint of a store cannot be used. `E` is the store's error.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError<E: std::error::Error + 'static> {
    /// The store failed.
    #[error("could not read the checkpoint")]
    Store(#[source] E),
    /// The note is malformed or not signed by the log's key.
    #[error("checkpoint is not a note signed by the log")]
    Note(#[source] NoteError),
    /// The signed text is not a checkpoint.
    #[error("checkpoint has an unusable text")]
    Text(#[source] CheckpointTextError),
    /// Signed by the right key for another log.
    #[error("checkpoint is of the log `{origin}`")]
    OtherOrigin {
        /// The origin in the checkpoint.
        origin: String,
    },
}

impl Checkpoint {
    /// Parses the text of a checkpoint. Extension lines are allowed and not kept.
    pub fn parse(text: &str) -> Result<Checkpoint, CheckpointTextError> {
        let mut lines = text
            .strip_suffix('\n')
            .ok_or(CheckpointTextError)?
            .split('\n');
        let (Some(origin), Some(size_text), Some(root)) =
            (lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointTextError);
        };
        let size: u64 = size_text.parse().map_err(|_| CheckpointTextError)?;
        let root = Hash::from_base64(root).ok_or(CheckpointTextError)?;
        let canonical = !origin.is_empty()
            && size.to_string() == size_text
            && lines.all(|line| !line.is_empty());
        if !canonical {
            return Err(CheckpointTextError);
        }
        Ok(Checkpoint {
            origin: origin.to_owned(),
            size,
            root,
        })
    }

    /// The signed note of this checkpoint.
    pub(crate) fn sign(&self, signer: &Signer) -> Result<Note, NoteError> {
        Note::sign(&self.to_string(), signer)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checkpoint { origin, size, root } = self;
        write!(f, "{origin}\n{size}\n{root}\n")
    }
}

/// Reads the log's checkpoint and checks its signature and origin; `None` if there is no checkpoint yet.
pub fn checkpoint<S: LogStore>(
    store: &mut S,
    verifier: &Verifier,
) -> Result<Option<Checkpoint>, CheckpointError<S::Error>> {
    let bytes = store
        .read(&LogPath::Checkpoint.to_string())
        .map_err(CheckpointError::Store)?;
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    Ok(Some(checkpoint_of(&bytes, verifier)?.0))
}

/// Reads a checkpoint and checks its signature and origin; gives it with all its signatures.
pub(crate) fn checkpoint_of<E: std::error::Error + 'static>(
    bytes: &[u8],
    verifier: &Verifier,
) -> Result<(Checkpoint, Note), CheckpointError<E>> {
    let note = Note::parse(bytes).map_err(CheckpointError::Note)?;
    let text = note.verify(verifier).map_err(CheckpointError::Note)?;
    let checkpoint = Checkpoint::parse(text).map_err(CheckpointError::Text)?;
    if checkpoint.origin != verifier.name() {
        return Err(CheckpointError::OtherOrigin {
            origin: checkpoint.origin,
        });
    }
    Ok((checkpoint, note))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn checkpoint_of_the_specification_parses_and_prints() {
        let checkpoint = Checkpoint::parse(EXAMPLE).unwrap();
        assert_eq!(
            (checkpoint.origin.as_str(), checkpoint.size),
            ("example.com/behind-the-sofa", 20_852_163)
        );
        assert_eq!(checkpoint.to_string(), EXAMPLE);
        assert_eq!(
            Checkpoint::parse(&format!("{EXAMPLE}extension\n")),
            Ok(checkpoint)
        );
    }

    #[test]
    fn malformed_checkpoint_texts_are_refused() {
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        for text in [
            String::new(),
            "origin\n".to_owned(),
            "origin\n1\n".to_owned(),
            format!("origin\n1\n{root}"),
            format!("\n1\n{root}\n"),
            format!("origin\n\n{root}\n"),
            format!("origin\n01\n{root}\n"),
            format!("origin\n+1\n{root}\n"),
            format!("origin\n-1\n{root}\n"),
            format!("origin\n1 \n{root}\n"),
            format!("origin\n18446744073709551616\n{root}\n"),
            format!("origin\n1\n{root}\n\n"),
            format!("origin\n1\n{root}=\n"),
            format!("origin\n1\n{}\n", root.replace("q2I=", "q2J=")),
            format!("origin\n1\n{}\n", root.replace("CsUY", "")),
        ] {
            assert_eq!(
                Checkpoint::parse(&text),
                Err(CheckpointTextError),
                "{text:?}"
            );
        }
    }
}
