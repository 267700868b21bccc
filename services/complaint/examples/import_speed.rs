//! How many orders of the hotline are imported a second, and how long a page of an officer's queue then takes, over the RPCs:
//! `cargo run --release -p lutong-complaint --example import_speed -- 100000 sqlite` (or `postgres`, with the servers of `tests/servers`).

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss
)]

#[path = "support/mod.rs"]
mod support;

#[tokio::main]
async fn main() {
    let (orders, engine) = support::arguments(100_000);
    let (bed, _) = support::service(engine).await;
    let took = support::import(&bed, orders).await.as_secs_f64();
    let rate = orders as f64 / took;
    println!("imported    {orders} orders on {engine:?}, {rate:.0}/s (aim: ≥ 5,000/s)");
    support::report_queue(&bed, "370202", orders).await;
}
