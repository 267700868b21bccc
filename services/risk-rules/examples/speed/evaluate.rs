//! Evaluations a second on one core: six facts a person, all rules, with the next change.

use std::collections::{BTreeSet, HashMap};
use std::hint::black_box;
use std::time::{Duration, Instant};

use lutong_kernel::{FactId, Timestamp};
use lutong_risk_engine::area::{AreaBook, AreaEntry};
use lutong_risk_engine::evaluate::Evaluator;
use lutong_risk_engine::fact::FactKind;
use lutong_risk_engine::packed::{self, PackedFact};
use lutong_risk_engine::rule_set::RuleSet;
use serde_json::Value;
use uuid::Uuid;

use crate::naive;
use crate::varied::{Dice, Population, attributes, notice, now};

const PEOPLE: usize = 20_000;
/// Number of people for the naive interpreter, which is slow.
const NAIVELY: usize = 2_000;
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
    let mut stated = Vec::new();
    let people: Vec<Vec<PackedFact>> = (0..PEOPLE)
        .map(|n| {
            let matching = dice.roll(100) < 30;
            let given = population.facts(&mut dice, 6, matching);
            let facts: Vec<_> = (0_u128..)
                .zip(&given)
                .map(|(m, (kind, given))| {
                    let id = FactId::from_uuid(Uuid::from_u128((n as u128) << 8 | m));
                    PackedFact::new(id, &attributes(*kind, given))
                })
                .collect();
            packed_rows.push(packed::pack(&facts));
            if n < NAIVELY {
                stated.push(naively(&facts, &given));
            }
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
    let compiled = rate(PEOPLE, || {
        for facts in &people {
            black_box(evaluator.verdict(black_box(facts), at, at));
        }
    });
    println!("verdict with next change      {compiled:.2} million/s a core (aim: ≥ 3)");
    let mut facts = Vec::new();
    let unpacked = rate(PEOPLE, || {
        for row in &packed_rows {
            packed::unpack(row, &mut facts).unwrap();
            black_box(evaluator.verdict(black_box(&facts), at, at));
        }
    });
    println!("unpacked from a row, the same {unpacked:.2} million/s a core");
    let cited = rate(PEOPLE, || {
        for facts in &people {
            black_box(evaluator.evaluate(black_box(facts), at, at));
        }
    });
    println!("with citations                {cited:.2} million/s a core");
    // Only the listings of the divisions of the stays, so that the advantage of an index is not measured.
    let listed = listings_about(&stated);
    let naive = rate(NAIVELY, || {
        for (facts, areas) in stated.iter().zip(&listed) {
            black_box(naive::answer(black_box(facts), areas, naive::SD_2020, at, at));
        }
    });
    println!(
        "the naive interpreter         {:.2} thousand/s a core: with citations {:.0} times as fast (aim: ≥ 20)",
        naive * 1e3,
        cited / naive
    );
}

/// The same statements in the form of the naive interpreter.
fn naively(facts: &[PackedFact], given: &[(FactKind, Value)]) -> Vec<naive::Fact> {
    let both = facts.iter().zip(given);
    both.map(|(fact, (kind, given))| naive::Fact {
        id: fact.id,
        kind: kind.as_str().to_owned(),
        attributes: given.clone(),
        recorded_at: Timestamp::MIN,
        superseded_at: None,
    })
    .collect()
}

/// For each person the listings of the divisions of their stays.
fn listings_about(people: &[Vec<naive::Fact>]) -> Vec<Vec<naive::Area>> {
    let mut by_code: HashMap<String, Vec<naive::Area>> = HashMap::new();
    for area in areas().latest() {
        let code = area.code.to_string();
        by_code.entry(code.clone()).or_default().push(naive::Area {
            code,
            community: area.community,
            level: area.level.into_str().to_owned(),
            from: area.from,
            to: area.to,
            recorded_at: area.recorded_at,
        });
    }
    let about = |facts: &Vec<naive::Fact>| {
        let divisions = facts
            .iter()
            .filter_map(|fact| fact.attributes.get("division")?.as_str());
        let divisions: BTreeSet<&str> = divisions.collect();
        let listed = divisions.iter().filter_map(|code| by_code.get(*code));
        listed.flatten().cloned().collect()
    };
    people.iter().map(about).collect()
}

/// Millions of people a second.
fn rate(people: usize, mut round: impl FnMut()) -> f64 {
    round();
    let (started, mut rounds) = (Instant::now(), 0);
    while started.elapsed() < ROUND {
        round();
        rounds += 1;
    }
    (rounds * people) as f64 / started.elapsed().as_secs_f64() / 1e6
}
