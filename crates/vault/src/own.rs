//! Public keys that people bring, and files that only they can open.
//!
//! | kind | how it looks | what seals |
//! |---|---|---|
//! | age | `age1…` | X25519 (C2SP age, "The X25519 recipient type") |
//! | age, post-quantum | `age1pq1…` | ML-KEM-768 with X25519 (C2SP age, "The MLKEM768-X25519 … recipient type") |
//! | SSH Ed25519 | `ssh-ed25519 …` | the same X25519, from the point of the key |
//! | SSH RSA | `ssh-rsa …` | RSA-OAEP with SHA-256, keys of 3,072 to 4,096 bits |
//! | OpenPGP | `-----BEGIN PGP PUBLIC KEY BLOCK-----` | its newest key for encryption: Curve25519, NIST P-256 to P-521, or RSA of that length |
//!
//! Files for the first four are age files, files for OpenPGP keys are OpenPGP messages: see [`OwnFormat`]. A file has one format, so keys
//! of the one and of the other do not stand beside each other.
//!
//! A file that is sealed to several keys opens with any of them, so it is as strong as the weakest: post-quantum keys do not stand beside
//! others in one file (C2SP age says they should not, and `age` refuses it).
//!
//! What cannot keep anything secret is no [`OwnKey`]: points of low order, RSA keys that are short or have a small factor, and whatever
//! is not what its checksum says. A secret key that somebody pasted by mistake is told from a public one and never kept.

mod bech32;
mod identities;
mod openpgp;
mod quantum;
mod rsa;
mod ssh;
mod stream;

use std::io::{self, Write};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use model::Timestamp;
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;

pub use identities::{OpenOwnError, OwnIdentities, OwnIdentityError};
pub use stream::OwnFormat;
pub(crate) use stream::OwnWriter;

/// The longest text of a public key. A post-quantum one has 1,959 characters, an OpenPGP one with two RSA keys and one name about 3,200.
pub const MAX_OWN_KEY_BYTES: usize = 16 * 1024;
/// The most keys that one file is sealed to.
pub const MAX_OWN_KEYS: usize = 8;
/// The shortest RSA key: what `ssh-keygen` makes unasked. NIST SP 800-57 part 1 calls 2,048 bits too short beyond 2030.
pub const MIN_RSA_BITS: usize = 3_072;
/// The longest RSA key.
pub const MAX_RSA_BITS: usize = 4_096;

/// A kind of public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnKeyKind {
    /// `age1…`.
    Age,
    /// `age1pq1…`.
    AgeQuantum,
    /// `ssh-ed25519 …`.
    SshEd25519,
    /// `ssh-rsa …`.
    SshRsa,
    /// A certificate of OpenPGP.
    OpenPgp,
}

impl OwnKeyKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Age,
        Self::AgeQuantum,
        Self::SshEd25519,
        Self::SshRsa,
        Self::OpenPgp,
    ];

    /// The word in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::AgeQuantum => "age-pq",
            Self::SshEd25519 => "ssh-ed25519",
            Self::SshRsa => "ssh-rsa",
            Self::OpenPgp => "openpgp",
        }
    }

    /// What files for it are.
    #[must_use]
    pub const fn format(self) -> OwnFormat {
        match self {
            Self::OpenPgp => OwnFormat::OpenPgp,
            _ => OwnFormat::Age,
        }
    }
}

