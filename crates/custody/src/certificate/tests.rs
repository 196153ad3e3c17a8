//! Text forms; what needs rows is in the tests of the crate.

use super::*;

/// The fuzz target `request`.
#[test]
fn every_kept_input_of_signing_requests_still_holds() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/fuzz/request");
    let (mut inputs, mut requests) = (0, 0);
    for entry in corpus.read_dir().unwrap() {
        let input = std::fs::read(entry.unwrap().path()).unwrap();
        any_request::request(&input);
        inputs += 1;
        requests += usize::from(x509::read_request(&input).is_ok());
    }
    assert!(inputs >= 5 && requests >= 2, "{requests} of {inputs}");
}

#[test]
fn serial_numbers_are_read_as_other_tools_print_them() {
    let serial = Serial::of(&[0, 0x0a, 0xbc]).unwrap();
    assert_eq!(serial.as_str(), "0abc");
    for text in ["0abc", "0ABC", "0A:BC", "abc", "00:0a:bc"] {
        assert_eq!(Serial::parse(text).as_ref(), Some(&serial), "{text}");
    }
    for text in ["", "00", "xyz", &"ab".repeat(21), &"0".repeat(200)] {
        assert_eq!(Serial::parse(text), None, "{text}");
    }
    assert_eq!(Serial::of(&[1; 21]), None);
}

#[test]
fn an_authority_is_known_by_its_certificate() {
    let id = AuthorityId::of(b"certificate");
    assert_eq!(AuthorityId::parse(id.as_str()), Some(id));
    for text in ["", "abc", &"g".repeat(32), &"A".repeat(32), &"a".repeat(64)] {
        assert_eq!(AuthorityId::parse(text), None, "{text}");
    }
}
