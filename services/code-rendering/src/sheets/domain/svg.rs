//! A sheet as one A4 page of SVG, in millimetres.

use std::fmt::Write as _;

use super::{INSTRUCTIONS, KIND, Sheet, TITLE_EN, TITLE_ZH};
use crate::render::domain::{DrawError, Symbol};

/// Side of the QR code, with its quiet zone.
const CODE: f32 = 100.0;

/// Draws a sheet. Text is text: a phone or an office has the fonts.
pub fn draw(sheet: &Sheet) -> Result<String, DrawError> {
    let symbol = Symbol::of(&sheet.token)?;
    #[allow(clippy::cast_precision_loss)] // at most 185 modules
    let scale = CODE / symbol.width() as f32;
    let (r, g, b) = sheet.rgb();
    let fill = format!("#{r:02x}{g:02x}{b:02x}");
    let mut out = String::with_capacity(16_000);
    out.push_str(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"210mm\" height=\"297mm\" viewBox=\"0 0 210 297\" \
         font-family=\"Noto Sans CJK SC, Source Han Sans SC, Microsoft YaHei, PingFang SC, sans-serif\" text-anchor=\"middle\">\
         <path fill=\"#fff\" d=\"M0 0h210v297H0z\"/>",
    );
    let mut text = |y: f32, size: f32, fill: &str, words: &str| {
        let words = escaped(words);
        let _ = write!(
            out,
            "<text x=\"105\" y=\"{y}\" font-size=\"{size}\" fill=\"{fill}\">{words}</text>"
        );
    };
    text(26.0, 13.0, "#000", TITLE_ZH);
    text(35.0, 6.0, "#000", TITLE_EN);
    text(44.0, 6.5, "#000", KIND);
    text(166.0, 14.0, "#000", &sheet.mask);
    text(205.0, 20.0, &fill, &sheet.colour_zh());
    text(215.0, 8.0, &fill, sheet.colour_en());
    text(228.0, 9.0, "#000", &sheet.validity_zh());
    text(236.0, 6.0, "#000", &sheet.validity_en());
    for (y, line) in (0_u8..).zip(INSTRUCTIONS) {
        text(248.0 + 7.0 * f32::from(y), 5.0, "#000", line);
    }
    let _ = write!(
        out,
        "<path transform=\"translate(55 48) scale({scale})\" shape-rendering=\"crispEdges\" d=\"{}\"/>",
        symbol.svg_path()
    );
    shape(&mut out, sheet, &fill);
    out.push_str("</svg>");
    Ok(out)
}

/// The shape of the colour, below the mask.
fn shape(out: &mut String, sheet: &Sheet, fill: &str) {
    const LEFT: f32 = 97.0;
    const TOP: f32 = 170.0;
    const SIDE: f32 = 16.0;
    let corners = sheet.corners();
    if corners.is_empty() {
        let half = SIDE / 2.0;
        let (x, y) = (LEFT + half, TOP + half);
        let _ = write!(
            out,
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{half}\" fill=\"{fill}\"/>"
        );
        return;
    }
    out.push_str("<polygon points=\"");
    for (x, y) in corners {
        let _ = write!(out, "{},{} ", LEFT + x * SIDE, TOP + y * SIDE);
    }
    let _ = write!(out, "\" fill=\"{fill}\"/>");
}

/// A name mask may begin with an apostrophe, and nothing keeps other characters out of it but its own rule.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
