//! OpenPGP messages as they are written here: the session key for each recipient (RFC 9580 section 5.1, version 3), then AES-256 in CFB
//! mode with a modification detection code (section 5.13.1, version 1), with literal data in it (section 5.9) and no compression.
//!
//! Version 1 has SHA-1 as its check. It lies under the encryption, where a collision is of no use, and it is what every program opens;
//! version 2 is opened by few yet.
//!
//! Nothing is held back until the end: packets are written in pieces (section 4.2.1.4).

use std::io::{self, Write};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pgp::composed::RawSessionKey;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::packet::{PacketTrait as _, PublicKeyEncryptedSessionKey};
use rand::rngs::OsRng;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use zeroize::Zeroizing;

use super::Recipient;

/// A piece of a packet whose length is not known yet has so many bytes, a power of two.
const PIECE_BYTES: usize = 1 << PIECE_POWER;
const PIECE_POWER: u8 = 16;
/// What stands before such a piece.
const PIECE_MARK: u8 = 224 + PIECE_POWER;
/// The first byte of packets of these kinds.
const SESSION_KEY: u8 = 0xc0 | 1;
const LITERAL: u8 = 0xc0 | 11;
const PROTECTED: u8 = 0xc0 | 18;
const BLOCK_BYTES: usize = 16;
/// Binary, without a name and without a time.
const LITERAL_HEAD: [u8; 6] = [b'b', 0, 0, 0, 0, 0];
/// The first bytes of the packet with the check, which are part of what is checked.
const CHECK_HEAD: [u8; 2] = [0xc0 | 19, 20];
const CHECK_BYTES: u64 = 20;
const LINE_BYTES: usize = 48;

/// A packet of unknown length.
struct Framed<W: Write> {
    sink: W,
    buffer: Vec<u8>,
}

impl<W: Write> Framed<W> {
    fn begin(mut sink: W, first: u8) -> io::Result<Self> {
        sink.write_all(&[first])?;
        Ok(Self {
            sink,
            buffer: Vec::with_capacity(PIECE_BYTES),
        })
    }

    fn finish(mut self) -> io::Result<W> {
        self.sink.write_all(&length(self.buffer.len()))?;
        self.sink.write_all(&self.buffer)?;
        Ok(self.sink)
    }
}

