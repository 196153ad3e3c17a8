use super::*;
use std::io::Cursor;

fn file(entries: &[(&str, Method, &[u8], u64)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(
        Vec::new(),
        DosTime::of(Timestamp::from_millis(1_790_000_000_000)),
    );
    for (name, method, packed, size) in entries {
        let mut crc = crc32fast::Hasher::new();
        if *method == Method::Stored {
            crc.update(packed);
        } else {
            let mut plain = Vec::new();
            let _ = flate2::read::DeflateDecoder::new(*packed).read_to_end(&mut plain);
            crc.update(&plain);
        }
        let facts = Facts {
            method: *method,
            crc32: crc.finalize(),
            size: *size,
            packed: len(packed),
        };
        zip.entry(name, facts, |sink| sink.write_all(packed))
            .unwrap();
    }
    zip.finish().unwrap().0
}

fn two() -> Vec<u8> {
    file(&[
        ("a.txt", Method::Stored, b"hello", 5),
        (
            "d/b.txt",
            Method::Deflated,
            &[0x4b, 0x4c, 0x4a, 0x06, 0x00],
            3,
        ),
    ])
}

#[track_caller]
fn read_all(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut file = Cursor::new(bytes);
    let entries = entries(&mut file).map_err(|err| err.to_string())?;
    let mut found = Vec::new();
    for entry in entries {
        let mut bytes = Vec::new();
        body(&mut file, &entry)
            .and_then(|mut it| it.read_to_end(&mut bytes))
            .map_err(|err| err.to_string())?;
        found.push((entry.name, bytes));
    }
    Ok(found)
}

#[test]
fn what_is_written_is_read() {
    let found = read_all(&two()).unwrap();
    let expected = [("a.txt", b"hello".to_vec()), ("d/b.txt", b"abc".to_vec())];
    assert_eq!(
        found,
        expected.map(|(name, bytes)| (name.to_owned(), bytes))
    );
    assert_eq!(read_all(&file(&[])), Ok(Vec::new()));
}

#[test]
fn no_changed_or_missing_byte_gives_something_else() {
    let good = two();
    let expected = read_all(&good).unwrap();
    let mut padding = 0;
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            // Deflate ends at a bit; those behind it up to the next byte mean nothing.
            if let Ok(found) = read_all(&bad) {
                assert_eq!(found, expected, "byte {at}, bit {bit}");
                padding += 1;
            }
        }
        assert!(read_all(&good[..at]).is_err(), "cut at {at}");
    }
    assert!(padding < 8, "{padding}");
    let mut longer = good.clone();
    longer.push(0);
    assert!(read_all(&longer).is_err());
    let mut before = vec![0];
    before.extend(&good);
    assert!(read_all(&before).is_err());
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in [
        "../a",
        "/a",
        "a//b",
        "a\\b",
        "C:/a",
        ".a",
        "a/./b",
        "a/..",
        "",
        "a\u{202e}b",
        "a b",
    ] {
        assert!(!is_name(name), "{name}");
        assert!(
            read_all(&file(&[(name, Method::Stored, b"x", 1)])).is_err(),
            "{name}"
        );
    }
    let twice = file(&[
        ("a", Method::Stored, b"x", 1),
        ("A", Method::Stored, b"y", 1),
    ]);
    assert!(read_all(&twice).unwrap_err().contains("two of this name"));
}

#[test]
fn what_says_to_be_larger_than_it_can_be_is_refused_before_it_is_read() {
    let bomb = file(&[("a", Method::Deflated, &[3, 0], 1 << 40)]);
    assert!(
        read_all(&bomb)
            .unwrap_err()
            .contains("larger than it can be")
    );
    // Ten of these say that they have ten megabytes each of ten kilobytes; they are read no further than they go.
    let zeros = vec![0_u8; 10_000_000];
    let mut packed = Vec::new();
    flate2::read::DeflateEncoder::new(zeros.as_slice(), flate2::Compression::best())
        .read_to_end(&mut packed)
        .unwrap();
    for size in [1, 9_999_999] {
        let lies = file(&[("a", Method::Deflated, &packed, size)]);
        assert!(read_all(&lies).unwrap_err().contains("longer"), "{size}");
    }
    let lies = file(&[("a", Method::Deflated, &packed, 10_000_001)]);
    assert!(read_all(&lies).unwrap_err().contains("shorter"));
    let mut behind = packed.clone();
    behind.extend([0; 9]);
    let lies = file(&[("a", Method::Deflated, &behind, 10_000_000)]);
    assert!(read_all(&lies).unwrap_err().contains("behind its end"));
}

#[test]
fn large_numbers_stand_in_zip64() {
    let entry = Entry {
        name: "a".to_owned(),
        method: Method::Deflated,
        crc32: 7,
        size: 5_000_000_000,
        packed: 4_999_999_999,
        offset: 6_000_000_000,
        time: DosTime::FIRST,
    };
    let central = entry.central();
    let read = read_central(&mut central.as_slice()).unwrap();
    assert_eq!(read, entry);
    let far = Entry {
        size: 5,
        packed: 5,
        ..entry
    };
    assert_eq!(read_central(&mut far.central().as_slice()).unwrap(), far);
    assert_eq!(far.local().len(), 31, "its sizes are small");
    assert_eq!(end(3, 10, 6_000_000_000).len(), 98);
    assert_eq!(end(65_535, 10, 10).len(), 98);
}
