//! PNG: the pixels of its picture decoded and encoded anew, in the same depth and colours.

use png::{Decoder, DecodingError, Encoder, Limits};

use crate::{MAX_DECODED, Refusal, check_size};

pub fn clean(file: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut decoder = Decoder::new_with_limits(std::io::Cursor::new(file), Limits { bytes: MAX_DECODED });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(|error| refused(&error))?;
    let side = |pixels: u32| usize::try_from(pixels).unwrap_or(usize::MAX);
    check_size(side(header.width), side(header.height))?;
    let mut reader = decoder.read_info().map_err(|error| refused(&error))?;
    let size = reader.output_buffer_size().filter(|size| *size <= MAX_DECODED);
    let mut pixels = vec![0; size.ok_or(Refusal::TooManyPixels)?];
    let frame = reader.next_frame(&mut pixels).map_err(|error| refused(&error))?;
    let info = reader.info();
    // Of an animation the picture that is shown where there is none.
    if (frame.width, frame.height) != (info.width, info.height) {
        return Err(Refusal::Damaged);
    }
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, frame.width, frame.height);
    encoder.set_color(frame.color_type);
    encoder.set_depth(frame.bit_depth);
    if let Some(palette) = &info.palette {
        encoder.set_palette(palette.to_vec());
    }
    if let Some(transparent) = &info.trns {
        encoder.set_trns(transparent.to_vec());
    }
    let mut writer = encoder.write_header().map_err(|_| Refusal::Damaged)?;
    writer
        .write_image_data(&pixels[..frame.buffer_size()])
        .map_err(|_| Refusal::Damaged)?;
    writer.finish().map_err(|_| Refusal::Damaged)?;
    Ok(out)
}

fn refused(error: &DecodingError) -> Refusal {
    match error {
        DecodingError::LimitsExceeded => Refusal::TooManyPixels,
        _ => Refusal::Damaged,
    }
}