impl<W: Write> Write for Framed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE_BYTES.saturating_sub(self.buffer.len());
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.buffer.extend_from_slice(taken);
        if self.buffer.len() >= PIECE_BYTES {
            self.sink.write_all(&[PIECE_MARK])?;
            self.sink.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The length of what comes last, less than a piece (RFC 9580 section 4.2.1).
fn length(bytes: usize) -> Vec<u8> {
    match u32::try_from(bytes).unwrap_or(u32::MAX) {
        short @ 0..192 => vec![short.to_le_bytes()[0]],
        middle @ 192..8_384 => {
            let [.., high, low] = (middle - 192).to_be_bytes();
            vec![high + 192, low]
        }
        long => [&[255], long.to_be_bytes().as_slice()].concat(),
    }
}

/// What goes in is encrypted; the check covers everything.
struct Encrypting<W: Write> {
    sink: Framed<W>,
    key: Zeroizing<[u8; 32]>,
    previous: [u8; BLOCK_BYTES],
    plain: Zeroizing<Vec<u8>>,
    check: Context,
}

impl<W: Write> Encrypting<W> {
    fn put(&mut self) -> io::Result<()> {
        let encrypted = SymmetricKeyAlgorithm::AES256.encrypt_with_iv_regular(
            self.key.as_slice(),
            &self.previous,
            &mut self.plain,
        );
        encrypted.map_err(io::Error::other)?;
        self.sink.write_all(&self.plain)?;
        if let Some(last) = self.plain.last_chunk() {
            self.previous = *last;
        }
        self.plain.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<W> {
        self.write_all(&CHECK_HEAD)?;
        let check = self.check.clone().finish();
        self.plain.extend_from_slice(check.as_ref());
        self.put()?;
        self.sink.finish()
    }
}

impl<W: Write> Write for Encrypting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE_BYTES.saturating_sub(self.plain.len());
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.check.update(taken);
        self.plain.extend_from_slice(taken);
        // Whole blocks, so that the last one of them is what the next one goes on from.
        if self.plain.len() >= PIECE_BYTES {
            self.put()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A message that is being written.
pub(in crate::own) struct Sealing<W: Write>(Framed<Encrypting<W>>);

impl<W: Write> Sealing<W> {
    /// Begins a message to recipients; what is written to it is sealed.
    pub(in crate::own) fn begin<'a>(
        recipients: impl Iterator<Item = &'a Recipient>,
        mut sink: W,
    ) -> io::Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        let mut random = Zeroizing::new([0; BLOCK_BYTES]);
        getrandom::fill(key.as_mut_slice()).map_err(io::Error::other)?;
        getrandom::fill(random.as_mut_slice()).map_err(io::Error::other)?;
        let session = RawSessionKey::from(key.as_slice());
        for recipient in recipients {
            let packet = PublicKeyEncryptedSessionKey::from_session_key_v3(
                OsRng,
                &session,
                SymmetricKeyAlgorithm::AES256,
                &recipient.0,
            );
            let packet = packet.map_err(io::Error::other)?;
            packet
                .to_writer_with_header(&mut sink)
                .map_err(io::Error::other)?;
        }
        let mut sealed = Framed::begin(sink, PROTECTED)?;
        sealed.write_all(&[1])?;
        let mut inside = Encrypting {
            sink: sealed,
            key,
            previous: [0; BLOCK_BYTES],
            plain: Zeroizing::new(Vec::with_capacity(PIECE_BYTES + BLOCK_BYTES * 2)),
            check: Context::new(&SHA1_FOR_LEGACY_USE_ONLY),
        };
        inside.write_all(random.as_slice())?;
        let [.., before, last] = *random;
        inside.write_all(&[before, last])?;
        let mut literal = Framed::begin(inside, LITERAL)?;
        literal.write_all(&LITERAL_HEAD)?;
        Ok(Self(literal))
    }

    /// Writes the end.
    pub(in crate::own) fn finish(self) -> io::Result<W> {
        self.0.finish()?.finish()
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How long a packet is behind its first byte.
const fn framed_bytes(bytes: u64) -> u64 {
    let pieces = bytes >> PIECE_POWER;
    let last = bytes - (pieces << PIECE_POWER);
    let length = match last {
        0..192 => 1,
        192..8_384 => 2,
        _ => 5,
    };
    bytes + pieces + length
}

/// How many bytes a message has behind its session keys for so many bytes inside.
pub(in crate::own) const fn payload_bytes(plain: u64) -> u64 {
    let literal = 1 + framed_bytes(6 + plain);
    1 + framed_bytes(1 + 18 + literal + 2 + CHECK_BYTES)
}

/// How many session keys a message begins with and where they end; `None` where it is none of ours.
pub(in crate::own) fn header_of(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut rest = bytes;
    let mut keys = 0;
    loop {
        let (first, after) = rest.split_first()?;
        if *first == PROTECTED {
            return Some((keys, bytes.len() - rest.len()));
        }
        if *first != SESSION_KEY {
            return None;
        }
        let (length, after) = match after {
            [short @ 0..192, after @ ..] => (usize::from(*short), after),
            [high @ 192..224, low, after @ ..] => {
                let length = (usize::from(*high) - 192) << 8;
                (length + usize::from(*low) + 192, after)
            }
            _ => return None,
        };
        rest = after.get(length..)?;
        keys += 1;
    }
}

/// The checksum of letters (RFC 9580 section 6.1.1). It is optional, but GnuPG 2.2 does not find the end of some texts without it.
fn checksum(bytes: &[u8]) -> [u8; 3] {
    const GENERATOR: u32 = 0x0186_4cfb;
    let rest = bytes.iter().fold(0x00b7_04ce, |rest: u32, byte| {
        (0..8).fold(rest ^ u32::from(*byte) << 16, |rest, _| {
            let shifted = rest << 1;
            if shifted & 0x0100_0000 == 0 {
                shifted
            } else {
                shifted ^ GENERATOR
            }
        })
    });
    let [_, high, middle, low] = rest.to_be_bytes();
    [high, middle, low]
}

/// A message in letters that can be pasted (RFC 9580 section 6.2).
pub(in crate::own) fn armored(message: &[u8]) -> String {
    let mut text = String::from("-----BEGIN PGP MESSAGE-----\n\n");
    for line in message.chunks(LINE_BYTES) {
        text.push_str(&BASE64_STANDARD.encode(line));
        text.push('\n');
    }
    text.push('=');
    text.push_str(&BASE64_STANDARD.encode(checksum(message)));
    text.push_str("\n-----END PGP MESSAGE-----\n");
    text
}
