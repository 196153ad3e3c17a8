//! What version 1 of every format looked like, in files that stay: they must be read for ever.
//!
//! The root key of the vectors is 32 bytes of 1, the subject key of 2, the epoch key of 3.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use model::{DeploymentId, PersonId, Retention, Subject, ThingId, Timestamp};

use crate::block::{BlockHead, open};
use crate::crypto::{KEY_BYTES, KeyId, Label, SecretKey, Suite};
use crate::disk::{Disk as _, RealDisk};
use crate::keys::{EpochKey, Shelf};
use crate::log::{Segment, Tail};
use crate::maintain::read_record;
use crate::reading::{Reading, Row};
use crate::segment::{SegmentName, parse_header, scan, trailer, widen};

const SEGMENT: &[u8] = include_bytes!("../tests/vectors/segment-v1.seg");
const BLOCK: &[u8] = include_bytes!("../tests/vectors/block-v1.bin");
const SUBJECT_KEY: &[u8] = include_bytes!("../tests/vectors/subject-key-v1.bin");
const EPOCH_KEY: &[u8] = include_bytes!("../tests/vectors/epoch-key-v1.bin");

const KEY_ID: KeyId = KeyId(0x0102_0304_0506_0708);
const EPOCH: i64 = 20_000;
const SUBJECT: &str = "person:a1";
const START_MS: i64 = EPOCH * 86_400_000;

fn secret(byte: u8) -> SecretKey {
    SecretKey::from_slice(&[byte; KEY_BYTES]).unwrap()
}

fn epoch_key() -> EpochKey {
    EpochKey::new(
        KEY_ID,
        Shelf::of(Timestamp::from_millis(START_MS), Retention::from_days(30)),
        SUBJECT.to_owned(),
        secret(3),
        Suite::default(),
    )
    .unwrap()
}

fn expected() -> Vec<Row> {
    let row = |index: u32, body: &str| Row {
        at: Timestamp::from_millis(START_MS + i64::from(index)),
        index,
        thing: ThingId::parse("meter-7").unwrap(),
        deployment: DeploymentId::parse("home-energy").unwrap(),
        retention: Retention::from_days(30),
        generation: 5,
        body: body.as_bytes().to_vec(),
    };
    vec![
        row(0, r#"{"kwh":1.25}"#),
        row(1, ""),
        row(2, r#"{"kwh":1.5}"#),
    ]
}

#[test]
fn a_segment_of_version_1_is_read() {
    let name = SegmentName {
        number: 9,
        id: 0x1112_1314_1516_1718,
    };
    assert_eq!(parse_header(SEGMENT), Ok(name));
    let contents = scan(name.id, SEGMENT).unwrap();
    assert_eq!(
        (contents.batches, contents.records, contents.is_finished),
        (2, 3, true)
    );
    let home = testkit::temp_dir();
    let path = name.path(home.path());
    std::fs::write(&path, SEGMENT).unwrap();
    let segment = Segment {
        name,
        header: name.header(Suite::default()),
        file: RealDisk.open(&path).unwrap(),
        path,
        durable_end: AtomicU64::new(widen(SEGMENT.len())),
        is_finished: AtomicBool::new(true),
    };
    let read = |frame| read_record(&segment, &epoch_key(), frame).unwrap();
    let rows: Vec<Row> = contents.index[&KEY_ID].iter().map(read).collect();
    assert_eq!(rows, expected());
}

#[test]
fn a_block_of_version_1_is_read() {
    let head = BlockHead {
        block_id: 0x2122_2324_2526_2728,
        key: KEY_ID,
        retention: Retention::from_days(30),
        segment_number: 9,
        first_at: Timestamp::from_millis(START_MS),
        last_at: Timestamp::from_millis(START_MS + 2),
        readings: 3,
    };
    assert_eq!(
        open(&epoch_key(), &head, BLOCK.to_vec()).unwrap(),
        expected()
    );
}

#[test]
fn wrapped_keys_of_version_1_are_opened() {
    let mut row = SUBJECT_KEY.to_vec();
    let data = crate::keys::subject_data(SUBJECT);
    let opened = secret(1).open_row(Label::SubjectKey, &data, &mut row);
    assert_eq!(opened.unwrap().0, [2; KEY_BYTES]);
    let mut row = EPOCH_KEY.to_vec();
    let data = crate::keys::epoch_data(KEY_ID, EPOCH, SUBJECT);
    let opened = secret(2).open_row(Label::EpochKey, &data, &mut row);
    assert_eq!(opened.unwrap().0, [3; KEY_BYTES]);
}

#[test]
fn a_segment_is_still_written_as_version_1_byte_by_byte() {
    let home = testkit::temp_dir();
    let name = SegmentName {
        number: 9,
        id: 0x1112_1314_1516_1718,
    };
    let path = name.path(home.path());
    let segment = Segment {
        name,
        header: name.header(Suite::default()),
        file: RealDisk.create(&path).unwrap(),
        path,
        durable_end: AtomicU64::new(0),
        is_finished: AtomicBool::new(false),
    };
    let mut tail = Tail::new(Arc::new(segment), Vec::new());
    let mut bytes = name.header(Suite::default()).to_vec();
    let subject = Subject::Person(PersonId::parse("a1").unwrap());
    for row in expected() {
        let reading = Reading {
            subject: &subject,
            thing: &row.thing,
            deployment: &row.deployment,
            at: row.at,
            retention: row.retention,
            generation: row.generation,
            body: &row.body,
        };
        tail.push(&epoch_key(), &reading).unwrap();
        if row.index == 0 {
            bytes.extend(tail.take_batch().unwrap().bytes);
        }
    }
    bytes.extend(tail.take_batch().unwrap().bytes);
    bytes.extend(trailer(name.id, 2, 3));
    assert!(
        bytes == SEGMENT,
        "the format changed: it needs a new version and new vectors"
    );
}
