//! Secret keys as their files have them, and what they open: for a person's own computer. A server never calls this.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use zeroize::Zeroizing;

use super::{openpgp, quantum};

/// The longest file of secret keys.
const MAX_IDENTITY_BYTES: u64 = 1024 * 1024;
/// The most keys of one file.
pub(super) const MAX_IDENTITIES: usize = 64;
/// The most work for a passphrase, as a power of two: `age` makes files with 18.
const MAX_WORK: u8 = 22;

/// Why a file holds no secret keys that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OwnIdentityError {
    /// It cannot be read.
    #[error("the file of the secret key could not be read")]
    Read(#[source] io::Error),
    /// It is too long.
    #[error(
        "a file of secret keys has at most {MAX_IDENTITY_BYTES} bytes and {MAX_IDENTITIES} keys"
    )]
    TooLong,
    /// Nothing in it is a secret key.
    #[error(
        "line {line} of the file is no secret key: it wants `AGE-SECRET-KEY-1…`, `AGE-SECRET-KEY-PQ-1…`, or the whole file of an SSH key or of `gpg --armor --export-secret-keys`"
    )]
    Unknown {
        /// The line, from 1 on.
        line: usize,
    },
    /// No key at all.
    #[error("there is no secret key in the file")]
    Empty,
    /// An SSH key of a kind that opens nothing.
    #[error("this SSH key cannot open files: only Ed25519 and RSA keys can")]
    SshKind,
    /// The file is locked with a passphrase, and none or a wrong one was given.
    #[error("the passphrase is wrong, or none was given")]
    Passphrase,
}

/// Why a file did not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenOwnError {
    /// It is sealed to other keys.
    #[error(
        "the file is sealed to other keys than this one: try the other keys you had when it was made"
    )]
    NoMatch,
    /// It is no age file.
    #[error("this is no age file, or it is damaged")]
    NotAge,
    /// It is no OpenPGP message.
    #[error("this is no OpenPGP message, or it is damaged")]
    NotOpenPgp,
    /// It is locked with a passphrase.
    #[error("the file is locked with a passphrase and not sealed to a key: open it with `age -d`")]
    Passphrase,
    /// It cannot be read.
    #[error("the file could not be read")]
    Read(#[source] io::Error),
}

/// Secret keys.
pub struct OwnIdentities(Kept);

enum Kept {
    Age(Vec<Box<dyn age::Identity>>),
    OpenPgp(openpgp::Secrets),
}

impl OwnIdentities {
    /// Reads a file of secret keys: those of `age-keygen`, locked with a passphrase or not, those of SSH, and those of
    /// `gpg --armor --export-secret-keys`. `passphrase` is asked at most once, and only where one is needed.
    ///
    /// # Errors
    /// See [`OwnIdentityError`].
    pub fn read(
        file: impl Read,
        passphrase: &mut dyn FnMut() -> Option<Zeroizing<String>>,
    ) -> Result<Self, OwnIdentityError> {
        let bytes = limited(file)?;
        let text = String::from_utf8_lossy(&bytes);
        let begins = text.trim_start();
        if begins.starts_with("-----BEGIN AGE ENCRYPTED FILE-----")
            || begins.starts_with("age-encryption.org/")
        {
            let inside = unlocked(&bytes, passphrase)?;
            return Self::lines(&String::from_utf8_lossy(&inside));
        }
        if begins.starts_with("-----BEGIN PGP ") {
            let secrets = openpgp::Secrets::read(begins.as_bytes(), passphrase)?;
            return Ok(Self(Kept::OpenPgp(secrets)));
        }
        if begins.starts_with("-----BEGIN ") {
            return Self::ssh(&bytes, passphrase);
        }
        Self::lines(&text)
    }

    fn lines(text: &str) -> Result<Self, OwnIdentityError> {
        let mut found: Vec<Box<dyn age::Identity>> = Vec::new();
        for (number, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if found.len() >= MAX_IDENTITIES {
                return Err(OwnIdentityError::TooLong);
            }
            if let Some(identity) = quantum::Identity::parse(line) {
                found.push(Box::new(identity));
            } else {
                let unknown = OwnIdentityError::Unknown { line: number + 1 };
                let identity: age::x25519::Identity = line.parse().map_err(|_| unknown)?;
                found.push(Box::new(identity));
            }
        }
        if found.is_empty() {
            return Err(OwnIdentityError::Empty);
        }
        Ok(Self(Kept::Age(found)))
    }

