//! Rule sets on their way into force, on the wire.

use lutong_chassis::reply;
use lutong_kernel::{Fault, Timestamp, Violation};
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use prost::Message as _;
use tonic::{Request, Response, Status};
use wire::rule_set_service_server::RuleSetService;

use super::convert;
use super::paging::page_limit;
use crate::domain::rule_change::{Counts, State};
use crate::service::rule_changes::{RuleDesk, Sent, Step};
use crate::store::rule_changes::RuleSetVersion;

/// Versions in one answer.
const PAGE: u32 = 100;

#[derive(Clone)]
pub struct RuleSets(RuleDesk);

/// The fields that name a step.
struct Named {
    request_id: String,
    rule_set: String,
    version: String,
}

impl RuleSets {
    pub const fn new(desk: RuleDesk) -> Self {
        Self(desk)
    }

    async fn announce(
        &self,
        request: Request<wire::AnnounceRuleSetRequest>,
    ) -> Result<wire::AnnounceRuleSetResponse, Fault> {
        let grant = reply::grant(&request)?;
        let message = request.into_inner();
        let body = message.encode_to_vec();
        let wire::AnnounceRuleSetRequest {
            request_id,
            document,
            cases,
            expected_changes,
        } = message;
        let (request_id, expected) = (reply::request_id(&request_id), bound(expected_changes));
        let (request_id, expected) = match (request_id, expected) {
            (Ok(request_id), Ok(expected)) => (request_id, expected),
            (request_id, expected) => {
                let wrong = [request_id.err(), expected.err()];
                return Err(Fault::invalid(wrong.into_iter().flatten().collect()));
            }
        };
        let sent = Sent {
            account: &grant.principal().account,
            request_id,
            body: &body,
        };
        let announced = self.0.announce(sent, document, cases, expected).await?;
        Ok(wire::AnnounceRuleSetResponse {
            rule_set: Some(announced.into()),
        })
    }

    async fn step<T: prost::Message>(
        &self,
        request: Request<T>,
        step: Step,
        named: impl Fn(T) -> Named,
    ) -> Result<Option<wire::RuleSetVersion>, Fault> {
        let grant = reply::grant(&request)?;
        let message = request.into_inner();
        let body = message.encode_to_vec();
        let Named {
            request_id,
            rule_set,
            version,
        } = named(message);
        let sent = Sent {
            account: &grant.principal().account,
            request_id: reply::request_id(&request_id).map_err(reply::wrong)?,
            body: &body,
        };
        let stands = self.0.step(sent, &rule_set, &version, step).await?;
        Ok(Some(stands.into()))
    }

    async fn get(&self, message: wire::GetRuleSetRequest) -> Result<wire::GetRuleSetResponse, Fault> {
        let found = self.0.get(&message.rule_set, &message.version).await?;
        Ok(wire::GetRuleSetResponse {
            rule_set: Some(found.into()),
        })
    }

    async fn list(&self, message: wire::ListRuleSetsRequest) -> Result<wire::ListRuleSetsResponse, Fault> {
        let limit = page_limit(message.page_size, PAGE)?;
        let found = self.0.list(token(&message.page_token)?, u64::from(limit)).await?;
        let full = found.len() == limit as usize;
        let next = found.last().filter(|_| full).map(|last| last.number.to_string());
        Ok(wire::ListRuleSetsResponse {
            rule_sets: found.into_iter().map(Into::into).collect(),
            next_page_token: next.unwrap_or_default(),
        })
    }
}

fn bound(expected_changes: i64) -> Result<i64, Violation> {
    if expected_changes < 0 {
        let (zh, en) = ("应为0或以上", "is 0 or more people");
        return Err(Violation::new("expected_changes", "NEGATIVE", zh, en));
    }
    Ok(expected_changes)
}

fn token(token: &str) -> Result<Option<i64>, Fault> {
    if token.is_empty() {
        return Ok(None);
    }
    token.parse().map(Some).map_err(|_| {
        reply::wrong(Violation::new(
            "page_token",
            "PAGE_TOKEN",
            "不是本服务给出的翻页标记",
            "is none that this service gave",
        ))
    })
}

fn instant(at: Timestamp) -> prost_types::Timestamp {
    time::from_micros(at.micros())
}

const fn state(state: State) -> wire::RuleSetState {
    match state {
        State::Announced => wire::RuleSetState::Announced,
        State::Approved => wire::RuleSetState::Approved,
        State::Active => wire::RuleSetState::Active,
        State::Paused => wire::RuleSetState::Paused,
        State::Cancelled => wire::RuleSetState::Cancelled,
    }
}

