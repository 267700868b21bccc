//! Checks the boundaries of every window of every rule: the microsecond before it, its first and its last one, and the one after it.
//! The anchors and their ends are written by hand, from a calendar.

use std::collections::BTreeSet;

use lutong_kernel::{DivisionCode, FactId, Timestamp};
use lutong_risk_engine::area::{AreaBook, AreaEntry, RiskLevel};
use lutong_risk_engine::attributes::Attributes;
use lutong_risk_engine::evaluate::evaluate;
use lutong_risk_engine::fact::{Fact, FactKind};
use lutong_risk_engine::rule_set::RuleSet;
use serde_json::{Value, json};
use uuid::Uuid;

/// An instant as text, and the ends of the days after it: through the end of the fourteenth and of the seventh local day, and
/// fourteen times 24 hours.
struct Anchor {
    text: &'static str,
    fortnight: &'static str,
    week: &'static str,
    elapsed: &'static str,
}

const ANCHORS: [Anchor; 14] = [
    // An ordinary day: noon, its first and its last microsecond.
    anchor(
        "2022-03-01T12:00:00+08:00",
        "2022-03-16T00:00:00+08:00",
        "2022-03-09T00:00:00+08:00",
        "2022-03-15T12:00:00+08:00",
    ),
    anchor(
        "2022-03-01T00:00:00+08:00",
        "2022-03-16T00:00:00+08:00",
        "2022-03-09T00:00:00+08:00",
        "2022-03-15T00:00:00+08:00",
    ),
    anchor(
        "2022-03-01T23:59:59.999999+08:00",
        "2022-03-16T00:00:00+08:00",
        "2022-03-09T00:00:00+08:00",
        "2022-03-15T23:59:59.999999+08:00",
    ),
    // On and over the leap day, and the same days of a year without one.
    anchor(
        "2024-02-28T23:59:59+08:00",
        "2024-03-14T00:00:00+08:00",
        "2024-03-07T00:00:00+08:00",
        "2024-03-13T23:59:59+08:00",
    ),
    anchor(
        "2024-02-29T00:00:00+08:00",
        "2024-03-15T00:00:00+08:00",
        "2024-03-08T00:00:00+08:00",
        "2024-03-14T00:00:00+08:00",
    ),
    anchor(
        "2024-02-15T09:30:00+08:00",
        "2024-03-01T00:00:00+08:00",
        "2024-02-23T00:00:00+08:00",
        "2024-02-29T09:30:00+08:00",
    ),
    anchor(
        "2023-02-15T09:30:00+08:00",
        "2023-03-02T00:00:00+08:00",
        "2023-02-23T00:00:00+08:00",
        "2023-03-01T09:30:00+08:00",
    ),
    // The end of a year.
    anchor(
        "2021-12-31T23:59:59.999999+08:00",
        "2022-01-15T00:00:00+08:00",
        "2022-01-08T00:00:00+08:00",
        "2022-01-14T23:59:59.999999+08:00",
    ),
    anchor(
        "2022-12-17T08:00:00+08:00",
        "2023-01-01T00:00:00+08:00",
        "2022-12-25T00:00:00+08:00",
        "2022-12-31T08:00:00+08:00",
    ),
    // Other clocks, on which it is another day than in Shandong: 02-29, 03-01 and 01-01 there.
    anchor(
        "2024-02-28T16:00:00Z",
        "2024-03-15T00:00:00+08:00",
        "2024-03-08T00:00:00+08:00",
        "2024-03-14T00:00:00+08:00",
    ),
    anchor(
        "2024-02-29T12:30:00-05:00",
        "2024-03-16T00:00:00+08:00",
        "2024-03-09T00:00:00+08:00",
        "2024-03-15T01:30:00+08:00",
    ),
    anchor(
        "2022-01-02T03:00:00+14:00",
        "2022-01-16T00:00:00+08:00",
        "2022-01-09T00:00:00+08:00",
        "2022-01-15T21:00:00+08:00",
    ),
    // Seven days later a year, and a February, is over.
    anchor(
        "2022-12-24T10:00:00+08:00",
        "2023-01-08T00:00:00+08:00",
        "2023-01-01T00:00:00+08:00",
        "2023-01-07T10:00:00+08:00",
    ),
    anchor(
        "2024-02-22T15:59:59.999999Z",
        "2024-03-08T00:00:00+08:00",
        "2024-03-01T00:00:00+08:00",
        "2024-03-07T23:59:59.999999+08:00",
    ),
];

const fn anchor(
    text: &'static str,
    fortnight: &'static str,
    week: &'static str,
    elapsed: &'static str,
) -> Anchor {
    Anchor {
        text,
        fortnight,
        week,
        elapsed,
    }
}

