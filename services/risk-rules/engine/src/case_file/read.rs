//! Conversion of the JSON form into facts, areas and expectations.

use std::collections::HashMap;

use lutong_kernel::{Colour, DivisionCode, FactId, Timestamp, Violation};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::wire;
use super::{Case, CaseFile, CaseFileError, Expectation};
use crate::area::{AreaBook, AreaEntry};
use crate::attributes::{Attributes, parse_community};
use crate::correction::{check_correction, check_retraction};
use crate::fact::{Fact, FactKind};
use crate::rule_set::RuleSet;

const FORMAT: &str = "lutong-decision-cases/1";

/// The field and the reason why it is rejected.
type FieldError = (String, String);

/// Parses a file that names one of `sets`. If several have the same id, the first is used.
pub fn read<'a>(text: &str, sets: &[&'a RuleSet]) -> Result<CaseFile<'a>, CaseFileError> {
    let failed = |(field, reason): FieldError| CaseFileError::File { field, reason };
    let value: Value =
        serde_json::from_str(text).map_err(|error| failed(("JSON".to_owned(), error.to_string())))?;
    let file: wire::File = typed(value).map_err(failed)?;
    if file.format != FORMAT {
        return Err(failed((
            "format".to_owned(),
            format!("{:?} is not {FORMAT:?}", file.format),
        )));
    }
    let Some(rules) = sets.iter().copied().find(|set| set.id == file.rule_set) else {
        let ids: Vec<&str> = sets.iter().map(|set| set.id.as_str()).collect();
        let reason = format!(
            "there is no rule set {:?}, only {}",
            file.rule_set,
            ids.join(", ")
        );
        return Err(failed(("rule_set".to_owned(), reason)));
    };
    let mut cases = Vec::with_capacity(file.cases.len());
    for (number, value) in file.cases.into_iter().enumerate() {
        let name = value
            .get("name")
            .and_then(Value::as_str)
            .map_or_else(|| format!("#{}", number + 1), str::to_owned);
        let read = typed(value).and_then(|case| case_of(case, rules));
        cases.push(read.map_err(|(field, reason)| CaseFileError::Case {
            case: name,
            field,
            reason,
        })?);
    }
    Ok(CaseFile { rules, cases })
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| (error.path().to_string(), error.inner().to_string()))
}

fn case_of(case: wire::Case, rules: &RuleSet) -> Result<Case, FieldError> {
    let wire::Case {
        name,
        risk_areas,
        facts,
        retractions,
        expect,
    } = case;
    let areas = risk_areas.into_iter().enumerate();
    let areas = areas.map(|(n, area)| within(&format!("risk_areas[{n}]"), area_of(area)));
    if expect.is_empty() {
        return Err(("expect".to_owned(), "expects nothing".to_owned()));
    }
    let expected = expect.into_iter().enumerate();
    let expected = expected.map(|(n, one)| within(&format!("expect[{n}]"), expected_of(one, rules)));
    Ok(Case {
        name,
        areas: AreaBook::new(areas.collect::<Result<Vec<_>, _>>()?),
        facts: facts_of(facts, retractions)?,
        expected: expected.collect::<Result<_, _>>()?,
    })
}

fn within<T>(outer: &str, result: Result<T, FieldError>) -> Result<T, FieldError> {
    result.map_err(|(field, reason)| (format!("{outer}.{field}"), reason))
}

fn instant(field: &str, text: &str) -> Result<Timestamp, FieldError> {
    Timestamp::parse(text).map_err(|error| (field.to_owned(), error.to_string()))
}

fn maybe_instant(field: &str, text: Option<String>) -> Result<Option<Timestamp>, FieldError> {
    text.map(|text| instant(field, &text)).transpose()
}

fn area_of(area: wire::Area) -> Result<AreaEntry, FieldError> {
    let code = DivisionCode::parse(&area.code).map_err(|error| ("code".to_owned(), error.to_string()))?;
    let community = area.community.map(|name| parse_community(&name)).transpose();
    let entry = AreaEntry {
        code,
        community: community.map_err(|(_, _, en)| ("community".to_owned(), en))?,
        level: area
            .level
            .parse()
            .map_err(|error| ("level".to_owned(), format!("{error}")))?,
        from: instant("from", &area.from)?,
        to: maybe_instant("to", area.to)?,
        recorded_at: instant("recorded_at", &area.recorded_at)?,
    };
    match entry.to {
        Some(to) if to < entry.from => Err(("to".to_owned(), "lies before from".to_owned())),
        _ => Ok(entry),
    }
}

