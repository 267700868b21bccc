//! What federation takes, measured by hand:
//! `cargo test --release -p lutong-federation --test contract speed:: -- --ignored --nocapture --test-threads 1`.

#![allow(clippy::cast_precision_loss)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream;
use lutong_federation::Migrations;
use lutong_kernel::{Colour, ServiceName};
use lutong_proto::types::v1::Colour as WireColour;
use lutong_storage::Engine;
use lutong_testing::{Bed, rows};
use lutong_token::{Claims, SigningKey};

use crate::partner_codes::verify;
use crate::sharing::{self, Line};
use crate::{build, entry, key, province};

const CALLERS: usize = 64;
/// Of them, as many show codes of the other partner.
const CALLERS_OF_OTHER: usize = 8;
const LONG: Duration = Duration::from_secs(4);
/// Verifications a second at which their time is measured.
const RATE: usize = 200;
const CODES: usize = 20_000;

/// A partner that takes connections and says nothing.
async fn dead() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    address
}

/// A federation that trusts Jiangsu and Zhejiang, which is asked at an address, or not.
async fn two_partners(address: Option<&str>) -> Arc<Bed> {
    let bed = Bed::new(Engine::Sqlite);
    let storage = bed.storage::<Migrations>(ServiceName::Federation).await;
    let mut other = entry("33", "浙江", &key(33), "");
    if let Some(address) = address {
        other = other.replacen("name = ", &format!("address = \"{address}\"\nname = "), 1);
    }
    let list = format!("version = \"x\"\n\n{}{other}", entry("32", "江苏", &key(32), ""));
    build(&bed, &storage, Some(&list), None).await.unwrap();
    Arc::new(bed)
}

fn token(bed: &Bed, signer: &SigningKey, code: &str, n: usize) -> String {
    let mut reference = [0; 24];
    reference[..8].copy_from_slice(&(n as u64).to_be_bytes());
    let now = bed.foundation.now();
    let claims = Claims::dynamic(province(code), now, reference, Colour::Green, None).unwrap();
    signer.sign(&claims).unwrap()
}

/// Codes of Jiangsu that are verified a second, while some callers show codes of Zhejiang.
async fn verified_a_second(bed: &Arc<Bed>) -> f64 {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let (jiangsu, zhejiang) = (Arc::new(key(32)), Arc::new(key(33)));
    let (done, until) = (Arc::new(AtomicUsize::new(0)), Instant::now() + LONG);
    let callers = (0..CALLERS).map(|caller| {
        let (bed, done) = (Arc::clone(bed), Arc::clone(&done));
        let is_other = caller < CALLERS_OF_OTHER;
        let signer = Arc::clone(if is_other { &zhejiang } else { &jiangsu });
        tokio::spawn(async move {
            let code = if is_other { "33" } else { "32" };
            while Instant::now() < until {
                let token = token(&bed, &signer, code, NEXT.fetch_add(1, Ordering::Relaxed));
                verify(&bed, &token).await.unwrap();
                done.fetch_add(usize::from(!is_other), Ordering::Relaxed);
            }
        })
    });
    futures::future::join_all(callers).await;
    done.load(Ordering::Relaxed) as f64 / LONG.as_secs_f64()
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_unstable_by(f64::total_cmp);
    of[of.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn codes_verified_a_second_with_a_live_and_a_dead_partner() {
    let (live, dead) = (two_partners(None).await, two_partners(Some(&dead().await)).await);
    let (mut with_live, mut with_dead) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        with_live.push(verified_a_second(&live).await);
        with_dead.push(verified_a_second(&dead).await);
    }
    let (live, dead) = (median(with_live), median(with_dead));
    println!(
        "verified    {live:.0}/s (aim: ≥ 5,000/s); with a dead partner {dead:.0}/s, ratio {:.3} (aim: ≥ 0.99)",
        dead / live
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn how_long_a_conversion_takes() {
    let bed = two_partners(None).await;
    let signer = key(32);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(RATE).unwrap());
    let mut calls = Vec::new();
    for n in 0..RATE * 10 {
        ticks.tick().await;
        let (bed, token) = (Arc::clone(&bed), token(&bed, &signer, "32", n));
        calls.push(tokio::spawn(async move {
            let started = Instant::now();
            verify(&bed, &token).await.unwrap();
            started.elapsed()
        }));
    }
    let took = futures::future::join_all(calls).await;
    let mut took: Vec<_> = took.into_iter().map(Result::unwrap).collect();
    took.sort_unstable();
    let at = |part: usize| took[took.len() * part / 100].as_secs_f64() * 1e3;
    println!(
        "converted   p50 {:.2} ms, p99 {:.2} ms at {RATE}/s (aim: p99 ≤ 50 ms)",
        at(50),
        at(99)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn changes_taken_in_a_second_after_an_outage() {
    let provinces = sharing::start(Bed::new(Engine::Sqlite)).await;
    let (here, origin) = (&provinces.here, &provinces.origin);
    let subject = |n: usize| format!("0193b2a0-0000-7000-8000-{n:012x}");
    stream::iter(0..CODES)
        .for_each_concurrent(CALLERS, |n| {
            let (provinces, token) = (&provinces, token(&here.bed, &provinces.jiangsu, "32", n));
            async move {
                origin
                    .codes
                    .set(&subject(n), Some(WireColour::Green), provinces.now());
                origin.codes.issue(&token, &subject(n));
                verify(&here.bed, &token).await.unwrap();
            }
        })
        .await;
    let followed = rows(&here.storage, "conversions WHERE reference IS NOT NULL").await;
    *origin.gateway.line.lock().unwrap() = Line::Down;
    tokio::time::sleep(Duration::from_secs(2)).await;
    provinces.wait(60);
    for n in 0..CODES {
        origin
            .codes
            .set(&subject(n), Some(WireColour::Red), provinces.now());
    }
    while provinces.subscription(origin, "37").await.unacknowledged_batches < 20 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    *origin.gateway.line.lock().unwrap() = Line::Up;
    let red = || rows(&here.storage, "conversions WHERE outcome = 'RED'");
    let (mut first, begun) = (None, Instant::now());
    loop {
        let count = red().await;
        if count > 0 && first.is_none() {
            first = Some((count, Instant::now()));
        }
        if count >= followed {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "{count} of {followed}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (count, at) = first.unwrap();
    let rate = (followed - count) as f64 / at.elapsed().as_secs_f64();
    println!("taken in    {followed} changes, {rate:.0}/s (aim: ≥ 20,000/s)");
}
