//! Damages tokens at random and verifies them: no damage panics, and none turns into a valid token with other claims. A token without
//! its tag says the same and stays valid.
//!
//! `cargo run --release -p lutong-token --example fuzz -- [RUNS] [SEED]`, 10,000,000 runs from seed 1 by default. A run that
//! fails says its seed, with which it is made again.

use std::collections::BTreeMap;
use std::time::Instant;

use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Colour, Random, Timestamp};
use lutong_token::{
    Algorithm, Claims, Expectations, Issuer, Mask, Outcome, SigningKey, TrustedKey, VerifyingKeys, verify,
};

const NOW: i64 = 1_650_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| {
        arguments
            .next()
            .map_or(default, |text| text.parse().expect("a number"))
    };
    let (runs, seed) = (number(10_000_000), number(1));
    let random = SeededRandom::new(seed);
    let (keys, claims, tokens) = tokens(&random);
    let now = Timestamp::from_seconds(NOW + 1);
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    let begun = Instant::now();
    for run in 0..runs {
        let damaged = damage(&tokens, &random);
        let verified = verify(&damaged, &keys, now, &Expectations::anything());
        assert!(
            verified.as_ref().map_or(true, |found| claims.contains(found)),
            "seed {seed}, run {run}: {verified:?}: {damaged:?}"
        );
        let outcome = verified.err().unwrap_or(Outcome::Valid);
        *seen.entry(outcome.into_str()).or_default() += 1;
    }
    println!("{runs} runs in {:.0?}: {seen:?}", begun.elapsed());
}

/// A key of each algorithm, claims of each kind, and their tokens under both keys. A telephone shows the one that is bound to it.
fn tokens(random: &SeededRandom) -> (VerifyingKeys, Vec<Claims>, Vec<String>) {
    let begins = Timestamp::from_seconds(NOW);
    let ends = begins.plus_seconds(14 * 86_400);
    let mask = || Mask::try_new("*明").ok();
    let phone = SigningKey::generate(Algorithm::Es256, random).expect("a key");
    let made = [
        Claims::dynamic(Issuer::SHANDONG, begins, [7; 24], Colour::Green, mask()),
        Claims::paper(Issuer::SHANDONG, (begins, ends), [7; 16], Colour::Red, mask()),
        Claims::card(Issuer::SHANDONG, (begins, ends), [7; 16], Colour::Yellow, None),
        Claims::device(
            Issuer::SHANDONG,
            (begins, begins.plus_seconds(86_400)),
            [7; 16],
            phone.verifying_key().clone(),
            (Colour::Green, mask()),
        ),
    ];
    let claims: Vec<Claims> = made.into_iter().flatten().collect();
    let (mut keys, mut tokens) = (VerifyingKeys::new(), Vec::new());
    for algorithm in [Algorithm::Ed25519, Algorithm::Es256, Algorithm::Sm2] {
        let key = SigningKey::generate(algorithm, random).expect("a key");
        for claims in &claims {
            let token = match claims.holder_key() {
                None => key.sign(claims),
                Some(_) => phone.present(&key.sign_for_device(claims).expect("a token"), begins),
            };
            tokens.push(token.expect("a token"));
        }
        let trusted = TrustedKey {
            key: key.verifying_key().clone(),
            issuers: vec![Issuer::SHANDONG],
            not_before: begins,
            not_after: None,
            revoked_at: None,
        };
        keys.insert(trusted).expect("two keys");
    }
    (keys, claims, tokens)
}

/// One of the tokens with one to four changes to its text, or to the bytes below it.
fn damage(tokens: &[String], random: &SeededRandom) -> String {
    let draw = |below: usize| draw(random, below);
    let whole = &tokens[draw(tokens.len())];
    let changes = 1 + draw(4);
    if draw(4) == 0 {
        let mut text: Vec<char> = whole.chars().collect();
        for _ in 0..changes {
            let at = draw(text.len());
            match draw(4) {
                0 => text.truncate(at + 1),
                1 => text.insert(at, text[draw(text.len())]),
                2 => drop(text.splice(at..=at, None)),
                _ => text[at] = char::from(u8::try_from(32 + draw(95)).unwrap_or(b' ')),
            }
            if text.is_empty() {
                break;
            }
        }
        return text.into_iter().collect();
    }
    let mut bytes = base45::decode(&whole[4..]).expect("a token");
    for _ in 0..changes {
        let at = draw(bytes.len());
        match draw(6) {
            0 => bytes.truncate(at + 1),
            1 => bytes.insert(at, u8::try_from(draw(256)).unwrap_or(0)),
            2 => drop(bytes.splice(at..=at, None)),
            3 => bytes[at] ^= 1 << draw(8),
            // A piece of another token.
            4 => {
                let other = base45::decode(&tokens[draw(tokens.len())][4..]).expect("a token");
                let from = draw(other.len());
                let piece = other[from..].iter().take(1 + draw(16)).copied();
                bytes.splice(at.., piece.collect::<Vec<_>>());
            }
            _ => bytes[at] = u8::try_from(draw(256)).unwrap_or(0),
        }
        if bytes.is_empty() {
            break;
        }
    }
    format!("LT1:{}", base45::encode(&bytes))
}

fn draw(random: &SeededRandom, below: usize) -> usize {
    let mut bytes = [0; 4];
    random.fill(&mut bytes);
    usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(0) % below
}
