//! `RecognitionRefusalService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{DivisionCode, Fault, FreeText, RecognitionRefusalId, TextRule, Timestamp, Violation};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::policy::Role;
use lutong_proto::time::{instant, timestamp};
use lutong_proto::types::v1 as types;
use lutong_skin::complaint::v1::RecognitionRefusalHandler;
use lutong_transport::access::{DivisionPermit, NoPermit, Principal};
use lutong_transport::reply;
use strum::VariantArray as _;

use super::content::{place_kind, read_place_kind};
use crate::domain::divisions::Divisions;
use crate::domain::recognition_refusal::{Action, RecognitionRefusal, Report, Signature, State, check_span};
use crate::service::recognition_refusals::{RecognitionRefusals, Step, etag};
use crate::store::recognition_refusals::{Filter, PublicFilter};

/// `recognition-refusals/{recognition_refusal}`.
const COLLECTION: &str = "recognition-refusals";
/// Characters of what a place is called.
const MAX_NAME: usize = 100;
/// Characters of a basis, and of a reference to an approval.
const MAX_REFERENCE: usize = 200;

pub struct RecognitionRefusalRpc(pub RecognitionRefusals);

impl RecognitionRefusalHandler for RecognitionRefusalRpc {
    async fn create_recognition_refusal(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreateRecognitionRefusalRequest,
    ) -> Result<wire::CreateRecognitionRefusalResponse, Fault> {
        let caller = call.grant.principal();
        let report = read_report(&message, self.0.divisions(), self.0.now())?;
        let account = caller.account.clone();
        let reported = self.0.report(call.permit, call.request, account, report).await?;
        Ok(wire::CreateRecognitionRefusalResponse {
            recognition_refusal: Some(self.to_staff(reported, caller)),
        })
    }

    async fn approve_recognition_refusal(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ApproveRecognitionRefusalRequest,
    ) -> Result<wire::ApproveRecognitionRefusalResponse, Fault> {
        let done = self
            .act(call, &message.name, message.etag, Action::Approve)
            .await?;
        Ok(wire::ApproveRecognitionRefusalResponse {
            recognition_refusal: Some(done),
        })
    }

    async fn end_recognition_refusal(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::EndRecognitionRefusalRequest,
    ) -> Result<wire::EndRecognitionRefusalResponse, Fault> {
        let done = self.act(call, &message.name, message.etag, Action::End).await?;
        Ok(wire::EndRecognitionRefusalResponse {
            recognition_refusal: Some(done),
        })
    }

    async fn get_recognition_refusal(
        &self,
        _: Query<NoPermit>,
        message: wire::GetRecognitionRefusalRequest,
    ) -> Result<wire::GetRecognitionRefusalResponse, Fault> {
        let found = self.0.find(id(&message.name)?).await?;
        Ok(wire::GetRecognitionRefusalResponse {
            recognition_refusal: Some(published(found, self.0.now())),
        })
    }

    async fn list_recognition_refusals(
        &self,
        call: Listing<NoPermit>,
        message: wire::ListRecognitionRefusalsRequest,
    ) -> Result<wire::ListRecognitionRefusalsResponse, Fault> {
        let filter = PublicFilter {
            // The bounds of the contract have checked its shape.
            division: DivisionCode::parse(&message.division).ok(),
            place_kind: read_place_kind(message.place_kind()),
        };
        let (found, next_page_token) = self.0.published(filter, &call.page).await?;
        let now = self.0.now();
        Ok(wire::ListRecognitionRefusalsResponse {
            recognition_refusals: found.into_iter().map(|one| published(one, now)).collect(),
            next_page_token,
        })
    }

    async fn list_reported_refusals(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListReportedRefusalsRequest,
    ) -> Result<wire::ListReportedRefusalsResponse, Fault> {
        let filter = Filter {
            // The bounds of the contract have checked its shape.
            division: DivisionCode::parse(&message.division).ok(),
            state: read_state(message.state()),
        };
        let (found, next_page_token) = self.0.reported(call.permit, filter, &call.page).await?;
        let caller = call.grant.principal();
        Ok(wire::ListReportedRefusalsResponse {
            recognition_refusals: found.into_iter().map(|one| self.to_staff(one, caller)).collect(),
            next_page_token,
        })
    }
}

impl RecognitionRefusalRpc {
    async fn act(
        &self,
        call: Mutation<DivisionPermit>,
        name: &str,
        etag: String,
        action: Action,
    ) -> Result<wire::RecognitionRefusal, Fault> {
        let caller = call.grant.principal();
        let step = Step {
            permit: call.permit,
            request: call.request,
            account: caller.account.clone(),
            id: id(name)?,
            etag,
            action,
        };
        let done = self.0.act(step).await?;
        Ok(self.to_staff(done, caller))
    }

