//! What the fuzz target `request` does with what somebody sends as a signing request or a certificate. Compiled here and, with the
//! reader alone, in `fuzz/targets`.

use model::Timestamp;

use super::x509;

/// It is one or not; with something behind it, or without its end, it is none.
pub(crate) fn request(input: &[u8]) {
    if x509::read_request(input).is_ok() {
        assert!(input.len() <= x509::MAX_CERTIFICATE_BYTES);
        assert!(x509::read_request(&[input, b"0"].concat()).is_err());
        assert!(x509::read_request(&input[..input.len() - 1]).is_err());
    }
    let is_authority = x509::check_authority(input, Timestamp::EPOCH).is_ok();
    if let Some(leaf) = x509::read(input) {
        assert!(leaf.not_before_ms % 1_000 == 0 && leaf.not_after_ms % 1_000 == 0);
        assert!(x509::read(&[input, b"0"].concat()).is_none());
    } else {
        // Names that are no text are not read, and an authority may have such.
        assert!(!is_authority || input.first() == Some(&0x30));
    }
}
