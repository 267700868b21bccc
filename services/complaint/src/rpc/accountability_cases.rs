//! `AccountabilityCaseService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{AccountabilityCaseId, DivisionCode, Fault, Timestamp};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::policy::Role;
use lutong_proto::time::instant;
use lutong_proto::types::v1 as types;
use lutong_skin::complaint::v1::AccountabilityCaseHandler;
use lutong_transport::access::{DivisionPermit, NoPermit, Principal};
use lutong_transport::reply;
use strum::VariantArray as _;

use super::content::{place_kind, read_place_kind};
use super::places::name as place_name;
use crate::domain::accountability::case::{AccountabilityCase, Action, Command, Escalation, Outcome, State};
use crate::domain::accountability::voices::Signal;
use crate::domain::clocks::Span;
use crate::domain::text::lines;
use crate::service::accountability_cases::{AccountabilityCases, Deed, Named, Step, etag};
use crate::store::accountability_cases::{Filter, PublicFilter};

/// `accountability-cases/{accountability_case}`.
const COLLECTION: &str = "accountability-cases";
/// The kind of the clock of a case.
const CLOCK: &str = "outcome";

pub struct AccountabilityCaseRpc(pub AccountabilityCases);

/// An answer with the case that an action has left.
macro_rules! done {
    ($self:ident, $call:ident, $message:ident, $deed:expr, $response:ident) => {{
        let done = $self.act($call, &$message.name, $message.etag, $deed).await?;
        Ok(wire::$response {
            accountability_case: Some(done),
        })
    }};
}

impl AccountabilityCaseHandler for AccountabilityCaseRpc {
    async fn open_accountability_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::OpenAccountabilityCaseRequest,
    ) -> Result<wire::OpenAccountabilityCaseResponse, Fault> {
        done!(self, call, message, Deed::Open, OpenAccountabilityCaseResponse)
    }

    async fn dismiss_accountability_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::DismissAccountabilityCaseRequest,
    ) -> Result<wire::DismissAccountabilityCaseResponse, Fault> {
        let deed = Deed::Do(Command::Dismiss);
        done!(self, call, message, deed, DismissAccountabilityCaseResponse)
    }

    async fn take_accountability_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::TakeAccountabilityCaseRequest,
    ) -> Result<wire::TakeAccountabilityCaseResponse, Fault> {
        let deed = Deed::Do(Command::Take);
        done!(self, call, message, deed, TakeAccountabilityCaseResponse)
    }

    async fn publish_accountability_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::PublishAccountabilityCaseRequest,
    ) -> Result<wire::PublishAccountabilityCaseResponse, Fault> {
        let outcome = read_outcome(message.outcome()).ok_or_else(|| reply::missing("outcome"));
        let (outcome, summary) = (outcome, lines(&message.summary, "summary")).all_valid()?;
        let deed = Deed::Do(Command::Publish(outcome, summary.into_inner()));
        done!(self, call, message, deed, PublishAccountabilityCaseResponse)
    }

    async fn approve_accountability_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ApproveAccountabilityCaseRequest,
    ) -> Result<wire::ApproveAccountabilityCaseResponse, Fault> {
        let deed = Deed::Do(Command::Approve);
        done!(self, call, message, deed, ApproveAccountabilityCaseResponse)
    }

    async fn reject_accountability_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::RejectAccountabilityCaseRequest,
    ) -> Result<wire::RejectAccountabilityCaseResponse, Fault> {
        let deed = Deed::Do(Command::Reject);
        done!(self, call, message, deed, RejectAccountabilityCaseResponse)
    }

    async fn get_accountability_case(
        &self,
        _: Query<NoPermit>,
        message: wire::GetAccountabilityCaseRequest,
    ) -> Result<wire::GetAccountabilityCaseResponse, Fault> {
        let found = self.0.find(id(&message.name)?).await?;
        Ok(wire::GetAccountabilityCaseResponse {
            accountability_case: Some(published(found, self.0.now())),
        })
    }

    async fn list_accountability_cases(
        &self,
        call: Listing<NoPermit>,
        message: wire::ListAccountabilityCasesRequest,
    ) -> Result<wire::ListAccountabilityCasesResponse, Fault> {
        let filter = PublicFilter {
            // The bounds of the contract have checked its shape.
            division: DivisionCode::parse(&message.division).ok(),
            kind: read_place_kind(message.place_kind()),
        };
        let (found, next_page_token) = self.0.published(filter, &call.page).await?;
        let now = self.0.now();
        Ok(wire::ListAccountabilityCasesResponse {
            accountability_cases: found.into_iter().map(|one| published(one, now)).collect(),
            next_page_token,
        })
    }

    async fn list_opened_accountability_cases(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListOpenedAccountabilityCasesRequest,
    ) -> Result<wire::ListOpenedAccountabilityCasesResponse, Fault> {
        let filter = Filter {
            // The bounds of the contract have checked its shape.
            division: DivisionCode::parse(&message.division).ok(),
            state: read_state(message.state()),
        };
        let (found, next_page_token) = self.0.opened(call.permit, filter, &call.page).await?;
        let caller = call.grant.principal();
        Ok(wire::ListOpenedAccountabilityCasesResponse {
            accountability_cases: found.into_iter().map(|one| self.to_staff(one, caller)).collect(),
            next_page_token,
        })
    }
}

