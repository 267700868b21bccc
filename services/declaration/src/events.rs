//! The events of this service.

use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::facts::{FactKind, UnknownKind, from_attributes};
use lutong_proto::risk_rules::v1::{FactStatement, fact_statement};
use lutong_proto::time;
use lutong_proto::types::v1 as types;

use crate::declarations::domain::Declaration;
use crate::declarations::domain::statement::Statement;

/// The statements of a declaration, for risk-rules.
pub fn statements(declaration: &Declaration) -> Vec<FactStatement> {
    let statement = |stated: &Statement| FactStatement {
        source: stated.source.clone(),
        key: stated.key.clone(),
        subject_id: declaration.subject.to_string(),
        // This service wrote the statement. One that cannot be read back has no fact, which risk-rules refuses.
        statement: fact(stated).map(|fact| match stated.replaces.clone() {
            None => fact_statement::Statement::Fact(fact),
            Some(replaces_key) => fact_statement::Statement::Correction(types::Correction {
                replaces_key,
                fact: Some(fact),
            }),
        }),
    };
    declaration.statements.iter().map(statement).collect()
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
            },
        )),
    }
}
