//! The QR code on the sign.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

/// The edge of the picture in its own units; it scales without loss.
const EDGE: u32 = 240;

/// The address does not fit into a QR code.
#[derive(Debug, thiserror::Error)]
#[error("`{address}` does not fit into a QR code")]
pub struct CodeError {
    address: String,
    #[source]
    source: qrcode::types::QrError,
}

/// The code for `address` as an SVG picture, black on white with the quiet zone that scanners need.
/// Error correction Q: a quarter of the sign may be scratched.
pub(crate) fn svg(address: &str) -> Result<String, CodeError> {
    let code = QrCode::with_error_correction_level(address, EcLevel::Q).map_err(|source| {
        let address = address.to_owned();
        CodeError { address, source }
    })?;
    let mut picture = code.render::<svg::Color<'_>>();
    Ok(picture.min_dimensions(EDGE, EDGE).quiet_zone(true).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_picture_without_script() {
        let picture = svg("https://amanat.example/d/lahore-air").unwrap();
        assert!(picture.contains("<svg") && picture.contains("<path"));
        assert!(!picture.contains("script"));
    }

    #[test]
    fn an_address_that_does_not_fit_is_an_error() {
        assert!(svg(&"a".repeat(4_000)).is_err());
    }
}
