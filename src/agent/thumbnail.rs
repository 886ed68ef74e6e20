//! Small pictures of screens: a class of sixty on one page is a few hundred KiB, and the engine never sees more.

use super::error::refused;
use crate::wire::{ErrorCode, WireError};
use image::ImageReader;
use image::codecs::jpeg::JpegEncoder;
use std::io::Cursor;

/// Widths that make sense.
const WIDTHS: std::ops::RangeInclusive<u32> = 16..=2048;
/// Good enough to read a window's title.
const QUALITY: u8 = 70;

/// The picture as a JPEG of at most this width.
///
/// # Errors
/// The width makes no sense, or it is no picture.
pub fn smaller(image: &[u8], width: u32) -> Result<Vec<u8>, WireError> {
    if !WIDTHS.contains(&width) {
        let text = format!("width: must be between {} and {}", WIDTHS.start(), WIDTHS.end());
        return Err(refused(ErrorCode::InvalidRequest, text));
    }
    let failed = |e: image::ImageError| refused(ErrorCode::Libvirt, format!("the screen's picture: {e}"));
    let reader = ImageReader::new(Cursor::new(image)).with_guessed_format();
    let whole = reader.map_err(|e| refused(ErrorCode::Io, e.to_string()))?.decode().map_err(failed)?;
    let small = if whole.width() > width { whole.thumbnail(width, whole.height()) } else { whole };
    let mut out = Vec::new();
    small.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut out, QUALITY)).map_err(failed)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, Rgb, RgbImage};

    fn picture(format: ImageFormat) -> Vec<u8> {
        let picture =
            RgbImage::from_fn(1920, 1080, |x, _| if x < 960 { Rgb([200, 30, 30]) } else { Rgb([30, 30, 200]) });
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    #[test]
    fn a_picture_gets_smaller_and_shows_the_same() {
        for format in [ImageFormat::Png, ImageFormat::Pnm] {
            let small = smaller(&picture(format), 400).unwrap();
            assert!(small.len() < 8 << 10, "{} bytes", small.len());
            let read = image::load_from_memory(&small).unwrap().to_rgb8();
            assert_eq!(read.dimensions(), (400, 225));
            let near = |at: (u32, u32), wanted: [u8; 3]| {
                read.get_pixel(at.0, at.1).0.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 12)
            };
            assert!(near((50, 100), [200, 30, 30]) && near((350, 100), [30, 30, 200]));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(smaller(b"no picture", 400).unwrap_err().code, ErrorCode::Libvirt);
        assert_eq!(smaller(&picture(ImageFormat::Png), 0).unwrap_err().code, ErrorCode::InvalidRequest);
    }
}