/// Why a text is no public key that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OwnKeyError {
    /// Nothing.
    #[error("there is no key in it: paste one public key")]
    Empty,
    /// Too long.
    #[error(
        "a public key has at most {MAX_OWN_KEY_BYTES} characters: an OpenPGP key gets shorter with `gpg --armor --export-options export-minimal --export`"
    )]
    TooLong,
    /// More than one.
    #[error("there is more than one key in it: add one key at a time")]
    Several,
    /// The secret half.
    #[error(
        "this is a secret key, and it was not kept: nobody but you may have it. Give the public key, and make a new pair if somebody else could see this one"
    )]
    Secret,
    /// An OpenPGP key whose time is over.
    #[error("the time of this key is over: give it a new end, or make a new one")]
    Expired,
    /// An OpenPGP key that was given up.
    #[error("this key was revoked: give one that is in use")]
    Revoked,
    /// An OpenPGP key that signs and does not encrypt.
    #[error("this key only signs: add a key for encryption to it, and export it again")]
    SignOnly,
    /// An OpenPGP key of a version that is not sealed to.
    #[error("only OpenPGP keys of version 4 can be used here")]
    OpenPgpVersion,
    /// An OpenPGP key of a kind that is not sealed to.
    #[error(
        "OpenPGP keys of this kind cannot be used here: make one of Curve25519, or of RSA with {MIN_RSA_BITS} bits"
    )]
    OpenPgpKind,
    /// An OpenPGP key whose owner signed it with a broken hash.
    #[error(
        "the key is signed with a hash that is broken (SHA-1 or MD5): sign it anew, for example by giving it a new end, or make a new one"
    )]
    OldHash,
    /// For a plugin or a security token.
    #[error(
        "this kind of key needs a plugin or a security token to seal to: give an age, SSH Ed25519 or SSH RSA key"
    )]
    Plugin,
    /// An SSH key of another kind.
    #[error(
        "SSH keys of this kind cannot open files: give an SSH Ed25519 or RSA key, or an age key"
    )]
    SshKind,
    /// Nothing that is known.
    #[error(
        "this is no public key that is known here: it begins with `age1`, `ssh-ed25519`, `ssh-rsa` or `-----BEGIN PGP PUBLIC KEY BLOCK-----`"
    )]
    Unknown,
    /// Its checksum or its form is wrong.
    #[error("the key is damaged: a character is wrong or missing. Copy it again")]
    Damaged,
    /// It would keep nothing secret.
    #[error("the key is weak, others could open what is sealed to it: make a new one")]
    Weak,
    /// RSA with too few or too many bits.
    #[error(
        "an RSA key has {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, this one has {bits}: make a new one, for example with `ssh-keygen -t ed25519`"
    )]
    RsaBits {
        /// How many it has.
        bits: usize,
    },
}

#[derive(Clone)]
enum Recipient {
    Age(age::x25519::Recipient),
    Quantum(Box<quantum::Recipient>),
    Ssh(age::ssh::Recipient),
    OpenPgp(Box<openpgp::Recipient>),
}

/// A public key that files can be sealed to.
#[derive(Clone)]
pub struct OwnKey {
    kind: OwnKeyKind,
    text: String,
    fingerprint: String,
    recipient: Recipient,
}

impl OwnKey {
    /// Reads a key as it is pasted, or as its file has it: blank lines and lines that begin with `#` do not count, and what stands
    /// behind an SSH key (a name) is not kept, nor is what an OpenPGP key has beside it.
    ///
    /// # Errors
    /// See [`OwnKeyError`].
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, OwnKeyError> {
        if text.len() > MAX_OWN_KEY_BYTES {
            return Err(OwnKeyError::TooLong);
        }
        let upper = text.to_ascii_uppercase();
        if upper.contains("AGE-SECRET-KEY-")
            || upper.contains("AGE-PLUGIN-")
            || upper.contains("PRIVATE KEY")
        {
            return Err(OwnKeyError::Secret);
        }
        if upper.contains("BEGIN PGP ") {
            return openpgp::read(text, now).map(openpgp_key);
        }
        Self::line(text)
    }

    /// Reads a key as [`OwnKey::text`] has it. Whether its time is over was asked when it was brought.
    ///
    /// # Errors
    /// See [`OwnKeyError`].
    pub fn from_kept(text: &str) -> Result<Self, OwnKeyError> {
        match openpgp::kept(text) {
            Some(taken) => taken.map(openpgp_key),
            None => Self::line(text),
        }
    }

    fn line(text: &str) -> Result<Self, OwnKeyError> {
        let lines = text.lines().map(str::trim);
        let mut lines = lines.filter(|it| !it.is_empty() && !it.starts_with('#'));
        let line = lines.next().ok_or(OwnKeyError::Empty)?;
        if lines.next().is_some() {
            return Err(OwnKeyError::Several);
        }
        if line.to_ascii_lowercase().starts_with("age1") {
            return age_key(line);
        }
        ssh_key(line)
    }

    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> OwnKeyKind {
        self.kind
    }

