//! How long the sheets of a care home take, and how large they are: `cargo run --release -p lutong-code-rendering --example sheets`.
//! With a folder as its argument it also writes the PDFs there.

use std::time::Instant;

use lutong_code_rendering::{Paper, Sheet, draw_pdf};
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Colour, Random, Timestamp};
use lutong_token::{Algorithm, Claims, Issuer, Mask, SigningKey};

const PEOPLE: u32 = 200;
/// First characters of the masks: the more there are, the more glyphs the PDF has.
const NAMES: &str = "明华芳秀英伟娜敏静丽强磊军洋勇艳杰娟涛超兰霞平刚桂喆堃玥珺昇淼焜淑珍玉梅凤琴荣春菊红建国庆忠义德福寿康宁安泰";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (random, now) = (SeededRandom::new(1), Timestamp::from_seconds(1_650_000_000));
    let random: &dyn Random = &random;
    let key = SigningKey::generate(Algorithm::Ed25519, random)?;
    let expires_at = now.end_of_window(14);
    let mut sheets = Vec::new();
    for (person, name) in (0..PEOPLE).zip(NAMES.chars().cycle()) {
        let colour = if person % 40 == 0 {
            Colour::Yellow
        } else {
            Colour::Green
        };
        let mask = Mask::try_new(&format!("*{name}"))?;
        let claims = Claims::paper(
            Issuer::SHANDONG,
            (now, expires_at),
            random.bytes(),
            colour,
            Some(mask.clone()),
        )?;
        sheets.push(Sheet {
            token: key.sign(&claims)?,
            colour,
            mask: mask.expose().to_owned(),
            expires_at,
        });
    }
    for paper in [Paper::A4, Paper::Card] {
        for count in [1, sheets.len()] {
            let started = Instant::now();
            let drawn = draw_pdf(&sheets[..count], paper).map_err(|error| error.to_string())?;
            let took = started.elapsed();
            println!("{paper:?}: {count} sheets, {} bytes, {took:?}", drawn.len());
            if let Some(folder) = std::env::args().nth(1) {
                std::fs::write(format!("{folder}/{paper:?}-{count}.pdf"), drawn)?;
            }
        }
    }
    Ok(())
}
