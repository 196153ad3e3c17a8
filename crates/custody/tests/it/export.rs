//! Everything that is kept about a person as one file: it holds all of it, nothing else, and shows when it was changed.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use custody::{
    AskExportError, ExportFormat, ExportFrame, ExportJob, ExportPage, ExportProgress,
    ExportRequest, ExportState, ExportSummary, VerifyExportError, verify_export,
};
use model::{Language, Level, Timestamp};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;
use record::Verifier;

use crate::fixture::{House, NOW, choice, deployment, on_both, person};

pub(crate) fn request() -> ExportRequest {
    ExportRequest {
        person: person("p-resident"),
        only: None,
        formats: ExportFormat::ALL.to_vec(),
    }
}

fn pages(summary: &ExportSummary) -> Vec<ExportPage> {
    vec![ExportPage {
        name: "index.html".to_owned(),
        body: format!("<p>{}</p>", summary.readings).into_bytes(),
    }]
}

impl House {
    pub(crate) fn export(
        &self,
        request: &ExportRequest,
        now: Timestamp,
    ) -> (ExportSummary, Vec<u8>) {
        let frame = ExportFrame {
            records: vec![crate::consent::frame(Language::En)],
            pages: &pages,
        };
        let mut file = Vec::new();
        let mut last = ExportProgress::default();
        let mut watch = |it: ExportProgress| {
            assert!(it.permille >= last.permille, "{it:?} after {last:?}");
            last = it;
            ControlFlow::Continue(())
        };
        let made =
            self.custody
                .write_export(request, &frame, &self.directory, &mut file, &mut watch, now);
        let (summary, bytes) = made.unwrap();
        assert_eq!(bytes, file.len() as u64);
        (summary, file)
    }

