use lutong_kernel::{Colour, FactId, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::tests::{areas, at, facts_of, instant, rules};
use super::super::{Evaluation, evaluate};
use super::*;
use crate::attributes::Attributes;
use crate::fact::Fact;
use crate::rule_set::RuleSet;

const EVERY_KIND: std::ops::Range<usize> = 0..FactKind::ALL.len();

fn id(n: u128) -> FactId {
    FactId::from_uuid(Uuid::from_u128(n))
}

/// A fact that is known from the hour on.
fn fact(n: u128, recorded: i64, kind: FactKind, given: &Value) -> Fact {
    Fact {
        id: id(n),
        source: "test".to_owned(),
        recorded_at: at(recorded),
        superseded_at: None,
        attributes: Attributes::parse(kind, given.as_object().unwrap()).unwrap(),
    }
}

fn contact(n: u128, from: i64, until: i64) -> Fact {
    let given = json!({"last_contact_at": instant(from), "observation_until": instant(until)});
    fact(n, from, FactKind::CloseContact, &given)
}

fn confirmed(n: u128, recorded: i64, closed: Option<i64>) -> Fact {
    let given = json!({"stage": "confirmed", "diagnosed_at": instant(0), "closed_at": closed.map(instant)});
    fact(n, recorded, FactKind::Case, &given)
}

fn relief(n: u128, contested: u128, from: i64, until: i64) -> Fact {
    let given = json!({"contested_fact": Uuid::from_u128(contested), "from": instant(from), "until": instant(until),
        "policy": "red,close_contact,yellow,48"});
    fact(n, from, FactKind::Relief, &given)
}

fn decided(facts: &[Fact], hour: i64) -> Evaluation {
    evaluate(RuleSet::sd_2020(), facts, &areas(), at(hour), at(hour))
}

fn seen(facts: &[Fact], hour: i64) -> (Colour, Option<Timestamp>) {
    let out = decided(facts, hour);
    (out.colour, out.next_change_at)
}

#[test]
fn the_slots_are_those_of_the_contract() {
    let slot = |kind: FactKind, name: &str| kind.index_of(name).unwrap();
    for (slot, expected) in [
        (slot(FactKind::Relief, "contested_fact"), CONTESTED_FACT),
        (slot(FactKind::Relief, "from"), RELIEF_FROM),
        (slot(FactKind::Relief, "until"), RELIEF_UNTIL),
        (slot(FactKind::Case, "stage"), STAGE),
        (slot(FactKind::Case, "diagnosed_at"), DIAGNOSED_AT),
        (slot(FactKind::Case, "closed_at"), CLOSED_AT),
    ] {
        assert_eq!(slot, usize::from(expected));
    }
    assert_eq!(FactKind::Case.attributes()[0].words()[0], "confirmed");
}

#[test]
fn red_is_yellow_from_the_beginning_of_a_relief_until_its_end_and_says_so() {
    let facts = [contact(1, 0, 200), relief(2, 1, 10, 58)];
    assert_eq!(
        seen(&facts, 9),
        (Colour::Red, Some(at(200))),
        "it is not known yet"
    );
    let under = decided(&facts, 10);
    assert_eq!(
        (under.colour, under.next_change_at),
        (Colour::Yellow, Some(at(58)))
    );
    assert_eq!(under.citations.len(), 1, "the rule is still cited");
    let shown = under.relief.unwrap();
    assert_eq!(
        (shown.reliefs, shown.from, shown.until),
        (vec![id(2)], at(10), at(58))
    );
    assert_eq!(seen(&facts, 58), (Colour::Red, Some(at(200))));
    assert_eq!(decided(&facts, 58).relief, None);
}

#[test]
fn one_fact_that_is_under_no_relief_keeps_the_colour() {
    let both = [contact(1, 0, 200), contact(3, 20, 40), relief(2, 1, 10, 58)];
    assert_eq!(
        seen(&both, 15),
        (Colour::Yellow, Some(at(58))),
        "the other is not known yet"
    );
    assert_eq!(
        seen(&both, 20),
        (Colour::Red, Some(at(40))),
        "a second fact under the same rule"
    );
    assert_eq!(seen(&both, 40), (Colour::Yellow, Some(at(58))));
    let covered = [&both[..], &[relief(4, 3, 25, 35)]].concat();
    assert_eq!(seen(&covered, 25), (Colour::Yellow, Some(at(35))));
    assert_eq!(decided(&covered, 25).relief.unwrap().reliefs, [id(2), id(4)]);
    assert_eq!(seen(&covered, 35), (Colour::Red, Some(at(40))));
}

#[test]
fn a_confirmed_case_that_is_reported_afterwards_makes_red_at_once_and_its_end_gives_the_relief_back() {
    let facts = [
        contact(1, 0, 200),
        relief(2, 1, 10, 58),
        confirmed(3, 20, Some(30)),
    ];
    assert_eq!(seen(&facts, 19).0, Colour::Yellow);
    let under = decided(&facts, 20);
    assert_eq!((under.colour, under.next_change_at), (Colour::Red, Some(at(30))));
    assert_eq!(under.relief, None);
    assert_eq!(seen(&facts, 30), (Colour::Yellow, Some(at(58))));
    let open = [contact(1, 0, 200), relief(2, 1, 10, 58), confirmed(3, 20, None)];
    assert_eq!(seen(&open, 40).0, Colour::Red);
}

#[test]
fn no_relief_is_given_from_a_confirmed_case_itself() {
    let facts = [confirmed(1, 0, None), relief(2, 1, 10, 58)];
    assert_eq!(seen(&facts, 20), (Colour::Red, None));
}

#[test]
fn two_reliefs_from_one_fact_last_as_long_as_both() {
    let facts = [contact(1, 0, 200), relief(2, 1, 10, 30), relief(3, 1, 20, 58)];
    assert_eq!(seen(&facts, 20), (Colour::Yellow, Some(at(58))));
    let apart = [contact(1, 0, 200), relief(2, 1, 10, 30), relief(3, 1, 40, 58)];
    let apart: Vec<Fact> = apart
        .into_iter()
        .map(|one| Fact {
            recorded_at: at(0),
            ..one
        })
        .collect();
    assert_eq!(seen(&apart, 20), (Colour::Yellow, Some(at(30))));
    assert_eq!(seen(&apart, 30), (Colour::Red, Some(at(40))));
    assert_eq!(seen(&apart, 40), (Colour::Yellow, Some(at(58))));
}

#[test]
fn where_the_fact_ends_first_the_colour_is_that_of_the_other_rules() {
    let facts = [contact(1, 0, 40), relief(2, 1, 10, 58)];
    assert_eq!(seen(&facts, 20), (Colour::Yellow, Some(at(40))));
    assert_eq!(seen(&facts, 40), (Colour::Green, None));
}

#[test]
fn yellow_and_green_have_no_relief() {
    let fever = json!({"visited_at": instant(0)});
    let fever = fact(1, 0, FactKind::FeverClinicVisit, &fever);
    let with = decided(&[fever.clone(), relief(2, 1, 10, 58)], 20);
    assert_eq!(with, decided(&[fever], 20));
    assert_eq!(decided(&[relief(2, 1, 10, 58)], 20), decided(&[], 20));
}

#[test]
fn a_rule_set_can_neither_read_a_relief_nor_end_by_one() {
    let given = RuleSet::SD_2020;
    let first = given.replacen("fact = \"designation\"", "fact = \"relief\"", 1);
    assert_ne!(first, given);
    assert!(RuleSet::parse(&first).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// For all facts and reliefs: nothing but red becomes yellow, nothing becomes green, the rules that are cited are the same, and over an
    /// open confirmed case red stays red.
    #[test]
    fn never_green_and_never_milder_over_an_open_confirmed_case(facts in facts_of(EVERY_KIND), hour in -500_i64..900, known in -500_i64..900) {
        let set = RuleSet::sd_2020();
        let of_rules: Vec<Fact> = facts.iter().filter(|fact| fact.kind() != FactKind::Relief).cloned().collect();
        let with = evaluate(set, &facts, &areas(), at(hour), at(known));
        let without = evaluate(set, &of_rules, &areas(), at(hour), at(known));
        prop_assert_eq!(&with.citations, &without.citations);
        prop_assert_eq!(&without.relief, &None);
        if with.colour == without.colour {
            prop_assert_eq!(&with.relief, &None);
        } else {
            prop_assert_eq!((without.colour, with.colour), (Colour::Red, Colour::Yellow));
            let shown = with.relief.as_ref().unwrap();
            prop_assert!(!shown.reliefs.is_empty() && shown.from <= at(hour) && shown.until > at(hour));
            prop_assert!(with.next_change_at.unwrap() <= shown.until);
        }
        let is_confirmed = rules(&with).iter().any(|rule| set.rules()[*rule].id == "red.confirmed");
        prop_assert!(!is_confirmed || with.colour == Colour::Red);
    }

    /// Hour by hour: neither rules nor colour change before the next change, and one of them does at it.
    #[test]
    fn nothing_changes_before_the_next_change_and_something_does_at_it(facts in facts_of(EVERY_KIND), hour in -500_i64..900, known in -500_i64..900) {
        let (set, areas, known) = (RuleSet::sd_2020(), areas(), at(known));
        let say = |then| {
            let out = evaluate(set, &facts, &areas, then, known);
            (rules(&out), out.colour)
        };
        let now = say(at(hour));
        let change = evaluate(set, &facts, &areas, at(hour), known).next_change_at;
        let last = change.map_or(at(hour + 24 * 60), |change| change.plus_micros(-1));
        let mut later = at(hour);
        while later <= last {
            prop_assert_eq!(say(later), now.clone(), "at {}", later);
            later = later.plus_seconds(3 * 3_600);
        }
        if let Some(change) = change {
            prop_assert!(change > at(hour));
            prop_assert_eq!(say(change.plus_micros(-1)), now.clone());
            prop_assert_ne!(say(change), now);
        }
    }
}
