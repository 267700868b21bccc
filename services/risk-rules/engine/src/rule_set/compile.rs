//! Resolves the names in a rule set to indexes. Every name must exist and have the required shape.

use std::collections::BTreeMap;

use lutong_kernel::{Colour, Timestamp};

use super::file::{ConditionEntry, EndEntry, File, RuleEntry, WindowEntry, Words};
use super::plan::{MAX_RULES, Plan};
use super::{AnchoredEnd, Condition, DayCount, End, Rule, RuleSet, RuleSetError, Text, Window};
use crate::attributes::Shape;
use crate::fact::FactKind;

pub fn compile(file: File) -> Result<RuleSet, RuleSetError> {
    let effective_from = Timestamp::parse(&file.effective_from)
        .map_err(|error| RuleSetError::Whole(format!("effective_from: {error}")))?;
    let mut rules: Vec<Rule> = Vec::with_capacity(file.rules.len());
    for entry in file.rules {
        let id = entry.id.clone();
        let failed = |reason| RuleSetError::Rule {
            rule: id.clone(),
            reason,
        };
        let rule = rule(entry).map_err(&failed)?;
        if rules.iter().any(|other| other.id == rule.id) {
            return Err(failed("there are two rules of this id".to_owned()));
        }
        rules.push(rule);
    }
    if rules.len() > MAX_RULES {
        return Err(RuleSetError::Whole(format!(
            "{} rules; {MAX_RULES} at most",
            rules.len()
        )));
    }
    Ok(RuleSet {
        id: file.id,
        version: file.version,
        effective_from,
        legal_basis: said("legal_basis", file.legal_basis).map_err(RuleSetError::Whole)?,
        guidance: guidance(file.guidance)?,
        plan: Plan::new(&rules),
        rules,
    })
}

fn guidance(mut given: BTreeMap<String, Words>) -> Result<[Text; 3], RuleSetError> {
    let mut of = |colour: Colour| {
        let words = given.remove(colour.as_str());
        let words = words.ok_or_else(|| RuleSetError::Whole(format!("guidance for {colour} is missing")))?;
        text(&format!("guidance.{colour}"), words).map_err(RuleSetError::Whole)
    };
    let all = [of(Colour::Green)?, of(Colour::Yellow)?, of(Colour::Red)?];
    match given.keys().next() {
        None => Ok(all),
        Some(other) => Err(RuleSetError::Whole(format!(
            "guidance for {other}: there is no such colour"
        ))),
    }
}

fn text(name: &str, words: Words) -> Result<Text, String> {
    Ok(Text {
        zh: said(&format!("{name}.zh"), words.zh)?,
        en: said(&format!("{name}.en"), words.en)?,
    })
}

fn said(name: &str, words: String) -> Result<String, String> {
    if words.trim().is_empty() {
        return Err(format!("{name} is missing or blank"));
    }
    Ok(words)
}

