//! OpenPGP secret keys, and what they open: for a person's own computer. A server never calls this.

use std::fmt;
use std::io::{self, BufRead, Read};

use pgp::composed::{DecryptionOptions, Deserializable as _, Message, SignedSecretKey, TheRing};
use pgp::errors::Error;
use pgp::types::Password;
use zeroize::Zeroizing;

use crate::own::identities::{MAX_IDENTITIES, OpenOwnError, OwnIdentityError};

const BEGIN_MESSAGE: &[u8] = b"-----BEGIN PGP MESSAGE-----";

/// Whether bytes are how a message begins: with a session key for somebody, in the new or the old form of packets, or in letters.
pub(in crate::own) fn is_message(begin: &[u8]) -> bool {
    matches!(begin.first(), Some(0xc1 | 0x84..=0x87)) || begin.starts_with(BEGIN_MESSAGE)
}

/// Secret keys, and what unlocks them.
pub(in crate::own) struct Secrets {
    keys: Vec<SignedSecretKey>,
    passwords: Vec<Password>,
}

impl Secrets {
    /// Reads what `gpg --export-secret-keys` wrote, in letters.
    pub(in crate::own) fn read(
        bytes: &[u8],
        passphrase: &mut dyn FnMut() -> Option<Zeroizing<String>>,
    ) -> Result<Self, OwnIdentityError> {
        let unknown = |_| OwnIdentityError::Unknown { line: 1 };
        let (found, _) = SignedSecretKey::from_armor_many(bytes).map_err(unknown)?;
        let found: Result<Vec<_>, _> = found.take(MAX_IDENTITIES + 1).collect();
        let keys = found.map_err(unknown)?;
        if keys.is_empty() {
            return Err(OwnIdentityError::Empty);
        }
        if keys.len() > MAX_IDENTITIES {
            return Err(OwnIdentityError::TooLong);
        }
        let mut passwords = vec![Password::empty()];
        if !keys.iter().any(|it| opens(it, &Password::empty())) {
            let secret = passphrase().ok_or(OwnIdentityError::Passphrase)?;
            let password = Password::from(secret.as_bytes());
            if !keys.iter().any(|it| opens(it, &password)) {
                return Err(OwnIdentityError::Passphrase);
            }
            passwords.push(password);
        }
        Ok(Self { keys, passwords })
    }

    /// How many there are.
    pub(in crate::own) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Opens a message. Nothing of it is given out before its check was found right, so it lies in memory as a whole.
    pub(in crate::own) fn open<'a>(
        &self,
        file: impl BufRead + Send + 'a,
    ) -> Result<Box<dyn Read + 'a>, OpenOwnError> {
        let (message, _) = Message::from_reader(Source(file)).map_err(refused)?;
        let ring = TheRing {
            secret_keys: self.keys.iter().collect(),
            key_passwords: self.passwords.iter().collect(),
            decrypt_options: DecryptionOptions::new().enable_gnupg_aead(),
            ..TheRing::default()
        };
        let (message, _) = message.decrypt_the_ring(ring, true).map_err(refused)?;
        let message = if message.is_compressed() {
            message.decompress().map_err(refused)?
        } else {
            message
        };
        Ok(Box::new(message))
    }
}

/// Whether one of the keys for encryption can be used. A key whose secret half is on a card cannot.
fn opens(key: &SignedSecretKey, password: &Password) -> bool {
    let done = |it: Result<Result<(), Error>, Error>| matches!(it, Ok(Ok(())));
    let mut subkeys = key.secret_subkeys.iter();
    subkeys.any(|it| done(it.key.unlock(password, |_, _| Ok(()))))
        || done(key.primary_key.unlock(password, |_, _| Ok(())))
}

fn refused(error: Error) -> OpenOwnError {
    match error {
        Error::MissingKey => OpenOwnError::NoMatch,
        Error::IO { source, .. }
            if !matches!(
                source.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other
            ) =>
        {
            OpenOwnError::Read(source)
        }
        _ => OpenOwnError::NotOpenPgp,
    }
}

/// A file that can be named in messages for people who look for mistakes, without what is in it.
struct Source<R>(R);

impl<R> fmt::Debug for Source<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: BufRead> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}
