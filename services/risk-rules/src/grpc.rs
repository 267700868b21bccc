//! The contract of risk-rules: parse, call, map.

pub mod audit;
pub mod code_rendering;
pub mod convert;
pub mod declared;
mod events;
pub mod feeds;
pub mod history;
pub mod identified;
pub mod recomparison;
pub mod rollback;
pub mod rule_sets;
pub mod statement;

use lutong_chassis::reply;
use lutong_kernel::Fault;
use lutong_proto::risk_rules::v1 as wire;
use tonic::{Request, Response, Status};
use wire::decision_service_server::DecisionService;

pub use events::EventLog;
use statement::StatementReader;

use crate::service::appending::Batch;
use crate::service::deciding::Decider;

/// Statements in one call.
const MAX_BATCH: usize = 1_000;

#[derive(Clone)]
pub struct Handler {
    decider: Decider,
    reader: StatementReader,
}

impl Handler {
    pub const fn new(decider: Decider, reader: StatementReader) -> Self {
        Self { decider, reader }
    }

    async fn append(
        &self,
        request: Request<wire::AppendFactsRequest>,
    ) -> Result<wire::AppendFactsResponse, Fault> {
        let grant = reply::grant(&request)?;
        grant.any()?;
        let wire::AppendFactsRequest {
            statements,
            enrol_subject_ids,
            all_or_nothing,
        } = request.into_inner();
        reply::at_most("statements", "TOO_MANY_STATEMENTS", MAX_BATCH, statements.len())?;
        reply::at_most(
            "enrol_subject_ids",
            "TOO_MANY_SUBJECTS",
            MAX_BATCH,
            enrol_subject_ids.len(),
        )?;
        let enrol = enrol_subject_ids.iter().enumerate().map(|(row, text)| {
            reply::subject_id(text, &format!("enrol_subject_ids[{row}]")).map_err(reply::wrong)
        });
        let batch = Batch {
            enrol: enrol.collect::<Result<_, _>>()?,
            statements: statements
                .into_iter()
                .map(|one| self.reader.read_for(one, grant.principal()))
                .collect(),
            all_or_nothing,
            position: None,
        };
        let (appended, in_force) = self.decider.append_in_force(&grant.own_call(), batch).await?;
        Ok(wire::AppendFactsResponse {
            results: appended
                .results
                .into_iter()
                .map(convert::statement_result)
                .collect(),
            in_force,
        })
    }

    async fn decision(
        &self,
        request: Request<wire::GetDecisionRequest>,
    ) -> Result<wire::GetDecisionResponse, Fault> {
        let grant = reply::grant(&request)?;
        let permit = grant.own(&request.get_ref().subject_id)?;
        let explained = self.decider.explain(permit, &grant.own_call()).await?;
        let in_force = explained.in_force;
        Ok(wire::GetDecisionResponse {
            decision: Some(convert::decision(explained)),
            in_force,
        })
    }

    async fn entry(
        &self,
        request: Request<wire::CheckEntryRequest>,
    ) -> Result<wire::CheckEntryResponse, Fault> {
        let permit = reply::grant(&request)?.any()?;
        let subject = reply::subject_id(&request.get_ref().subject_id, "subject_id").map_err(reply::wrong)?;
        let missing = self.decider.check_entry(permit, subject).await?;
        Ok(wire::CheckEntryResponse {
            missing: missing
                .into_iter()
                .map(|step| convert::missing_step(step).into())
                .collect(),
        })
    }
}

#[tonic::async_trait]
impl DecisionService for Handler {
    async fn append_facts(
        &self,
        request: Request<wire::AppendFactsRequest>,
    ) -> Result<Response<wire::AppendFactsResponse>, Status> {
        reply::answer(self.append(request).await)
    }

    async fn get_decision(
        &self,
        request: Request<wire::GetDecisionRequest>,
    ) -> Result<Response<wire::GetDecisionResponse>, Status> {
        reply::answer(self.decision(request).await)
    }

    async fn check_entry(
        &self,
        request: Request<wire::CheckEntryRequest>,
    ) -> Result<Response<wire::CheckEntryResponse>, Status> {
        reply::answer(self.entry(request).await)
    }
}
