//! What a crash leaves behind, and what must not be taken for one.

use std::path::{Path, PathBuf};

use model::Subject;
use vault::{OpenError, StoredReading, Vault, VaultOptions};

use crate::fixture::{
    Fixture, START, all, keep, on_each_database, on_sqlite, person, reading, segments_in, stored,
};

/// Copies of a vault's segments, to be changed and opened in its place.
struct Image<'a> {
    fixture: &'a Fixture,
    dir: PathBuf,
    kept_segments: i64,
}

impl<'a> Image<'a> {
    /// The segments as they lie on the disk at this moment, as if the process had been killed.
    fn of(fixture: &'a Fixture) -> Self {
        let dir = fixture.home.path().join("image");
        Self {
            fixture,
            dir,
            kept_segments: fixture.count("vault_segment"),
        }
    }

    /// Opens the image after `change` was applied to the bytes of its last segment with the first record.
    fn open(&self, change: impl Fn(&mut Vec<u8>)) -> Result<Vault, OpenError> {
        let _ = std::fs::remove_dir_all(&self.dir);
        std::fs::create_dir(&self.dir).unwrap();
        for (n, path) in self.fixture.segments().into_iter().enumerate() {
            let mut bytes = std::fs::read(&path).unwrap();
            if n == 0 {
                change(&mut bytes);
            }
            std::fs::write(self.dir.join(path.file_name().unwrap()), bytes).unwrap();
        }
        self.fixture.try_open(VaultOptions {
            dir: self.dir.clone(),
            ..self.fixture.options()
        })
    }

    /// Takes back the rows of segments that opening the image made.
    fn forget(&self) {
        let sql = "DELETE FROM vault_segment WHERE number > $1";
        self.fixture
            .db
            .write(|tx| tx.execute(sql, &[self.kept_segments.into()]))
            .unwrap();
    }
}

fn length(dir: &Path) -> usize {
    let path = segments_in(dir).pop().unwrap();
    usize::try_from(std::fs::metadata(path).unwrap().len()).unwrap()
}

/// Three groups of readings; after each group everything so far is durable, and the file has the noted length.
fn three_groups(
    fixture: &Fixture,
    vault: &Vault,
    subject: &Subject,
) -> (Vec<StoredReading>, Vec<(usize, usize)>) {
    let mut appended = Vec::new();
    let mut durable = vec![(0, 0)];
    for group in 0..3_i64 {
        for n in 0..3 {
            let one = stored(
                subject,
                START.plus_millis(group * 10 + n),
                &format!("group {group}, {n}"),
            );
            vault.append(&reading(&one)).unwrap();
            appended.push(one);
        }
        keep(vault, &stored(&person("other"), START, "end of group"));
        durable.push((length(&fixture.dir()), appended.len()));
    }
    (appended, durable)
}

#[test]
fn a_killed_process_loses_nothing_that_was_durable() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        let (appended, _) = three_groups(&fixture, &vault, &subject);
        let image = Image::of(&fixture);
        let reopened = image.open(|_| {}).unwrap();
        assert_eq!(all(&reopened, &subject, START), appended);
        let more = stored(&subject, START.plus_millis(500), "after the crash");
        keep(&reopened, &more);
        reopened.maintain(START).unwrap();
        let expected: Vec<_> = appended.into_iter().chain([more]).collect();
        assert_eq!(all(&reopened, &subject, START), expected);
    });
}

#[test]
fn a_segment_cut_anywhere_keeps_every_reading_before_the_cut_and_no_wrong_one() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    let subject = person("a1");
    let (appended, durable) = three_groups(&fixture, &vault, &subject);
    let image = Image::of(&fixture);
    let full = durable[3].0;
    for cut in (durable[1].0 - 40..=full)
        .step_by(3)
        .chain([full - 1, full])
    {
        let reopened = image.open(|bytes| bytes.truncate(cut)).unwrap();
        let found = all(&reopened, &subject, START);
        let (_, least) = durable.iter().rev().find(|(end, _)| *end <= cut).unwrap();
        assert!(
            found.len() >= *least,
            "cut at {cut}: {} of {least}",
            found.len()
        );
        assert_eq!(found, appended[..found.len()], "cut at {cut}");
        drop(reopened);
        image.forget();
    }
}