    /// The key in its one form, without a name behind it: what [`OwnKey::from_kept`] reads.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `SHA256:…`, as `ssh-keygen -l` has it for SSH keys; for age keys over the bytes of the key. For OpenPGP keys 40 digits, as
    /// `gpg --fingerprint` has them.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whether it holds against quantum computers.
    #[must_use]
    pub fn is_post_quantum(&self) -> bool {
        self.kind == OwnKeyKind::AgeQuantum
    }

    fn of_age(&self) -> Option<&dyn age::Recipient> {
        match &self.recipient {
            Recipient::Age(it) => Some(it),
            Recipient::Quantum(it) => Some(&**it),
            Recipient::Ssh(it) => Some(it),
            Recipient::OpenPgp(_) => None,
        }
    }

    fn of_openpgp(&self) -> Option<&openpgp::Recipient> {
        match &self.recipient {
            Recipient::OpenPgp(it) => Some(it),
            _ => None,
        }
    }
}

impl std::fmt::Debug for OwnKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnKey({} {})", self.kind.as_str(), self.fingerprint)
    }
}

impl PartialEq for OwnKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for OwnKey {}

fn fingerprint(bytes: &[u8]) -> String {
    format!(
        "SHA256:{}",
        BASE64_STANDARD_NO_PAD.encode(digest(&SHA256, bytes).as_ref())
    )
}

fn openpgp_key(taken: openpgp::Taken) -> OwnKey {
    OwnKey {
        kind: OwnKeyKind::OpenPgp,
        text: taken.text,
        fingerprint: taken.fingerprint,
        recipient: Recipient::OpenPgp(Box::new(taken.recipient)),
    }
}

/// Keys in Bech32: the part before the last `1` says the kind.
fn age_key(line: &str) -> Result<OwnKey, OwnKeyError> {
    let (prefix, bytes) = bech32::decode(line).ok_or(OwnKeyError::Damaged)?;
    let text = line.to_ascii_lowercase();
    let (kind, recipient) = match prefix.as_str() {
        "age" => {
            let point = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| OwnKeyError::Damaged)?;
            check_point(&point)?;
            let parsed = text.parse().map_err(|_| OwnKeyError::Damaged)?;
            (OwnKeyKind::Age, Recipient::Age(parsed))
        }
        "age1pq" => {
            let parsed = quantum::Recipient::from_bytes(&bytes)?;
            (OwnKeyKind::AgeQuantum, Recipient::Quantum(Box::new(parsed)))
        }
        _ => return Err(OwnKeyError::Plugin),
    };
    Ok(OwnKey {
        kind,
        text,
        fingerprint: fingerprint(&bytes),
        recipient,
    })
}

/// `kind base64 name…`, as OpenSSH writes it (RFC 4253 section 6.6 for what the base64 holds).
fn ssh_key(line: &str) -> Result<OwnKey, OwnKeyError> {
    let mut words = line.split_ascii_whitespace();
    let (word, blob) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let kind = match word {
        "ssh-ed25519" => OwnKeyKind::SshEd25519,
        "ssh-rsa" => OwnKeyKind::SshRsa,
        _ if word.starts_with("sk-") => return Err(OwnKeyError::Plugin),
        _ if word.starts_with("ssh-") || word.starts_with("ecdsa-") => {
            return Err(OwnKeyError::SshKind);
        }
        _ => return Err(OwnKeyError::Unknown),
    };
    let bytes = BASE64_STANDARD
        .decode(blob)
        .map_err(|_| OwnKeyError::Damaged)?;
    match kind {
        OwnKeyKind::SshRsa => ssh::check_rsa(&bytes)?,
        _ => ssh::check_ed25519(&bytes)?,
    }
    let text = format!("{word} {blob}");
    let parsed: age::ssh::Recipient = text.parse().map_err(|_| OwnKeyError::Damaged)?;
    if let age::ssh::Recipient::SshEd25519(_, point) = &parsed
        && (point.is_small_order() || !point.is_torsion_free())
    {
        return Err(OwnKeyError::Weak);
    }
    Ok(OwnKey {
        kind,
        text,
        fingerprint: fingerprint(&bytes),
        recipient: Recipient::Ssh(parsed),
    })
}