impl From<RuleSetVersion> for wire::RuleSetVersion {
    fn from(version: RuleSetVersion) -> Self {
        let active_time = version.active_from.map(instant);
        let Some(way) = version.way else {
            return Self {
                rule_set: version.id,
                version: version.version,
                state: wire::RuleSetState::Active.into(),
                effective_time: active_time,
                active_time,
                ..Self::default()
            };
        };
        let preview = match way.preview {
            Some(counts) => Some(counts.into()),
            None => way.preview_asked.then(wire::ShadowRun::default),
        };
        Self {
            rule_set: version.id,
            version: version.version,
            state: state(way.state).into(),
            effective_time: Some(instant(way.effective_from)),
            active_time,
            author: way.author,
            approver: way.approver.unwrap_or_default(),
            announce_time: Some(instant(way.announced_at)),
            approve_time: way.approved_at.map(instant),
            expected_changes: way.expected_changes,
            preview,
            guard: way.guard.map(Into::into),
        }
    }
}

impl From<Counts> for wire::ShadowRun {
    fn from(counts: Counts) -> Self {
        let changed = counts.changed();
        let changes = counts.changes.into_iter().map(|change| wire::ColourChange {
            before: convert::colour(change.before).into(),
            after: convert::colour(change.after).into(),
            count: change.count,
            rules: change
                .rules
                .into_iter()
                .map(|one| wire::RuleCount {
                    rule_id: one.rule,
                    count: one.count,
                })
                .collect(),
        });
        let divisions = counts.divisions.into_iter().map(|change| wire::DivisionChange {
            division: match change.division {
                0 => String::new(),
                code => code.to_string(),
            },
            before: convert::colour(change.before).into(),
            after: convert::colour(change.after).into(),
            count: change.count,
        });
        Self {
            evaluate_time: Some(time::from_micros(counts.evaluated_at)),
            finish_time: Some(time::from_micros(counts.finished_at)),
            seen: counts.seen,
            changed,
            changes: changes.collect(),
            divisions: divisions.collect(),
        }
    }
}

/// The fields of a request that name a step.
macro_rules! named {
    ($message:ident) => {
        |message: wire::$message| Named {
            request_id: message.request_id,
            rule_set: message.rule_set,
            version: message.version,
        }
    };
}

#[tonic::async_trait]
impl RuleSetService for RuleSets {
    async fn announce_rule_set(
        &self,
        request: Request<wire::AnnounceRuleSetRequest>,
    ) -> Result<Response<wire::AnnounceRuleSetResponse>, Status> {
        reply::answer(self.announce(request).await)
    }

    async fn preview_rule_set(
        &self,
        request: Request<wire::PreviewRuleSetRequest>,
    ) -> Result<Response<wire::PreviewRuleSetResponse>, Status> {
        let stands = self
            .step(request, Step::Preview, named!(PreviewRuleSetRequest))
            .await;
        reply::answer(stands.map(|rule_set| wire::PreviewRuleSetResponse { rule_set }))
    }

    async fn approve_rule_set(
        &self,
        request: Request<wire::ApproveRuleSetRequest>,
    ) -> Result<Response<wire::ApproveRuleSetResponse>, Status> {
        let stands = self
            .step(request, Step::Approve, named!(ApproveRuleSetRequest))
            .await;
        reply::answer(stands.map(|rule_set| wire::ApproveRuleSetResponse { rule_set }))
    }

    async fn resume_rule_set(
        &self,
        request: Request<wire::ResumeRuleSetRequest>,
    ) -> Result<Response<wire::ResumeRuleSetResponse>, Status> {
        let expected = bound(request.get_ref().expected_changes).map_err(reply::wrong);
        let stands = match expected {
            Ok(expected) => {
                self.step(request, Step::Resume(expected), named!(ResumeRuleSetRequest))
                    .await
            }
            Err(wrong) => Err(wrong),
        };
        reply::answer(stands.map(|rule_set| wire::ResumeRuleSetResponse { rule_set }))
    }

    async fn cancel_rule_set(
        &self,
        request: Request<wire::CancelRuleSetRequest>,
    ) -> Result<Response<wire::CancelRuleSetResponse>, Status> {
        let stands = self
            .step(request, Step::Cancel, named!(CancelRuleSetRequest))
            .await;
        reply::answer(stands.map(|rule_set| wire::CancelRuleSetResponse { rule_set }))
    }

    async fn get_rule_set(
        &self,
        request: Request<wire::GetRuleSetRequest>,
    ) -> Result<Response<wire::GetRuleSetResponse>, Status> {
        reply::answer(self.get(request.into_inner()).await)
    }

    async fn list_rule_sets(
        &self,
        request: Request<wire::ListRuleSetsRequest>,
    ) -> Result<Response<wire::ListRuleSetsResponse>, Status> {
        reply::answer(self.list(request.into_inner()).await)
    }
}
