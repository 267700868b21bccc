//! How long one shown code takes: `cargo run --release -p lutong-token --example signing_speed`.

use std::hint::black_box;
use std::time::Instant;

use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Colour, Timestamp};
use lutong_token::{
    Algorithm, Claims, DynamicIdKey, Expectations, Issuer, Mask, SigningKey, TrustedKey, VerifyingKeys,
    verify, verify_own,
};

const TIMES: u32 = 20_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = Timestamp::from_seconds(1_650_000_000);
    let random = SeededRandom::new(1);
    let ids = DynamicIdKey::from_bytes(&DynamicIdKey::generate(&random));
    let mask = Mask::try_new("*明")?;
    let claims = |number: u32| {
        let row = lutong_kernel::SubjectId::new(now.plus_micros(number.into()), &random).uuid();
        Claims::dynamic(
            Issuer::SHANDONG,
            now,
            ids.seal(row, now),
            Colour::Green,
            Some(mask.clone()),
        )
    };
    for algorithm in [Algorithm::Ed25519, Algorithm::Es256, Algorithm::Sm2] {
        let key = SigningKey::generate(algorithm, &random)?;
        let mut keys = VerifyingKeys::new();
        keys.insert(TrustedKey {
            key: key.verifying_key().clone(),
            issuers: vec![Issuer::SHANDONG],
            not_before: Timestamp::MIN,
            not_after: None,
            revoked_at: None,
        })?;
        let started = Instant::now();
        for number in 0..TIMES {
            black_box(key.sign(&claims(number)?)?);
        }
        let signing = started.elapsed() / TIMES;
        let text = key.sign(&claims(0)?)?;
        let started = Instant::now();
        for _ in 0..TIMES {
            black_box(verify(&text, &keys, now, &Expectations::anything()))
                .map_err(|outcome| outcome.to_string())?;
        }
        let verifying = started.elapsed() / TIMES;
        let started = Instant::now();
        for _ in 0..TIMES {
            black_box(verify_own(&text, (&keys, &key), now, &Expectations::anything()))
                .map_err(|outcome| outcome.to_string())?;
        }
        println!(
            "{algorithm}: seal and sign {signing:?}, verify {verifying:?}, by whoever signed it {:?}",
            started.elapsed() / TIMES
        );
    }
    Ok(())
}
