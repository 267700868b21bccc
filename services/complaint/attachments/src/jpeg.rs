//! JPEG: pixels decoded and encoded anew; and, for pictures within a PDF, metadata taken out segment by segment.

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::orientation::{self, Orientation};
use crate::{Refusal, check_size};

/// Of 100: text on a photographed document stays readable.
const QUALITY: u8 = 85;

/// Pixels of a side that a header can state.
const MAX_STATED: usize = 65_535;

pub fn clean(file: &[u8]) -> Result<Vec<u8>, Refusal> {
    // As large as a header can say: what is too large is told from what is damaged.
    let options = DecoderOptions::default()
        .set_max_width(MAX_STATED)
        .set_max_height(MAX_STATED);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(|_| Refusal::Damaged)?;
    let info = decoder.info().ok_or(Refusal::Damaged)?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    check_size(width, height)?;
    let (space, color, channels) = if info.components == 1 {
        (ColorSpace::Luma, ExtendedColorType::L8, 1)
    } else {
        (ColorSpace::RGB, ExtendedColorType::Rgb8, 3)
    };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    let pixels = decoder.decode().map_err(|_| Refusal::Damaged)?;
    if pixels.len() != width * height * channels {
        return Err(Refusal::Damaged);
    }
    let turned = decoder
        .exif()
        .map_or(Orientation::UPRIGHT, |exif| orientation::of_exif(exif));
    let (pixels, width, height) = orientation::apply(turned, pixels, (width, height), channels);
    // No side of a JPEG has more than 16 bits.
    let side = |pixels: usize| u16::try_from(pixels).map_err(|_| Refusal::TooManyPixels);
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, QUALITY)
        .encode(&pixels, side(width)?.into(), side(height)?.into(), color)
        .map_err(|_| Refusal::Damaged)?;
    Ok(out)
}

/// The same picture without its metadata segments (APP1 to APP13, APP15 and comments; APP0 and APP14 say how its colours are read), and
/// without what follows its end. `None`: it is not read as a JPEG.
pub fn without_metadata(picture: &[u8]) -> Option<Vec<u8>> {
    let mut rest = picture.strip_prefix(b"\xff\xd8")?;
    let mut out = b"\xff\xd8".to_vec();
    loop {
        let marker = match rest {
            [0xff, 0xff, ..] => {
                rest = &rest[1..];
                continue;
            }
            [0xff, marker, ..] => *marker,
            _ => return None,
        };
        // Markers without a length.
        if marker == 0xd9 {
            out.extend_from_slice(b"\xff\xd9");
            return Some(out);
        }
        let length = usize::from(u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?));
        let segment = rest.get(..length.checked_add(2).filter(|_| length >= 2)?)?;
        rest = &rest[segment.len()..];
        let is_metadata = matches!(marker, 0xe1..=0xed | 0xef | 0xfe);
        if !is_metadata {
            out.extend_from_slice(segment);
        }
        if marker == 0xda {
            let end = end_of_scan(rest);
            out.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
        }
    }
}

/// Where the next marker that is no restart begins.
fn end_of_scan(data: &[u8]) -> usize {
    let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff);
    data.windows(2).position(is_marker).unwrap_or(data.len())
}