impl AccountabilityCaseRpc {
    async fn act(
        &self,
        call: Mutation<DivisionPermit>,
        name: &str,
        etag: String,
        deed: Deed,
    ) -> Result<wire::AccountabilityCase, Fault> {
        let caller = call.grant.principal();
        let step = Step {
            permit: call.permit,
            request: call.request,
            account: caller.account.clone(),
            id: id(name)?,
            etag,
            deed,
        };
        let done = self.0.act(step).await?;
        Ok(self.to_staff(done, caller))
    }

    /// A case as staff see it.
    fn to_staff(&self, named: Named, caller: &Principal) -> wire::AccountabilityCase {
        let case = &named.case;
        let actions = Action::VARIANTS.iter().copied();
        let may = |action: &Action| may(*action, caller) && case.check(*action, &caller.account).is_ok();
        let allowed = actions.filter(may).map(|one| shown_action(one).into());
        let (etag, allowed_actions) = (etag(case).into(), allowed.collect());
        let signals = case.signals.iter().map(|one| signal(*one).into()).collect();
        let owner = case.owner.clone().unwrap_or_default();
        let approval = approval(case);
        let escalations = case.escalations.iter().map(escalation).collect();
        wire::AccountabilityCase {
            approval,
            escalations,
            etag,
            allowed_actions,
            signals,
            owner,
            ..published(named, self.0.now())
        }
    }
}

/// The roles that may take an action; the contract's policy says the same.
fn may(action: Action, caller: &Principal) -> bool {
    let is_officer =
        matches!(action, Action::Take | Action::Publish) && caller.roles.has(Role::HealthOfficer);
    is_officer || caller.roles.has(Role::Supervisor)
}

fn id(name: &str) -> Result<AccountabilityCaseId, Fault> {
    reply::uuid_of(name, COLLECTION).map(AccountabilityCaseId::from_uuid)
}

const fn state(state: State) -> wire::AccountabilityState {
    match state {
        State::Queued => wire::AccountabilityState::Queued,
        State::Open => wire::AccountabilityState::Open,
        State::Dismissed => wire::AccountabilityState::Dismissed,
        State::Published => wire::AccountabilityState::Published,
        State::Proposed => wire::AccountabilityState::Proposed,
    }
}

const fn read_state(state: wire::AccountabilityState) -> Option<State> {
    match state {
        wire::AccountabilityState::Unspecified => None,
        wire::AccountabilityState::Queued => Some(State::Queued),
        wire::AccountabilityState::Open => Some(State::Open),
        wire::AccountabilityState::Dismissed => Some(State::Dismissed),
        wire::AccountabilityState::Published => Some(State::Published),
        wire::AccountabilityState::Proposed => Some(State::Proposed),
    }
}

const fn shown_action(action: Action) -> wire::AccountabilityAction {
    match action {
        Action::Open => wire::AccountabilityAction::Open,
        Action::Dismiss => wire::AccountabilityAction::Dismiss,
        Action::Take => wire::AccountabilityAction::Take,
        Action::Publish => wire::AccountabilityAction::Publish,
        Action::Approve => wire::AccountabilityAction::Approve,
        Action::Reject => wire::AccountabilityAction::Reject,
    }
}

