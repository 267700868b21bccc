//! For random facts and areas the evaluation and the naive implementation agree to the microsecond.

use std::cell::RefCell;
use std::collections::BTreeMap;

use lutong_kernel::{DivisionCode, FactId, Timestamp};
use lutong_risk_engine::area::{AreaBook, AreaEntry};
use lutong_risk_engine::attributes::{Attributes, parse_community};
use lutong_risk_engine::evaluate::{Evaluation, evaluate};
use lutong_risk_engine::fact::{Fact, FactKind};
use lutong_risk_engine::rule_set::RuleSet;
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::naive::{self, Answer, Figures};

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// Microseconds from 2022-02-28T00:00 in Shandong.
fn epoch() -> Timestamp {
    Timestamp::parse("2022-02-28T00:00:00+08:00").unwrap()
}

/// Days around the epoch, mostly at instants where something could be off by one: midnights in Shandong and in UTC, the
/// microseconds beside them, noon.
fn instant() -> impl Strategy<Value = Timestamp> {
    let of_day = prop_oneof![
        6 => select(vec![0, 1, DAY - 1, 480 * MINUTE, 480 * MINUTE - 1, 720 * MINUTE]),
        1 => 0..DAY,
    ];
    (-15_i64..15, of_day).prop_map(|(day, of_day)| epoch().plus_micros(day * DAY + of_day))
}

/// How long something lasts: often not at all, or to a midnight.
fn length() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(0),
        Just(1),
        (0_i64..30).prop_map(|days| days * DAY),
        0..30 * DAY
    ]
}

/// The same instant as another clock writes it.
fn written(at: Timestamp, offset_hours: i64) -> Value {
    let moved = at.plus_micros((offset_hours - 8) * 60 * MINUTE).to_rfc3339();
    let sign = if offset_hours < 0 { '-' } else { '+' };
    let offset = format!("{sign}{:02}:00", offset_hours.abs());
    json!(moved.replace("+08:00", &offset))
}

fn choice(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    select(words)
}

/// Attributes of a kind.
fn attributes(kind: FactKind) -> BoxedStrategy<Value> {
    let span = (instant(), length(), select(vec![8, 0, -5, 14])).prop_map(|(from, length, offset)| {
        let until = written(from.plus_micros(length), offset);
        (written(from, offset), until)
    });
    let optional = |until: Value, there: bool| if there { until } else { Value::Null };
    let there = any::<bool>();
    match kind {
        FactKind::Case => {
            let stage = choice(&["confirmed", "suspected", "asymptomatic"]);
            let any_closure = select(vec![Some("discharged"), Some("released"), Some("ruled_out"), None]);
            (stage, span, weighted(0.8, (any_closure, any::<bool>())))
                .prop_map(move |(stage, (from, until), closed)| {
                    // Half of them the pairs that open a window.
                    let closure = match (stage, closed) {
                        ("confirmed", Some((_, true))) => Some("discharged"),
                        ("asymptomatic", Some((_, true))) => Some("released"),
                        (_, closed) => closed.and_then(|(closure, _)| closure),
                    };
                    json!({"stage": stage, "diagnosed_at": from, "closed_at": optional(until, closed.is_some()),
                        "closure": closure})
                })
                .boxed()
        }
        FactKind::CloseContact => {
            let observation = of(choice(&["centralised", "home"]));
            (instant(), observation, span, there, any::<bool>()).prop_map(
                move |(contact, observation, (from, until), begun, ended)| {
                    json!({"last_contact_at": written(contact, 8), "observation": observation,
                        "observation_from": optional(from, begun), "observation_until": optional(until, ended)})
                },
            ).boxed()
        }
        FactKind::FeverClinicVisit => span.prop_map(|(from, _)| json!({"visited_at": from})).boxed(),
        FactKind::Symptoms => {
            let words = vec(choice(&["fever", "dry_cough", "respiratory", "fatigue", "diarrhoea"]), 0..3);
            let degrees = of(select(vec![36.5, 37.2, 37.3, 37.300_001, 39.0]));
            (span, words, degrees, there).prop_map(move |((from, until), words, degrees, cleared)| {
                json!({"observed_at": from, "symptoms": words, "temperature_c": degrees,
                    "cleared_at": optional(until, cleared)})
            }).boxed()
        }
        FactKind::DatabaseAnomaly => {
            span.prop_map(|(from, _)| json!({"observed_at": from, "code": "A1"})).boxed()
        }
        FactKind::Stay => {
            let division = choice(&["370202", "370202001", "370202100",
 "370202101", "370203", "370200", "370000", "370302", "320102"]);
            (division, of(choice(&["甲", " 甲 ", "乙"])), span, there).prop_map(
                move |(division, community, (from, until), left)| {
                    json!({"division": division, "community": community, "arrived_at": from,
                        "left_at": optional(until, left)})
                },
            ).boxed()
        }
        FactKind::Entry => (span, there).prop_map(move |((from, until), completed)| {
            json!({"entered_at": from, "country": "HKG", "quarantine_completed_at": optional(until, completed)})
        }).boxed(),
        FactKind::Test => {
            let result = choice(&["negative", "negative", "positive", "inconclusive"]);
            (span, result).prop_map(|((from, _), result)| json!({"sampled_at": from, "result": result})).boxed()
        }
        FactKind::Designation => (choice(&["high", "medium"]), span).prop_map(|(level, (from, until))| {
            json!({"level": level, "from": from, "until": until, "legal_basis": "b"})
        }).boxed(),
        FactKind::PartnerCode => {
            let colour = choice(&["green", "yellow", "red"]);
            (colour, span, there).prop_map(move |(colour, (from, until), ends)| {
                json!({"province": "32", "colour": colour, "issued_at": from, "expires_at": optional(until, ends)})
            }).boxed()
        }
        // Ids count from 1, so that most name a fact that is there.
        FactKind::Relief => (1_u128..6, span).prop_map(|(contested, (from, until))| {
            json!({"contested_fact": Uuid::from_u128(contested), "from": from, "until": until,
                "policy": "red,stay,yellow,48"})
        }).boxed(),
    }
}