fn expected_of(one: wire::Expect, set: &RuleSet) -> Result<Expectation, FieldError> {
    let at = instant("at", &one.at)?;
    let mut rules = one.rules;
    if let Some(rules) = &mut rules {
        rules.sort_unstable();
        if let Some(unknown) = rules
            .iter()
            .find(|id| !set.rules().iter().any(|rule| rule.id == **id))
        {
            return Err(("rules".to_owned(), format!("there is no rule {unknown:?}")));
        }
        if rules.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(("rules".to_owned(), "names a rule twice".to_owned()));
        }
    }
    let colour: Colour = one
        .colour
        .parse()
        .map_err(|error| ("colour".to_owned(), format!("{error}")))?;
    let next = one
        .next_change_at
        .map(|next| maybe_instant("next_change_at", next))
        .transpose()?;
    Ok(Expectation {
        at,
        known_at: maybe_instant("as_known_at", one.as_known_at)?.unwrap_or(at),
        colour,
        rules,
        next_change_at: next,
    })
}

/// A correction or retraction: the fact that it supersedes, its instant, its field in the file and, of a correction, its kind.
struct Change {
    target: String,
    recorded_at: Timestamp,
    field: String,
    kind: Option<FactKind>,
}

fn facts_of(facts: Vec<wire::Fact>, retractions: Vec<wire::Retraction>) -> Result<Vec<Fact>, FieldError> {
    let mut read: Vec<Fact> = Vec::with_capacity(facts.len());
    let mut by_id = HashMap::with_capacity(facts.len());
    let mut changes = Vec::new();
    for (n, fact) in facts.into_iter().enumerate() {
        let field = format!("facts[{n}]");
        if by_id.insert(fact.id.clone(), n).is_some() {
            return Err((format!("{field}.id"), format!("{:?} is there twice", fact.id)));
        }
        let target = fact.replaces.clone();
        let fact = within(&field, fact_of(n, fact))?;
        changes.extend(target.map(|target| Change {
            target,
            recorded_at: fact.recorded_at,
            field: format!("{field}.replaces"),
            kind: Some(fact.kind()),
        }));
        read.push(fact);
    }
    for (n, retraction) in retractions.into_iter().enumerate() {
        let field = format!("retractions[{n}]");
        changes.push(Change {
            target: retraction.fact,
            recorded_at: within(&field, instant("recorded_at", &retraction.recorded_at))?,
            field: format!("{field}.fact"),
            kind: None,
        });
    }
    // Changes apply in the order in which they were recorded, whatever their order in the file.
    changes.sort_by_key(|change| change.recorded_at);
    for change in changes {
        let Some(original) = by_id.get(&change.target).and_then(|n| read.get_mut(*n)) else {
            return Err((change.field, format!("there is no fact {:?}", change.target)));
        };
        let checked = match change.kind {
            Some(kind) => check_correction((&*original).into(), kind, change.recorded_at),
            None => check_retraction((&*original).into(), change.recorded_at),
        };
        checked.map_err(|wrong| (change.field, format!("{:?}: {}", change.target, wrong.en)))?;
        original.superseded_at = Some(change.recorded_at);
    }
    Ok(read)
}

fn fact_of(number: usize, fact: wire::Fact) -> Result<Fact, FieldError> {
    let kind: FactKind = fact
        .kind
        .parse()
        .map_err(|error| ("kind".to_owned(), format!("{error}")))?;
    let first = |wrong: Vec<Violation>| {
        let all: Vec<_> = wrong
            .iter()
            .map(|wrong| format!("attributes.{} {}", wrong.field, wrong.en))
            .collect();
        (
            wrong
                .first()
                .map(|wrong| format!("attributes.{}", wrong.field))
                .unwrap_or_default(),
            all.join("; "),
        )
    };
    Ok(Fact {
        id: FactId::from_uuid(Uuid::from_u128(number as u128 + 1)),
        source: fact.source,
        recorded_at: instant("recorded_at", &fact.recorded_at)?,
        superseded_at: None,
        attributes: Attributes::parse(kind, &fact.attributes).map_err(first)?,
    })
}
