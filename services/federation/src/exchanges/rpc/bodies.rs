//! Bodies of messages: read, checked and mapped.

use lutong_kernel::Violation;
use lutong_proto::bounds::Bounded;
use lutong_proto::declaration::v1::fact_row::{Statement, Subject};
use lutong_proto::federation::v1 as wire;
use lutong_proto::types::v1 as types;
use lutong_proto::types::v1::fact::Kind;
use wire::declaration_correction::Statement as Corrected;

use crate::exchanges::domain::MIN_SALT;
use crate::fault;
use crate::peers::declaration::FactRow;
use crate::peers::identity::NamedPerson;

/// Whom a message is about, and what it states of them.
pub type Declared = (NamedPerson, Vec<FactRow>);

/// Checks a body against the bounds of the contract, and the person in it.
pub fn checked<B: Bounded>(
    body: &B,
    person: Option<&wire::ExchangedPerson>,
) -> Result<NamedPerson, Vec<Violation>> {
    let mut wrong = body.check().err().map_or_else(Vec::new, |fault| fault.violations);
    let person = person.cloned().unwrap_or_default();
    if person.salt.len() < MIN_SALT {
        wrong.push(fault::salt_too_short());
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    Ok(NamedPerson {
        full_name: person.full_name,
        document: person.document,
    })
}

pub fn health(body: wire::HealthDeclaration) -> Result<Declared, Vec<Violation>> {
    let named = checked(&body, body.person.as_ref())?;
    let fact = body.symptoms.map(Kind::Symptoms);
    let row = row(
        &named,
        body.declaration_key,
        Statement::Fact(types::Fact { kind: fact }),
    );
    Ok((named, vec![row]))
}

pub fn itinerary(body: wire::ItineraryDeclaration) -> Result<Declared, Vec<Violation>> {
    let named = checked(&body, body.person.as_ref())?;
    let key = &body.declaration_key;
    let rows = body.stays.into_iter().enumerate().map(|(place, stay)| {
        let fact = types::Fact {
            kind: Some(Kind::Stay(stay)),
        };
        row(&named, stay_key(key, place + 1), Statement::Fact(fact))
    });
    let rows = rows.collect();
    Ok((named, rows))
}

pub fn correction(body: wire::DeclarationCorrection) -> Result<Declared, Vec<Violation>> {
    let named = checked(&body, body.person.as_ref())?;
    let corrected = match usize::try_from(body.corrected_stay) {
        Ok(stay) if stay > 0 => stay_key(&body.corrected_key, stay),
        _ => body.corrected_key,
    };
    let correct = |kind| {
        Statement::Correction(types::Correction {
            replaces_key: corrected.clone(),
            fact: Some(types::Fact { kind: Some(kind) }),
        })
    };
    let statement = match body.statement {
        Some(Corrected::Symptoms(symptoms)) => correct(Kind::Symptoms(symptoms)),
        Some(Corrected::Stay(stay)) => correct(Kind::Stay(stay)),
        Some(Corrected::Withdrawal(reason)) => Statement::Retraction(types::Retraction {
            retracts_key: corrected.clone(),
            reason,
        }),
        // Refused above: the choice is required.
        None => return Err(Vec::new()),
    };
    let row = row(&named, body.declaration_key, statement);
    Ok((named, vec![row]))
}

/// The key of a stay of an itinerary.
fn stay_key(key: &str, stay: usize) -> String {
    format!("{key}/{stay}")
}

/// A row; its source is set where the partner is known.
fn row(named: &NamedPerson, key: String, statement: Statement) -> FactRow {
    FactRow {
        source: String::new(),
        key,
        subject: named.document.clone().map(Subject::Document),
        statement: Some(statement),
    }
}

/// What another service says of rows, as the body has it.
pub fn of_body(mut wrong: Violation) -> Violation {
    wrong.field = field(&wrong.field);
    wrong
}

fn field(of_row: &str) -> String {
    let Some((place, rest)) = of_row.strip_prefix("rows[").and_then(|rest| rest.split_once(']')) else {
        return of_row.to_owned();
    };
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let rest = rest.strip_prefix("correction.").unwrap_or(rest);
    if let Some(rest) = rest.strip_prefix("document") {
        return format!("person.document{rest}");
    }
    let of_fact = rest.strip_prefix("fact.").unwrap_or(rest);
    match of_fact.strip_prefix("stay") {
        // A correction has one stay, and names it so.
        Some(rest) if !of_row.contains("correction.") => format!("stays[{place}]{rest}"),
        _ => match of_fact {
            "replaces_key" | "retraction.retracts_key" => "corrected_key".to_owned(),
            "retraction.reason" => "withdrawal".to_owned(),
            "key" => "declaration_key".to_owned(),
            other => other.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_row_is_named_as_the_partner_wrote_it() {
        for (row, body) in [
            ("rows[0].fact.symptoms.observed_at", "symptoms.observed_at"),
            ("rows[3].fact.stay.division", "stays[3].division"),
            ("rows[0].correction.fact.stay.left_at", "stay.left_at"),
            ("rows[0].correction.fact.symptoms", "symptoms"),
            ("rows[0].correction.replaces_key", "corrected_key"),
            ("rows[0].retraction.retracts_key", "corrected_key"),
            ("rows[0].retraction.reason", "withdrawal"),
            ("rows[0].key", "declaration_key"),
            ("rows[0].document.number", "person.document.number"),
            ("person.full_name", "person.full_name"),
        ] {
            assert_eq!(field(row), body);
        }
    }
}
