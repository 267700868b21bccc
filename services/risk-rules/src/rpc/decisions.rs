//! Facts about people, and what is decided from them.

use lutong_chassis::operations;
use lutong_chassis::skin::Query;
use lutong_kernel::{Fault, Violation};
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1::{EffectState, FieldError};
use lutong_skin::risk_rules::v1::DecisionHandler;
use lutong_transport::access::{AnyPermit, DeclarantPermit, SelfPermit};

use uuid::Uuid;

use super::explained;
use super::names::decision_of;
use crate::service::appending::{Appended, Batch, Outcome};
use crate::service::deciding::Decider;
use crate::service::effect::{Effect, LeftTo};
use crate::service::entry::MissingStep;
use crate::service::statement::reader::StatementReader;

pub struct Handler {
    decider: Decider,
    reader: StatementReader,
}

impl Handler {
    pub const fn new(decider: Decider, reader: StatementReader) -> Self {
        Self { decider, reader }
    }
}

impl DecisionHandler for Handler {
    async fn append_facts(
        &self,
        call: Query<AnyPermit>,
        message: wire::AppendFactsRequest,
    ) -> Result<wire::AppendFactsResponse, Fault> {
        let principal = call.grant.principal();
        let read = |one| self.reader.read_for(one, principal);
        let batch = Batch {
            statements: message.statements.into_iter().map(read).collect(),
            all_or_nothing: message.all_or_nothing,
            ..Batch::default()
        };
        let to = LeftTo {
            operation: operation(&message.effect_operation)?,
            ..LeftTo::its_own(&principal.account, String::new())
        };
        let appended = self
            .decider
            .report(call.permit, &call.grant.own_call(), batch, to)
            .await?;
        let (results, effect) = told(appended);
        Ok(wire::AppendFactsResponse { results, effect })
    }

    async fn enrol_subject(
        &self,
        call: Query<DeclarantPermit>,
        message: wire::EnrolSubjectRequest,
    ) -> Result<wire::EnrolSubjectResponse, Fault> {
        let read = |one| self.reader.read_declared(one, call.permit);
        let statements = message.statements.into_iter().map(read).collect();
        let to = LeftTo::its_own(&call.grant.principal().account, String::new());
        let appended = self
            .decider
            .enrol(call.permit, &call.grant.own_call(), statements, to)
            .await?;
        let (results, effect) = told(appended);
        Ok(wire::EnrolSubjectResponse { results, effect })
    }

    async fn get_decision(
        &self,
        call: Query<SelfPermit>,
        message: wire::GetDecisionRequest,
    ) -> Result<wire::GetDecisionResponse, Fault> {
        let named = match message.name.as_str() {
            "" => None,
            name => Some(decision_of(name)?),
        };
        let own = call.permit.subject()?;
        if named
            .and_then(|name| name.subject)
            .is_some_and(|asked| asked != own)
        {
            // Somebody else's decision is answered as if there were none.
            return Err(crate::service::reading::not_found());
        }
        if let Some(version) = named.and_then(|name| name.version) {
            let explained = self.decider.own_decision(&call.permit, version).await?;
            return Ok(wire::GetDecisionResponse {
                decision: Some(explained::decision(explained)),
                effect_state: None,
            });
        }
        let explained = self.decider.explain(&call.permit, &call.grant.own_call()).await?;
        let state = if explained.in_force {
            EffectState::InForce
        } else {
            EffectState::Pending
        };
        Ok(wire::GetDecisionResponse {
            decision: Some(explained::decision(explained)),
            effect_state: Some(state.into()),
        })
    }

    async fn check_entry(
        &self,
        call: Query<DeclarantPermit>,
        _: wire::CheckEntryRequest,
    ) -> Result<wire::CheckEntryResponse, Fault> {
        let missing = self.decider.check_entry(call.permit).await?;
        Ok(wire::CheckEntryResponse {
            missing: missing
                .into_iter()
                .map(|step| missing_step(step).into())
                .collect(),
        })
    }
}

/// The operation of an earlier part; empty: none.
fn operation(name: &str) -> Result<Option<Uuid>, Fault> {
    if name.is_empty() {
        return Ok(None);
    }
    operations::parse_reference("effect_operation", name).map(Some)
}

/// What became of the statements, and what they did to colours.
fn told(
    (appended, effect): (Appended, Effect),
) -> (
    Vec<wire::StatementResult>,
    Option<lutong_proto::types::v1::Effect>,
) {
    let results = appended.results.into_iter().map(statement_result);
    (results.collect(), Some(crate::rpc::approval::effect(&effect)))
}

fn statement_result(result: Result<Outcome, Violation>) -> wire::StatementResult {
    use wire::statement_result::Outcome as Sent;
    let outcome = match result {
        Ok(Outcome::Stored(id)) => Sent::FactId(id.to_string()),
        Ok(Outcome::Unchanged(id)) => Sent::UnchangedFactId(id.to_string()),
        Err(wrong) => Sent::Error(FieldError::from(wrong)),
    };
    wire::StatementResult {
        outcome: Some(outcome),
    }
}

const fn missing_step(step: MissingStep) -> wire::MissingEntryStep {
    match step {
        MissingStep::BorderRecord => wire::MissingEntryStep::BorderRecord,
        MissingStep::QuarantineEnd => wire::MissingEntryStep::QuarantineEnd,
        MissingStep::NegativeTest => wire::MissingEntryStep::NegativeTest,
    }
}
