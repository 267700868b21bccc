//! The RPCs of decisions, and those that append facts, enrol subjects and check entries, which the contract has in one service.

pub mod decision;
pub mod names;

use lutong_chassis::operations;
use lutong_chassis::skin::Query;
use lutong_kernel::Fault;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1::EffectState;
use lutong_skin::risk_rules::v1::DecisionHandler;
use lutong_transport::access::{AnyPermit, DeclarantPermit, SelfPermit};
use uuid::Uuid;

use super::service::explaining::ExplainedDecision;
use super::service::reading::DecisionReader;
use crate::entries::rpc::missing_step;
use crate::entries::service::Entries;
use crate::facts::rpc as facts;
use crate::facts::service::appending::Batch;
use crate::facts::service::intake::FactIntake;
use crate::facts::service::reader::StatementReader;
use crate::fault;
use crate::operations::rpc::effect;
use crate::operations::service::effect::PendingOperation;
use names::decision_of;

pub struct Handler {
    intake: FactIntake,
    reader: StatementReader,
    decisions: DecisionReader,
    entries: Entries,
}

impl Handler {
    pub const fn new(
        intake: FactIntake,
        reader: StatementReader,
        decisions: DecisionReader,
        entries: Entries,
    ) -> Self {
        Self {
            intake,
            reader,
            decisions,
            entries,
        }
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
        let to = PendingOperation {
            earlier: operation(&message.effect_operation)?,
            ..PendingOperation::new(&principal.account, String::new())
        };
        let (appended, done) = self
            .intake
            .report(call.permit, &call.grant.own_call(), batch, to)
            .await?;
        Ok(wire::AppendFactsResponse {
            results: facts::results(appended),
            effect: Some(effect(&done)),
        })
    }

    async fn enrol_subject(
        &self,
        call: Query<DeclarantPermit>,
        message: wire::EnrolSubjectRequest,
    ) -> Result<wire::EnrolSubjectResponse, Fault> {
        let read = |one| self.reader.read_declared(one, call.permit);
        let statements = message.statements.into_iter().map(read).collect();
        let to = PendingOperation::new(&call.grant.principal().account, String::new());
        let (appended, done) = self
            .intake
            .enrol(call.permit, &call.grant.own_call(), statements, to)
            .await?;
        Ok(wire::EnrolSubjectResponse {
            results: facts::results(appended),
            effect: Some(effect(&done)),
        })
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
            // The decision of another person is reported as not found.
            return Err(fault::decisions::decision_not_found());
        }
        if let Some(version) = named.and_then(|name| name.version) {
            let explained = self.decisions.own_decision(&call.permit, version).await?;
            return Ok(wire::GetDecisionResponse {
                decision: Some(decision::decision(explained)),
                effect_state: None,
            });
        }
        let explained = self
            .decisions
            .current_decision(&call.permit, &call.grant.own_call())
            .await?;
        let state = effect_state(&explained);
        Ok(wire::GetDecisionResponse {
            decision: Some(decision::decision(explained)),
            effect_state: Some(state.into()),
        })
    }

    async fn check_entry(
        &self,
        call: Query<DeclarantPermit>,
        _: wire::CheckEntryRequest,
    ) -> Result<wire::CheckEntryResponse, Fault> {
        let missing = self.entries.check(call.permit).await?.into_iter();
        Ok(wire::CheckEntryResponse {
            missing: missing.map(|step| missing_step(step).into()).collect(),
        })
    }
}

/// Whether codes shown from now on show the latest decision about a person.
pub const fn effect_state(latest: &ExplainedDecision) -> EffectState {
    if latest.in_force {
        EffectState::InForce
    } else {
        EffectState::Pending
    }
}

/// The operation of an earlier part of the same import; an empty name is none.
fn operation(name: &str) -> Result<Option<Uuid>, Fault> {
    if name.is_empty() {
        return Ok(None);
    }
    operations::parse_reference("effect_operation", name).map(Some)
}
