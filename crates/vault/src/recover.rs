//! What a vault finds when it is opened: segments of earlier processes.
//!
//! | row | file | what it means | what is done |
//! |---|---|---|---|
//! | open | there | its readings are not in blocks | scanned; a torn tail is cut, the trailer written |
//! | done | there | crash between commit and deletion | file deleted, row deleted |
//! | done | gone | crash between deletion and row | row deleted |
//! | open | gone | somebody took it | error, unless `NAME.abandoned` says that it is meant |
//! | none | there, without records | crash before it was used | file deleted |
//! | none | there, with records | another database's | error |

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use store::Db;

use crate::disk::{Disk, names_ending};
use crate::log::{ClosedSegment, Segment, finish};
use crate::rows::{SegmentRow, segments};
use crate::segment::{
    HeaderFault, SEGMENT_HEADER_BYTES, SUFFIX, SegmentName, parse_header, scan, suite_of_header,
    widen,
};
use crate::vault::OpenError;

/// What was found.
pub(crate) struct Recovered {
    /// Segments whose readings are not in blocks, oldest first.
    pub(crate) closed: Vec<Arc<ClosedSegment>>,
    /// Rows to be deleted once the new segment has its own.
    pub(crate) forgotten: Vec<SegmentName>,
    /// Number of the new segment: above every other.
    pub(crate) next_number: u64,
}

/// Looks at rows and files and puts them in order.
pub(crate) fn recover(disk: &dyn Disk, db: &Db, directory: &Path) -> Result<Recovered, OpenError> {
    let rows = db.read(segments).map_err(OpenError::Rows)?;
    let files = names_ending(directory, SUFFIX).map_err(|source| OpenError::Directory {
        path: directory.to_owned(),
        source,
    })?;
    let known: HashSet<PathBuf> = rows.iter().map(|it| it.name.path(directory)).collect();
    for path in files.iter().filter(|it| !known.contains(*it)) {
        remove_unused(disk, path)?;
    }
    let mut recovered = Recovered {
        closed: Vec::new(),
        forgotten: Vec::new(),
        next_number: rows.iter().map(|it| it.name.number).max().unwrap_or(0) + 1,
    };
    let files: HashSet<PathBuf> = files.into_iter().collect();
    for SegmentRow { name, is_done } in rows {
        let path = name.path(directory);
        match (is_done, files.contains(&path)) {
            (true, true) => {
                disk.remove(&path).map_err(file_error(&path))?;
                recovered.forgotten.push(name);
            }
            (true, false) => recovered.forgotten.push(name),
            (false, true) => recovered.closed.push(Arc::new(reopen(disk, name, path)?)),
            (false, false) => {
                check_abandoned(&path)?;
                recovered.forgotten.push(name);
            }
        }
    }
    disk.sync_directory(directory)
        .map_err(file_error(directory))?;
    Ok(recovered)
}

/// A missing segment is missed, unless somebody said that it may go.
fn check_abandoned(path: &Path) -> Result<(), OpenError> {
    let mut abandoned = path.to_owned().into_os_string();
    abandoned.push(".abandoned");
    if !Path::new(&abandoned).exists() {
        return Err(OpenError::Missing {
            path: path.to_owned(),
        });
    }
    tracing::warn!(segment = %path.display(), "segment `{}` is abandoned: its readings are lost", path.display());
    Ok(())
}

/// Removes a file that has no row, if no record was ever written to it.
fn remove_unused(disk: &dyn Disk, path: &Path) -> Result<(), OpenError> {
    let file = disk.open(path).map_err(file_error(path))?;
    let len = file.len().map_err(file_error(path))?;
    if len > widen(SEGMENT_HEADER_BYTES) {
        return Err(OpenError::Unknown {
            path: path.to_owned(),
        });
    }
    drop(file);
    disk.remove(path).map_err(file_error(path))
}

fn reopen(disk: &dyn Disk, name: SegmentName, path: PathBuf) -> Result<ClosedSegment, OpenError> {
    let file = disk.open(&path).map_err(file_error(&path))?;
    let len = file.len().map_err(file_error(&path))?;
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, 0)
        .map_err(file_error(&path))?;
    match parse_header(&bytes) {
        Ok(found) if found == name => {}
        Ok(_) | Err(HeaderFault::Damaged) => return Err(OpenError::Damaged { path, offset: 0 }),
        Err(HeaderFault::Version(version)) => return Err(OpenError::Version { path, version }),
    }
    let contents = match scan(name.id, &bytes) {
        Ok(contents) => contents,
        Err(damage) => {
            return Err(OpenError::Damaged {
                path,
                offset: damage.offset,
            });
        }
    };
    let segment = Arc::new(Segment {
        name,
        header: name.header(suite_of_header(&bytes).unwrap_or_default()),
        path,
        file,
        durable_end: AtomicU64::new(contents.end),
        is_finished: AtomicBool::new(true),
    });
    if !contents.is_finished {
        tracing::info!(
            segment = %segment.path.display(),
            "segment `{}` was not finished: kept {} readings, cut {} bytes behind them",
            segment.path.display(),
            contents.records,
            len.saturating_sub(contents.end),
        );
        finish(&segment, contents.end, contents.batches, contents.records)
            .map_err(OpenError::Segment)?;
    }
    Ok(ClosedSegment {
        segment,
        index: contents.index,
    })
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError::Directory {
        path: path.to_owned(),
        source,
    }
}
