//! The codes of the tour beside each other, as an SVG file: the picture in the README.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::scenes::calls::Holder;
use crate::commands::Failure;

/// Width of one code with its margin, and of the code alone.
const CELL: usize = 240;
const CODE: usize = 208;

/// Draws each holder's code as the product does, with its word and shape.
pub async fn of(holders: &[Holder]) -> Result<String, Failure> {
    let mut codes = String::new();
    for (n, holder) in holders.iter().enumerate() {
        let shown = holder.drawn().await?;
        let image = STANDARD.encode(shown.image.unwrap_or_default().data);
        let word = shown.word.unwrap_or_default();
        let (x, middle) = (n * CELL + (CELL - CODE) / 2, n * CELL + CELL / 2);
        codes.push_str(&format!(
            "<image x=\"{x}\" y=\"12\" width=\"{CODE}\" height=\"{CODE}\" href=\"data:image/svg+xml;base64,{image}\"/>\n\
             <text x=\"{middle}\" y=\"246\">{}</text>\n<text x=\"{middle}\" y=\"268\" class=\"en\">{}</text>\n",
            word.zh, word.en
        ));
    }
    let width = holders.len() * CELL;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} 284\" width=\"{width}\" height=\"284\">\n\
         <style>text {{ font: 15px sans-serif; text-anchor: middle; fill: #222 }} .en {{ font-size: 13px; fill: #555 }}</style>\n\
         <rect width=\"{width}\" height=\"284\" fill=\"#fff\"/>\n{codes}</svg>\n"
    ))
}
