//! How long a shown code takes to become the SVG of a QR code, beside the `qrcode` crate, in turn:
//! `cargo run --release -p lutong-code-rendering --example qr_speed`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use lutong_code_rendering::draw_svg;
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Colour, Random, Timestamp};
use lutong_token::{Algorithm, Claims, Issuer, Mask, SigningKey};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

const CODES: u32 = 500;
const ROUNDS: usize = 5;

fn theirs(token: &str) -> Result<String, qrcode::types::QrError> {
    let code = QrCode::with_error_correction_level(token, EcLevel::M)?;
    Ok(code.render::<svg::Color<'_>>().quiet_zone(true).build())
}

fn timed<E>(tokens: &[String], draw: impl Fn(&str) -> Result<String, E>) -> Result<Duration, E> {
    let started = Instant::now();
    for token in tokens {
        black_box(draw(black_box(token))?);
    }
    Ok(started.elapsed() / CODES)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (random, now) = (SeededRandom::new(1), Timestamp::from_seconds(1_650_000_000));
    let random: &dyn Random = &random;
    let key = SigningKey::generate(Algorithm::Ed25519, random)?;
    let mask = Mask::try_new("*明")?;
    let mut tokens = Vec::new();
    for _ in 0..CODES {
        let claims = Claims::dynamic(
            Issuer::SHANDONG,
            now,
            random.bytes(),
            Colour::Green,
            Some(mask.clone()),
        )?;
        tokens.push(key.sign(&claims)?);
    }
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(timed(&tokens, draw_svg)?);
        others.push(timed(&tokens, theirs)?);
    }
    ours.sort_unstable();
    others.sort_unstable();
    let (ours, others) = (ours[ROUNDS / 2], others[ROUNDS / 2]);
    let ratio = others.as_secs_f64() / ours.as_secs_f64();
    println!(
        "payload to SVG  {ours:?}, qrcode {others:?}: {ratio:.1} times as fast (medians of {ROUNDS}; aim: ≥ 8)"
    );
    Ok(())
}
