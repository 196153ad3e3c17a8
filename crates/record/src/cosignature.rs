//! Cosignatures (C2SP `tlog-cosignature`, version 1 with Ed25519): a witness says that the log was append-only up to a checkpoint.
//!
//! ```text
//! cosignature/v1
//! time 1679315147
//! <the text of the checkpoint, extension lines included>
//! ```
//!
//! This text is signed; the signature line carries the time (eight bytes, big-endian seconds since 1970) before the 64 bytes of
//! the signature.

use crate::checkpoint::{Checkpoint, CheckpointTextError};
use crate::key::{WitnessSigner, WitnessVerifier};
use crate::note::{Note, NoteError, NoteSignature};

/// Length of a signature of Ed25519 (RFC 8032).
const SIGNATURE_BYTES: usize = 64;

/// Why nothing is cosigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CosignError {
    /// The note is no checkpoint.
    #[error("only checkpoints are cosigned")]
    Text(#[from] CheckpointTextError),
    /// Zero, or beyond 2^63 - 1.
    #[error("the time of a cosignature is between 1 and 2^63 - 1 seconds after 1970")]
    Time,
}

impl WitnessSigner {
    /// Says that at this time, in seconds since 1970, this checkpoint is the largest consistent one that the witness has seen of its log.
    /// The caller has made sure that it is: see [`crate::admit`].
    ///
    /// # Errors
    /// See [`CosignError`].
    pub fn cosign(&self, note: &Note, at_seconds: u64) -> Result<NoteSignature, CosignError> {
        Checkpoint::parse(note.unverified_text())?;
        if at_seconds == 0 || i64::try_from(at_seconds).is_err() {
            return Err(CosignError::Time);
        }
        let mut signature = at_seconds.to_be_bytes().to_vec();
        signature.extend(self.sign(&message(note.unverified_text(), at_seconds)));
        let verifier = self.verifier();
        Ok(NoteSignature::new(
            verifier.name(),
            verifier.key_id(),
            signature,
        ))
    }
}

impl WitnessVerifier {
    /// When the witness cosigned the checkpoint last, in seconds since 1970. Signatures of other keys are ignored; a wrong one of this key
    /// refuses the note.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`] or [`NoteError::WrongSignature`].
    pub fn cosigned_at(&self, note: &Note) -> Result<u64, NoteError> {
        let name = || self.name().to_owned();
        let mut last = None;
        for line in note.signatures() {
            if (line.name(), line.key_id()) != (self.name(), self.key_id()) {
                continue;
            }
            let at = self.time_of(note.unverified_text(), line.bytes());
            let at = at.ok_or_else(|| NoteError::WrongSignature { name: name() })?;
            last = last.max(Some(at));
        }
        last.ok_or_else(|| NoteError::Unsigned { name: name() })
    }

    fn time_of(&self, text: &str, bytes: &[u8]) -> Option<u64> {
        let (time, signature) = bytes.split_first_chunk::<8>()?;
        let at = u64::from_be_bytes(*time);
        let is_time = at > 0 && i64::try_from(at).is_ok();
        let is_right = is_time
            && signature.len() == SIGNATURE_BYTES
            && self.accepts(&message(text, at), signature);
        is_right.then_some(at)
    }
}

