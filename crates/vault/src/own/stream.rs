//! What a sealed file is: written, and looked at without opening it.

use std::io::{self, Write};

use super::openpgp;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnFormat {
    /// An age file.
    Age,
    /// An OpenPGP message.
    OpenPgp,
}

impl OwnFormat {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::Age, Self::OpenPgp];

    /// How the names of such files end, and the word in rows.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::OpenPgp => "pgp",
        }
    }

    /// Reads the word in rows.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.extension() == text)
    }

    /// Looks at the beginning of a file: to how many keys it is sealed and where what is sealed begins; `None` where it is none of ours.
    pub(crate) fn header_of(self, bytes: &[u8]) -> Option<(usize, usize)> {
        match self {
            Self::Age => age_header(bytes),
            Self::OpenPgp => openpgp::header_of(bytes),
        }
    }

    /// How many bytes a file has from there on, for so many inside.
    pub(crate) const fn payload_bytes(self, plain: u64) -> u64 {
        match self {
            Self::Age => age_payload(plain),
            Self::OpenPgp => openpgp::payload_bytes(plain),
        }
    }
}

/// In age, a nonce, and a tag for each piece of 64 KiB.
const fn age_payload(plain: u64) -> u64 {
    const PIECE: u64 = 64 * 1024;
    let pieces = if plain == 0 { 1 } else { plain.div_ceil(PIECE) };
    16 + plain + 16 * pieces
}

fn age_header(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut rest = bytes.strip_prefix(b"age-encryption.org/v1\n")?;
    let mut stanzas = 0;
    loop {
        let end = rest.iter().position(|it| *it == b'\n')?;
        let (line, after) = rest.split_at_checked(end + 1)?;
        rest = after;
        if line.starts_with(b"-> ") {
            stanzas += 1;
        }
        if line.starts_with(b"--- ") {
            return (line.len() == 48).then_some((stanzas, bytes.len() - rest.len()));
        }
    }
}

/// A file that is being written.
pub(crate) struct OwnWriter<W: Write>(Inner<W>);

enum Inner<W: Write> {
    Age(Box<age::stream::StreamWriter<W>>),
    OpenPgp(Box<openpgp::Sealing<W>>),
}

impl<W: Write> OwnWriter<W> {
    pub(super) fn age(stream: age::stream::StreamWriter<W>) -> Self {
        Self(Inner::Age(Box::new(stream)))
    }

    pub(super) fn openpgp(sealing: openpgp::Sealing<W>) -> Self {
        Self(Inner::OpenPgp(Box::new(sealing)))
    }

    /// Writes the end.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self.0 {
            Inner::Age(it) => it.finish(),
            Inner::OpenPgp(it) => it.finish(),
        }
    }
}

impl<W: Write> Write for OwnWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Age(it) => it.write(bytes),
            Inner::OpenPgp(it) => it.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Inner::Age(it) => it.flush(),
            Inner::OpenPgp(it) => it.flush(),
        }
    }
}
