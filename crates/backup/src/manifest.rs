//! What a backup consists of: JSON, sealed.
//!
//! It names everything that is needed to put the backup back, and nothing that could act: no SQL, no path, no command. The steps of
//! migrations are compared with those of the program; names of segments are two numbers.

use std::collections::BTreeSet;
use std::fmt;

use data_encoding::HEXLOWER;
use model::Timestamp;
use serde::{Deserialize, Serialize};
use store::AppliedStep;

use crate::repository::ChunkId;
use crate::seal::widen;

/// A manifest never holds more: enough for about half a terabyte.
pub(crate) const MAX_MANIFEST_BYTES: usize = 64 * 1024 * 1024;
const VERSION: u32 = 1;
/// So many segments are in one backup: each waits at most an hour for maintenance.
const MAX_SEGMENTS: usize = 100_000;
/// No segment is longer: it is followed by a new one at one GiB at most, and the last batch is no longer either.
const MAX_SEGMENT_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// So many steps have made the tables.
const MAX_STEPS: usize = 10_000;
/// A name or a version is no longer.
const MAX_WORD_BYTES: usize = 1024;
const ID_DIGITS: usize = 8;

/// Names a backup: the second when it was begun, and digits of which the first three are its millisecond (so that
/// names are in the order of time) and the others random.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackupId(String);

impl BackupId {
    pub(crate) fn new(at: Timestamp) -> Result<Self, getrandom::Error> {
        // 2026-11-23T20:15:00.123Z without what a file name need not have.
        let text = at.to_string();
        let seconds = text.split(['.', 'Z']).next().unwrap_or_default();
        let compact: String = seconds
            .chars()
            .filter(|it| !matches!(it, '-' | ':'))
            .collect();
        let mut random = [0; ID_DIGITS / 2];
        getrandom::fill(&mut random)?;
        let millis = at.as_millis().rem_euclid(1_000);
        let random = HEXLOWER.encode(&random);
        let random = random.get(3..).unwrap_or_default();
        Ok(Self(format!("{compact}Z-{millis:03x}{random}")))
    }

