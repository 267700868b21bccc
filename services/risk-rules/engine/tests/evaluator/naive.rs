//! A second, slow implementation of the order. For every rule it answers one question from the JSON of a statement: is this fact in
//! force at this instant? It shares no code with the evaluation except instants and ids.
//!
//! Names of communities are given in NFC. Of two states of one listing recorded at the same instant, one with an end replaces one
//! without, then the later end wins; the order does not define this.

use lutong_kernel::{FactId, Timestamp};
use serde_json::Value;

/// A statement about a person.
#[derive(Debug, Clone)]
pub struct Fact {
    pub id: FactId,
    pub kind: String,
    pub attributes: Value,
    pub recorded_at: Timestamp,
    /// When its correction or retraction was recorded.
    pub superseded_at: Option<Timestamp>,
}

/// One recorded state of a listing.
#[derive(Debug, Clone)]
pub struct Area {
    pub code: String,
    pub community: Option<String>,
    pub level: String,
    pub from: Timestamp,
    pub to: Option<Timestamp>,
    pub recorded_at: Timestamp,
}

/// The figures in which the province's orders differ.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    pub area_look_back: i64,
    pub area: i64,
    pub close_contact: i64,
    pub fever_clinic: i64,
    pub symptoms: i64,
    pub database_anomaly: i64,
    pub after_case: i64,
}

pub const SD_2020: Figures = Figures {
    area_look_back: 14,
    area: 14,
    close_contact: 14,
    fever_clinic: 14,
    symptoms: 14,
    database_anomaly: 14,
    after_case: 14,
};

/// The revision of November 2022.
#[allow(dead_code)] // the example that includes this file measures the first order only
pub const SD_2022: Figures = Figures {
    area_look_back: 7,
    area: 7,
    fever_clinic: 7,
    database_anomaly: 7,
    ..SD_2020
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cited {
    pub rule: &'static str,
    /// Those in force at the instant, sorted.
    pub facts: Vec<FactId>,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub colour: &'static str,
    pub cited: Vec<Cited>,
    pub next_change_at: Option<Timestamp>,
}

/// What is known at some instant.
struct Known<'a> {
    facts: Vec<&'a Fact>,
    areas: Vec<&'a Area>,
    days: Figures,
}

type Question = fn(&Known, &Fact, Timestamp) -> bool;

/// The order's table, top to bottom.
const RULES: [(&str, Question); 17] = [
    ("red.key-area", |known, fact, t| was_in(known, fact, "key", t)),
    ("red.high-risk-area", |known, fact, t| {
        was_in(known, fact, "high", t)
    }),
    ("red.confirmed", |_, fact, t| is_case(fact, "confirmed", t)),
    ("red.suspected", |_, fact, t| is_case(fact, "suspected", t)),
    ("red.asymptomatic-isolated", |_, fact, t| {
        is_case(fact, "asymptomatic", t)
    }),
    ("red.close-contact", close_contact),
    ("red.designated", |_, fact, t| is_designated(fact, "high", t)),
    ("red.partner-code", |_, fact, t| has_partner_code(fact, "red", t)),
    ("yellow.fever-clinic", |known, fact, t| {
        fact.kind == "fever_clinic_visit" && within(fact, "visited_at", known.days.fever_clinic, t)
    }),
    ("yellow.symptoms", symptoms),
    ("yellow.database-anomaly", |known, fact, t| {
        fact.kind == "database_anomaly" && within(fact, "observed_at", known.days.database_anomaly, t)
    }),
    ("yellow.discharged-observation", |known, fact, t| {
        is_closed(fact, "confirmed", "discharged") && within(fact, "closed_at", known.days.after_case, t)
    }),
    ("yellow.asymptomatic-released", |known, fact, t| {
        is_closed(fact, "asymptomatic", "released") && within(fact, "closed_at", known.days.after_case, t)
    }),
    ("yellow.entry-quarantine", entry_quarantine),
    ("yellow.medium-risk-area", |known, fact, t| {
        was_in(known, fact, "medium", t)
    }),
    ("yellow.designated", |_, fact, t| is_designated(fact, "medium", t)),
    ("yellow.partner-code", |_, fact, t| {
        has_partner_code(fact, "yellow", t)
    }),
];

