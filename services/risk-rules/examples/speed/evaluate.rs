//! Evaluations a second on one core: six facts a person, all rules, with the next change.

use std::hint::black_box;
use std::time::{Duration, Instant};

use lutong_kernel::FactId;
use lutong_risk_rules::domain::area::{AreaBook, AreaEntry};
use lutong_risk_rules::domain::evaluate::Evaluator;
use lutong_risk_rules::domain::packed::{self, PackedFact};
use lutong_risk_rules::domain::rule_set::RuleSet;
use uuid::Uuid;

use crate::varied::{Dice, Population, attributes, notice, now};

const PEOPLE: usize = 20_000;
const ROUND: Duration = Duration::from_secs(2);

pub fn areas() -> AreaBook {
    let notice = notice();
    AreaBook::new(notice.listings.into_iter().map(|listing| AreaEntry {
        code: listing.code,
        community: Some(listing.community),
        level: listing.level,
        from: notice.published_at,
        to: None,
        recorded_at: notice.published_at,
    }))
}

pub fn measure() {
    let (population, mut dice) = (Population::new(), Dice(1));
    let mut packed_rows = Vec::new();
    let people: Vec<Vec<PackedFact>> = (0..PEOPLE)
        .map(|n| {
            let matching = dice.roll(100) < 30;
            let facts = population.facts(&mut dice, 6, matching);
            let facts: Vec<_> = (0_u128..)
                .zip(&facts)
                .map(|(m, (kind, given))| {
                    let id = FactId::from_uuid(Uuid::from_u128((n as u128) << 8 | m));
                    PackedFact::new(id, &attributes(*kind, given))
                })
                .collect();
            packed_rows.push(packed::pack(&facts));
            facts
        })
        .collect();
    let (set, areas, at) = (RuleSet::sd_2020(), areas(), now());
    let mut evaluator = Evaluator::new(set, &areas);
    let matching = people
        .iter()
        .filter(|facts| !evaluator.verdict(facts, at, at).rules.is_empty())
        .count();
    println!(
        "{PEOPLE} people, 6 facts each, {} rules, {} listed places, {:.0} % match a rule",
        set.rules().len(),
        areas.len(),
        matching as f64 * 100.0 / PEOPLE as f64
    );
    let compiled = rate(|| {
        for facts in &people {
            black_box(evaluator.verdict(black_box(facts), at, at));
        }
    });
    println!("verdict with next change      {compiled:.2} million/s a core (aim: ≥ 3)");
    let mut facts = Vec::new();
    let unpacked = rate(|| {
        for row in &packed_rows {
            packed::unpack(row, &mut facts).unwrap();
            black_box(evaluator.verdict(black_box(&facts), at, at));
        }
    });
    println!("unpacked from a row, the same {unpacked:.2} million/s a core");
    let cited = rate(|| {
        for facts in &people {
            black_box(evaluator.evaluate(black_box(facts), at, at));
        }
    });
    println!("with citations                {cited:.2} million/s a core");
}

/// Millions of people a second.
fn rate(mut round: impl FnMut()) -> f64 {
    round();
    let (started, mut rounds) = (Instant::now(), 0);
    while started.elapsed() < ROUND {
        round();
        rounds += 1;
    }
    (rounds * PEOPLE) as f64 / started.elapsed().as_secs_f64() / 1e6
}
