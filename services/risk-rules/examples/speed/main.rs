//! How fast deciding is: `cargo run --release -p lutong-risk-rules --example speed -- evaluate`, which holds it
//! against the naive interpreter of the tests, or `mass [ENGINE] [SUBJECTS]`,
//! which imports facts about that many people, lists a notice, and compares everybody, planting wrong decisions, or
//! `crowd [ENGINE] [SUBJECTS]`, which writes that many people's rows, lists a place that concerns 10,000 of them and
//! compares everybody within how much memory. ENGINE is sqlite or postgres (with the tests' server:
//! `eval "$(tests/servers start)"`). Figures are of this machine and this run.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap
)]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod crowd;
mod evaluate;
mod mass;
#[path = "../../tests/evaluator/naive.rs"]
mod naive;
mod varied;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |n: usize| arguments.get(n).map(String::as_str);
    match argument(0) {
        Some("evaluate") => evaluate::measure(),
        Some("mass") => mass::measure(
            argument(1).unwrap_or("sqlite"),
            argument(2).map_or(200_000, |text| text.parse().unwrap()),
        ),
        Some("crowd") => mass::measure_crowd(
            argument(1).unwrap_or("sqlite"),
            argument(2).map_or(1_000_000, |text| text.parse().unwrap()),
        ),
        _ => eprintln!("evaluate | mass [sqlite|postgres] [SUBJECTS] | crowd [sqlite|postgres] [SUBJECTS]"),
    }
}
