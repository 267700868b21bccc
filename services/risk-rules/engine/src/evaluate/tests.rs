//! Properties that hold for arbitrary facts that rules read, checked with proptest. Examples are in the case files.

use lutong_kernel::{Colour, DivisionCode, FactId, Timestamp};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Evaluation, evaluate};
use crate::area::{AreaBook, AreaEntry, RiskLevel};
use crate::attributes::Attributes;
use crate::fact::{Fact, FactKind};
use crate::rule_set::RuleSet;

const HOUR: i64 = 3_600;

/// Hours after 2022-03-01, Shandong time.
pub(super) fn at(hour: i64) -> Timestamp {
    Timestamp::parse("2022-03-01T00:00:00+08:00")
        .unwrap()
        .plus_seconds(hour * HOUR)
}

pub(super) fn instant(hour: i64) -> Value {
    json!(at(hour).to_rfc3339())
}

/// A kind with attributes around the time that is asked about.
fn statement(kinds: std::ops::Range<usize>) -> impl Strategy<Value = (FactKind, Value)> {
    let hours = -400_i64..400;
    (kinds, hours.clone(), 0_i64..700, any::<u8>()).prop_map(|(kind, start, length, bits)| {
        let (from, end) = (instant(start), instant(start + length));
        let open = bits & 1 == 0;
        let word = |words: &[&str]| json!(words[usize::from(bits >> 1) % words.len()]);
        let kind = FactKind::ALL[kind];
        let mut given = match kind {
            FactKind::Case => json!({"stage": word(&["confirmed", "suspected", "asymptomatic"]), "diagnosed_at": from,
                "closed_at": end, "closure": word(&["discharged", "ruled_out", "released"])}),
            FactKind::CloseContact => json!({"last_contact_at": from, "observation_until": end}),
            FactKind::FeverClinicVisit => json!({"visited_at": from}),
            FactKind::Symptoms => json!({"observed_at": from, "symptoms": [word(&["fever", "fatigue", "dry_cough"])], "cleared_at": end}),
            FactKind::DatabaseAnomaly => json!({"observed_at": from, "code": "A"}),
            FactKind::Stay => json!({"division": word(&["370202", "370202001", "370203"]), "arrived_at": from, "left_at": end}),
            FactKind::Entry => json!({"entered_at": from, "country": "DEU", "quarantine_completed_at": end}),
            FactKind::Test => json!({"sampled_at": from, "result": word(&["negative", "positive"])}),
            FactKind::Designation => json!({"level": word(&["high", "medium"]), "from": from, "until": end, "legal_basis": "b"}),
            FactKind::PartnerCode => json!({"province": "32", "colour": word(&["green", "yellow", "red"]), "issued_at": from, "expires_at": end}),
            FactKind::Relief => json!({"contested_fact": Uuid::from_u128(u128::from(bits >> 1) % 8 + 1), "from": from, "until": end,
                "policy": "red,stay,yellow,48"}),
        };
        if open {
            for optional in ["closed_at", "closure", "observation_until", "cleared_at", "left_at", "quarantine_completed_at", "expires_at"] {
                given[optional] = Value::Null;
            }
            given.as_object_mut().unwrap().retain(|name, _| kind.index_of(name).is_some());
        }
        (kind, given)
    })
}

/// When a statement was recorded, and how long after that it was corrected.
type Known = (i64, Option<i64>);

fn fact(n: usize, (kind, given): &(FactKind, Value), (recorded, superseded): Known) -> Fact {
    let given: Map<String, Value> = given.as_object().unwrap().clone();
    Fact {
        id: FactId::from_uuid(Uuid::from_u128(n as u128 + 1)),
        source: "test".to_owned(),
        recorded_at: at(recorded),
        superseded_at: superseded.map(|later| at(recorded + later + 1)),
        attributes: Attributes::parse(*kind, &given).unwrap(),
    }
}

/// Whatever rules read: every kind but relief.
const READ_BY_RULES: std::ops::Range<usize> = 0..FactKind::Relief as usize;

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    facts_of(READ_BY_RULES)
}

pub(super) fn facts_of(kinds: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Fact>> {
    let known = (-400_i64..400, proptest::option::of(0_i64..300));
    proptest::collection::vec((statement(kinds), known), 0..8).prop_map(|all| {
        let facts = all.iter().enumerate();
        facts
            .map(|(n, (stated, known))| fact(n, stated, *known))
            .collect()
    })
}

pub(super) fn areas() -> AreaBook {
    let entry = |code: &str, level, from, to: Option<i64>| AreaEntry {
        code: DivisionCode::parse(code).unwrap(),
        community: None,
        level,
        from: at(from),
        to: to.map(at),
        recorded_at: at(-1_000),
    };
    AreaBook::new([
        entry("370202", RiskLevel::High, -100, Some(50)),
        entry("370202001", RiskLevel::Medium, 0, None),
        entry("370200", RiskLevel::Medium, 100, Some(200)),
    ])
}

pub(super) fn rules(evaluation: &Evaluation) -> Vec<usize> {
    evaluation
        .citations
        .iter()
        .map(|citation| citation.rule)
        .collect()
}

proptest! {
    #[test]
    fn the_order_of_the_facts_means_nothing(facts in facts(), hour in -500_i64..900) {
        let set = RuleSet::sd_2020();
        let mut turned = facts.clone();
        turned.reverse();
        let now = at(hour);
        prop_assert_eq!(evaluate(set, &facts, &areas(), now, now), evaluate(set, &turned, &areas(), now, now));
    }

    #[test]
    fn nothing_changes_before_the_next_change_and_something_does_at_it(facts in facts(), hour in -500_i64..900, known in -500_i64..900) {
        let (set, areas, known) = (RuleSet::sd_2020(), areas(), at(known));
        let now = evaluate(set, &facts, &areas, at(hour), known);
        // Hour by hour for four months, which is longer than any window here.
        let change = now.next_change_at;
        for later in hour..hour + 24 * 120 {
            let then = evaluate(set, &facts, &areas, at(later), known);
            if change.is_none_or(|change| at(later) < change) {
                prop_assert_eq!((rules(&then), then.colour), (rules(&now), now.colour), "at {}", at(later));
            } else {
                break;
            }
        }
        if let Some(change) = change {
            prop_assert!(change > at(hour));
            prop_assert_ne!(rules(&evaluate(set, &facts, &areas, change, known)), rules(&now));
            prop_assert_eq!(rules(&evaluate(set, &facts, &areas, change.plus_micros(-1), known)), rules(&now));
        }
    }

    #[test]
    fn the_colour_is_the_worst_of_what_is_cited_and_what_is_cited_is_in_force_and_known(facts in facts(), hour in -500_i64..900) {
        let (set, now) = (RuleSet::sd_2020(), at(hour));
        let out = evaluate(set, &facts, &areas(), now, now);
        let worst = out.citations.iter().map(|citation| set.rules()[citation.rule].colour).max();
        prop_assert_eq!(out.colour, worst.unwrap_or(Colour::Green));
        for citation in &out.citations {
            prop_assert!(citation.from <= now && citation.until.is_none_or(|until| until > now));
            prop_assert!(!citation.facts.is_empty());
            for id in &citation.facts {
                prop_assert!(facts.iter().any(|fact| fact.id == *id && fact.is_known_at(now)));
            }
        }
    }
}