/// A statement, its corrections one after the other, and whether the last is retracted in the end.
#[derive(Debug, Clone)]
struct Chain {
    kind: FactKind,
    versions: Vec<(Value, i64)>,
    recorded_at: Timestamp,
    retracted: bool,
}

fn chain() -> impl Strategy<Value = Chain> {
    // Stays, and entries with tests, depend on several facts or areas at once.
    let kinds = [
        &FactKind::ALL[..],
        &[FactKind::Stay; 4],
        &[FactKind::Entry, FactKind::Test],
        &[FactKind::Case; 2],
    ]
    .concat();
    let later = 1..20 * DAY;
    select(kinds).prop_flat_map(move |kind| {
        let versions = vec((attributes(kind), later.clone()), 1..4);
        (versions, instant(), weighted(0.2, Just(()))).prop_map(move |(versions, recorded_at, retracted)| {
            Chain {
                kind,
                versions,
                recorded_at,
                retracted: retracted.is_some(),
            }
        })
    })
}

/// Reliefs that last, from the first facts.
fn reliefs() -> impl Strategy<Value = Vec<Chain>> {
    let relief = (attributes(FactKind::Relief), length()).prop_map(|(mut given, later)| {
        given["until"] = written(epoch().plus_micros(30 * DAY + later), 8);
        Chain {
            kind: FactKind::Relief,
            versions: vec![(given, 1)],
            recorded_at: epoch().plus_micros(-15 * DAY),
            retracted: false,
        }
    });
    prop_oneof![1 => Just(Vec::new()), 1 => vec(relief, 1..6)]
}

fn facts_of(chains: &[Chain]) -> Vec<naive::Fact> {
    let mut facts = Vec::new();
    for chain in chains {
        let mut recorded_at = chain.recorded_at;
        for (n, (given, later)) in chain.versions.iter().enumerate() {
            let next = recorded_at.plus_micros(*later);
            let last = n + 1 == chain.versions.len();
            facts.push(naive::Fact {
                id: FactId::from_uuid(Uuid::from_u128(facts.len() as u128 + 1)),
                kind: chain.kind.as_str().to_owned(),
                attributes: given.clone(),
                recorded_at,
                superseded_at: (!last || chain.retracted).then_some(next),
            });
            recorded_at = next;
        }
    }
    facts
}

/// Few places, beginnings and levels, so that later records replace earlier ones.
fn area() -> impl Strategy<Value = naive::Area> {
    let code = choice(&[
        "370000",
        "370200",
        "370202",
        "370202",
        "370202001",
        "370202100",
        "370203",
        "320000",
    ]);
    let level = choice(&["key", "high", "high", "medium", "medium", "low"]);
    let from = (select(vec![-12, 0, 5]), select(vec![0, 720 * MINUTE]))
        .prop_map(|(day, of_day)| epoch().plus_micros(day * DAY + of_day));
    let community = weighted(0.3, choice(&["甲", "乙"]));
    (code, community, level, from, of(length()), instant()).prop_map(
        |(code, community, level, from, length, recorded_at)| naive::Area {
            code: code.to_owned(),
            community: community.map(str::to_owned),
            level: level.to_owned(),
            from,
            to: length.map(|length| from.plus_micros(length)),
            recorded_at,
        },
    )
}