/// How the days of a rule are counted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Count {
    Fortnight,
    Week,
    Elapsed,
}

/// The rules that the order of 2022 counts seven days for.
const WEEKS: [&str; 5] = [
    "red.key-area",
    "red.high-risk-area",
    "yellow.medium-risk-area",
    "yellow.fever-clinic",
    "yellow.database-anomaly",
];

/// A listing of 370202.
type Listed = (RiskLevel, Timestamp, Option<Timestamp>);

/// Statements under which a rule has one window, and the window.
struct Case {
    facts: Vec<(FactKind, Value)>,
    areas: Vec<Listed>,
    from: Timestamp,
    until: Option<Timestamp>,
}

impl Case {
    fn of(kind: FactKind, given: Value, from: Timestamp, until: Timestamp) -> Self {
        Self {
            facts: vec![(kind, given)],
            areas: Vec::new(),
            from,
            until: Some(until),
        }
    }

    fn open(kind: FactKind, given: Value, from: Timestamp) -> Self {
        Self {
            until: None,
            ..Self::of(kind, given, from, from)
        }
    }

    fn with_fact(mut self, kind: FactKind, given: Value) -> Self {
        self.facts.push((kind, given));
        self
    }
}

/// An anchor, the end of the days after it as they are counted, and instants beside it.
struct Around {
    text: &'static str,
    at: Timestamp,
    end: Timestamp,
}

impl Around {
    fn new(anchor: &Anchor, count: Count) -> Self {
        let end = match count {
            Count::Fortnight => anchor.fortnight,
            Count::Week => anchor.week,
            Count::Elapsed => anchor.elapsed,
        };
        Self {
            text: anchor.text,
            at: at(anchor.text),
            end: at(end),
        }
    }