    /// A refusal as staff see it.
    fn to_staff(&self, refusal: RecognitionRefusal, caller: &Principal) -> wire::RecognitionRefusal {
        let now = self.0.now();
        let is_supervisor = caller.roles.has(Role::Supervisor);
        let actions = Action::VARIANTS.iter().copied();
        let allowed =
            actions.filter(|action| is_supervisor && refusal.check(*action, &caller.account, now).is_ok());
        wire::RecognitionRefusal {
            etag: etag(&refusal, now).into(),
            allowed_actions: allowed.map(|one| shown_action(one).into()).collect(),
            approval: Some(approval(&refusal)),
            ..published(refusal, now)
        }
    }
}

fn id(name: &str) -> Result<RecognitionRefusalId, Fault> {
    reply::uuid_of(name, COLLECTION).map(RecognitionRefusalId::from_uuid)
}

/// What is reported. All violations are named.
fn read_report(
    message: &wire::CreateRecognitionRefusalRequest,
    divisions: &Divisions,
    now: Timestamp,
) -> Result<Report, Fault> {
    let checked = (
        divisions.find(&message.division),
        optional_line(&message.place_name, "place_name", MAX_NAME),
        line(&message.legal_basis, "legal_basis", MAX_REFERENCE),
        line(&message.approval_reference, "approval_reference", MAX_REFERENCE),
        read_span(message, now),
    );
    let (division, place_name, legal_basis, approval_reference, (from, planned_until)) =
        checked.all_valid()?;
    Ok(Report {
        division,
        place_kind: read_place_kind(message.place_kind()),
        place_name,
        legal_basis,
        approval_reference,
        from,
        planned_until,
    })
}

fn read_span(
    message: &wire::CreateRecognitionRefusalRequest,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), Vec<Violation>> {
    let from = reply::required(message.start_time.as_ref().map(timestamp), "start_time");
    let until = message.planned_end_time.as_ref().map(timestamp);
    let until = reply::required(until, "planned_end_time");
    match (from, until) {
        (Ok(from), Ok(until)) => {
            check_span(from, until, now).map_err(|wrong| vec![wrong])?;
            Ok((from, until))
        }
        (from, until) => Err(from.err().into_iter().chain(until.err()).collect()),
    }
}

fn line(text: &str, field: &str, most: usize) -> Result<String, Violation> {
    let text = FreeText::parse(text, TextRule::line(most));
    text.map(FreeText::into_string)
        .map_err(|error| error.violation(field))
}

fn optional_line(text: &str, field: &str, most: usize) -> Result<Option<String>, Violation> {
    let text = FreeText::parse_optional(text, TextRule::line(most));
    let text = text.map_err(|error| error.violation(field))?;
    Ok(text.map(FreeText::into_string))
}

const fn state(state: State) -> wire::RecognitionRefusalState {
    match state {
        State::Proposed => wire::RecognitionRefusalState::Proposed,
        State::Approved => wire::RecognitionRefusalState::Approved,
        State::Ended => wire::RecognitionRefusalState::Ended,
        State::Expired => wire::RecognitionRefusalState::Expired,
    }
}

const fn read_state(state: wire::RecognitionRefusalState) -> Option<State> {
    match state {
        wire::RecognitionRefusalState::Unspecified => None,
        wire::RecognitionRefusalState::Proposed => Some(State::Proposed),
        wire::RecognitionRefusalState::Approved => Some(State::Approved),
        wire::RecognitionRefusalState::Ended => Some(State::Ended),
        wire::RecognitionRefusalState::Expired => Some(State::Expired),
    }
}

const fn shown_action(action: Action) -> wire::RecognitionRefusalAction {
    match action {
        Action::Approve => wire::RecognitionRefusalAction::Approve,
        Action::End => wire::RecognitionRefusalAction::End,
    }
}

fn approval(refusal: &RecognitionRefusal) -> types::Approval {
    let signed = |by: Option<&Signature>| {
        by.map_or_else(Default::default, |by| (by.account.clone(), Some(instant(by.at))))
    };
    let (approver, approve_time) = signed(refusal.approved.as_ref());
    let (closer, close_time) = signed(refusal.ended.as_ref());
    types::Approval {
        proposer: refusal.proposed.account.clone(),
        propose_time: Some(instant(refusal.proposed.at)),
        approver,
        approve_time,
        closer,
        close_time,
    }
}

/// A refusal as everybody sees it at an instant: without those who signed it.
fn published(refusal: RecognitionRefusal, now: Timestamp) -> wire::RecognitionRefusal {
    let state = state(refusal.state(now));
    let report = refusal.report;
    let kind = report.place_kind.map_or(wire::PlaceKind::Unspecified, place_kind);
    wire::RecognitionRefusal {
        name: format!("{COLLECTION}/{}", refusal.id),
        recognition_refusal_id: refusal.id.to_string(),
        state: state.into(),
        etag: String::new(),
        division: report.division.to_string(),
        place_kind: kind.into(),
        place_name: report.place_name.unwrap_or_default(),
        legal_basis: report.legal_basis,
        approval_reference: report.approval_reference,
        start_time: Some(instant(report.from)),
        planned_end_time: Some(instant(report.planned_until)),
        end_time: refusal.ended.map(|by| instant(by.at)),
        publish_time: refusal.approved.map(|by| instant(by.at)),
        approval: None,
        allowed_actions: Vec::new(),
    }
}
