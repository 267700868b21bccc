//! The RPCs of history: past decisions, their replay and verification, which the contract has in one service.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::{Fault, LocalDay, SubjectId};
use lutong_proto::risk_rules::v1 as wire;
use lutong_skin::risk_rules::v1::HistoryHandler;
use lutong_transport::access::{AnyPermit, NoPermit, SelfPermit};
use lutong_transport::reply;
use lutong_transport::reply::uuid_of;

use super::service::days::{DayCheck, Days};
use crate::decisions::rpc::decision::decision;
use crate::decisions::rpc::effect_state;
use crate::decisions::rpc::names::{DecisionName, decision_of, no_decision};
use crate::decisions::service::explaining::ExplainedDecision;
use crate::decisions::service::reading::DecisionReader;
use crate::decisions::service::replaying::{Replay, Replayer};
use crate::facts::store::statements::StatementRow;
use crate::fault;
use crate::history_verifications::rpc::COLLECTION;
use crate::history_verifications::service::HistoryVerifications;
use crate::wire::{hex, instant};

/// The subject and the version of a decision. Auditors must name both.
fn of_anybody(name: &str) -> Result<(SubjectId, i64), Fault> {
    match decision_of(name)? {
        DecisionName {
            subject: Some(subject),
            version: Some(version),
        } => Ok((subject, version)),
        _ => Err(no_decision()),
    }
}

pub struct Handler {
    decisions: DecisionReader,
    replayer: Replayer,
    verifications: HistoryVerifications,
    days: Days,
}

impl Handler {
    pub const fn new(
        decisions: DecisionReader,
        replayer: Replayer,
        verifications: HistoryVerifications,
        days: Days,
    ) -> Self {
        Self {
            decisions,
            replayer,
            verifications,
            days,
        }
    }
}

impl HistoryHandler for Handler {
    async fn list_decisions(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListDecisionsRequest,
    ) -> Result<wire::ListDecisionsResponse, Fault> {
        let (found, next_page_token) = self.decisions.own_decisions(&call.permit, &call.page).await?;
        Ok(wire::ListDecisionsResponse {
            decisions: found.into_iter().map(decision).collect(),
            next_page_token,
        })
    }

    async fn inspect_decisions(
        &self,
        call: Listing<AnyPermit>,
        message: wire::InspectDecisionsRequest,
    ) -> Result<wire::InspectDecisionsResponse, Fault> {
        let subject = reply::subject_id(&message.subject_id, "subject_id").map_err(reply::wrong)?;
        let (found, next_page_token) = self
            .decisions
            .inspect_decisions(call.permit, subject, &call.page)
            .await?;
        Ok(wire::InspectDecisionsResponse {
            decisions: found.into_iter().map(decision).collect(),
            next_page_token,
        })
    }

    async fn inspect_decision(
        &self,
        call: Query<AnyPermit>,
        message: wire::InspectDecisionRequest,
    ) -> Result<wire::InspectDecisionResponse, Fault> {
        let (subject, version) = of_anybody(&message.name)?;
        let found = self
            .decisions
            .inspect_decision(call.permit, subject, version)
            .await?;
        Ok(wire::InspectDecisionResponse {
            decision: Some(decision(found)),
        })
    }

    async fn replay_decision(
        &self,
        call: Query<AnyPermit>,
        message: wire::ReplayDecisionRequest,
    ) -> Result<wire::ReplayDecisionResponse, Fault> {
        let (subject, version) = of_anybody(&message.name)?;
        let replay = self.replayer.replay(call.permit, subject, version).await?;
        let (stored, replayed, identical) = both(replay);
        Ok(wire::ReplayDecisionResponse {
            stored: Some(decision(stored)),
            replayed: Some(decision(replayed)),
            identical,
        })
    }

