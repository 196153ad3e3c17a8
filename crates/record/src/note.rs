//! Signed notes (C2SP `signed-note`): a text, an empty line, and signature lines.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::key::{Signer, Verifier, is_key_name};

/// The longest note that is read.
pub const MAX_NOTE_BYTES: usize = 1_000_000;

/// The most signatures that a note may carry.
pub const MAX_SIGNATURES: usize = 100;

/// What a signature line begins with: an em dash and a space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// Why a note is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`MAX_NOTE_BYTES`], or more than [`MAX_SIGNATURES`].
    #[error("note is too large")]
    TooLarge,
    /// Not the form of a signed note.
    #[error("note is malformed")]
    Malformed,
    /// No signature of the wanted key.
    #[error("note is not signed by `{name}`")]
    Unsigned {
        /// Name of the wanted key.
        name: String,
    },
    /// A signature of the wanted key that is wrong for this text.
    #[error("note has a wrong signature of `{name}`")]
    WrongSignature {
        /// Name of the wanted key.
        name: String,
    },
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: u32,
    signature: Vec<u8>,
}

impl NoteSignature {
    pub(crate) fn new(name: &str, key_id: u32, signature: Vec<u8>) -> NoteSignature {
        NoteSignature {
            name: name.to_owned(),
            key_id,
            signature,
        }
    }

    /// Parses signature lines, as a witness answers with. They are not checked.
    pub fn parse_lines(bytes: &[u8]) -> Result<Vec<NoteSignature>, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge);
        }
        let lines = str::from_utf8(bytes).ok();
        let lines = lines.and_then(|it| it.strip_suffix('\n'));
        let lines = lines.ok_or(NoteError::Malformed)?;
        if lines.split('\n').count() > MAX_SIGNATURES {
            return Err(NoteError::TooLarge);
        }
        let signatures = lines.split('\n').map(NoteSignature::parse);
        signatures
            .collect::<Option<_>>()
            .ok_or(NoteError::Malformed)
    }

    /// What follows the id of the key: the signature itself, or what its type puts before it too.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.signature
    }

    /// Name of the key that is said to have signed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Id of the key that is said to have signed.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    fn parse(line: &str) -> Option<NoteSignature> {
        let (name, encoded) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (key_id, signature) = bytes.split_first_chunk::<4>()?;
        let well_formed = is_key_name(name) && !signature.is_empty();
        well_formed.then(|| NoteSignature {
            name: name.to_owned(),
            key_id: u32::from_be_bytes(*key_id),
            signature: signature.to_vec(),
        })
    }
}

/// A text with signatures. Prints as the note; nothing in it is trusted before [`Note::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// Signs a text, which must end in a newline and contain no other control character.
    pub fn sign(text: &str, signer: &Signer) -> Result<Note, NoteError> {
        if !is_note_text(text) {
            return Err(NoteError::Malformed);
        }
        let signature = NoteSignature {
            name: signer.verifier().name().to_owned(),
            key_id: signer.verifier().key_id(),
            signature: signer.sign(text),
        };
        Ok(Note {
            text: text.to_owned(),
            signatures: vec![signature],
        })
    }

    /// Parses a note. The signatures are not checked.
    pub fn parse(bytes: &[u8]) -> Result<Note, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge);
        }
        let note = str::from_utf8(bytes).map_err(|_| NoteError::Malformed)?;
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        let text = format!("{text}\n");
        let signatures = NoteSignature::parse_lines(signatures.as_bytes())?;
        if is_note_text(&text) {
            Ok(Note { text, signatures })
        } else {
            Err(NoteError::Malformed)
        }
    }

    /// The text with the signatures of this log alone: others were not checked, and cost room.
    pub(crate) fn only_of(&self, log: &Verifier) -> Note {
        let is_of_log =
            |it: &&NoteSignature| (it.name(), it.key_id()) == (log.name(), log.key_id());
        Note {
            text: self.text.clone(),
            signatures: self.signatures.iter().filter(is_of_log).cloned().collect(),
        }
    }

    /// Adds a signature line, as long as there is room for one.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if self.signatures.len() == MAX_SIGNATURES {
            return Err(NoteError::TooLarge);
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// The text if the key signed it. Signatures of other keys are ignored; a wrong one of this key refuses the note.
    pub fn verify(&self, verifier: &Verifier) -> Result<&str, NoteError> {
        let name = || verifier.name().to_owned();
        let ours =
            |it: &&NoteSignature| it.name == verifier.name() && it.key_id == verifier.key_id();
        let mut ours = self.signatures.iter().filter(ours).peekable();
        if ours.peek().is_none() {
            return Err(NoteError::Unsigned { name: name() });
        }
        if ours.all(|it| verifier.accepts(&self.text, &it.signature)) {
            Ok(&self.text)
        } else {
            Err(NoteError::WrongSignature { name: name() })
        }
    }

    /// The text with its final newline. Not to be trusted before it was verified.
    pub fn unverified_text(&self) -> &str {
        &self.text
    }

    /// The signature lines in order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for signature in &self.signatures {
            writeln!(f, "{signature}")?;
        }
        Ok(())
    }
}

/// The line, without its end.
impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.key_id.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.signature);
        let name = &self.name;
        write!(f, "{SIGNATURE_PREFIX}{name} {}", STANDARD.encode(bytes))
    }
}