fn message(text: &str, at_seconds: u64) -> String {
    format!("cosignature/v1\ntime {at_seconds}\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Signer, Verifier, VerifierError};

    const TEXT: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    const AT: u64 = 1_679_315_147;

    fn witness() -> WitnessSigner {
        WitnessSigner::new("witness.example.com/w1", &[7; 32]).unwrap()
    }

    fn checkpoint(text: &str) -> Note {
        let log = Signer::new("example.com/behind-the-sofa", &[1; 32]).unwrap();
        Note::sign(text, &log).unwrap()
    }

    fn cosigned(text: &str, at: u64) -> Note {
        let mut note = checkpoint(text);
        let signature = witness().cosign(&note, at).unwrap();
        note.add(signature).unwrap();
        note
    }

    #[test]
    fn what_is_signed_and_how_it_is_written_are_as_in_the_specification() {
        // C2SP tlog-cosignature, "Ed25519 signed message".
        let expected = format!("cosignature/v1\ntime 1679315147\n{TEXT}");
        assert_eq!(message(TEXT, AT), expected);
        let note = cosigned(TEXT, AT);
        let line = &note.signatures()[1];
        let (time, signature) = line.bytes().split_at(8);
        // "Format": the time comes first, in big-endian order.
        assert_eq!(time, [0, 0, 0, 0, 0x64, 0x18, 0x50, 0xcb]);
        assert_eq!(signature.len(), 64);
        let key = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        assert_eq!(signature, key.sign(expected.as_bytes()).as_ref());
    }

    #[test]
    fn a_key_of_a_witness_has_an_id_and_a_form_of_its_own() {
        let witness = witness();
        let text = witness.verifier().to_string();
        assert_eq!(
            WitnessVerifier::parse(&text).as_ref(),
            Ok(witness.verifier())
        );
        let log = Signer::new("witness.example.com/w1", &[7; 32]).unwrap();
        assert_ne!(log.verifier().key_id(), witness.verifier().key_id());
        assert_eq!(Verifier::parse(&text), Err(VerifierError::OtherKind));
        let other = WitnessVerifier::parse(&log.verifier().to_string());
        assert_eq!(other, Err(VerifierError::OtherKind));
        // "Format": SHA-256(name, newline, 0x04, key), its first four bytes.
        let (_, rest) = text.split_once('+').unwrap();
        let (id, key) = rest.split_once('+').unwrap();
        let key = data_encoding::BASE64.decode(key.as_bytes()).unwrap();
        let hashed = [b"witness.example.com/w1\n", key.as_slice()].concat();
        let hash = ring::digest::digest(&ring::digest::SHA256, &hashed);
        assert_eq!(id, data_encoding::HEXLOWER.encode(&hash.as_ref()[..4]));
        assert_eq!(key[0], 4);
    }

    #[test]
    fn the_last_of_several_times_counts() {
        let mut note = cosigned(TEXT, AT);
        let later = witness().cosign(&note, AT + 5).unwrap();
        note.add(later).unwrap();
        assert_eq!(witness().verifier().cosigned_at(&note), Ok(AT + 5));
        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!(witness().verifier().cosigned_at(&read), Ok(AT + 5));
    }

    #[test]
    fn extension_lines_are_part_of_what_is_signed() {
        let note = cosigned(&format!("{TEXT}extension\n"), AT);
        assert_eq!(witness().verifier().cosigned_at(&note), Ok(AT));
        let mut other = checkpoint(TEXT);
        other.add(note.signatures()[1].clone()).unwrap();
        let found = witness().verifier().cosigned_at(&other);
        assert!(matches!(found, Err(NoteError::WrongSignature { .. })));
    }

    #[test]
    fn a_changed_byte_of_time_or_signature_is_refused() {
        let note = cosigned(TEXT, AT);
        let line = &note.signatures()[1];
        for at in 0..line.bytes().len() {
            let mut bytes = line.bytes().to_vec();
            bytes[at] ^= 1;
            let mut other = checkpoint(TEXT);
            let changed = NoteSignature::new(line.name(), line.key_id(), bytes);
            other.add(changed).unwrap();
            let found = witness().verifier().cosigned_at(&other);
            assert!(
                matches!(found, Err(NoteError::WrongSignature { .. })),
                "byte {at}"
            );
        }
        let unsigned = witness().verifier().cosigned_at(&checkpoint(TEXT));
        assert!(matches!(unsigned, Err(NoteError::Unsigned { .. })));
    }

    #[test]
    fn what_is_no_checkpoint_and_times_that_are_none_are_not_cosigned() {
        let witness = witness();
        let other = checkpoint("a text\n");
        assert_eq!(
            witness.cosign(&other, AT),
            Err(CosignError::Text(CheckpointTextError))
        );
        for at in [0, 1 << 63] {
            let found = witness.cosign(&checkpoint(TEXT), at);
            assert_eq!(found, Err(CosignError::Time), "{at}");
        }
    }

    #[test]
    fn debug_of_a_witness_hides_the_seed() {
        let debug = format!("{:?}", witness());
        assert!(debug.starts_with("WitnessSigner") && !debug.contains("seed"));
    }
}
