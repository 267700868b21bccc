//! The promises that begin with "never", in both shapes: no token issued and no online verification begun after IN_FORCE
//! shows the older colour; no green one over an acknowledged confirmed case; nothing pending for more than 5 s once the
//! parts reach each other. While services are killed, stopped, cut off from each other, and calls come late, twice, not at
//! all or lose their answers. And builds broken on purpose, each of which must be caught.
//!
//! Every round is generated from a seed, which is printed. To repeat one round, or for a soak test (consecutive seeds;
//! a round takes 6 to 10 s on two idle cores, three times as long on busy ones):
//! ```text
//! LUTONG_TEST_SEED=42 LUTONG_TEST_ROUNDS=1 tests/run -p lutong-tests -E 'test(is_never_in)' --no-capture
//! LUTONG_TEST_ROUNDS=500 tests/run -p lutong-tests -E 'test(is_never_in)' --no-capture
//! ```
//! The seed determines the statements and the faults, but not the scheduling of the processes.

#![allow(clippy::unwrap_used)]

use lutong_kernel::Clock as _;
use lutong_tests::mesh::{Mesh, Setting, Shape};
use lutong_tests::never::round::{RoundResult, run};
use lutong_tests::never::trouble::CallFaults;

/// Maximum number of rounds until a broken build must be detected.
const UNCAUGHT: u64 = 16;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn first_seed() -> u64 {
    // Short enough to type.
    number("LUTONG_TEST_SEED").unwrap_or_else(|| {
        let now = lutong_operating::wall_clock::WallClock.now().micros();
        now.unsigned_abs() % 100_000_000
    })
}

/// Runs rounds from the first seed on, until `enough`.
async fn rounds(
    shape: Shape,
    environment: &[(&str, &str)],
    rounds: u64,
    mut enough: impl FnMut(&RoundResult) -> bool,
) {
    let call_faults = CallFaults::none();
    let more = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let setting = Setting {
        wires: shape == Shape::Mesh,
        environment: more.chain([call_faults.setting()]).collect(),
        ..Setting::default()
    };
    let mut mesh = Mesh::start_with(shape, setting).await;
    let first = first_seed();
    for seed in first..first + rounds {
        eprintln!("LUTONG_TEST_SEED={seed} LUTONG_TEST_ROUNDS=1 plays this round");
        let played = run(&mut mesh, &call_faults, seed).await;
        eprintln!("{}", played.summary());
        if enough(&played) {
            return;
        }
    }
}

async fn kept(shape: Shape) {
    let asked_for = number("LUTONG_TEST_ROUNDS").unwrap_or(2);
    let keeps_on = |played: &RoundResult| {
        played.assert_kept();
        false
    };
    rounds(shape, &[], asked_for, keeps_on).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_must_never_be_seen_is_never_in_one_process() {
    kept(Shape::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_must_never_be_seen_is_never_in_a_mesh() {
    kept(Shape::Mesh).await;
}

async fn caught(broken: &str, shape: Shape) {
    let mut is_caught = false;
    let environment = [("LUTONG_FAILPOINT_BREAK", broken)];
    rounds(shape, &environment, UNCAUGHT, |played| {
        is_caught = !played.breaches.is_empty();
        if is_caught {
            eprintln!("caught {broken}: {}", played.breaches[0]);
        }
        is_caught
    })
    .await;
    assert!(is_caught, "{broken} passed {UNCAUGHT} rounds");
}

macro_rules! caught {
    ($($name:ident: $broken:literal in $shape:ident;)+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            caught($broken, Shape::$shape).await;
        })+
    };
}

caught! {
    risk_rules_that_says_in_force_too_early_is_caught: "in-force-unapplied" in OneProcess;
    a_code_row_kept_in_memory_over_its_writing_is_caught: "stale-memory" in OneProcess;
    an_older_decision_that_replaces_a_newer_is_caught: "unguarded-version" in OneProcess;
    a_declaration_acknowledged_and_not_stored_is_caught: "unstored-declaration" in OneProcess;
    a_follower_of_decisions_that_moves_on_without_its_effect_is_caught: "position-alone" in Mesh;
    a_follower_of_declarations_that_moves_on_without_its_effect_is_caught: "declared-alone" in Mesh;
}