const fn signal(signal: Signal) -> wire::CampaignSignal {
    match signal {
        Signal::Burst => wire::CampaignSignal::Burst,
        Signal::OneNetwork => wire::CampaignSignal::OneNetwork,
        Signal::NewPersons => wire::CampaignSignal::NewPersons,
        Signal::Unnamed => wire::CampaignSignal::Unnamed,
    }
}

const fn outcome(outcome: Outcome) -> wire::AccountabilityOutcome {
    match outcome {
        Outcome::Corrected => wire::AccountabilityOutcome::Corrected,
        Outcome::Penalised => wire::AccountabilityOutcome::Penalised,
        Outcome::HandedOver => wire::AccountabilityOutcome::HandedOver,
        Outcome::NotConfirmed => wire::AccountabilityOutcome::NotConfirmed,
    }
}

const fn read_outcome(outcome: wire::AccountabilityOutcome) -> Option<Outcome> {
    match outcome {
        wire::AccountabilityOutcome::Unspecified => None,
        wire::AccountabilityOutcome::Corrected => Some(Outcome::Corrected),
        wire::AccountabilityOutcome::Penalised => Some(Outcome::Penalised),
        wire::AccountabilityOutcome::HandedOver => Some(Outcome::HandedOver),
        wire::AccountabilityOutcome::NotConfirmed => Some(Outcome::NotConfirmed),
    }
}

/// Who stood behind the outcome.
fn approval(case: &AccountabilityCase) -> Option<types::Approval> {
    let (proposer, at) = case.proposed.clone()?;
    let is_published = case.state == State::Published;
    Some(types::Approval {
        proposer,
        propose_time: Some(instant(at)),
        approver: case
            .closed_by
            .clone()
            .filter(|_| is_published)
            .unwrap_or_default(),
        approve_time: case.closed_at.filter(|_| is_published).map(instant),
        closer: String::new(),
        close_time: None,
    })
}

fn escalation(escalation: &Escalation) -> wire::AccountabilityEscalation {
    wire::AccountabilityEscalation {
        division: escalation.division.to_string(),
        plan_time: Some(instant(escalation.planned_at)),
        create_time: Some(instant(escalation.raised_at)),
        late: escalation.is_late(),
    }
}

/// The clock of a case that was opened.
fn clock(case: &AccountabilityCase, now: Timestamp) -> Option<types::Clock> {
    let (opened_at, due_at) = (case.opened_at?, case.due_at?);
    let state = match case.closed_at {
        Some(_) => types::ClockState::Met,
        None if case.is_overdue(now) => types::ClockState::Overdue,
        None => types::ClockState::Running,
    };
    let late = case.closed_at.map(|at| at.since(due_at));
    let late = late.filter(|late| !late.is_zero());
    Some(types::Clock {
        kind: CLOCK.to_owned(),
        state: state.into(),
        start_time: Some(instant(opened_at)),
        warn_time: None,
        due_time: Some(instant(due_at)),
        stop_time: case.closed_at.map(instant),
        calendar: Span::WorkingDays(0).calendar().to_owned(),
        paused_for: None,
        late: late.and_then(|late| prost_types::Duration::try_from(late).ok()),
    })
}

/// A case as everybody sees it at an instant: the place, and nobody.
fn published(named: Named, now: Timestamp) -> wire::AccountabilityCase {
    let Named {
        case,
        place_name: called,
    } = named;
    let publish_time = case.closed_at.filter(|_| case.state == State::Published);
    let (outcome, summary) = case
        .outcome
        .as_ref()
        .map_or((0, String::new()), |(one, summary)| {
            (outcome(*one).into(), summary.clone())
        });
    wire::AccountabilityCase {
        name: format!("{COLLECTION}/{}", case.id),
        accountability_case_id: case.id.to_string(),
        state: state(case.state).into(),
        etag: String::new(),
        place: place_name(case.place),
        place_name: called,
        place_kind: place_kind(case.kind).into(),
        division: case.division.to_string(),
        clock: clock(&case, now),
        responsible_body: case.responsible_body,
        rule: case.rule,
        rules_version: case.rules_version,
        counted: i64::try_from(case.counted).unwrap_or(i64::MAX),
        signals: Vec::new(),
        create_time: Some(instant(case.created_at)),
        open_time: case.opened_at.map(instant),
        owner: String::new(),
        outcome,
        summary,
        publish_time: publish_time.map(instant),
        allowed_actions: Vec::new(),
        approval: None,
        escalations: Vec::new(),
    }
}