fn is_note_text(text: &str) -> bool {
    text.ends_with('\n') && !text.chars().any(|it| it < ' ' && it != '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEUMANN: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NEUMANN_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const NEUMANN_TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                                then you don't know what your problem is.\n";
    const NEUMANN_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn neumann() -> Signer {
        let seed = STANDARD.decode(NEUMANN_SEED).unwrap();
        Signer::new("PeterNeumann", seed[1..].try_into().unwrap()).unwrap()
    }

    #[test]
    fn note_of_the_specification_verifies() {
        let verifier = Verifier::parse(
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        );
        let note = "This is an example message.\n\n— example.com/foo \
                    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
        let parsed = Note::parse(note.as_bytes()).unwrap();
        assert_eq!(
            parsed.verify(&verifier.unwrap()),
            Ok("This is an example message.\n")
        );
        assert_eq!(parsed.to_string(), note);
    }

    #[test]
    fn signing_gives_the_note_that_the_go_implementation_documents() {
        assert_eq!(neumann().verifier().to_string(), NEUMANN);
        assert_eq!(
            Note::sign(NEUMANN_TEXT, &neumann()).unwrap().to_string(),
            NEUMANN_NOTE
        );
    }

    #[test]
    fn signatures_of_unknown_keys_are_ignored_and_wrong_ones_of_known_keys_are_not() {
        let verifier = neumann().verifier().clone();
        let check = |note: &str| {
            Note::parse(note.as_bytes())
                .unwrap()
                .verify(&verifier)
                .map(str::to_owned)
        };
        let name = || "PeterNeumann".to_owned();
        let other = Note::sign(NEUMANN_TEXT, &Signer::new("EnochRoot", &[9; 32]).unwrap())
            .unwrap()
            .to_string();
        let other_line = other.strip_prefix(NEUMANN_TEXT).unwrap().trim_start();
        assert_eq!(
            check(&format!("{NEUMANN_NOTE}{other_line}")),
            Ok(NEUMANN_TEXT.to_owned())
        );
        assert_eq!(check(&other), Err(NoteError::Unsigned { name: name() }));
        let same_name = Note::sign(
            NEUMANN_TEXT,
            &Signer::new("PeterNeumann", &[9; 32]).unwrap(),
        )
        .unwrap();
        assert_eq!(
            check(&same_name.to_string()),
            Err(NoteError::Unsigned { name: name() })
        );
        let changed = NEUMANN_NOTE.replace("answer", "Answer");
        assert_eq!(
            check(&changed),
            Err(NoteError::WrongSignature { name: name() })
        );
        let short = format!(
            "{NEUMANN_NOTE}— PeterNeumann {}\n",
            STANDARD.encode([0xc7, 0x4f, 0x20, 0xa3, 1])
        );
        assert_eq!(
            check(&short),
            Err(NoteError::WrongSignature { name: name() })
        );
    }

    #[test]
    fn text_may_contain_empty_lines() {
        let note = Note::sign("a\n\n\nb\n\n", &neumann()).unwrap();
        assert_eq!(Note::parse(note.to_string().as_bytes()), Ok(note));
    }

    #[track_caller]
    fn check_refused(bytes: &[u8], expected: NoteError) {
        assert_eq!(
            Note::parse(bytes),
            Err(expected),
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
    }

    #[test]
    fn malformed_notes_are_refused() {
        let good = "text\n\n— key AAAAAAA=\n";
        assert!(Note::parse(good.as_bytes()).is_ok());
        for bad in [
            "",
            "\n",
            "\n\n",
            "text\n",
            "text\n\n",
            "text\n\n\n",
            "text\n— key AAAAAAA=\n",
            "text\n\n— key AAAAAAA=",
            "text\n\n- key AAAAAAA=\n",
            "text\n\n—key AAAAAAA=\n",
            "text\n\n—  AAAAAAA=\n",
            "text\n\n— k+y AAAAAAA=\n",
            "text\n\n— key AAAAAAA\n",
            "text\n\n— key AAAAAAB=\n",
            "text\n\n— key AAAA\n",
            "text\n\n— key AAAAAA==\n",
            "text\n\n— key AAAAAAA= \n",
            "text\n\n— key  AAAAAAA=\n",
            "text\n\n— key AAAAAAA=\r\n",
            "te\txt\n\n— key AAAAAAA=\n",
            "text\n\n— key AAAAAAA=\n\n",
            "text\n\n— key AAAAAAA=\nmore\n",
            "text\n\n— k\u{a0}y AAAAAAA=\n",
        ] {
            check_refused(bad.as_bytes(), NoteError::Malformed);
        }
        check_refused(
            b"te\xfft\n\n\xe2\x80\x94 key AAAAAAA=\n",
            NoteError::Malformed,
        );
    }

    #[test]
    fn notes_beyond_the_limits_are_refused() {
        let with_signatures = |count| format!("text\n\n{}", "— key AAAAAAA=\n".repeat(count));
        assert!(Note::parse(with_signatures(MAX_SIGNATURES).as_bytes()).is_ok());
        check_refused(
            with_signatures(MAX_SIGNATURES + 1).as_bytes(),
            NoteError::TooLarge,
        );
        let long = format!("{}\n\n— key AAAAAAA=\n", "a".repeat(MAX_NOTE_BYTES));
        check_refused(long.as_bytes(), NoteError::TooLarge);
    }

    #[test]
    fn text_without_final_newline_or_with_control_characters_is_not_signed() {
        for text in ["", "a", "a\tb\n", "a\0\n", "a\r\n"] {
            assert_eq!(
                Note::sign(text, &neumann()),
                Err(NoteError::Malformed),
                "{text:?}"
            );
        }
    }
}