/// Whether a point of Curve25519 can keep anything secret (RFC 7748 section 6.1: not one that gives zero), and is written in its one form.
fn check_point(point: &[u8; 32]) -> Result<(), OwnKeyError> {
    let [first, middle @ .., last] = point;
    let is_beyond = *last == 0x7f && middle.iter().all(|it| *it == 0xff) && *first >= 0xed;
    if *last & 0x80 != 0 || is_beyond {
        return Err(OwnKeyError::Weak);
    }
    let ours = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new());
    let ours = ours.map_err(|_| OwnKeyError::Weak)?;
    let theirs = UnparsedPublicKey::new(&X25519, point);
    agree_ephemeral(ours, &theirs, |_| ()).map_err(|_| OwnKeyError::Weak)
}

/// Why keys cannot stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OwnKeysError {
    /// None, or too many.
    #[error("a file is sealed to 1 to {MAX_OWN_KEYS} keys")]
    Count,
    /// The same one twice.
    #[error("this key is there already")]
    Twice,
    /// Post-quantum and others.
    #[error(
        "post-quantum keys and other keys cannot be used together: the file would be only as strong as the weaker one. Use post-quantum keys only, or none"
    )]
    Mixed,
    /// OpenPGP and others.
    #[error(
        "OpenPGP keys and other keys cannot be used together: a file has one format. Use OpenPGP keys only, or none"
    )]
    Formats,
}

/// Keys that every file is sealed to: any one of them opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnKeys(Vec<OwnKey>);

impl OwnKeys {
    /// Keys that can stand together.
    ///
    /// # Errors
    /// See [`OwnKeysError`].
    pub fn new(keys: Vec<OwnKey>) -> Result<Self, OwnKeysError> {
        if keys.is_empty() || keys.len() > MAX_OWN_KEYS {
            return Err(OwnKeysError::Count);
        }
        let first = keys.first().is_some_and(OwnKey::is_post_quantum);
        let format = keys.first().map(|it| it.kind.format());
        if keys.iter().any(|it| Some(it.kind.format()) != format) {
            return Err(OwnKeysError::Formats);
        }
        if keys.iter().any(|it| it.is_post_quantum() != first) {
            return Err(OwnKeysError::Mixed);
        }
        for (number, key) in keys.iter().enumerate() {
            if keys.iter().skip(number + 1).any(|it| it == key) {
                return Err(OwnKeysError::Twice);
            }
        }
        Ok(Self(keys))
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What files for these keys are.
    #[must_use]
    pub fn format(&self) -> OwnFormat {
        let first = self.0.first().map(|it| it.kind.format());
        first.unwrap_or(OwnFormat::Age)
    }

    /// Begins a file; what is written to it is sealed.
    pub(crate) fn seal<W: Write>(&self, sink: W) -> io::Result<OwnWriter<W>> {
        if self.format() == OwnFormat::OpenPgp {
            let recipients = self.0.iter().filter_map(OwnKey::of_openpgp);
            return openpgp::Sealing::begin(recipients, sink).map(OwnWriter::openpgp);
        }
        let recipients = self.0.iter().filter_map(OwnKey::of_age);
        let encryptor = age::Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
        encryptor.wrap_output(sink).map(OwnWriter::age)
    }

    /// A short text, sealed, in letters that can be pasted (C2SP age, "ASCII armor"; RFC 9580 section 6.2).
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal_text(&self, text: &str) -> io::Result<String> {
        if self.format() == OwnFormat::OpenPgp {
            let mut sealed = self.seal(Vec::new())?;
            sealed.write_all(text.as_bytes())?;
            return Ok(openpgp::armored(&sealed.finish()?));
        }
        let armor =
            age::armor::ArmoredWriter::wrap_output(Vec::new(), age::armor::Format::AsciiArmor)?;
        let mut sealed = self.seal(armor)?;
        sealed.write_all(text.as_bytes())?;
        let bytes = sealed.finish()?.finish()?;
        String::from_utf8(bytes).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests;