pub fn rule(entry: RuleEntry) -> Result<Rule, String> {
    let colour: Colour = entry.colour.parse().map_err(|error| format!("colour: {error}"))?;
    if colour == Colour::Green {
        return Err("green is what is left when no rule matches; a rule makes yellow or red".to_owned());
    }
    let kind: FactKind = entry.fact.parse().map_err(|error| format!("fact: {error}"))?;
    not_relief(kind)?;
    let conditions = |entries: Vec<ConditionEntry>| {
        entries
            .into_iter()
            .map(|entry| condition(kind, entry))
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(Rule {
        id: entry.id,
        colour,
        reason: text("reason", entry.reason)?,
        legal_basis: said("legal_basis", entry.legal_basis)?,
        kind,
        all: conditions(entry.all)?,
        any: conditions(entry.any)?,
        window: window(kind, entry.window)?,
    })
}

/// A relief is applied after the rules, within limits that no rule set moves.
fn not_relief(kind: FactKind) -> Result<(), String> {
    if kind == FactKind::Relief {
        return Err("a relief is no ground of a colour, and ends none".to_owned());
    }
    Ok(())
}

fn index(kind: FactKind, name: &str) -> Result<usize, String> {
    kind.index_of(name)
        .ok_or_else(|| format!("{kind} has no attribute {name:?}"))
}

fn instant(kind: FactKind, name: &str) -> Result<usize, String> {
    let index = index(kind, name)?;
    match kind.attributes().get(index).map(|attribute| attribute.shape) {
        Some(Shape::Instant) => Ok(index),
        _ => Err(format!("{name} of {kind} is no instant")),
    }
}

fn condition(kind: FactKind, entry: ConditionEntry) -> Result<Condition, String> {
    let index = index(kind, &entry.attribute)?;
    let shape = kind.attributes().get(index).map(|attribute| attribute.shape);
    let word = |words: &'static [&'static str], given: &str| {
        let known = words.iter().copied().find(|word| *word == given);
        known.ok_or_else(|| format!("{}: {given:?} is none of {}", entry.attribute, words.join(", ")))
    };
    match (shape, entry.is, entry.contains, entry.at_least) {
        (Some(Shape::Word(words)), Some(given), None, None) => Ok(Condition::Is(index, word(words, &given)?)),
        (Some(Shape::Words(words)), None, Some(given), None) => {
            let given = given
                .iter()
                .map(|given| word(words, given))
                .collect::<Result<_, _>>()?;
            Ok(Condition::Contains(index, given))
        }
        (Some(Shape::Number { .. }), None, None, Some(least)) => Ok(Condition::AtLeast(index, least)),
        _ => Err(format!(
            "{}: one of is, contains, at_least, as its shape asks",
            entry.attribute
        )),
    }
}

fn span(days: i32, count: Option<&str>) -> Result<DayCount, String> {
    match (days, count) {
        (0..=3_650, None | Some("calendar")) => Ok(DayCount::Days(days)),
        (0..=3_650, Some("elapsed")) => Ok(DayCount::Elapsed(days)),
        (0..=3_650, Some(other)) => Err(format!("count: {other:?} is neither calendar nor elapsed")),
        _ => Err("days lie between 0 and 3650".to_owned()),
    }
}

fn window(kind: FactKind, entry: WindowEntry) -> Result<Window, String> {
    let count = entry.count.as_deref();
    if let Some(level) = &entry.area {
        let (Some(look_back_days), Some(days), FactKind::Stay) = (entry.look_back_days, entry.days, kind)
        else {
            return Err("an area window is of a stay and has look_back_days and days".to_owned());
        };
        return Ok(Window::Area {
            level: level.parse().map_err(|error| format!("area: {error}"))?,
            look_back_days,
            after: span(days, count)?,
        });
    }
    let instants = |names: &[String]| {
        names
            .iter()
            .map(|name| instant(kind, name))
            .collect::<Result<Vec<_>, _>>()
    };
    let from = instants(&entry.from)?;
    let Some(first) = from.first().copied() else {
        return Err("a window begins with an attribute: from".to_owned());
    };
    if !entry.until_all.is_empty() {
        let ends = entry.until_all.into_iter().map(|one| end(kind, one));
        return Ok(Window::UntilAll {
            from: first,
            ends: ends.collect::<Result<_, _>>()?,
        });
    }
    let otherwise = match (entry.days, &entry.anchor) {
        (None, None) => None,
        (Some(days), Some(anchor)) => Some(AnchoredEnd {
            anchor: instant(kind, anchor)?,
            span: span(days, count)?,
        }),
        _ => return Err("days and anchor go together".to_owned()),
    };
    Ok(Window::Interval {
        from,
        until: instants(&entry.until)?,
        otherwise,
    })
}

fn end(kind: FactKind, entry: EndEntry) -> Result<End, String> {
    match (entry.attribute, entry.fact, entry.at, entry.condition) {
        (Some(name), None, None, None) => instant(kind, &name).map(End::Attribute),
        (None, Some(other), Some(at), Some(given)) => {
            let other: FactKind = other.parse().map_err(|error| format!("until_all: {error}"))?;
            not_relief(other)?;
            Ok(End::Fact {
                kind: other,
                condition: condition(other, given)?,
                at: instant(other, &at)?,
            })
        }
        _ => Err("until_all names an attribute, or a fact with at and where".to_owned()),
    }
}
