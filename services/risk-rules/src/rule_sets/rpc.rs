//! The RPCs of rule sets.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1::{Approval, Colour};
use lutong_skin::risk_rules::v1::RuleSetHandler;
use lutong_transport::access::{NoPermit, Principal};
use strum::VariantArray as _;

use super::domain::shadow::Counts;
use super::domain::{State, Step};
use super::service::{AccountAction, RuleSets};
use super::store::changes::RuleSetChange;
use super::store::versions::RuleSetVersion;
use crate::wire::instant;

pub struct Handler(pub RuleSets);

impl Handler {
    async fn step(
        &self,
        call: Mutation<NoPermit>,
        name: &str,
        etag: String,
        step: Step,
    ) -> Result<Option<wire::RuleSet>, Fault> {
        let grant = call.grant.clone();
        let version = self.0.step(action_of(call, etag), name, step).await?;
        Ok(Some(rule_set(version, grant.principal())))
    }
}

impl RuleSetHandler for Handler {
    async fn announce_rule_set(
        &self,
        call: Mutation<NoPermit>,
        message: wire::AnnounceRuleSetRequest,
    ) -> Result<wire::AnnounceRuleSetResponse, Fault> {
        let wire::AnnounceRuleSetRequest {
            document,
            cases,
            expected_changes,
            ..
        } = message;
        let grant = call.grant.clone();
        let action = action_of(call, String::new());
        let announced = self.0.announce(action, document, cases, expected_changes).await?;
        Ok(wire::AnnounceRuleSetResponse {
            rule_set: Some(rule_set(announced, grant.principal())),
        })
    }

    async fn preview_rule_set(
        &self,
        call: Mutation<NoPermit>,
        message: wire::PreviewRuleSetRequest,
    ) -> Result<wire::PreviewRuleSetResponse, Fault> {
        let grant = call.grant.clone();
        let (version, operation) = self
            .0
            .preview(action_of(call, message.etag), &message.name)
            .await?;
        Ok(wire::PreviewRuleSetResponse {
            rule_set: Some(rule_set(version, grant.principal())),
            operation: operation.name(),
        })
    }

    async fn approve_rule_set(
        &self,
        call: Mutation<NoPermit>,
        message: wire::ApproveRuleSetRequest,
    ) -> Result<wire::ApproveRuleSetResponse, Fault> {
        let step = Step::Approve;
        let rule_set = self.step(call, &message.name, message.etag, step).await?;
        Ok(wire::ApproveRuleSetResponse { rule_set })
    }

    async fn reject_rule_set(
        &self,
        call: Mutation<NoPermit>,
        message: wire::RejectRuleSetRequest,
    ) -> Result<wire::RejectRuleSetResponse, Fault> {
        let step = Step::Reject;
        let rule_set = self.step(call, &message.name, message.etag, step).await?;
        Ok(wire::RejectRuleSetResponse { rule_set })
    }

    async fn withdraw_rule_set(
        &self,
        call: Mutation<NoPermit>,
        message: wire::WithdrawRuleSetRequest,
    ) -> Result<wire::WithdrawRuleSetResponse, Fault> {
        let step = Step::Withdraw;
        let rule_set = self.step(call, &message.name, message.etag, step).await?;
        Ok(wire::WithdrawRuleSetResponse { rule_set })
    }

    async fn resume_rule_set(
        &self,
        call: Mutation<NoPermit>,
        message: wire::ResumeRuleSetRequest,
    ) -> Result<wire::ResumeRuleSetResponse, Fault> {
        let step = Step::Resume(message.expected_changes);
        let rule_set = self.step(call, &message.name, message.etag, step).await?;
        Ok(wire::ResumeRuleSetResponse { rule_set })
    }

    async fn get_rule_set(
        &self,
        call: Query<NoPermit>,
        message: wire::GetRuleSetRequest,
    ) -> Result<wire::GetRuleSetResponse, Fault> {
        let found = self.0.find(&message.name).await?;
        Ok(wire::GetRuleSetResponse {
            rule_set: Some(rule_set(found, call.grant.principal())),
        })
    }

