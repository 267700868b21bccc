//! A token as a QR code (ISO/IEC 18004), error correction M, with its quiet zone of four modules.

use fast_qr::qr::QRBuilder;
use fast_qr::{ECL, QRCode};
use qrcode::render::unicode::Dense1x2;

/// Modules of white around the symbol.
const QUIET: usize = 4;
/// Pixels of a PNG's module.
const SCALE: usize = 8;

/// A symbol as a square of modules, quiet zone included.
pub struct Symbol {
    code: QRCode,
}

/// The text does not fit into a symbol, or could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the token cannot be drawn: {0}")]
pub struct DrawError(String);

impl DrawError {
    pub fn new(reason: impl std::fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

impl Symbol {
    pub fn of(text: &str) -> Result<Self, DrawError> {
        let code = QRBuilder::new(text).ecl(ECL::M).build();
        Ok(Self {
            code: code.map_err(|error| DrawError(format!("{error:?}")))?,
        })
    }

    pub fn width(&self) -> usize {
        self.code.size + 2 * QUIET
    }

    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = |n: usize| n.checked_sub(QUIET).filter(|n| *n < self.code.size);
        match (inside(x), inside(y)) {
            (Some(x), Some(y)) => self.code[y][x].value(),
            _ => false,
        }
    }

    /// The horizontal runs of dark modules: column, row and length.
    pub fn runs(&self) -> Vec<(usize, usize, usize)> {
        let width = self.width();
        let mut runs = Vec::with_capacity(1_500);
        for y in 0..width {
            let mut x = 0;
            while x < width {
                let start = x;
                while x < width && self.is_dark(x, y) {
                    x += 1;
                }
                if x > start {
                    runs.push((start, y, x - start));
                }
                x += 1;
            }
        }
        runs
    }

    /// The dark modules as the data of an SVG path, one unit a module.
    pub fn svg_path(&self) -> String {
        let mut path = String::with_capacity(24_000);
        for (x, y, run) in self.runs() {
            for (before, number) in [("M", x), (" ", y), ("h", run), ("v1h-", run)] {
                path.push_str(before);
                push_decimal(&mut path, number);
            }
            path.push('z');
        }
        path
    }
}

/// Appends a number below a thousand: a symbol has at most 185 modules a side. Formatting took more than half of the time of an SVG.
fn push_decimal(out: &mut String, number: usize) {
    debug_assert!(number < 1_000);
    for (place, from) in [(100, 100), (10, 10), (1, 0)] {
        if number >= from {
            // A digit.
            #[allow(clippy::cast_possible_truncation)]
            out.push(char::from(b'0' + (number / place % 10) as u8));
        }
    }
}

/// One path of horizontal runs: a third of the size of a rectangle a module.
pub fn svg(text: &str) -> Result<String, DrawError> {
    let symbol = Symbol::of(text)?;
    let (width, path) = (symbol.width(), symbol.svg_path());
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {width}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{width}v{width}H0z\"/><path d=\"{path}\"/></svg>"
    ))
}

/// One bit a pixel, eight pixels a module.
pub fn png(text: &str) -> Result<Vec<u8>, DrawError> {
    let symbol = Symbol::of(text)?;
    let pixels = symbol.width() * SCALE;
    let mut rows = Vec::with_capacity(pixels * pixels.div_ceil(8));
    for y in 0..symbol.width() {
        // A module is as wide as a byte: eight pixels, white = 1.
        let row: Vec<u8> = (0..symbol.width())
            .map(|x| if symbol.is_dark(x, y) { 0x00 } else { 0xff })
            .collect();
        for _ in 0..SCALE {
            rows.extend_from_slice(&row);
        }
    }
    let failed = |error: png::EncodingError| DrawError(error.to_string());
    let side = u32::try_from(pixels).map_err(|error| DrawError(error.to_string()))?;
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&rows).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

/// Half blocks for a terminal with light text on a dark ground.
pub fn terminal(text: &str) -> Result<String, DrawError> {
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M)
        .map_err(|error| DrawError(error.to_string()))?;
    Ok(code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .quiet_zone(true)
        .build())
}

#[cfg(test)]
mod tests;
