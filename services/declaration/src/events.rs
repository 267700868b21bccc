//! The events of this service.

use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::facts::{FactKind, UnknownKind, from_attributes};
use lutong_proto::risk_rules::v1::{FactStatement, fact_statement};
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_storage::outbox::NewEvent;
use prost::Message as _;

use crate::declarations::domain::Declaration;
use crate::declarations::domain::statement::Statement;

/// Why a statement is retracted.
const RETRACTED: &str = "本人更正申报";

/// The statements of a declaration, for risk-rules.
pub fn statements(declaration: &Declaration) -> Vec<FactStatement> {
    let statement = |stated: &Statement| FactStatement {
        source: stated.source.clone(),
        key: stated.key.clone(),
        subject_id: declaration.subject.to_string(),
        // This service wrote the statement. One that cannot be read back has no fact, which risk-rules refuses.
        statement: content(stated),
    };
    declaration.statements.iter().map(statement).collect()
}

fn content(stated: &Statement) -> Option<fact_statement::Statement> {
    if let Some(retracts_key) = stated.retracts.clone() {
        return Some(fact_statement::Statement::Retraction(types::Retraction {
            retracts_key,
            reason: RETRACTED.to_owned(),
        }));
    }
    Some(match (fact(stated)?, stated.replaces.clone()) {
        (fact, None) => fact_statement::Statement::Fact(fact),
        (fact, Some(replaces_key)) => fact_statement::Statement::Correction(types::Correction {
            replaces_key,
            fact: Some(fact),
        }),
    })
}

fn fact(stated: &Statement) -> Option<types::Fact> {
    let read = stated
        .kind
        .parse()
        .map_err(|error: UnknownKind| error.to_string())
        .and_then(|kind: FactKind| {
            from_attributes(kind, &stated.attributes).map_err(|wrong| Fault::invalid(wrong).en)
        });
    read.map_err(|error| tracing::error!(error, "a stored statement cannot be read"))
        .ok()
}

/// The event of an acknowledged declaration. The relay assigns its sequence.
pub fn declaration_accepted(declaration: &Declaration) -> wire::Event {
    wire::Event {
        sequence: 0,
        subject_id: declaration.subject.to_string(),
        create_time: Some(time::from_micros(declaration.created_at.micros())),
        payload: Some(wire::event::Payload::DeclarationAccepted(
            wire::DeclarationAccepted {
                declaration: declaration.name(),
                statements: statements(declaration),
                destination_division: declaration
                    .journey()
                    .map(|journey| journey.destination.division.clone())
                    .unwrap_or_default(),
            },
        )),
    }
}

/// The event of an arrival whose converted code was changed by its origin. It is listed under its destination already.
pub fn declaration_revised(declaration: &Declaration) -> NewEvent {
    let mut event = declaration_accepted(declaration);
    if let Some(wire::event::Payload::DeclarationAccepted(accepted)) = &mut event.payload {
        accepted.destination_division.clear();
    }
    NewEvent {
        subject: Some(declaration.subject),
        payload: event.encode_to_vec(),
    }
}

/// The event of an arrival that was acknowledged and waits for a step.
pub fn arrival_postponed(declaration: &Declaration) -> wire::Event {
    wire::Event {
        sequence: 0,
        subject_id: declaration.subject.to_string(),
        create_time: Some(time::from_micros(declaration.created_at.micros())),
        payload: Some(wire::event::Payload::ArrivalPostponed(wire::ArrivalPostponed {
            declaration: declaration.name(),
        })),
    }
}