    fn hours(&self, hours: i64) -> Timestamp {
        self.at.plus_seconds(hours * 3_600)
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Per rule the statements that open it and when; every window that the order's row and fine print name.
fn cases(rule: &str, around: &Around) -> Option<Vec<Case>> {
    Some(match rule {
        "red.key-area" => area_cases(RiskLevel::Key, around),
        "red.high-risk-area" => area_cases(RiskLevel::High, around),
        "yellow.medium-risk-area" => area_cases(RiskLevel::Medium, around),
        "red.confirmed" => case_cases("confirmed", around),
        "red.suspected" => case_cases("suspected", around),
        "red.asymptomatic-isolated" => case_cases("asymptomatic", around),
        "red.close-contact" => close_contact_cases(around),
        "red.designated" => named_cases(
            FactKind::Designation,
            &json!({"level": "high", "legal_basis": "b"}),
            "from",
            "until",
            around,
        ),
        "yellow.designated" => named_cases(
            FactKind::Designation,
            &json!({"level": "medium", "legal_basis": "b"}),
            "from",
            "until",
            around,
        ),
        "red.partner-code" => partner_code_cases("red", around),
        "yellow.partner-code" => partner_code_cases("yellow", around),
        "yellow.fever-clinic" => {
            vec![Case::of(
                FactKind::FeverClinicVisit,
                json!({"visited_at": around.text}),
                around.at,
                around.end,
            )]
        }
        "yellow.symptoms" => symptom_cases(around),
        "yellow.database-anomaly" => {
            let given = json!({"observed_at": around.text, "code": "A1"});
            vec![Case::of(FactKind::DatabaseAnomaly, given, around.at, around.end)]
        }
        "yellow.discharged-observation" => closed_cases("confirmed", "discharged", around),
        "yellow.asymptomatic-released" => closed_cases("asymptomatic", "released", around),
        "yellow.entry-quarantine" => entry_cases(around),
        _ => return None,
    })
}

fn with(given: &Value, more: &[(&str, Value)]) -> Value {
    let mut given = given.clone();
    for (name, value) in more {
        given[*name] = value.clone();
    }
    given
}

/// From one named instant to another, the anchor being either.
fn named_cases(kind: FactKind, given: &Value, from: &str, until: &str, around: &Around) -> Vec<Case> {
    let (earlier, later) = (around.hours(-30), around.hours(30));
    let begins = with(given, &[(from, json!(around.text)), (until, json!(later))]);
    let ends = with(given, &[(from, json!(earlier)), (until, json!(around.text))]);
    vec![
        Case::of(kind, begins, around.at, later),
        Case::of(kind, ends, earlier, around.at),
    ]
}

fn case_cases(stage: &str, around: &Around) -> Vec<Case> {
    let given = json!({"stage": stage});
    let mut cases = named_cases(FactKind::Case, &given, "diagnosed_at", "closed_at", around);
    let open = with(&given, &[("diagnosed_at", json!(around.text))]);
    cases.push(Case::open(FactKind::Case, open, around.at));
    cases
}

fn closed_cases(stage: &str, closure: &str, around: &Around) -> Vec<Case> {
    let given = json!({"stage": stage, "diagnosed_at": around.hours(-100), "closed_at": around.text, "closure": closure});
    vec![Case::of(FactKind::Case, given, around.at, around.end)]
}

fn close_contact_cases(around: &Around) -> Vec<Case> {
    let given = json!({"last_contact_at": around.text});
    let (begun, ends) = (around.hours(40), around.hours(99));
    let case = |more: &[(&str, Value)], from, until| {
        Case::of(FactKind::CloseContact, with(&given, more), from, until)
    };
    vec![
        case(&[], around.at, around.end),
        case(&[("observation", json!("home"))], around.at, around.end),
        // The days are counted from the contact also when the observation began later.
        case(&[("observation_from", json!(begun))], begun, around.end),
        case(&[("observation_until", json!(ends))], around.at, ends),
        case(
            &[
                ("observation_from", json!(begun)),
                ("observation_until", json!(ends)),
            ],
            begun,
            ends,
        ),
    ]
}

fn partner_code_cases(colour: &str, around: &Around) -> Vec<Case> {
    let given = json!({"province": "32", "colour": colour});
    let mut cases = named_cases(FactKind::PartnerCode, &given, "issued_at", "expires_at", around);
    let open = with(&given, &[("issued_at", json!(around.text))]);
    cases.push(Case::open(FactKind::PartnerCode, open, around.at));
    cases
}

fn symptom_cases(around: &Around) -> Vec<Case> {
    let given = |more: &[(&str, Value)]| with(&json!({"observed_at": around.text, "symptoms": []}), more);
    let case = |given, until| Case::of(FactKind::Symptoms, given, around.at, until);
    let mut cases: Vec<Case> = ["fever", "dry_cough", "shortness_of_breath", "respiratory"]
        .into_iter()
        .map(|word| case(given(&[("symptoms", json!([word]))]), around.end))
        .collect();
    cases.push(case(given(&[("temperature_c", json!(37.3))]), around.end));
    // Also when they clear after the fourteen days.
    for cleared in [around.hours(1), around.hours(500)] {
        let more = [("symptoms", json!(["fever"])), ("cleared_at", json!(cleared))];
        cases.push(case(given(&more), cleared));
    }
    cases
}

/// The later of quarantine and the first negative test at or after entry; open while either is missing.
fn entry_cases(around: &Around) -> Vec<Case> {
    let entered = json!({"entered_at": around.text, "country": "DEU"});
    let done = around.hours(300);
    let completed = with(&entered, &[("quarantine_completed_at", json!(done))]);
    let test = |at: Timestamp, result: &str| json!({"sampled_at": at, "result": result});
    let entry = |given: &Value, until| Case::of(FactKind::Entry, given.clone(), around.at, until);
    let open = |given: &Value| Case::open(FactKind::Entry, given.clone(), around.at);
    vec![
        entry(&completed, done).with_fact(FactKind::Test, test(around.at, "negative")),
        entry(&completed, around.hours(301)).with_fact(FactKind::Test, test(around.hours(301), "negative")),
        open(&completed).with_fact(FactKind::Test, test(around.at.plus_micros(-1), "negative")),
        open(&completed).with_fact(FactKind::Test, test(around.hours(1), "positive")),
        open(&entered).with_fact(FactKind::Test, test(around.hours(1), "negative")),
    ]
}

fn area_cases(level: RiskLevel, around: &Around) -> Vec<Case> {
    let case = |stay: (Value, Value), listed: (Timestamp, Option<Timestamp>), from, until| Case {
        facts: vec![(
            FactKind::Stay,
            json!({"division": "370202", "arrived_at": stay.0, "left_at": stay.1}),
        )],
        areas: vec![(level, listed.0, listed.1)],
        from,
        until,
    };
    let (early, late) = (around.hours(-50), around.hours(50));
    let anchored = json!(around.text);
    let last_moment = around.at.plus_micros(-1);
    vec![
        // The anchor is when they left: a listing without an end, one lifted later, one that came later.
        case(
            (json!(early), anchored.clone()),
            (early, None),
            early,
            Some(around.end),
        ),
        case(
            (json!(early), anchored.clone()),
            (early, Some(late)),
            early,
            Some(around.end),
        ),
        case(
            (json!(early), anchored.clone()),
            (late, Some(late)),
            late,
            Some(around.end),
        ),
        // The anchor is when the listing was lifted.
        case(
            (json!(early), json!(null)),
            (early, Some(around.at)),
            early,
            Some(around.end),
        ),
        // The anchor is when they arrived, or when the place was listed; both open.
        case((anchored.clone(), json!(null)), (early, None), around.at, None),
        case((json!(early), json!(null)), (around.at, None), around.at, None),
        // Arrived at the last moment of the listing.
        case(
            (json!(last_moment), json!(null)),
            (early, Some(around.at)),
            last_moment,
            Some(around.end),
        ),
    ]
}

/// The order of 2020 with all its days counted in hours.
fn elapsed() -> RuleSet {
    let text = RuleSet::SD_2020;
    let counted = text.replace("\ndays = 14", "\ndays = 14\ncount = \"elapsed\"");
    assert_eq!(
        counted.matches("elapsed").count(),
        text.matches("\ndays = ").count()
    );
    RuleSet::parse(&counted).unwrap()
}

fn facts(case: &Case) -> Vec<Fact> {
    let facts = (1_u128..).zip(&case.facts);
    facts
        .map(|(n, (kind, given))| Fact {
            id: FactId::from_uuid(Uuid::from_u128(n)),
            source: "test".to_owned(),
            recorded_at: at("2020-01-01T00:00:00Z"),
            superseded_at: None,
            attributes: Attributes::parse(*kind, given.as_object().unwrap()).unwrap(),
        })
        .collect()
}

fn book(areas: &[Listed]) -> AreaBook {
    AreaBook::new(areas.iter().map(|(level, from, to)| AreaEntry {
        code: DivisionCode::parse("370202").unwrap(),
        community: None,
        level: *level,
        from: *from,
        to: *to,
        recorded_at: at("2020-01-01T00:00:00Z"),
    }))
}

/// Whether the rule holds, and since when until when.
type Holds = Option<(Timestamp, Option<Timestamp>)>;

fn holds(set: &RuleSet, case: &Case, rule: &str, t: Timestamp) -> (Holds, Option<Timestamp>) {
    let out = evaluate(
        set,
        &facts(case),
        &book(&case.areas),
        t,
        at("2030-01-01T00:00:00Z"),
    );
    let cited = out
        .citations
        .iter()
        .find(|citation| set.rules()[citation.rule].id == rule);
    (
        cited.map(|citation| (citation.from, citation.until)),
        out.next_change_at,
    )
}

fn check(set: &RuleSet, rule: &str, case: &Case, named: &str) {
    let say = |t: Timestamp| format!("{rule} at {t}, {named}: {:?}", case.facts);
    let window = (case.from, case.until);
    let before = case.from.plus_micros(-1);
    let (held, next) = holds(set, case, rule, before);
    assert_eq!((held, next), (None, Some(case.from)), "{}", say(before));
    let mut inside = vec![case.from];
    inside.extend(case.until.map(|until| until.plus_micros(-1)));
    for t in inside {
        let (held, next) = holds(set, case, rule, t);
        assert_eq!(held, Some(window), "{}", say(t));
        // What else the facts open may change first.
        assert!(next <= case.until || case.until.is_none(), "{}", say(t));
    }
    let after = case.until.unwrap_or_else(|| at("2099-12-31T00:00:00Z"));
    let held = holds(set, case, rule, after).0;
    assert_eq!(held, case.until.map_or(Some(window), |_| None), "{}", say(after));
}

#[test]
fn every_window_of_every_rule_begins_and_ends_where_the_order_says() {
    let elapsed = elapsed();
    let fortnight = |_: &str| Count::Fortnight;
    let revised = |rule: &str| {
        if WEEKS.contains(&rule) {
            Count::Week
        } else {
            Count::Fortnight
        }
    };
    check_all(RuleSet::sd_2020(), fortnight);
    check_all(RuleSet::sd_2022(), revised);
    check_all(&elapsed, |_| Count::Elapsed);
}

fn check_all(set: &RuleSet, count: impl Fn(&str) -> Count) {
    for rule in set.rules() {
        let count = count(&rule.id);
        for anchor in &ANCHORS {
            let cases = cases(&rule.id, &Around::new(anchor, count));
            let cases = cases.unwrap_or_else(|| panic!("{} has no boundary cases", rule.id));
            for (n, case) in cases.iter().enumerate() {
                check(set, &rule.id, case, &format!("{} {count:?} #{n}", anchor.text));
            }
        }
    }
}

#[test]
fn a_rule_without_boundary_cases_is_noticed() {
    let around = Around::new(&ANCHORS[0], Count::Fortnight);
    assert!(cases("red.something-new", &around).is_none());
    let kinds: BTreeSet<_> = RuleSet::sd_2020()
        .rules()
        .iter()
        .flat_map(|rule| cases(&rule.id, &around).unwrap())
        .flat_map(|case| case.facts)
        .map(|(kind, _)| kind)
        .collect();
    let read_by_rules = FactKind::ALL.iter().filter(|kind| **kind != FactKind::Relief);
    assert_eq!(
        kinds.len(),
        read_by_rules.count(),
        "some kind of fact decides nothing"
    );
}

/// A listing, the first instant that it looks back to, and the end of its own day.
const LISTINGS: [(&str, &str, &str); 6] = [
    (
        "2022-03-15T12:00:00+08:00",
        "2022-03-01T00:00:00+08:00",
        "2022-03-16T00:00:00+08:00",
    ),
    (
        "2024-03-14T00:00:00+08:00",
        "2024-02-29T00:00:00+08:00",
        "2024-03-15T00:00:00+08:00",
    ),
    (
        "2023-03-14T23:59:59.999999+08:00",
        "2023-02-28T00:00:00+08:00",
        "2023-03-15T00:00:00+08:00",
    ),
    (
        "2022-01-10T15:59:59Z",
        "2021-12-27T00:00:00+08:00",
        "2022-01-11T00:00:00+08:00",
    ),
    (
        "2022-01-10T16:00:00Z",
        "2021-12-28T00:00:00+08:00",
        "2022-01-12T00:00:00+08:00",
    ),
    (
        "2024-12-31T20:00:00-05:00",
        "2024-12-18T00:00:00+08:00",
        "2025-01-02T00:00:00+08:00",
    ),
];

#[test]
fn a_listing_looks_back_to_the_midnight_fourteen_days_before_it_and_no_further() {
    let set = RuleSet::sd_2020();
    for (listed, look_back, end_of_day) in LISTINGS {
        let stay = |left: Timestamp| Case {
            facts: vec![(
                FactKind::Stay,
                json!({"division": "370202", "arrived_at": left.plus_seconds(-3_600), "left_at": left}),
            )],
            areas: vec![(RiskLevel::High, at(listed), None)],
            from: at(listed),
            until: Some(at(end_of_day)),
        };
        let first = at(look_back);
        check(set, "red.high-risk-area", &stay(first.plus_micros(1)), listed);
        let (held, next) = holds(set, &stay(first), "red.high-risk-area", at(listed));
        assert_eq!((held, next), (None, None), "left {first}, listed {listed}");
    }
}

#[test]
fn who_arrives_when_the_listing_ends_is_not_under_it() {
    let set = RuleSet::sd_2020();
    for anchor in &ANCHORS {
        let case = Case {
            facts: vec![(
                FactKind::Stay,
                json!({"division": "370202", "arrived_at": anchor.text}),
            )],
            areas: vec![(
                RiskLevel::High,
                at(anchor.text).plus_seconds(-86_400),
                Some(at(anchor.text)),
            )],
            from: at(anchor.text),
            until: None,
        };
        let held = holds(set, &case, "red.high-risk-area", case.from);
        assert_eq!(held, (None, None), "{}", anchor.text);
    }
}

#[test]
fn a_window_that_is_empty_is_never_in_force() {
    let set = RuleSet::sd_2020();
    let same = "2022-03-20T09:00:00+08:00";
    let empty = [
        (
            FactKind::Case,
            json!({"stage": "suspected", "diagnosed_at": same, "closed_at": same}),
        ),
        (
            FactKind::Designation,
            json!({"level": "high", "from": same, "until": same, "legal_basis": "b"}),
        ),
        (
            FactKind::PartnerCode,
            json!({"province": "32", "colour": "red", "issued_at": same, "expires_at": same}),
        ),
        (
            FactKind::Symptoms,
            json!({"observed_at": same, "symptoms": ["fever"], "cleared_at": same}),
        ),
        // Observation that would begin after the fourteen days of the contact are over.
        (
            FactKind::CloseContact,
            json!({"last_contact_at": "2022-03-01T00:00:00+08:00", "observation_from": same}),
        ),
    ];
    for one in empty {
        let case = Case {
            facts: vec![one],
            areas: Vec::new(),
            from: at(same),
            until: None,
        };
        let all = facts(&case);
        for t in [case.from.plus_micros(-1), case.from, case.from.plus_micros(1)] {
            let out = evaluate(set, &all, &book(&[]), t, t.plus_seconds(86_400));
            assert_eq!(
                (out.citations, out.next_change_at),
                (vec![], None),
                "{:?}",
                case.facts
            );
        }
    }
}
