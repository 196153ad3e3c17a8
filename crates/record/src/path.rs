//! The paths of a log's files, as in C2SP `tlog-tiles`.

use std::fmt;
use std::num::NonZeroU8;

/// Hashes in a full tile and entries in a full bundle.
pub(crate) const TILE_WIDTH: u16 = 256;

/// Tile height: each tile level is this many tree levels.
pub(crate) const TILE_HEIGHT: u32 = 8;

/// The highest tile level that the format can name.
pub(crate) const MAX_LEVEL: u8 = 63;

/// One file of a log. Every value prints as a path that parses back to it, and only such paths parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogPath {
    /// The signed tree head; the only file that changes.
    Checkpoint,
    /// A tile of hashes.
    Tile {
        /// 0 for leaf hashes; each level above holds the roots of full tiles below.
        level: u8,
        /// Position within the level.
        index: u64,
        /// Width of a partial tile; `None` for a full one.
        partial: Option<NonZeroU8>,
    },
    /// A bundle of entries.
    Entries {
        /// Position of the bundle.
        index: u64,
        /// Width of a partial bundle; `None` for a full one.
        partial: Option<NonZeroU8>,
    },
}

impl LogPath {
    /// Parses a path relative to the log's prefix; `None` if it is not exactly the path of a log file.
    pub fn parse(text: &str) -> Option<LogPath> {
        let path = parse_loosely(text)?;
        (path.to_string() == text).then_some(path)
    }

    /// The same tile or bundle at a width: full from 256 on, partial from 1 to 255. `None` for width 0.
    pub(crate) fn at_width(self, width: u16) -> Option<LogPath> {
        let width = match u8::try_from(width) {
            Ok(narrow) => Some(NonZeroU8::new(narrow)?),
            Err(_) => None,
        };
        Some(match self {
            LogPath::Checkpoint => LogPath::Checkpoint,
            LogPath::Tile { level, index, .. } => LogPath::Tile {
                level,
                index,
                partial: width,
            },
            LogPath::Entries { index, .. } => LogPath::Entries {
                index,
                partial: width,
            },
        })
    }

    /// The same tile or bundle when full.
    pub(crate) fn full(self) -> LogPath {
        self.at_width(TILE_WIDTH).unwrap_or(self)
    }

    /// How many hashes or entries this file holds.
    pub(crate) fn width(self) -> u16 {
        match self {
            LogPath::Checkpoint => 0,
            LogPath::Tile { partial, .. } | LogPath::Entries { partial, .. } => {
                partial.map_or(TILE_WIDTH, |width| u16::from(width.get()))
            }
        }
    }

    /// How many hashes or entries this tile or bundle has in a tree of `size` entries: 0 to 256.
    pub(crate) fn width_at(self, size: u64) -> u16 {
        let (level, index) = match self {
            LogPath::Checkpoint => return 0,
            LogPath::Tile { level, index, .. } => (level, index),
            LogPath::Entries { index, .. } => (0, index),
        };
        let nodes = size
            .checked_shr(TILE_HEIGHT * u32::from(level))
            .unwrap_or(0);
        let before = index.saturating_mul(u64::from(TILE_WIDTH));
        u16::try_from(nodes.saturating_sub(before))
            .map_or(TILE_WIDTH, |width| width.min(TILE_WIDTH))
    }
}

impl fmt::Display for LogPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, partial) = match self {
            LogPath::Checkpoint => return f.write_str("checkpoint"),
            LogPath::Tile {
                level,
                index,
                partial,
            } => {
                write!(f, "tile/{level}/")?;
                (*index, partial)
            }
            LogPath::Entries { index, partial } => {
                f.write_str("tile/entries/")?;
                (*index, partial)
            }
        };
        write_index(f, index)?;
        match partial {
            Some(width) => write!(f, ".p/{width}"),
            None => Ok(()),
        }
    }
}

/// Three digits a path element, the most significant first; all but the last begin with `x`.
fn write_index(f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    let mut rest = index / 1000;
    let mut groups = Vec::new();
    while rest > 0 {
        groups.push(rest % 1000);
        rest /= 1000;
    }
    for group in groups.iter().rev() {
        write!(f, "x{group:03}/")?;
    }
    write!(f, "{:03}", index % 1000)
}

/// Accepts every log path and some others; [`LogPath::parse`] prints the result again to tell them apart.
fn parse_loosely(text: &str) -> Option<LogPath> {
    if text == "checkpoint" {
        return Some(LogPath::Checkpoint);
    }
    let (kind, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let (index, partial) = match rest.split_once(".p/") {
        Some((index, width)) => (parse_index(index)?, Some(width.parse().ok()?)),
        None => (parse_index(rest)?, None),
    };
    if kind == "entries" {
        return Some(LogPath::Entries { index, partial });
    }
    let level: u8 = kind.parse().ok()?;
    (level <= MAX_LEVEL).then_some(LogPath::Tile {
        level,
        index,
        partial,
    })
}

fn parse_index(text: &str) -> Option<u64> {
    text.split('/').try_fold(0_u64, |index, group| {
        let digits = group.strip_prefix('x').unwrap_or(group);
        index
            .checked_mul(1000)?
            .checked_add(digits.parse::<u16>().ok()?.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<LogPath>) {
        assert_eq!(LogPath::parse(text), expected, "`{text}`");
        if let Some(path) = expected {
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn log_paths_parse_and_print() {
        check("checkpoint", Some(LogPath::Checkpoint));
        check(
            "tile/0/000",
            Some(LogPath::Tile {
                level: 0,
                index: 0,
                partial: None,
            }),
        );
        let partial = NonZeroU8::new(17);
        check(
            "tile/63/x001/x234/067",
            Some(LogPath::Tile {
                level: 63,
                index: 1_234_067,
                partial: None,
            }),
        );
        check(
            "tile/1/x001/000.p/17",
            Some(LogPath::Tile {
                level: 1,
                index: 1000,
                partial,
            }),
        );
        check(
            "tile/entries/999.p/17",
            Some(LogPath::Entries {
                index: 999,
                partial,
            }),
        );
        let largest = LogPath::Entries {
            index: u64::MAX,
            partial: None,
        };
        check(&largest.to_string(), Some(largest));
    }

    #[test]
    fn other_paths_are_refused() {
        for text in [
            "",
            "/checkpoint",
            "checkpoint/",
            "Checkpoint",
            "checkpoint.tmp",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/x000/000",
            "tile/0/x001",
            "tile/0/001/000",
            "tile/0/x1/000",
            "tile/00/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/+1/000",
            "tile/0/+00",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/+1",
            "tile/0/000.p/",
            "tile/0/000.p/1/2",
            "tile/0/000.p/1.p/1",
            "tile/entries/../../secret",
            "tile/entries/x00a/000",
            "tile/0/../000",
            "../checkpoint",
            "tile//000",
            "tile/0/x018446744073709551616",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/000\0",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn widths_follow_the_example_of_the_specification() {
        let width = |level, index| {
            LogPath::Tile {
                level,
                index,
                partial: None,
            }
            .width_at(70_000)
        };
        assert_eq!([width(0, 272), width(0, 273), width(0, 274)], [256, 112, 0]);
        assert_eq!([width(1, 0), width(1, 1), width(1, 2)], [256, 17, 0]);
        assert_eq!(
            [width(2, 0), width(2, 1), width(3, 0), width(63, 0)],
            [1, 0, 0, 0]
        );
        assert_eq!(
            LogPath::Tile {
                level: 1,
                index: 0,
                partial: None
            }
            .width_at(256),
            1
        );
    }
}
