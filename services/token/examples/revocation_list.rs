//! Size, time and false positives of a list of a million revoked tokens, and the time of a verification against it:
//! `cargo run --release -p lutong-token --example revocation_list`.

use std::hint::black_box;
use std::time::Instant;

use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Colour, Random, Timestamp};
use lutong_token::{
    Algorithm, Claims, Expectations, Issuer, Mask, PartSource, Revocations, SigningKey, TrustedKey,
    VerifyingKeys, verify_offline,
};

const REVOKED: usize = 1_000_000;
/// As many as a page of `ListRevocations` has.
const OF_A_PAGE: usize = 1_000;
/// Tokens that are not revoked.
const PROBES: u32 = 50_000_000;
const ROUNDS: u32 = 40;
const VERIFICATIONS: u32 = 500;

fn trusted(key: &SigningKey) -> TrustedKey {
    TrustedKey {
        key: key.verifying_key().clone(),
        issuers: vec![Issuer::SHANDONG],
        not_before: Timestamp::MIN,
        not_after: None,
        revoked_at: None,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = Timestamp::from_seconds(1_650_000_000);
    let random = SeededRandom::new(1);
    let random: &dyn Random = &random;
    let (list_key, token_key) = (
        SigningKey::generate(Algorithm::Ed25519, random)?,
        SigningKey::generate(Algorithm::Ed25519, random)?,
    );
    let (mut list_keys, mut token_keys) = (VerifyingKeys::new(), VerifyingKeys::new());
    list_keys.insert(trusted(&list_key))?;
    token_keys.insert(trusted(&token_key))?;
    let ids: Vec<[u8; 16]> = (0..REVOKED).map(|_| random.bytes()).collect();
    let part = |after: usize, ids: &[[u8; 16]]| -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let source = PartSource {
            salt: [7; 16],
            after: i64::try_from(after)?,
            through: i64::try_from(after + ids.len())?,
            last: i64::try_from(REVOKED)?,
            issued_at: now,
            max_age_seconds: 86_400,
            tokens: ids,
            keys: &[],
        };
        Ok(source.sign(&list_key)?)
    };

    let started = Instant::now();
    let whole = part(0, &ids)?;
    println!("one part: {} bytes, made in {:?}", whole.len(), started.elapsed());
    let started = Instant::now();
    let mut list = Revocations::new();
    list.take_in(&whole, &list_keys, now)?;
    println!("taken in in {:?}", started.elapsed());

    let (mut bytes, mut paged) = (0, Revocations::new());
    let started = Instant::now();
    for (page, ids) in ids.chunks(OF_A_PAGE).enumerate() {
        let part = part(page * OF_A_PAGE, ids)?;
        bytes += part.len();
        paged.take_in(&part, &list_keys, now)?;
    }
    println!(
        "{} parts: {bytes} bytes, made and taken in in {:?}",
        REVOKED / OF_A_PAGE,
        started.elapsed()
    );
    println!(
        "one more revocation: {} bytes",
        part(REVOKED - 1, &ids[..1])?.len()
    );

    let claims = |id| {
        let times = (now, now.plus_seconds(86_400));
        Claims::paper(Issuer::SHANDONG, times, id, Colour::Green, None)
    };
    for id in &ids {
        assert!(list.has_token(claims(*id)?.token_id()) && paged.has_token(claims(*id)?.token_id()));
    }
    let mut found = 0;
    for number in 0..PROBES {
        let mut id = [0xA5; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        found += u32::from(list.has_token(claims(id)?.token_id()));
    }
    println!("of {PROBES} tokens that are not revoked {found} are taken for revoked");

    let mask = Some(Mask::try_new("*明")?);
    let times = (now, now.end_of_window(14));
    let claims = Claims::paper(Issuer::SHANDONG, times, [1; 16], Colour::Green, mask)?;
    let text = token_key.sign(&claims)?;
    let anything = Expectations::anything();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..VERIFICATIONS {
            black_box(verify_offline(&text, &token_keys, &list, now, &anything))?;
        }
        rounds.push(started.elapsed() / VERIFICATIONS);
    }
    rounds.sort_unstable();
    println!(
        "offline verification: {:?} at best, {:?} in the median",
        rounds[0],
        rounds[rounds.len() / 2]
    );
    Ok(())
}
