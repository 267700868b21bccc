//! Client of risk-rules, which has the decisions that people appeal against. Every call is made on behalf of whoever calls this service,
//! except about interim relief.

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName, SubjectId};
use lutong_proto::risk_rules::v1::decision_service_client::DecisionServiceClient;
use lutong_proto::risk_rules::v1::history_service_client::HistoryServiceClient;
use lutong_proto::risk_rules::v1::relief_service_client::ReliefServiceClient;
use lutong_proto::risk_rules::v1::{self as wire, EndReliefRequest, GiveReliefRequest};
pub use lutong_proto::risk_rules::v1::{Citation, Decision};
use lutong_proto::risk_rules::v1::{
    GetDecisionRequest, InspectAppealedDecisionRequest, InspectAppealedDecisionResponse,
};
use lutong_proto::time::{instant, timestamp};
use lutong_proto::types::v1::{EffectState, Purpose};
use lutong_transport::client::{self, Call};

use super::{Peers, contract_violation};
use crate::domain::appeal::CitedFact;
use crate::domain::relief::Relief;
use crate::domain::review::FactReview;
use crate::fault::appeals as fault;

/// Deadline of a call about relief.
const DEADLINE: Duration = Duration::from_secs(5);
/// What risk-rules answers where there is no such decision about the person, or its content was erased.
const ABSENT: [&str; 3] = ["DECISION_NOT_FOUND", "DECISION_ERASED", "CODE_NOT_FOUND"];

/// A decision that its person appeals against.
#[derive(Debug, Clone)]
pub struct AppealedDecision {
    pub stored: Decision,
    /// As it comes out from what was known then.
    pub replayed: Decision,
    pub is_identical: bool,
    pub facts: Vec<CitedFact>,
    /// The decision in force now.
    pub current: Decision,
    pub is_in_force: bool,
}

impl Peers {
    /// Whether an own decision of the caller's is the one in force. A fault of risk-rules that says nothing about the decision is passed on
    /// as it is.
    pub async fn check_own_decision(&self, call: &Call, version: u64) -> Result<(), Fault> {
        let latest = self.own_decision(call, "latest").await?;
        let latest = u64::try_from(latest.version)
            .map_err(|error| contract_violation(ServiceName::RiskRules, &error))?;
        if latest == version {
            return Ok(());
        }
        if latest < version {
            return Err(fault::decision_not_found());
        }
        self.own_decision(call, &version.to_string()).await?;
        Err(fault::decision_superseded(latest))
    }

    async fn own_decision(&self, call: &Call, version: &str) -> Result<Decision, Fault> {
        let request = call.request(GetDecisionRequest {
            name: format!("subjects/me/decisions/{version}"),
        });
        let answer = DecisionServiceClient::new(self.risk_rules.clone())
            .get_decision(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::RiskRules, ""));
        let answer = answer.map_err(|refused| {
            if ABSENT.contains(&&*refused.reason) {
                fault::decision_not_found()
            } else {
                refused
            }
        })?;
        required(answer.into_inner().decision)
    }

    /// A person's decision for the officer who looks into an appeal; `None` where there is none.
    pub async fn appealed_decision(
        &self,
        call: &Call,
        purpose: Option<Purpose>,
        subject: SubjectId,
        version: u64,
    ) -> Result<Option<AppealedDecision>, Fault> {
        let request = call.request(InspectAppealedDecisionRequest {
            name: format!("subjects/{subject}/decisions/{version}"),
            purpose,
        });
        let answer = HistoryServiceClient::new(self.risk_rules.clone())
            .inspect_appealed_decision(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::RiskRules, ""));
        match answer {
            Ok(answer) => appealed(answer.into_inner()).map(Some),
            Err(refused) if ABSENT.contains(&&*refused.reason) => Ok(None),
            Err(refused) => Err(refused),
        }
    }
}

/// Interim relief, which this service asks for in its own name: nobody's account wants it, but the clock of a question.
impl Peers {
    pub async fn give_relief(&self, review: &FactReview, relief: &Relief) -> Result<(), Fault> {
        let request = GiveReliefRequest {
            relief: Some(wire_relief(review, relief)),
        };
        let request = Call::background(DEADLINE).request(request);
        let answer = ReliefServiceClient::new(self.risk_rules.clone())
            .give_relief(request)
            .await;
        let answer = answer.map_err(|status| client::relay(&status, ServiceName::RiskRules, ""));
        answer.map(drop)
    }

    /// Ends a relief at the instant at which it was to end.
    pub async fn end_relief(&self, review: &FactReview, relief: &Relief) -> Result<(), Fault> {
        let request = EndReliefRequest {
            relief: Some(wire_relief(review, relief)),
            cut_time: Some(instant(relief.ended_at.unwrap_or(relief.until))),
        };
        let request = Call::background(DEADLINE).request(request);
        let answer = ReliefServiceClient::new(self.risk_rules.clone())
            .end_relief(request)
            .await;
        let answer = answer.map_err(|status| client::relay(&status, ServiceName::RiskRules, ""));
        answer.map(drop)
    }
}

fn wire_relief(review: &FactReview, relief: &Relief) -> wire::Relief {
    wire::Relief {
        complaint: format!("complaints/{}", review.case),
        subject_id: review.subject.to_string(),
        contested_fact: review.fact.to_string(),
        policy: relief.policy.clone(),
        start_time: Some(instant(relief.from)),
        end_time: Some(instant(relief.until)),
    }
}

fn appealed(answer: InspectAppealedDecisionResponse) -> Result<AppealedDecision, Fault> {
    let is_in_force = answer.effect_state() == EffectState::InForce;
    let outside = |error: &dyn std::fmt::Display| contract_violation(ServiceName::RiskRules, error);
    let mut facts = Vec::with_capacity(answer.facts.len());
    for fact in answer.facts {
        let recorded_at = fact.record_time.as_ref().map(timestamp);
        facts.push(CitedFact {
            id: fact.fact_id.parse().map_err(|error| outside(&error))?,
            subject: fact.subject_id.parse().map_err(|error| outside(&error))?,
            kind: fact.kind,
            source: fact.source,
            key: fact.key,
            recorded_at: recorded_at.ok_or_else(|| outside(&"a fact without its instant"))?,
            superseded_at: fact.supersede_time.as_ref().map(timestamp),
        });
    }
    Ok(AppealedDecision {
        stored: required(answer.stored)?,
        replayed: required(answer.replayed)?,
        is_identical: answer.identical,
        facts,
        current: required(answer.current)?,
        is_in_force,
    })
}

fn required(decision: Option<Decision>) -> Result<Decision, Fault> {
    decision.ok_or_else(|| contract_violation(ServiceName::RiskRules, &"an answer without decision"))
}
