//! What the fuzz targets `mqtt`, `upgrade`, `coap` and `blocks` do with an input, and that every kept input still holds.
//!
//! Their files are compiled here and, with the parsers that they call and nothing else, in `fuzz/targets`.

use std::path::Path;

/// A name, and what is done with an input.
type Target = (&'static str, fn(&[u8]));

#[test]
fn every_kept_input_of_packets_still_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/fuzz");
    let targets: [Target; 4] = [
        ("mqtt", crate::mqtt::any_bytes::mqtt),
        (
            "upgrade",
            crate::mqtt::connection::websocket::any_bytes::upgrade,
        ),
        ("coap", crate::coap::any_bytes::coap),
        ("blocks", crate::coap::any_pieces::blocks),
    ];
    for (name, target) in targets {
        let mut inputs = 0;
        for entry in corpus.join(name).read_dir().unwrap() {
            let path = entry.unwrap().path();
            let input = std::fs::read(&path).unwrap();
            let held = std::panic::catch_unwind(|| target(&input));
            assert!(held.is_ok(), "{} does not hold", path.display());
            inputs += 1;
        }
        assert!(inputs >= 5, "only {inputs} inputs for `{name}`");
    }
}
