//! Photos in cases. What comes from a telephone says where and with which device it was taken; what is kept does not: the picture is
//! decoded and drawn anew, so that nothing else of the file is left.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

/// The largest photo that is taken, in bytes.
pub const MAX_PHOTO_BYTES: usize = 6 * 1024 * 1024;
/// The largest photo that is taken, in pixels of each side.
pub const MAX_PHOTO_PIXELS: u32 = 8_192;
/// The most memory that decoding takes.
const MAX_DECODED_BYTES: u64 = 256 * 1024 * 1024;
/// What is kept fits into a square of so many pixels.
const KEPT_PIXELS: u32 = 1_600;
const QUALITY: u8 = 82;

/// Why a photo is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhotoError {
    /// It is too large.
    #[error("a photo has at most {} MB and {MAX_PHOTO_PIXELS} pixels on each side", MAX_PHOTO_BYTES / 1_048_576)]
    Large,
    /// It is no picture.
    #[error("a photo is a JPEG or PNG file, and this one cannot be read")]
    Unreadable,
}

/// The picture alone, as a JPEG file, turned as it was meant to be seen.
pub(super) fn cleaned(bytes: &[u8]) -> Result<Vec<u8>, PhotoError> {
    if bytes.len() > MAX_PHOTO_BYTES {
        return Err(PhotoError::Large);
    }
    let unreadable = |_| PhotoError::Unreadable;
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|_| PhotoError::Unreadable)?;
    if !matches!(reader.format(), Some(ImageFormat::Jpeg | ImageFormat::Png)) {
        return Err(PhotoError::Unreadable);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_PHOTO_PIXELS);
    limits.max_image_height = Some(MAX_PHOTO_PIXELS);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(too_large)?;
    let orientation = decoder.orientation().map_err(unreadable)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(too_large)?;
    picture.apply_orientation(orientation);
    if picture.width().max(picture.height()) > KEPT_PIXELS {
        picture = picture.thumbnail(KEPT_PIXELS, KEPT_PIXELS);
    }
    let mut kept = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut kept, QUALITY);
    let plain = DynamicImage::ImageRgb8(picture.to_rgb8());
    plain.write_with_encoder(encoder).map_err(unreadable)?;
    Ok(kept)
}

fn too_large(err: image::ImageError) -> PhotoError {
    match err {
        image::ImageError::Limits(_) => PhotoError::Large,
        _ => PhotoError::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture = DynamicImage::new_rgb8(width, height);
        picture
            .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
            .unwrap();
        bytes
    }

    /// A JPEG with an EXIF segment that says the place, and to turn it by a quarter.
    fn from_a_telephone() -> Vec<u8> {
        let mut plain = Vec::new();
        DynamicImage::new_rgb8(40, 20)
            .write_to(&mut Cursor::new(&mut plain), ImageFormat::Jpeg)
            .unwrap();
        let mut exif =
            b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
        exif.extend_from_slice(b"31.5204N 74.3587E");
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        let (start, rest) = plain.split_at(2);
        [start, &[0xff, 0xe1], &length, &exif, rest].concat()
    }

    #[test]
    fn what_a_photo_says_beside_the_picture_is_dropped_and_it_is_turned_upright() {
        let sent = from_a_telephone();
        let has = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).any(|it| it == text);
        assert!(has(&sent, b"31.5204N"));
        let kept = cleaned(&sent).unwrap();
        assert!(!has(&kept, b"31.5204N") && !has(&kept, b"Exif"));
        let seen = image::load_from_memory(&kept).unwrap();
        assert_eq!((seen.width(), seen.height()), (20, 40));
    }

    #[test]
    fn a_picture_that_is_too_large_or_none_is_refused() {
        assert_eq!(
            cleaned(b"<svg onload=alert(1)>"),
            Err(PhotoError::Unreadable)
        );
        assert_eq!(cleaned(&[]), Err(PhotoError::Unreadable));
        assert_eq!(
            cleaned(&vec![0; MAX_PHOTO_BYTES + 1]),
            Err(PhotoError::Large)
        );
        assert_eq!(
            cleaned(&png(MAX_PHOTO_PIXELS + 1, 1)),
            Err(PhotoError::Large)
        );
        let large = cleaned(&png(4_000, 1_000)).unwrap();
        let seen = image::load_from_memory(&large).unwrap();
        assert_eq!((seen.width(), seen.height()), (1_600, 400));
    }
}