/// The colour and the rules at `at`, from what was known at `known_at`.
pub fn answer(facts: &[Fact], areas: &[Area], days: Figures, at: Timestamp, known_at: Timestamp) -> Answer {
    let known = Known {
        facts: facts.iter().filter(|fact| is_known(fact, known_at)).collect(),
        areas: areas
            .iter()
            .filter(|area| is_current(area, areas, known_at))
            .collect(),
        days,
    };
    let candidates = candidates(&known);
    let now = rules_at(&known, at);
    let later = candidates.iter().copied().filter(|t| *t > at);
    Answer {
        colour: shown(&known, &now, at),
        next_change_at: later.clone().find(|t| {
            let then = rules_at(&known, *t);
            then != now || shown(&known, &then, *t) != shown(&known, &now, at)
        }),
        cited: now
            .iter()
            .map(|rule| cite(&known, &candidates, rule, at))
            .collect(),
    }
}

/// A fact recorded at T is known at T; a superseded fact is never current again once that is known.
fn is_known(fact: &Fact, known_at: Timestamp) -> bool {
    fact.recorded_at <= known_at && fact.superseded_at.is_none_or(|superseded| known_at < superseded)
}

/// Known, and not replaced by a later-recorded state of the same listing that is known too.
fn is_current(area: &Area, areas: &[Area], known_at: Timestamp) -> bool {
    let same = |other: &&Area| {
        (&other.code, &other.community, &other.level, other.from)
            == (&area.code, &area.community, &area.level, area.from)
    };
    let replaces = |other: &Area| (other.recorded_at, other.to) > (area.recorded_at, area.to);
    area.recorded_at <= known_at
        && !areas
            .iter()
            .filter(same)
            .any(|other| other.recorded_at <= known_at && replaces(other))
}

fn rules_at(known: &Known, t: Timestamp) -> Vec<&'static str> {
    let holds = |question: Question| known.facts.iter().any(|fact| question(known, fact, t));
    RULES
        .iter()
        .filter(|(_, question)| holds(*question))
        .map(|(rule, _)| *rule)
        .collect()
}

/// Worst colour wins; no match: green.
fn colour(rules: &[&str]) -> &'static str {
    match rules {
        [] => "green",
        rules if rules.iter().any(|rule| rule.starts_with("red.")) => "red",
        _ => "yellow",
    }
}

/// While no confirmed case is open, red is shown as yellow where every fact that makes it is under relief.
fn shown(known: &Known, rules: &[&str], t: Timestamp) -> &'static str {
    let makes_red = |fact: &&&Fact| {
        let mut red = RULES.iter().filter(|(rule, _)| rule.starts_with("red."));
        red.any(|(_, question)| question(known, fact, t))
    };
    let is_relieved = |fact: &&Fact| {
        let mut reliefs = known.facts.iter().filter(|one| one.kind == "relief");
        reliefs.any(|relief| {
            word(relief, "contested_fact") == Some(&*fact.id.to_string())
                && instant(relief, "from").is_some_and(|from| from <= t)
                && instant(relief, "until").is_some_and(|until| t < until)
        })
    };
    let worst = colour(rules);
    let is_confirmed = known.facts.iter().any(|fact| is_case(fact, "confirmed", t));
    let mut red = known.facts.iter().filter(makes_red);
    if worst == "red" && !is_confirmed && red.all(is_relieved) {
        "yellow"
    } else {
        worst
    }
}