fn product_fact(fact: &naive::Fact) -> Fact {
    Fact {
        id: fact.id,
        source: "test".to_owned(),
        recorded_at: fact.recorded_at,
        superseded_at: fact.superseded_at,
        attributes: Attributes::parse(fact.kind.parse().unwrap(), fact.attributes.as_object().unwrap())
            .unwrap(),
    }
}

fn product_area(area: &naive::Area) -> AreaEntry {
    AreaEntry {
        code: DivisionCode::parse(&area.code).unwrap(),
        community: area
            .community
            .as_deref()
            .map(|name| parse_community(name).unwrap()),
        level: area.level.parse().unwrap(),
        from: area.from,
        to: area.to,
        recorded_at: area.recorded_at,
    }
}

/// Colour, next change, and rule, facts and interval of every citation, by rule.
type Said = (
    String,
    Option<Timestamp>,
    Vec<(String, Vec<FactId>, Timestamp, Option<Timestamp>)>,
);

fn product_says(set: &RuleSet, out: Evaluation) -> Said {
    let cited = out.citations.into_iter().map(|citation| {
        let id = set.rules()[citation.rule].id.clone();
        (id, citation.facts, citation.from, citation.until)
    });
    let mut cited: Vec<_> = cited.collect();
    cited.sort();
    (out.colour.as_str().to_owned(), out.next_change_at, cited)
}

fn naive_says(out: Answer) -> Said {
    let cited = out.cited.into_iter();
    let cited = cited.map(|one| (one.rule.to_owned(), one.facts, one.from, one.until));
    let mut cited: Vec<_> = cited.collect();
    cited.sort();
    (out.colour.to_owned(), out.next_change_at, cited)
}

/// What the cases covered, so that agreement on trivial cases only is detected.
#[derive(Default)]
struct Seen {
    rules: BTreeMap<String, u32>,
    colours: BTreeMap<String, u32>,
    changing: u32,
    several_facts: u32,
    relieved: u32,
    unending: u32,
}

impl Seen {
    fn note(&mut self, (colour, next_change_at, cited): &Said) {
        *self.colours.entry(colour.clone()).or_default() += 1;
        self.changing += u32::from(next_change_at.is_some());
        let is_red = cited.iter().any(|(rule, ..)| rule.starts_with("red."));
        self.relieved += u32::from(is_red && colour == "yellow");
        for (rule, facts, _, until) in cited {
            *self.rules.entry(rule.clone()).or_default() += 1;
            self.several_facts += u32::from(facts.len() > 1);
            self.unending += u32::from(until.is_none());
        }
    }

    fn check(&self, set: &RuleSet) {
        for rule in set.rules() {
            let count = self.rules.get(&rule.id).copied().unwrap_or_default();
            assert!(count >= 5, "{} was cited in {count} cases only", rule.id);
        }
        assert!(self.colours.len() == 3 && self.colours.values().all(|count| *count >= 100));
        assert!(self.changing >= 500 && self.several_facts >= 20 && self.unending >= 100);
        assert!(self.relieved >= 20, "{} under relief", self.relieved);
    }
}

#[test]
fn the_evaluation_says_what_the_naive_reading_of_the_order_says() {
    agree(RuleSet::sd_2020(), naive::SD_2020, 4_000);
}

#[test]
fn the_evaluation_says_what_the_naive_reading_of_the_revised_order_says() {
    agree(RuleSet::sd_2022(), naive::SD_2022, 3_000);
}

fn agree(set: &RuleSet, figures: Figures, cases: u32) {
    let much_later = Just(epoch().plus_micros(100 * DAY));
    let chains = (vec(chain(), 0..8), reliefs()).prop_map(|(chains, reliefs)| [chains, reliefs].concat());
    let given = (
        chains,
        vec(area(), 0..7),
        instant(),
        prop_oneof![1 => instant(), 2 => much_later],
    );
    let seen = RefCell::new(Seen::default());
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let agreed = runner.run(&given, |(chains, areas, at, known_at)| {
        let facts = facts_of(&chains);
        let product_facts: Vec<Fact> = facts.iter().map(product_fact).collect();
        let book = AreaBook::new(areas.iter().map(product_area));
        let product = product_says(set, evaluate(set, &product_facts, &book, at, known_at));
        seen.borrow_mut().note(&product);
        let expected = naive_says(naive::answer(&facts, &areas, figures, at, known_at));
        prop_assert_eq!(product, expected);
        Ok(())
    });
    agreed.unwrap_or_else(|disagreement| panic!("{disagreement}"));
    seen.borrow().check(set);
}
