//! Writes the codes of the tour side by side as an SVG file, the picture in the README.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::steps::calls::Holder;
use lutong_client::Failure;

/// Width of one code with its margin, and of the code alone.
const CELL: usize = 240;
const CODE: usize = 208;

/// Draws each holder's code with its word and shape, like the product.
pub async fn of(holders: &[Holder]) -> Result<String, Failure> {
    let mut codes = String::new();
    for (n, holder) in holders.iter().enumerate() {
        let shown = holder.drawn().await?;
        let image = STANDARD.encode(shown.image.unwrap_or_default().data);
        let word = shown.word.unwrap_or_default();
        let (x, middle) = (n * CELL + (CELL - CODE) / 2, n * CELL + CELL / 2);
        codes.push_str(&format!(
            "<image x=\"{x}\" y=\"12\" width=\"{CODE}\" height=\"{CODE}\" href=\"data:image/svg+xml;base64,{image}\"/>\n\
             {}\n<text x=\"{middle}\" y=\"276\">{}</text>\n<text x=\"{middle}\" y=\"296\" class=\"en\">{}</text>\n",
            shape(&shown.shape, middle),
            word.zh,
            word.en
        ));
    }
    let width = holders.len() * CELL;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} 312\" width=\"{width}\" height=\"312\">\n\
         <style>text {{ font: 15px sans-serif; text-anchor: middle; fill: #222 }} .en {{ font-size: 13px; fill: #555 }}</style>\n\
         <rect width=\"{width}\" height=\"312\" fill=\"#fff\"/>\n{codes}</svg>\n"
    ))
}

/// The shape that stands for the colour, for people who cannot distinguish colours; 28 wide, centred on `middle`.
fn shape(name: &str, middle: usize) -> String {
    let polygon = |fill: &str, corners: &[(i64, i64)]| {
        let middle = i64::try_from(middle).unwrap_or_default();
        let points: Vec<String> = corners
            .iter()
            .map(|(x, y)| format!("{},{}", middle + x, 242 + y))
            .collect();
        format!("<polygon points=\"{}\" fill=\"{fill}\"/>", points.join(" "))
    };
    match name {
        "circle" => format!("<circle cx=\"{middle}\" cy=\"242\" r=\"14\" fill=\"#1b9e4b\"/>"),
        "triangle" => polygon("#e6b400", &[(0, -14), (15, 13), (-15, 13)]),
        _ => polygon(
            "#d0312d",
            &[
                (-6, -14),
                (6, -14),
                (14, -6),
                (14, 6),
                (6, 14),
                (-6, 14),
                (-14, 6),
                (-14, -6),
            ],
        ),
    }
}
