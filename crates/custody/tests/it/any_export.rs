//! What the fuzz target `export` does, so that the kept inputs are run by the stable tests too. `fuzz/targets/export.rs` calls it.

use std::io::Cursor;

/// A file is an export that verifies, or is refused with a reason in plain characters; twice the same.
pub(crate) fn export(file: &[u8]) {
    let found = custody::verify_export(Cursor::new(file), None);
    match &found {
        Ok(verified) => {
            assert!(verified.files <= custody::MAX_EXPORT_FILES as u64);
            assert!(verified.bytes <= custody::MAX_EXPORT_BYTES);
            assert!(!verified.is_key_given);
        }
        Err(err) => {
            let text = err.to_string();
            assert!(!text.is_empty() && text.len() < 4_096);
            assert!(!text.chars().any(char::is_control), "{text}");
        }
    }
    let again = custody::verify_export(Cursor::new(file), None);
    let text = |it: &Result<_, custody::VerifyExportError>| match it {
        Ok(verified) => format!("{verified:?}"),
        Err(err) => err.to_string(),
    };
    assert_eq!(text(&found), text(&again));
}

#[cfg(test)]
#[test]
fn every_kept_input_still_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/fuzz/export");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        export(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count >= 5, "{count}");
}
