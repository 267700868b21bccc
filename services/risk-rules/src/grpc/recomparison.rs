//! Runs over everyone, on the wire.

use lutong_chassis::reply;
use lutong_kernel::{Fault, SubjectId, Violation};
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use tonic::{Request, Response, Status};
use wire::recomparison_service_server::RecomparisonService;

use super::convert;
use crate::domain::recomparison::Finding;
use crate::service::deciding::Decider;
use crate::service::recomparison::Report;
use crate::store::recomparisons::Found;

/// Findings in one answer.
const PAGE: u32 = 1_000;

#[derive(Clone)]
pub struct Recomparisons(Decider);

impl Recomparisons {
    pub const fn new(decider: Decider) -> Self {
        Self(decider)
    }

    async fn start(&self) -> Result<wire::StartRecomparisonResponse, Fault> {
        // One without a day is never refused.
        let run = self.0.begin_recomparison(None).await?;
        let report = self.0.recomparison(run).await?;
        Ok(wire::StartRecomparisonResponse {
            recomparison: Some((&report).into()),
        })
    }

    async fn get(&self, run: i64) -> Result<wire::GetRecomparisonResponse, Fault> {
        let report = self.0.recomparison(Some(run).filter(|run| *run != 0)).await?;
        Ok(wire::GetRecomparisonResponse {
            recomparison: Some((&report).into()),
        })
    }

    async fn findings(
        &self,
        request: Request<wire::ListRecomparisonFindingsRequest>,
    ) -> Result<wire::ListRecomparisonFindingsResponse, Fault> {
        let permit = reply::grant(&request)?.any()?;
        let wire::ListRecomparisonFindingsRequest {
            recomparison_id,
            page_size,
            page_token,
        } = request.into_inner();
        let limit = page_limit(page_size, PAGE)?;
        let after = subject_token(&page_token)?;
        let found = self
            .0
            .findings(permit, recomparison_id, after, u64::from(limit))
            .await?;
        let full = found.len() == limit as usize;
        let next = found.last().filter(|_| full).map(|last| last.subject.to_string());
        Ok(wire::ListRecomparisonFindingsResponse {
            findings: found.iter().map(finding).collect(),
            next_page_token: next.unwrap_or_default(),
        })
    }
}

/// 0 reads as the most.
pub fn page_limit(page_size: i32, most: u32) -> Result<u32, Fault> {
    match u32::try_from(page_size) {
        Ok(0) => Ok(most),
        Ok(size) if size <= most => Ok(size),
        _ => {
            let (zh, en) = (format!("应为0至{most}"), format!("lies between 0 and {most}"));
            Err(reply::wrong(Violation::new("page_size", "PAGE_RANGE", zh, en)))
        }
    }
}

/// A page token that is the last subject's id; empty at first.
pub fn subject_token(token: &str) -> Result<Option<SubjectId>, Fault> {
    if token.is_empty() {
        return Ok(None);
    }
    let read = token.parse().map(Some);
    read.map_err(|_| {
        reply::wrong(Violation::new(
            "page_token",
            "PAGE_TOKEN",
            "不是本服务给出的翻页标记",
            "is none that this service gave",
        ))
    })
}

const fn kind(finding: Finding) -> wire::FindingKind {
    match finding {
        Finding::Due => wire::FindingKind::Due,
        Finding::Rules => wire::FindingKind::Rules,
        Finding::Mismatch => wire::FindingKind::Mismatch,
    }
}

fn finding(found: &Found) -> wire::RecomparisonFinding {
    wire::RecomparisonFinding {
        subject_id: found.subject.to_string(),
        kind: kind(found.finding).into(),
        before: convert::colour(found.before).into(),
        after: convert::colour(found.after).into(),
        decision_version: found.version,
    }
}

impl From<&Report> for wire::Recomparison {
    fn from(report: &Report) -> Self {
        let (run, progress) = (&report.run, &report.progress);
        let [green, yellow, red] = progress.looked.colours;
        let colours = [
            (types::Colour::Green, green),
            (types::Colour::Yellow, yellow),
            (types::Colour::Red, red),
        ];
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        Self {
            recomparison_id: run.id,
            day: run.day.map(|day| day.to_string()).unwrap_or_default(),
            evaluate_time: Some(time::from_micros(run.evaluated_at.micros())),
            finish_time: run.finished_at.map(|at| time::from_micros(at.micros())),
            parts_done: count(progress.parts_done),
            parts: count(progress.parts),
            expected: run.expected.count,
            seen: progress.looked.seen.count,
            complete: report.is_complete(),
            expected_digest: convert::hex(&run.expected.digest()),
            seen_digest: convert::hex(&progress.looked.seen.digest()),
            colours: colours
                .map(|(colour, count)| wire::ColourCount {
                    colour: colour.into(),
                    count,
                })
                .to_vec(),
            findings: report
                .counts
                .iter()
                .map(|(finding, before, after, count)| wire::FindingCount {
                    kind: kind(*finding).into(),
                    before: convert::colour(*before).into(),
                    after: convert::colour(*after).into(),
                    count: *count,
                })
                .collect(),
        }
    }
}

#[tonic::async_trait]
impl RecomparisonService for Recomparisons {
    async fn start_recomparison(
        &self,
        request: Request<wire::StartRecomparisonRequest>,
    ) -> Result<Response<wire::StartRecomparisonResponse>, Status> {
        let wire::StartRecomparisonRequest {} = request.into_inner();
        reply::answer(self.start().await)
    }

    async fn get_recomparison(
        &self,
        request: Request<wire::GetRecomparisonRequest>,
    ) -> Result<Response<wire::GetRecomparisonResponse>, Status> {
        reply::answer(self.get(request.into_inner().recomparison_id).await)
    }

    async fn list_recomparison_findings(
        &self,
        request: Request<wire::ListRecomparisonFindingsRequest>,
    ) -> Result<Response<wire::ListRecomparisonFindingsResponse>, Status> {
        reply::answer(self.findings(request).await)
    }
}
