//! Past decisions and their proof.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::{Fault, LocalDay, SubjectId, Violation};
use lutong_proto::risk_rules::v1 as wire;
use lutong_skin::risk_rules::v1::HistoryHandler;
use lutong_transport::access::{AnyPermit, NoPermit, SelfPermit};
use lutong_transport::reply;
use lutong_transport::reply::uuid_of;

use super::approval::instant;
use super::explained;
use super::names::{DecisionName, decision_of};
use crate::domain::history::Break;
use crate::service::deciding::Decider;
use crate::service::history::{DayCheck, Replay};
use crate::service::reading::Explained;
use crate::store::history_verifications::{Broken, Verification};

const COLLECTION: &str = "history-verifications";

/// Whose decision, and which; an auditor has none of their own to leave out.
fn of_anybody(name: &str) -> Result<(SubjectId, i64), Fault> {
    match decision_of(name)? {
        DecisionName {
            subject: Some(subject),
            version: Some(version),
        } => Ok((subject, version)),
        _ => Err(super::names::no_decision()),
    }
}

pub struct Handler(pub Decider);

impl HistoryHandler for Handler {
    async fn list_decisions(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListDecisionsRequest,
    ) -> Result<wire::ListDecisionsResponse, Fault> {
        let (found, next_page_token) = self.0.own_decisions(&call.permit, &call.page).await?;
        Ok(wire::ListDecisionsResponse {
            decisions: found.into_iter().map(explained::decision).collect(),
            next_page_token,
        })
    }

    async fn inspect_decisions(
        &self,
        call: Listing<AnyPermit>,
        message: wire::InspectDecisionsRequest,
    ) -> Result<wire::InspectDecisionsResponse, Fault> {
        let subject = reply::subject_id(&message.subject_id, "subject_id").map_err(reply::wrong)?;
        let (found, next_page_token) = self.0.inspect_decisions(call.permit, subject, &call.page).await?;
        Ok(wire::InspectDecisionsResponse {
            decisions: found.into_iter().map(explained::decision).collect(),
            next_page_token,
        })
    }

    async fn inspect_decision(
        &self,
        call: Query<AnyPermit>,
        message: wire::InspectDecisionRequest,
    ) -> Result<wire::InspectDecisionResponse, Fault> {
        let (subject, version) = of_anybody(&message.name)?;
        let found = self.0.inspect_decision(call.permit, subject, version).await?;
        Ok(wire::InspectDecisionResponse {
            decision: Some(explained::decision(found)),
        })
    }

    async fn replay_decision(
        &self,
        call: Query<AnyPermit>,
        message: wire::ReplayDecisionRequest,
    ) -> Result<wire::ReplayDecisionResponse, Fault> {
        let (subject, version) = of_anybody(&message.name)?;
        let Replay {
            stored,
            replayed,
            identical,
        } = self.0.replay(call.permit, subject, version).await?;
        let replayed = Explained {
            decision: replayed,
            rules: stored.rules.clone(),
            facts: stored.facts.clone(),
            areas: stored.areas.clone(),
            in_force: stored.in_force,
        };
        Ok(wire::ReplayDecisionResponse {
            stored: Some(explained::decision(stored)),
            replayed: Some(explained::decision(replayed)),
            identical,
        })
    }

    async fn start_history_verification(
        &self,
        call: Mutation<AnyPermit>,
        message: wire::StartHistoryVerificationRequest,
    ) -> Result<wire::StartHistoryVerificationResponse, Fault> {
        let account = &call.grant.principal().account;
        // Its shape was checked with the bounds; empty is everybody.
        let subject = message.subject_id.parse::<SubjectId>().ok();
        let begun = self
            .0
            .start_history_verification(call.permit, account, call.request, subject);
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
            .0
            .history_verification(uuid_of(&message.name, COLLECTION)?)
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
        let (found, next_page_token) = self.0.list_history_verifications(&call.page).await?;
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
        let day = LocalDay::parse(&message.decision_date).map_err(|error| {
            let en = error.to_string();
            reply::wrong(Violation::new(
                "decision_date",
                "DATE_SHAPE",
                "应为YYYY-MM-DD",
                en,
            ))
        })?;
        Ok(self.0.verify_day(day).await?.into())
    }
}

fn broken(one: &Broken) -> wire::HistoryBreak {
    let kind = match one.what {
        Break::Changed => wire::HistoryBreakKind::Changed,
        Break::Gap => wire::HistoryBreakKind::Gap,
        Break::Head => wire::HistoryBreakKind::Head,
    };
    wire::HistoryBreak {
        subject_id: one.subject.to_string(),
        version: one.version,
        kind: kind.into(),
    }
}

impl From<Verification> for wire::HistoryVerification {
    fn from(one: Verification) -> Self {
        let state = match (one.is_cancelled, one.finished_at, one.counts.broken) {
            (true, ..) => wire::HistoryVerificationState::Cancelled,
            (_, None, _) => wire::HistoryVerificationState::Running,
            (_, Some(_), 0) => wire::HistoryVerificationState::Intact,
            (_, Some(_), _) => wire::HistoryVerificationState::Broken,
        };
        Self {
            name: one.name(),
            history_verification_id: one.id.to_string(),
            subject_id: one.subject.map(|subject| subject.to_string()).unwrap_or_default(),
            state: state.into(),
            create_time: Some(instant(one.created_at)),
            finish_time: one.finished_at.map(instant),
            subjects: one.counts.subjects,
            intact: one.counts.intact,
            erased: one.counts.erased,
            broken: one.counts.broken,
            breaks: one.counts.breaks.iter().map(broken).collect(),
        }
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
            root: explained::hex(&check.seal.root),
            broken_buckets: buckets.map(|bucket| i32::from(*bucket)).collect(),
            seal_time: Some(instant(check.seal.sealed_at)),
        }
    }
}
