//! Past decisions and their proof, on the wire.

use lutong_chassis::reply;
use lutong_kernel::{Fault, LocalDay, Violation};
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use tonic::{Request, Response, Status};
use wire::history_service_server::HistoryService;

use super::convert;
use super::paging::{page_limit, subject_token};
use crate::domain::history::Break;
use crate::service::deciding::Decider;
use crate::service::history::{Chains, DayCheck, Replay};
use crate::service::reading::Explained;

/// Decisions, and subjects, in one answer.
const DECISIONS: u32 = 100;
const SUBJECTS: u32 = 1_000;

#[derive(Clone)]
pub struct History(Decider);

impl History {
    pub const fn new(decider: Decider) -> Self {
        Self(decider)
    }

    async fn list(
        &self,
        request: Request<wire::ListDecisionsRequest>,
    ) -> Result<wire::ListDecisionsResponse, Fault> {
        let permit = reply::grant(&request)?.own(&request.get_ref().subject_id)?;
        let wire::ListDecisionsRequest {
            page_size,
            page_token,
            ..
        } = request.into_inner();
        let (before, limit) = (version_token(&page_token)?, page_limit(page_size, DECISIONS)?);
        let found = self.0.own_decisions(permit, before, u64::from(limit)).await?;
        let next_page_token = next(&found, limit);
        Ok(wire::ListDecisionsResponse {
            decisions: found.into_iter().map(convert::decision).collect(),
            next_page_token,
        })
    }

    async fn inspect(
        &self,
        request: Request<wire::InspectDecisionsRequest>,
    ) -> Result<wire::InspectDecisionsResponse, Fault> {
        let permit = reply::grant(&request)?.any()?;
        let wire::InspectDecisionsRequest {
            subject_id,
            page_size,
            page_token,
        } = request.into_inner();
        let subject = reply::subject_id(&subject_id, "subject_id").map_err(reply::wrong)?;
        let (before, limit) = (version_token(&page_token)?, page_limit(page_size, DECISIONS)?);
        let found = self
            .0
            .inspect_decisions(permit, subject, before, u64::from(limit))
            .await?;
        let next_page_token = next(&found, limit);
        Ok(wire::InspectDecisionsResponse {
            decisions: found.into_iter().map(convert::decision).collect(),
            next_page_token,
        })
    }

    async fn replay(
        &self,
        request: Request<wire::ReplayDecisionRequest>,
    ) -> Result<wire::ReplayDecisionResponse, Fault> {
        let permit = reply::grant(&request)?.any()?;
        let wire::ReplayDecisionRequest { subject_id, version } = request.into_inner();
        let subject = reply::subject_id(&subject_id, "subject_id").map_err(reply::wrong)?;
        let Replay {
            stored,
            replayed,
            identical,
        } = self.0.replay(permit, subject, version).await?;
        let replayed = Explained {
            decision: replayed,
            rules: stored.rules.clone(),
            facts: stored.facts.clone(),
            in_force: stored.in_force,
        };
        Ok(wire::ReplayDecisionResponse {
            stored: Some(convert::decision(stored)),
            replayed: Some(convert::decision(replayed)),
            identical,
        })
    }

    async fn verify(
        &self,
        request: Request<wire::VerifyHistoryRequest>,
    ) -> Result<wire::VerifyHistoryResponse, Fault> {
        let permit = reply::grant(&request)?.any()?;
        let wire::VerifyHistoryRequest {
            subject_id,
            page_size,
            page_token,
        } = request.into_inner();
        let only = if subject_id.is_empty() {
            None
        } else {
            Some(reply::subject_id(&subject_id, "subject_id").map_err(reply::wrong)?)
        };
        let (after, limit) = (subject_token(&page_token)?, page_limit(page_size, SUBJECTS)?);
        let chains = self
            .0
            .verify_history(permit, only, after, u64::from(limit))
            .await?;
        Ok(chains.into())
    }

    async fn verify_day(&self, day: &str) -> Result<wire::VerifyDayResponse, Fault> {
        let day = LocalDay::parse(day).map_err(|error| {
            reply::wrong(Violation::new(
                "day",
                "DAY_SHAPE",
                "应为YYYY-MM-DD",
                error.to_string(),
            ))
        })?;
        Ok(self.0.verify_day(day).await?.into())
    }
}

/// A page token that is the last version; empty at first.
fn version_token(token: &str) -> Result<i64, Fault> {
    if token.is_empty() {
        return Ok(0);
    }
    let version = token.parse().ok().filter(|version| *version > 0);
    version.ok_or_else(|| {
        let en = "is none that this service gave";
        reply::wrong(Violation::new(
            "page_token",
            "PAGE_TOKEN",
            "不是本服务给出的翻页标记",
            en,
        ))
    })
}

fn next(found: &[Explained], limit: u32) -> String {
    let full = found.len() == limit as usize;
    let last = found.last().filter(|last| full && last.decision.version > 1);
    last.map(|last| last.decision.version.to_string())
        .unwrap_or_default()
}

impl From<Chains> for wire::VerifyHistoryResponse {
    fn from(chains: Chains) -> Self {
        let breaks = chains.breaks.into_iter().map(|(subject, version, what)| {
            let kind = match what {
                Break::Changed => wire::HistoryBreakKind::Changed,
                Break::Gap => wire::HistoryBreakKind::Gap,
                Break::Head => wire::HistoryBreakKind::Head,
            };
            wire::HistoryBreak {
                subject_id: subject.to_string(),
                version,
                kind: kind.into(),
            }
        });
        Self {
            subjects: chains.subjects,
            intact: chains.intact,
            erased: chains.erased,
            breaks: breaks.collect(),
            next_page_token: chains.next.map(|subject| subject.to_string()).unwrap_or_default(),
        }
    }
}

impl From<DayCheck> for wire::VerifyDayResponse {
    fn from(check: DayCheck) -> Self {
        Self {
            intact: check.is_intact(),
            day: check.seal.day.to_string(),
            sealed: check.seal.digest.decisions(),
            found: check.found,
            root: convert::hex(&check.seal.root),
            broken_buckets: check
                .broken_buckets
                .iter()
                .map(|bucket| i32::from(*bucket))
                .collect(),
            seal_time: Some(time::from_micros(check.seal.sealed_at.micros())),
        }
    }
}

#[tonic::async_trait]
impl HistoryService for History {
    async fn list_decisions(
        &self,
        request: Request<wire::ListDecisionsRequest>,
    ) -> Result<Response<wire::ListDecisionsResponse>, Status> {
        reply::answer(self.list(request).await)
    }

    async fn inspect_decisions(
        &self,
        request: Request<wire::InspectDecisionsRequest>,
    ) -> Result<Response<wire::InspectDecisionsResponse>, Status> {
        reply::answer(self.inspect(request).await)
    }

    async fn replay_decision(
        &self,
        request: Request<wire::ReplayDecisionRequest>,
    ) -> Result<Response<wire::ReplayDecisionResponse>, Status> {
        reply::answer(self.replay(request).await)
    }

    async fn verify_history(
        &self,
        request: Request<wire::VerifyHistoryRequest>,
    ) -> Result<Response<wire::VerifyHistoryResponse>, Status> {
        reply::answer(self.verify(request).await)
    }

    async fn verify_day(
        &self,
        request: Request<wire::VerifyDayRequest>,
    ) -> Result<Response<wire::VerifyDayResponse>, Status> {
        reply::answer(self.verify_day(&request.into_inner().day).await)
    }
}