    fn settled(&self) {
        self.measure(r#"{"power":1}"#);
    }
}

pub(crate) fn later() -> Timestamp {
    NOW.plus_millis(60_000)
}

/// Opens a file with a reader that is not ours.
fn unzipped(file: &[u8]) -> Option<BTreeMap<String, String>> {
    let place = testkit::temp_dir();
    let path = place.path().join("e.zip");
    std::fs::write(&path, file).unwrap();
    let script = "import zipfile,sys,json\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                  print(json.dumps({n:z.read(n).decode('latin-1' if n.endswith('.parquet') else 'utf-8') for n in z.namelist()}))";
    let done = Command::new("python3")
        .args(["-c", script])
        .arg(&path)
        .output()
        .ok()?;
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    Some(serde_json::from_slice(&done.stdout).unwrap())
}

#[test]
fn gp_b4a_an_export_holds_everything_about_the_person_and_verifies() {
    on_both(|house| {
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        house.measure(r#"{"power":1210,"room":{"temperature":21.50},"ssid":"x"}"#);
        utility.next(NOW).unwrap();
        let choice = choice(
            "/power",
            "billing",
            "utility-desk",
            Level::coarse(1).unwrap(),
        );
        house.custody.choose(&[choice], NOW).unwrap();
        house.settled();
        let (summary, file) = house.export(&request(), later());
        assert_eq!((summary.choices, summary.deliveries), (1, 1));
        assert!(summary.readings >= 2, "{summary:?}");
        assert!(summary.entries >= 1);
        let key = Verifier::parse(&house.custody.record_key()).unwrap();
        let verified = verify_export(Cursor::new(&file), Some(&key)).unwrap();
        assert_eq!(verified.readings, summary.readings);
        assert_eq!(verified.record_entries, summary.entries);
        let (_, again) = house.export(&request(), later());
        let same = verify_export(Cursor::new(&again), None).unwrap();
        assert_eq!(same.files, verified.files);
        let Some(files) = unzipped(&file) else { return };
        let lines = &files["readings/home/meter-1.jsonl"];
        assert!(lines.contains(r#""body":{"power":1210}"#), "{lines}");
        assert!(
            !lines.contains("ssid"),
            "what is not declared was never kept"
        );
        assert!(files["readings/home/meter-1.csv"].contains(",/power,1210,W,"));
        let senml: serde_json::Value =
            serde_json::from_str(&files["readings/home/meter-1.senml.json"]).unwrap();
        assert_eq!(senml[0]["bn"], "meter-1:");
        assert!(files["deliveries/deliveries.csv"].contains("utility-desk,billing,home,meter-1"));
        assert!(files["choices/choices.json"].contains("amanat-choices"));
        assert!(files["notices/home.toml"].contains("[[fields]]"));
        table_holds_the_same(
            &files["readings.parquet"],
            &files["readings/home/meter-1.csv"],
        );
    });
}

/// The table for programs has the values of the CSV file in the same order, as another reader sees it.
#[track_caller]
fn table_holds_the_same(table: &str, csv: &str) {
    let bytes: Vec<u8> = table.chars().map(|it| u8::try_from(it).unwrap()).collect();
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap);
    let found: Vec<_> = rows
        .map(|row| {
            let at = Timestamp::from_millis(row.get_timestamp_millis(0).unwrap());
            let (field, number) = (row.get_string(3).unwrap(), row.get_double(4).unwrap());
            (at.to_string(), field.clone(), number)
        })
        .collect();
    let expected: Vec<_> = csv
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<_> = line.split(',').collect();
            let at = format!("{}Z", cells[0].replace(' ', "T"));
            (at, cells[3].to_owned(), cells[4].parse::<f64>().unwrap())
        })
        .collect();
    assert_eq!(found, expected);
    assert!(found.len() >= 2);
}

#[test]
fn what_is_past_its_retention_or_about_others_is_not_in_it() {
    on_both(|house| {
        house.settled();
        let far = NOW.plus_millis(4_000 * 86_400_000);
        let (summary, _) = house.export(&request(), far);
        assert_eq!(summary.readings, 0, "all of it has expired");
        let other = ExportRequest {
            person: person("p-stranger"),
            ..request()
        };
        let (summary, file) = house.export(&other, later());
        assert_eq!((summary.readings, summary.things.len()), (0, 0));
        verify_export(Cursor::new(&file), None).unwrap();
        let bus = ExportRequest {
            only: Some(deployment("bus")),
            ..request()
        };
        let (summary, _) = house.export(&bus, later());
        assert_eq!(summary.readings, 0, "the readings are of the home");
        assert_eq!(summary.left_out.len(), 1);
    });
}

#[test]
fn a_changed_export_does_not_verify_and_says_what_is_wrong() {
    on_both(|house| {
        house.settled();
        let (_, good) = house.export(&request(), later());
        let expected = verify_export(Cursor::new(&good), None).unwrap();
        let (mut refused, tried) = (0, good.len().div_ceil(7));
        for at in (0..good.len()).step_by(7) {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            let found = verify_export(Cursor::new(&bad), None);
            // Deflate ends at a bit, and those behind it up to the next byte mean nothing: what is read is the same then.
            match found {
                Ok(found) => assert_eq!((at, found), (at, expected.clone())),
                Err(_) => refused += 1,
            }
            assert!(
                verify_export(Cursor::new(&good[..at]), None).is_err(),
                "cut at {at}"
            );
        }
        assert!(refused * 100 > tried * 98, "{refused} of {tried}");
        let other = record::Signer::new("record.example/test", &[9; 32]).unwrap();
        let found = verify_export(Cursor::new(&good), Some(other.verifier()));
        assert!(
            matches!(found, Err(VerifyExportError::Signature { .. })),
            "{found:?}"
        );
    });
}

#[test]
fn an_export_can_be_stopped() {
    on_both(|house| {
        house.settled();
        let frame = ExportFrame {
            records: Vec::new(),
            pages: &pages,
        };
        let made = house.custody.write_export(
            &request(),
            &frame,
            &house.directory,
            std::io::sink(),
            &mut |_| ControlFlow::Break(()),
            later(),
        );
        assert!(matches!(made, Err(custody::ExportError::Stopped)));
    });
}

#[test]
fn many_readings_of_one_moment_are_all_there() {
    on_both(|house| {
        let thing = house.thing("meter-1", &house.meter);
        let mut last = None;
        for number in 0..1_500 {
            let payload = format!(r#"{{"power":{number}}}"#);
            last = house.custody.ingest(&thing, payload.as_bytes(), NOW).ok();
        }
        house.custody.wait_durable(last.unwrap()).unwrap();
        let (summary, file) = house.export(&request(), later());
        assert_eq!(summary.readings, 1_500);
        let Some(files) = unzipped(&file) else { return };
        let lines = &files["readings/home/meter-1.jsonl"];
        for number in 0..1_500 {
            let body = format!(r#""body":{{"power":{number}}}"#);
            assert_eq!(lines.matches(&body).count(), 1, "{number}");
        }
    });
}

#[test]
fn an_export_is_made_in_the_background_kept_sealed_and_deleted() {
    on_both(|house| {
        house.settled();
        let custody = &house.custody;
        let me = person("p-resident");
        custody.ask_export(&request(), NOW).unwrap();
        let again = custody.ask_export(&request(), NOW);
        assert!(matches!(again, Err(AskExportError::HasOne)));
        let job = custody.next_export().unwrap().unwrap();
        let frame = ExportFrame {
            records: vec![crate::consent::frame(Language::En)],
            pages: &pages,
        };
        // Stopped by the end of the process, it is made again.
        custody
            .run_export(&job, &frame, &AtomicBool::new(true), later())
            .unwrap();
        let job = custody.next_export().unwrap().unwrap();
        custody
            .run_export(&job, &frame, &AtomicBool::new(false), later())
            .unwrap();
        assert_eq!(custody.next_export().unwrap(), None);
        let ready = custody.export_of(&me, later()).unwrap().unwrap();
        assert_eq!(ready.state, ExportState::Ready);
        let read = |at: Timestamp| {
            let mut sealed = custody.open_export(&me, &ready.id, at).unwrap()?;
            let mut file = Vec::new();
            loop {
                let more = sealed.read_from(file.len() as u64, u64::MAX).unwrap();
                if more.is_empty() {
                    return Some(file);
                }
                file.extend(more);
            }
        };
        let file = read(later()).unwrap();
        assert_eq!(file.len() as u64, ready.bytes);
        verify_export(Cursor::new(&file), None).unwrap();
        let on_disk = std::fs::read(house.directory.join("exports").join(&ready.id)).unwrap();
        assert!(
            !on_disk.windows(4).any(|it| it == b"PK\x03\x04"),
            "it is sealed"
        );
        let stranger = custody.open_export(&person("p-stranger"), &ready.id, later());
        assert!(stranger.unwrap().is_none());
        let tomorrow = later().plus_millis(custody::EXPORT_KEEP_MILLIS);
        assert!(read(tomorrow).is_none(), "its time is over");
        custody.sweep_exports(tomorrow).unwrap();
        let left = std::fs::read_dir(house.directory.join("exports"))
            .unwrap()
            .count();
        assert_eq!(left, 0);
        assert_eq!(custody.export_of(&me, later()).unwrap(), None);
    });
}

/// Asks for an export of everything and has it made.
pub(crate) fn made(house: &House, now: Timestamp) -> ExportJob {
    let custody = &house.custody;
    custody.ask_export(&request(), now).unwrap();
    let job = custody.next_export().unwrap().unwrap();
    let frame = ExportFrame {
        records: vec![crate::consent::frame(Language::En)],
        pages: &pages,
    };
    let stop = AtomicBool::new(false);
    custody.run_export(&job, &frame, &stop, now).unwrap();
    let ready = custody.export_of(&person("p-resident"), now).unwrap();
    ready.unwrap()
}

#[test]
fn gp_b4a_a_finished_export_goes_when_the_first_reading_in_it_vanishes() {
    on_both(|house| {
        house.settled();
        let custody = &house.custody;
        let me = person("p-resident");
        let timeline = custody
            .timeline(&me, custody::Place::before(later()), 500, later())
            .unwrap();
        let gone = timeline.readings.iter().map(|it| it.vanishes_at);
        let first_gone = gone.min().unwrap();
        let hour = custody::LEAST_EXPORT_MILLIS;
        let day = custody::EXPORT_KEEP_MILLIS;
        for (made_before, expected) in [
            (day * 2, day),
            (hour * 5, hour * 5),
            // It can be downloaded in any case, and what has vanished meanwhile lies in it for less than an hour.
            (1_000, hour),
        ] {
            let at = first_gone.plus_millis(-made_before);
            let job = made(&house, at);
            assert_eq!(job.state, ExportState::Ready);
            assert_eq!(job.gone_at, Some(at.plus_millis(expected)));
            let after = at.plus_millis(expected);
            assert!(custody.open_export(&me, &job.id, after).unwrap().is_none());
            custody.sweep_exports(after).unwrap();
            let files = std::fs::read_dir(house.directory.join("exports"));
            assert_eq!(files.unwrap().count(), 0);
        }
    });
}

mod slow {
    use super::*;

    #[test]
    fn gp_b4a_a_hundred_thousand_readings_go_into_one_file_and_come_back_whole() {
        on_both(|house| {
            let thing = house.thing("meter-1", &house.meter);
            let mut last = None;
            for number in 0..100_000_i64 {
                let payload = format!(r#"{{"power":{}}}"#, number % 3_000);
                let at = NOW.plus_millis(number * 9);
                last = loop {
                    match house.custody.ingest(&thing, payload.as_bytes(), at) {
                        // The disk does not keep up.
                        Err(custody::IngestError::Unavailable(_)) => std::thread::yield_now(),
                        taken => break Some(taken.unwrap()),
                    }
                };
            }
            house.custody.wait_durable(last.unwrap()).unwrap();
            let end = NOW.plus_millis(100_000 * 9);
            let (summary, file) = house.export(&request(), end);
            assert_eq!(summary.readings, 100_000);
            let verified = verify_export(Cursor::new(&file), None).unwrap();
            assert_eq!(verified.readings, 100_000);
            let me = person("p-resident");
            let again = house
                .custody
                .import_export(Cursor::new(&file), None, &me, end)
                .unwrap();
            assert_eq!((again.readings, again.known), (100_000, 100_000));
        });
    }
}