    /// Reads `20261123T201500Z-0a1b2c3d`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (time, random) = text.split_once("Z-")?;
        let (day, clock) = time.split_once('T')?;
        let is_number =
            |it: &str, digits| it.len() == digits && it.bytes().all(|it| it.is_ascii_digit());
        let is_hex = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'f');
        let is_random = random.len() == ID_DIGITS && random.bytes().all(is_hex);
        (is_number(day, 8) && is_number(clock, 6) && is_random).then(|| Self(text.to_owned()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BackupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a backup consists of, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its name.
    pub id: BackupId,
    /// Everything that was acknowledged before this is in it.
    pub at: Timestamp,
    /// The version of the program that made it.
    pub program: String,
    /// The name of the installation's public record.
    pub origin: String,
    /// The verifier key of the installation's public record.
    pub verifier: String,
    /// How many rows it has.
    pub rows: u64,
    /// How many segments of the log it has.
    pub segments: usize,
    /// How many bytes it holds in all.
    pub bytes: u64,
    /// How many bytes it added to the repository.
    pub new_bytes: u64,
    /// How many erasures were known when it was made: so many at least must be known when it is put back.
    pub erasures: u64,
    pub(crate) steps: Vec<AppliedStep>,
    pub(crate) row_chunks: Vec<ChunkId>,
    pub(crate) logs: Vec<LogFile>,
}

/// A segment of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogFile {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) chunks: Vec<ChunkId>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    id: String,
    at: String,
    program: String,
    origin: String,
    verifier: String,
    rows: u64,
    bytes: u64,
    new_bytes: u64,
    erasures: u64,
    steps: Vec<WrittenStep>,
    /// 64 hexadecimal digits for each.
    row_chunks: String,
    segments: Vec<WrittenSegment>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStep {
    owner: String,
    version: u32,
    checksum: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSegment {
    name: String,
    bytes: u64,
    chunks: String,
}

impl Manifest {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, String> {
        self.check()?;
        let bytes = serde_json::to_vec(&self.written()).map_err(|err| err.to_string())?;
        match bytes.len() > MAX_MANIFEST_BYTES {
            true => Err("a backup cannot have so many pieces".to_owned()),
            false => Ok(bytes),
        }
    }

    fn written(&self) -> Written {
        let steps = self.steps.iter().map(|it| WrittenStep {
            owner: it.owner.clone(),
            version: it.version,
            checksum: it.checksum.clone(),
        });
        let segments = self.logs.iter().map(|it| WrittenSegment {
            name: it.name.clone(),
            bytes: it.bytes,
            chunks: hex(&it.chunks),
        });
        Written {
            version: VERSION,
            id: self.id.to_string(),
            at: self.at.to_string(),
            program: self.program.clone(),
            origin: self.origin.clone(),
            verifier: self.verifier.clone(),
            rows: self.rows,
            bytes: self.bytes,
            new_bytes: self.new_bytes,
            erasures: self.erasures,
            steps: steps.collect(),
            row_chunks: hex(&self.row_chunks),
            segments: segments.collect(),
        }
    }

    pub(crate) fn decode(bytes: &[u8], id: &BackupId) -> Result<Self, String> {
        let written: Written = serde_json::from_slice(bytes).map_err(|err| {
            format!(
                "no list of a backup (line {}, column {})",
                err.line(),
                err.column()
            )
        })?;
        if written.version != VERSION {
            return Err(format!("version {} is not known", written.version));
        }
        if written.id != id.as_str() {
            return Err("it is the list of another backup".to_owned());
        }
        let at = Timestamp::parse(&written.at).map_err(|_| "its time cannot be read".to_owned())?;
        let steps = written.steps.into_iter().map(|it| AppliedStep {
            owner: it.owner,
            version: it.version,
            checksum: it.checksum,
        });
        let mut logs = Vec::with_capacity(written.segments.len());
        for segment in written.segments {
            logs.push(LogFile {
                chunks: ids(&segment.chunks)?,
                name: segment.name,
                bytes: segment.bytes,
            });
        }
        let manifest = Self {
            id: id.clone(),
            at,
            program: written.program,
            origin: written.origin,
            verifier: written.verifier,
            rows: written.rows,
            segments: logs.len(),
            bytes: written.bytes,
            new_bytes: written.new_bytes,
            erasures: written.erasures,
            steps: steps.collect(),
            row_chunks: ids(&written.row_chunks)?,
            logs,
        };
        manifest.check()?;
        Ok(manifest)
    }

    /// Whether a backup may consist of this. Whoever has the key can write any list, and none may fill a disk or leave its directory.
    fn check(&self) -> Result<(), String> {
        if self.logs.len() > MAX_SEGMENTS || self.steps.len() > MAX_STEPS {
            return Err("it has more segments or steps than a backup may have".to_owned());
        }
        let words = [&self.program, &self.origin, &self.verifier];
        let steps = self.steps.iter().flat_map(|it| [&it.owner, &it.checksum]);
        // The key of the record is a line, with its end.
        let is_word =
            |it: &String| it.len() <= MAX_WORD_BYTES && !it.trim_end().contains(char::is_control);
        if !words.into_iter().chain(steps).all(is_word) {
            return Err("a name in it is too long, or is no text".to_owned());
        }
        let mut names = BTreeSet::new();
        let mut bytes = 0_u64;
        for log in &self.logs {
            // The name becomes that of a file.
            if !vault::is_segment_file_name(&log.name) || !names.insert(&log.name) {
                return Err(
                    "a segment has a name that segments do not have, or that of another".to_owned(),
                );
            }
            if log.bytes > MAX_SEGMENT_BYTES || widen(log.chunks.len()) > log.bytes {
                return Err(
                    "a segment is longer than segments are, or has more pieces than bytes"
                        .to_owned(),
                );
            }
            bytes = bytes.saturating_add(log.bytes);
        }
        match bytes > self.bytes {
            true => Err("its segments are longer than all of it".to_owned()),
            false => Ok(()),
        }
    }

    /// Every chunk that it needs.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = ChunkId> {
        let logs = self.logs.iter().flat_map(|it| &it.chunks);
        self.row_chunks.iter().chain(logs).copied()
    }
}

fn hex(ids: &[ChunkId]) -> String {
    let bytes: Vec<u8> = ids.iter().flat_map(|it| it.0).collect();
    HEXLOWER.encode(&bytes)
}

fn ids(digits: &str) -> Result<Vec<ChunkId>, String> {
    let words = || "a name of a piece cannot be read".to_owned();
    let bytes = HEXLOWER.decode(digits.as_bytes()).map_err(|_| words())?;
    let pieces = bytes.chunks_exact(32);
    if !pieces.remainder().is_empty() {
        return Err(words());
    }
    pieces
        .map(|it| it.try_into().map(ChunkId).map_err(|_| words()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let at = Timestamp::parse("2026-11-23T20:15:00.123Z").unwrap();
        Manifest {
            id: BackupId::new(at).unwrap(),
            at,
            program: "0.1.0".to_owned(),
            origin: "record.example/test".to_owned(),
            verifier: "key".to_owned(),
            rows: 3,
            segments: 1,
            bytes: 40,
            new_bytes: 4,
            erasures: 2,
            steps: vec![AppliedStep {
                owner: "vault".to_owned(),
                version: 1,
                checksum: "sha256:00".to_owned(),
            }],
            row_chunks: vec![ChunkId([1; 32]), ChunkId([2; 32])],
            logs: vec![LogFile {
                name: "wal-0000000000000001-00000000000000aa.seg".to_owned(),
                bytes: 32,
                chunks: vec![ChunkId([3; 32])],
            }],
        }
    }

    #[test]
    fn a_list_reads_back_as_written_and_under_its_own_name_only() {
        let manifest = manifest();
        assert!(
            manifest.id.as_str().starts_with("20261123T201500Z-"),
            "{}",
            manifest.id
        );
        assert_eq!(
            BackupId::parse(manifest.id.as_str()),
            Some(manifest.id.clone())
        );
        let bytes = manifest.encode().unwrap();
        assert_eq!(Manifest::decode(&bytes, &manifest.id).unwrap(), manifest);
        let other = BackupId::parse("20261123T201500Z-00000000").unwrap();
        assert!(Manifest::decode(&bytes, &other).is_err());
    }

    #[test]
    fn names_that_lead_elsewhere_and_lists_that_are_none_are_refused() {
        for bad in [
            "",
            "..",
            "../x",
            "20261123T201500Z",
            "20261123T201500Z-",
            "20261123T201500Z-0000000g",
            "20261123T201500Z-00000000/../x",
            "2026112xT201500Z-00000000",
        ] {
            assert_eq!(BackupId::parse(bad), None, "{bad}");
        }
        let manifest = manifest();
        let text = String::from_utf8(manifest.encode().unwrap()).unwrap();
        for (from, to) in [
            (
                "wal-0000000000000001-00000000000000aa.seg",
                "../../etc/passwd",
            ),
            (
                "wal-0000000000000001-00000000000000aa.seg",
                "wal-000000000000001/-00000000000000aa.seg",
            ),
            ("\"version\":1,\"id\"", "\"version\":2,\"id\""),
            ("0101", "01"),
            ("0101", "01zz"),
            ("\"rows\":3", "\"rows\":-3"),
            ("\"rows\":3", "\"rows\":3,\"more\":1"),
            ("2026-11-23T20:15", "soon"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            let decoded = Manifest::decode(changed.as_bytes(), &manifest.id);
            assert!(decoded.is_err(), "{from} -> {to}");
        }
        assert!(Manifest::decode(b"[]", &manifest.id).is_err());
    }

    #[test]
    fn a_list_of_more_than_a_backup_may_have_is_neither_written_nor_read() {
        let segment = |n: usize, bytes: u64, chunks: usize| LogFile {
            name: format!("wal-{n:016x}-00000000000000aa.seg"),
            bytes,
            chunks: vec![ChunkId([3; 32]); chunks],
        };
        let step = manifest().steps[0].clone();
        type Change = Box<dyn Fn(&mut Manifest)>;
        let changes: [(&str, Change); 9] = [
            (
                "a segment twice",
                Box::new(|it| it.logs.push(it.logs[0].clone())),
            ),
            (
                "a long segment",
                Box::new(move |it| {
                    it.bytes = u64::MAX;
                    it.logs = vec![segment(1, MAX_SEGMENT_BYTES + 1, 1)];
                }),
            ),
            (
                "more pieces than bytes",
                Box::new(move |it| it.logs = vec![segment(1, 3, 4)]),
            ),
            (
                "more than all",
                Box::new(move |it| it.logs = vec![segment(1, 41, 1)]),
            ),
            (
                "many segments",
                Box::new(move |it| {
                    it.logs = (0..=MAX_SEGMENTS).map(|n| segment(n, 0, 0)).collect();
                }),
            ),
            (
                "many steps",
                Box::new(move |it| it.steps = vec![step.clone(); MAX_STEPS + 1]),
            ),
            (
                "a long name",
                Box::new(|it| it.origin = "x".repeat(MAX_WORD_BYTES + 1)),
            ),
            (
                "a name that a terminal obeys",
                Box::new(|it| it.origin = "a\u{1b}[2Jb".to_owned()),
            ),
            (
                "a program in two lines",
                Box::new(|it| it.program = "a\nb".to_owned()),
            ),
        ];
        for (what, change) in changes {
            let mut hostile = manifest();
            change(&mut hostile);
            assert!(hostile.encode().is_err(), "{what}");
            let bytes = serde_json::to_vec(&hostile.written()).unwrap();
            assert!(Manifest::decode(&bytes, &hostile.id).is_err(), "{what}");
        }
    }
}