    async fn list_rule_sets(
        &self,
        call: Listing<NoPermit>,
        message: wire::ListRuleSetsRequest,
    ) -> Result<wire::ListRuleSetsResponse, Fault> {
        let wanted = State::VARIANTS
            .iter()
            .copied()
            .find(|one| state(*one) == message.state());
        let (found, next_page_token) = self.0.list(wanted, &call.page).await?;
        let caller = call.grant.principal();
        Ok(wire::ListRuleSetsResponse {
            rule_sets: found.into_iter().map(|one| rule_set(one, caller)).collect(),
            next_page_token,
        })
    }
}

fn action_of(call: Mutation<NoPermit>, etag: String) -> AccountAction {
    AccountAction {
        account: call.grant.principal().account.clone(),
        request: call.request,
        etag,
    }
}

const fn state(state: State) -> wire::RuleSetState {
    match state {
        State::Announced => wire::RuleSetState::Announced,
        State::Approved => wire::RuleSetState::Approved,
        State::Active => wire::RuleSetState::Active,
        State::Paused => wire::RuleSetState::Paused,
        State::Rejected => wire::RuleSetState::Rejected,
        State::Withdrawn => wire::RuleSetState::Withdrawn,
    }
}

/// The action of a step, and the roles that may take it, as the policies of the RPCs state.
const fn action(step: Step) -> (wire::Action, &'static [Role]) {
    match step {
        Step::Preview => (wire::Action::Preview, &[Role::RuleAuthor, Role::RuleApprover]),
        Step::Approve => (wire::Action::Approve, &[Role::RuleApprover]),
        Step::Reject => (wire::Action::Reject, &[Role::RuleApprover]),
        Step::Withdraw => (wire::Action::Withdraw, &[Role::RuleAuthor]),
        Step::Resume(_) => (wire::Action::Resume, &[Role::RuleApprover]),
    }
}

fn approval(change: &RuleSetChange) -> Approval {
    let (closer, close_time) = change.closed.clone().unzip();
    Approval {
        proposer: change.author.clone(),
        propose_time: Some(instant(change.announced_at)),
        approver: change.approver.clone().unwrap_or_default(),
        approve_time: change.approved_at.map(instant),
        closer: closer.unwrap_or_default(),
        close_time: close_time.map(instant),
    }
}

fn rule_set(one: RuleSetVersion, caller: &Principal) -> wire::RuleSet {
    let steps = one.allowed(&caller.account).into_iter().map(action);
    let allowed = steps.filter(|(_, roles)| roles.iter().any(|role| caller.roles.has(*role)));
    let active_time = one.active_from.map(instant);
    let version = wire::RuleSet {
        name: one.name(),
        rule_set_id: one.segment(),
        state: state(one.state()).into(),
        effective_time: active_time,
        active_time,
        etag: one.etag().as_str().to_owned(),
        allowed_actions: allowed.map(|(action, _)| action.into()).collect(),
        document_id: one.id,
        version: one.version,
        ..wire::RuleSet::default()
    };
    let Some(change) = one.change else { return version };
    let approval = approval(&change);
    let preview = match change.preview {
        Some(counts) => Some(counts.into()),
        None => change.preview_requested.then(wire::ShadowRun::default),
    };
    wire::RuleSet {
        effective_time: Some(instant(change.effective_from)),
        approval: Some(approval),
        expected_changes: change.expected_changes,
        preview,
        guard: change.guard.map(Into::into),
        ..version
    }
}

impl From<Counts> for wire::ShadowRun {
    fn from(counts: Counts) -> Self {
        let changed = counts.changed();
        let changes = counts.changes.into_iter().map(|change| wire::ColourChange {
            before: Colour::from(change.before).into(),
            after: Colour::from(change.after).into(),
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
            before: Colour::from(change.before).into(),
            after: Colour::from(change.after).into(),
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