    /// How many keys there are.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Kept::Age(keys) => keys.len(),
            Kept::OpenPgp(secrets) => secrets.len(),
        }
    }

    fn ssh(
        bytes: &[u8],
        passphrase: &mut dyn FnMut() -> Option<Zeroizing<String>>,
    ) -> Result<Self, OwnIdentityError> {
        use age::ssh::Identity;
        let identity = Identity::from_buffer(Cursor::new(bytes), None);
        let identity = match identity.map_err(|_| OwnIdentityError::Unknown { line: 1 })? {
            Identity::Unencrypted(key) => Identity::Unencrypted(key),
            Identity::Encrypted(key) => {
                let secret = passphrase().ok_or(OwnIdentityError::Passphrase)?;
                let opened = key.decrypt(SecretString::from(secret.as_str().to_owned()));
                Identity::Unencrypted(opened.map_err(|_| OwnIdentityError::Passphrase)?)
            }
            Identity::Unsupported(_) => return Err(OwnIdentityError::SshKind),
        };
        Ok(Self(Kept::Age(vec![Box::new(identity)])))
    }

    /// Opens a sealed file, in its bytes or in letters. What comes out is what was sealed; an error in the midst says that the rest is
    /// missing or changed.
    ///
    /// # Errors
    /// See [`OpenOwnError`].
    pub fn open<'a>(
        &self,
        file: impl Read + Send + 'a,
    ) -> Result<Box<dyn Read + 'a>, OpenOwnError> {
        let mut file = BufReader::new(file);
        let begin = file.fill_buf().map_err(OpenOwnError::Read)?;
        let is_age = begin.starts_with(b"age-encryption.org/")
            || begin.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----");
        match &self.0 {
            Kept::OpenPgp(_) if is_age => Err(OpenOwnError::NoMatch),
            Kept::Age(_) if openpgp::is_message(begin) => Err(OpenOwnError::NoMatch),
            Kept::OpenPgp(secrets) => secrets.open(file),
            Kept::Age(keys) => age_file(keys, file),
        }
    }
}

fn age_file<'a>(
    keys: &[Box<dyn age::Identity>],
    file: BufReader<impl Read + 'a>,
) -> Result<Box<dyn Read + 'a>, OpenOwnError> {
    let reader = ArmoredReader::new(file);
    let decryptor = age::Decryptor::new_buffered(BufReader::new(reader)).map_err(refused)?;
    if decryptor.is_scrypt() {
        return Err(OpenOwnError::Passphrase);
    }
    let opened = decryptor.decrypt(keys.iter().map(|it| &**it));
    Ok(Box::new(opened.map_err(refused)?))
}

fn limited(file: impl Read) -> Result<Zeroizing<Vec<u8>>, OwnIdentityError> {
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_IDENTITY_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(OwnIdentityError::Read)?;
    if u64::try_from(bytes.len()).is_ok_and(|it| it > MAX_IDENTITY_BYTES) {
        return Err(OwnIdentityError::TooLong);
    }
    Ok(bytes)
}

/// What is in a file of secret keys that is locked with a passphrase.
fn unlocked(
    bytes: &[u8],
    passphrase: &mut dyn FnMut() -> Option<Zeroizing<String>>,
) -> Result<Zeroizing<Vec<u8>>, OwnIdentityError> {
    let reader: Box<dyn BufRead> = Box::new(BufReader::new(ArmoredReader::new(Cursor::new(bytes))));
    let decryptor =
        age::Decryptor::new_buffered(reader).map_err(|_| OwnIdentityError::Unknown { line: 1 })?;
    if !decryptor.is_scrypt() {
        return Err(OwnIdentityError::Unknown { line: 1 });
    }
    let secret = passphrase().ok_or(OwnIdentityError::Passphrase)?;
    let mut identity = age::scrypt::Identity::new(SecretString::from(secret.as_str().to_owned()));
    identity.set_max_work_factor(MAX_WORK);
    let opened = decryptor.decrypt([&identity as &dyn age::Identity].into_iter());
    limited(opened.map_err(|_| OwnIdentityError::Passphrase)?)
}

fn refused(error: age::DecryptError) -> OpenOwnError {
    match error {
        age::DecryptError::NoMatchingKeys => OpenOwnError::NoMatch,
        age::DecryptError::Io(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            ) =>
        {
            OpenOwnError::Read(error)
        }
        _ => OpenOwnError::NotAge,
    }
}
