//! The RPCs of runs over everyone.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::{Colour, Fault};
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1::Colour as WireColour;
use lutong_skin::risk_rules::v1::RecomparisonHandler;
use lutong_transport::access::{AnyPermit, NoPermit};
use lutong_transport::reply::uuid_of;

use super::domain::FindingKind;
use super::service::{Recomparisons, RunName, RunReport, RunState};
use super::store::findings::Finding;
use crate::wire::{hex, instant};

const COLLECTION: &str = "recomparisons";
/// The newest run.
const LATEST: &str = "recomparisons/latest";

pub struct Handler(pub Recomparisons);

impl RecomparisonHandler for Handler {
    async fn start_recomparison(
        &self,
        call: Mutation<NoPermit>,
        _: wire::StartRecomparisonRequest,
    ) -> Result<wire::StartRecomparisonResponse, Fault> {
        let account = &call.grant.principal().account;
        let (report, operation) = self.0.start(account, call.request).await?;
        Ok(wire::StartRecomparisonResponse {
            recomparison: Some((&report).into()),
            operation: operation.name(),
        })
    }

    async fn get_recomparison(
        &self,
        _: Query<NoPermit>,
        message: wire::GetRecomparisonRequest,
    ) -> Result<wire::GetRecomparisonResponse, Fault> {
        let report = self.0.find(run_name(&message.name)?).await?;
        Ok(wire::GetRecomparisonResponse {
            recomparison: Some((&report).into()),
        })
    }

    async fn list_recomparisons(
        &self,
        call: Listing<NoPermit>,
        _: wire::ListRecomparisonsRequest,
    ) -> Result<wire::ListRecomparisonsResponse, Fault> {
        let (reports, next_page_token) = self.0.list(&call.page).await?;
        Ok(wire::ListRecomparisonsResponse {
            recomparisons: reports.iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn inspect_recomparison_findings(
        &self,
        call: Listing<AnyPermit>,
        message: wire::InspectRecomparisonFindingsRequest,
    ) -> Result<wire::InspectRecomparisonFindingsResponse, Fault> {
        let name = run_name(&message.name)?;
        let (found, next_page_token) = self.0.findings(&call.permit, name, &call.page).await?;
        Ok(wire::InspectRecomparisonFindingsResponse {
            findings: found.iter().map(finding).collect(),
            next_page_token,
        })
    }
}

fn run_name(name: &str) -> Result<RunName, Fault> {
    if name == LATEST {
        return Ok(RunName::Latest);
    }
    uuid_of(name, COLLECTION).map(RunName::Id)
}

const fn kind(kind: FindingKind) -> wire::FindingKind {
    match kind {
        FindingKind::Due => wire::FindingKind::Due,
        FindingKind::Rules => wire::FindingKind::Rules,
        FindingKind::Mismatch => wire::FindingKind::Mismatch,
    }
}

fn colour(colour: Colour) -> i32 {
    WireColour::from(colour).into()
}

fn finding(found: &Finding) -> wire::RecomparisonFinding {
    wire::RecomparisonFinding {
        subject_id: found.subject.to_string(),
        kind: kind(found.kind).into(),
        before: colour(found.before),
        after: colour(found.after),
        decision: format!("subjects/{}/decisions/{}", found.subject, found.version),
    }
}

impl From<&RunReport> for wire::Recomparison {
    fn from(report: &RunReport) -> Self {
        let (run, progress) = (&report.run, &report.progress);
        let state = match report.state() {
            RunState::Running => wire::RecomparisonState::Running,
            RunState::Complete => wire::RecomparisonState::Complete,
            RunState::Incomplete => wire::RecomparisonState::Incomplete,
            RunState::Cancelled => wire::RecomparisonState::Cancelled,
        };
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let colours = [Colour::Green, Colour::Yellow, Colour::Red];
        let colours = colours.into_iter().zip(progress.coverage.colours);
        let colours = colours.map(|(one, count)| wire::ColourCount {
            colour: colour(one),
            count,
        });
        let findings = report
            .counts
            .iter()
            .map(|(one, before, after, count)| wire::FindingCount {
                kind: kind(*one).into(),
                before: colour(*before),
                after: colour(*after),
                count: *count,
            });
        Self {
            name: run.name(),
            recomparison_id: run.id.to_string(),
            run_date: run.day.map(|day| day.to_string()).unwrap_or_default(),
            evaluate_time: Some(instant(run.evaluated_at)),
            finish_time: run.finished_at.map(instant),
            state: state.into(),
            parts_done: count(progress.parts_done),
            parts: count(progress.parts),
            expected: run.expected.count,
            seen: progress.coverage.seen.count,
            expected_digest: hex(&run.expected.digest()),
            seen_digest: hex(&progress.coverage.seen.digest()),
            colours: colours.collect(),
            findings: findings.collect(),
        }
    }
}