#[test]
fn a_torn_tail_is_cut_once_and_the_next_open_finds_a_finished_segment() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    let subject = person("a1");
    let (appended, durable) = three_groups(&fixture, &vault, &subject);
    drop(vault);
    let path = fixture.segments().pop().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(durable[3].0 - 5);
    bytes.resize(bytes.len() + 5_000, 0);
    std::fs::write(&path, &bytes).unwrap();
    let reopened = fixture.open();
    let found = all(&reopened, &subject, START);
    assert!(found.len() >= durable[2].1 && found == appended[..found.len()]);
    drop(reopened);
    let once = std::fs::read(&path).unwrap();
    assert!(once.len() < durable[3].0);
    let reopened = fixture.open();
    assert_eq!(all(&reopened, &subject, START), found);
    assert_eq!(std::fs::read(&path).unwrap(), once);
}

#[test]
fn a_changed_byte_before_the_end_is_an_error_that_says_what_to_do() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    let subject = person("a1");
    let (appended, durable) = three_groups(&fixture, &vault, &subject);
    drop(vault);
    let image = Image::of(&fixture);
    let finished = durable[3].0;
    for at in (0..finished).step_by(11).chain([finished - 1]) {
        let error = image
            .open(|bytes| bytes[at] ^= 0x10)
            .err()
            .unwrap_or_else(|| panic!("byte {at}"));
        let text = error.to_string();
        assert!(
            matches!(error, OpenError::Damaged { .. }),
            "byte {at}: {text}"
        );
        assert!(
            text.contains("restore the file") && text.contains(".abandoned"),
            "{text}"
        );
        image.forget();
    }
    for at in finished..finished + 20 {
        let reopened = image.open(|bytes| bytes[at] ^= 0x10).unwrap();
        assert_eq!(
            all(&reopened, &subject, START),
            appended,
            "byte {at} of the trailer"
        );
        drop(reopened);
        image.forget();
    }
}

#[test]
fn a_segment_of_a_later_version_is_refused_by_name() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    keep(&vault, &stored(&person("a1"), START, "x"));
    drop(vault);
    let change = |bytes: &mut Vec<u8>| {
        bytes[8] = 9;
        let crc = crc32fast::hash(&bytes[..28]);
        bytes[28..32].copy_from_slice(&crc.to_le_bytes());
    };
    let error = Image::of(&fixture).open(change).err().unwrap();
    assert!(
        matches!(error, OpenError::Version { version: 9, .. }),
        "{error}"
    );
}

#[test]
fn a_missing_segment_is_an_error_until_it_is_said_to_be_abandoned() {
    on_each_database(|fixture| {
        let vault = fixture.open();
        let subject = person("a1");
        keep(&vault, &stored(&subject, START, "first"));
        drop(vault);
        let path = fixture.segments().pop().unwrap();
        let mut abandoned = path.clone().into_os_string();
        abandoned.push(".abandoned");
        std::fs::rename(&path, fixture.home.path().join("elsewhere")).unwrap();
        let error = fixture.try_open(fixture.options()).err().unwrap();
        assert!(
            matches!(&error, OpenError::Missing { path: missing } if *missing == path),
            "{error}"
        );
        std::fs::write(&abandoned, "").unwrap();
        let vault = fixture.open();
        assert_eq!(all(&vault, &subject, START), []);
        keep(&vault, &stored(&subject, START, "second"));
        drop(vault);
        assert_eq!(all(&fixture.open(), &subject, START).len(), 1);
    });
}

#[test]
fn segments_of_another_database_are_refused() {
    let fixture = on_sqlite();
    let vault = fixture.open();
    keep(&vault, &stored(&person("a1"), START, "x"));
    drop(vault);
    let other = Fixture {
        db: on_sqlite().db,
        home: testkit::temp_dir(),
    };
    let options = VaultOptions {
        dir: fixture.dir(),
        ..other.options()
    };
    let error = other.try_open(options).err().unwrap();
    assert!(matches!(error, OpenError::Unknown { .. }), "{error}");
    assert_eq!(fixture.segments().len(), 1);
}

#[test]
fn a_second_process_is_kept_out() {
    let fixture = on_sqlite();
    let _vault = fixture.open();
    let error = fixture.try_open(fixture.options()).err().unwrap();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
}
