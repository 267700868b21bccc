//! Measures the speed of deciding: `cargo run --release -p lutong-risk-rules --example speed -- COMMAND`, where COMMAND is one of
//! - `evaluate`: evaluations on one core, compared with the naive interpreter of the engine's tests;
//! - `mass [ENGINE] [SUBJECTS]`: imports facts about that many people, imports a notice, and re-compares everybody with planted wrong
//!   decisions;
//! - `crowd [ENGINE] [SUBJECTS]`: writes the rows of that many people, lists a place that concerns 10,000 of them, re-compares
//!   everybody, and reports the memory.
//!
//! ENGINE is sqlite or postgres (with the server of the tests: `eval "$(tests/servers start)"`). Compare figures within one run only.

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
#[path = "../../engine/tests/evaluator/naive.rs"]
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