fn cite(known: &Known, candidates: &[Timestamp], rule: &'static str, at: Timestamp) -> Cited {
    let question = RULES.iter().find(|(id, _)| *id == rule).expect("a rule").1;
    let facts_at = |t| known.facts.iter().filter(move |fact| question(known, fact, t));
    let mut facts: Vec<FactId> = facts_at(at).map(|fact| fact.id).collect();
    facts.sort_unstable();
    // Back from now as long as it holds, and on from now until it does not.
    let back = candidates.iter().rev().copied().filter(|t| *t <= at);
    let from = back.take_while(|t| facts_at(*t).next().is_some()).last();
    let mut later = candidates.iter().copied().filter(|t| *t > at);
    Cited {
        rule,
        facts,
        from: from.expect("what is in force has begun at some candidate"),
        until: later.find(|t| facts_at(*t).next().is_none()),
    }
}

/// Every instant at which anything can begin or end: those that facts and areas name, and the midnights after as many days
/// as any rule counts. Between two of them nothing changes.
fn candidates(known: &Known) -> Vec<Timestamp> {
    let texts = known.facts.iter().filter_map(|fact| fact.attributes.as_object());
    let texts = texts.flat_map(|attributes| attributes.values().filter_map(Value::as_str));
    let named = texts.filter_map(|text| Timestamp::parse(text).ok());
    let listed = known.areas.iter().flat_map(|area| [Some(area.from), area.to]);
    let mut all: Vec<Timestamp> = named.chain(listed.flatten()).collect();
    let Figures {
        area_look_back: _,
        area,
        close_contact,
        fever_clinic,
        symptoms,
        database_anomaly,
        after_case,
    } = known.days;
    for t in all.clone() {
        for days in [
            area,
            close_contact,
            fever_clinic,
            symptoms,
            database_anomaly,
            after_case,
        ] {
            all.push(days_after(t, days));
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn instant(fact: &Fact, name: &str) -> Option<Timestamp> {
    let text = fact.attributes.get(name)?.as_str()?;
    Some(Timestamp::parse(text).expect("an instant"))
}

fn word<'a>(fact: &'a Fact, name: &str) -> Option<&'a str> {
    fact.attributes.get(name)?.as_str()
}

/// A missing end is open.
fn before(t: Timestamp, end: Option<Timestamp>) -> bool {
    end.is_none_or(|end| t < end)
}

const DAY: i64 = 86_400_000_000;
const SHANGHAI: i64 = 8 * 3_600_000_000;

/// 00:00 in Shanghai on the date of `t` plus so many days.
fn midnight(t: Timestamp, days: i64) -> Timestamp {
    let date = (t.micros() + SHANGHAI).div_euclid(DAY);
    Timestamp::from_micros((date + days) * DAY - SHANGHAI)
}

/// "+ n days": the date of `t` is day 0, through the end of day n.
fn days_after(t: Timestamp, days: i64) -> Timestamp {
    midnight(t, days + 1)
}

/// From an instant of the fact until so many days after it.
fn within(fact: &Fact, name: &str, days: i64, t: Timestamp) -> bool {
    instant(fact, name).is_some_and(|from| from <= t && t < days_after(from, days))
}

fn is_case(fact: &Fact, stage: &str, t: Timestamp) -> bool {
    fact.kind == "case"
        && word(fact, "stage") == Some(stage)
        && instant(fact, "diagnosed_at").is_some_and(|from| from <= t)
        && before(t, instant(fact, "closed_at"))
}

/// Closed without closure opens no window, nor does a pair that no rule names.
fn is_closed(fact: &Fact, stage: &str, closure: &str) -> bool {
    fact.kind == "case" && word(fact, "stage") == Some(stage) && word(fact, "closure") == Some(closure)
}

/// With or without `observation`; what is not said about its beginning and end is counted from the last contact.
fn close_contact(known: &Known, fact: &Fact, t: Timestamp) -> bool {
    if fact.kind != "close_contact" {
        return false;
    }
    let last_contact = instant(fact, "last_contact_at").expect("it is required");
    let from = instant(fact, "observation_from").unwrap_or(last_contact);
    let until = instant(fact, "observation_until");
    from <= t && t < until.unwrap_or_else(|| days_after(last_contact, known.days.close_contact))
}

fn is_designated(fact: &Fact, level: &str, t: Timestamp) -> bool {
    fact.kind == "designation"
        && word(fact, "level") == Some(level)
        && instant(fact, "from").is_some_and(|from| from <= t)
        && instant(fact, "until").is_some_and(|until| t < until)
}

fn has_partner_code(fact: &Fact, colour: &str, t: Timestamp) -> bool {
    fact.kind == "partner_code"
        && word(fact, "colour") == Some(colour)
        && instant(fact, "issued_at").is_some_and(|from| from <= t)
        && before(t, instant(fact, "expires_at"))
}

/// Any of the four; fever is reported or measured. When they cleared wins over the days.
fn symptoms(known: &Known, fact: &Fact, t: Timestamp) -> bool {
    if fact.kind != "symptoms" {
        return false;
    }
    let reported = fact.attributes["symptoms"].as_array().expect("it is required");
    let counts = ["fever", "dry_cough", "shortness_of_breath", "respiratory"];
    let any = reported.iter().any(|one| counts.iter().any(|word| one == word));
    let fever = fact.attributes.get("temperature_c").and_then(Value::as_f64);
    if !any && fever.is_none_or(|degrees| degrees < 37.3) {
        return false;
    }
    match instant(fact, "cleared_at") {
        Some(cleared) => instant(fact, "observed_at").is_some_and(|from| from <= t) && t < cleared,
        None => within(fact, "observed_at", known.days.symptoms, t),
    }
}

/// Open while either half is missing; any later negative test counts, the first decides.
fn entry_quarantine(known: &Known, fact: &Fact, t: Timestamp) -> bool {
    if fact.kind != "entry" {
        return false;
    }
    let entered = instant(fact, "entered_at").expect("it is required");
    let negative = |test: &&&Fact| test.kind == "test" && word(test, "result") == Some("negative");
    let tests = known.facts.iter().filter(negative);
    let sampled = tests.filter_map(|test| instant(test, "sampled_at"));
    let first = sampled.filter(|sampled| *sampled >= entered).min();
    let completed = instant(fact, "quarantine_completed_at");
    entered <= t && (before(t, completed) || before(t, first))
}

/// A stay in a listed place that overlaps the listing or the days looked back.
fn was_in(known: &Known, stay: &Fact, level: &str, t: Timestamp) -> bool {
    if stay.kind != "stay" {
        return false;
    }
    let arrived = instant(stay, "arrived_at").expect("it is required");
    let left = instant(stay, "left_at");
    known.areas.iter().any(|area| {
        let look_back = midnight(area.from, -known.days.area_look_back);
        // Of two ends the earlier, an open one being infinite.
        let last = [left, area.to].into_iter().flatten().min();
        area.level == level
            && covers(area, stay)
            && before(look_back, left)
            && before(arrived, area.to)
            && arrived <= t
            && area.from <= t
            && before(t, last.map(|last| days_after(last, known.days.area)))
    })
}

/// The same place, or inside it: `…0000` a province, `…00` a city, six digits a county with its streets. An entry with a
/// community covers the identical code and community only.
fn covers(area: &Area, stay: &Fact) -> bool {
    let division = word(stay, "division").expect("it is required");
    if let Some(community) = &area.community {
        let stayed = word(stay, "community").map(str::trim);
        return area.code == division && stayed == Some(community.trim());
    }
    if area.code.len() == 9 {
        return area.code == division;
    }
    let inside = area
        .code
        .strip_suffix("0000")
        .or_else(|| area.code.strip_suffix("00"));
    division.starts_with(inside.unwrap_or(&area.code))
}