    async fn inspect_appealed_decision(
        &self,
        call: Query<AnyPermit>,
        message: wire::InspectAppealedDecisionRequest,
    ) -> Result<wire::InspectAppealedDecisionResponse, Fault> {
        let (subject, version) = of_anybody(&message.name)?;
        let replay = self.replayer.replay(call.permit, subject, version).await?;
        let own_call = call.grant.own_call();
        let current = self
            .decisions
            .inspect_current(call.permit, subject, &own_call)
            .await?;
        let facts = replay.stored.cited().map(appealed_fact).collect();
        let (stored, replayed, identical) = both(replay);
        Ok(wire::InspectAppealedDecisionResponse {
            stored: Some(decision(stored)),
            replayed: Some(decision(replayed)),
            identical,
            facts,
            effect_state: effect_state(&current).into(),
            current: Some(decision(current)),
        })
    }

    async fn start_history_verification(
        &self,
        call: Mutation<AnyPermit>,
        message: wire::StartHistoryVerificationRequest,
    ) -> Result<wire::StartHistoryVerificationResponse, Fault> {
        let account = &call.grant.principal().account;
        // The bounds of the contract have checked its shape; an empty id means everybody.
        let subject = message.subject_id.parse::<SubjectId>().ok();
        let begun = self
            .verifications
            .start(call.permit, account, call.request, subject);
        let (one, operation) = begun.await?;
        Ok(wire::StartHistoryVerificationResponse {
            history_verification: Some(one.into()),
            operation: operation.name(),
        })
    }

    async fn get_history_verification(
        &self,
        _: Query<NoPermit>,
        message: wire::GetHistoryVerificationRequest,
    ) -> Result<wire::GetHistoryVerificationResponse, Fault> {
        let found = self
            .verifications
            .find(uuid_of(&message.name, COLLECTION)?)
            .await?;
        Ok(wire::GetHistoryVerificationResponse {
            history_verification: Some(found.into()),
        })
    }

    async fn list_history_verifications(
        &self,
        call: Listing<NoPermit>,
        _: wire::ListHistoryVerificationsRequest,
    ) -> Result<wire::ListHistoryVerificationsResponse, Fault> {
        let (found, next_page_token) = self.verifications.list(&call.page).await?;
        Ok(wire::ListHistoryVerificationsResponse {
            history_verifications: found.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn verify_day(
        &self,
        _: Query<NoPermit>,
        message: wire::VerifyDayRequest,
    ) -> Result<wire::VerifyDayResponse, Fault> {
        let day = LocalDay::parse(&message.decision_date);
        let day = day.map_err(|error| reply::wrong(fault::decisions::decision_date_shape(&error)))?;
        Ok(self.days.verify(day).await?.into())
    }
}

/// A stored decision, its replay with the same explanation, and whether they are equal.
fn both(replay: Replay) -> (ExplainedDecision, ExplainedDecision, bool) {
    let Replay {
        stored,
        replayed,
        identical,
    } = replay;
    let replayed = ExplainedDecision {
        decision: replayed,
        rules: stored.rules.clone(),
        facts: stored.facts.clone(),
        areas: stored.areas.clone(),
        reliefs: stored.reliefs.clone(),
        in_force: stored.in_force,
    };
    (stored, replayed, identical)
}

fn appealed_fact(fact: &StatementRow) -> wire::AppealedFact {
    wire::AppealedFact {
        fact_id: fact.id.to_string(),
        subject_id: fact.subject.to_string(),
        kind: fact.kind.clone().unwrap_or_default(),
        source: fact.source.clone(),
        key: fact.key.clone(),
        record_time: Some(instant(fact.recorded_at)),
        supersede_time: fact.superseded_at.map(instant),
    }
}

impl From<DayCheck> for wire::VerifyDayResponse {
    fn from(check: DayCheck) -> Self {
        let buckets = check.broken_buckets.iter();
        Self {
            intact: check.is_intact(),
            decision_date: check.seal.day.to_string(),
            sealed: check.seal.digest.decisions(),
            found: check.found,
            root: hex(&check.seal.root),
            broken_buckets: buckets.map(|bucket| i32::from(*bucket)).collect(),
            seal_time: Some(instant(check.seal.sealed_at)),
        }
    }
}
