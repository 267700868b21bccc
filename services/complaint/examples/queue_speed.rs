//! How long a page of a queue takes, and how long the workers need to warn about and raise what is due, among a million open orders:
//! `cargo run --release -p lutong-complaint --example queue_speed -- 1000000 sqlite` (or `postgres`, with the servers of `tests/servers`).
//! One order of a hundred is due; the workers look once a second.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss
)]

#[path = "support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

/// After which orders are overdue: five working days and whatever holidays lie between.
const DUE_AFTER: Duration = Duration::from_secs(15 * 86_400);
const DUE: &str = "complaints WHERE next_firing_at IS NOT NULL";

#[tokio::main]
async fn main() {
    let (orders, engine) = support::arguments(1_000_000);
    let (bed, storage) = support::service(engine).await;
    let took = support::import(&bed, orders).await.as_secs_f64();
    println!("filled      {orders} orders on {engine:?} in {took:.0} s");
    for division in ["370202", "370200", ""] {
        support::report_queue(&bed, division, orders).await;
    }
    // What is not due is due long after the measurement.
    let due = (orders / 100).max(1);
    let later = format!(
        "UPDATE complaints SET next_firing_at = 9000000000000000 WHERE hotline_number >= '{}'",
        support::hotline_number(due)
    );
    lutong_testing::tamper(&storage, &later).await;
    let left = format!("{DUE} AND next_firing_at < 9000000000000000");
    assert_eq!(
        lutong_testing::rows(&storage, &left).await,
        i64::try_from(due).unwrap()
    );
    bed.clock.advance(DUE_AFTER);
    let started = Instant::now();
    while lutong_testing::rows(&storage, &left).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = started.elapsed().as_secs_f64();
    println!("sweep       of {due} overdue among {orders}: {took:.2} s (aim: ≤ 5 s)");
}
