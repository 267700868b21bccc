//! `ComplaintService`: parse, call, map.

pub mod accountability_cases;
pub mod appeals;
pub mod attachments;
pub mod cases;
mod content;
pub mod fact_reviews;
pub mod hotline_orders;
pub mod places;
pub mod public_numbers;
pub mod recognition_refusals;

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{DivisionCode, Fault, Violation};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::time;
use lutong_skin::complaint::v1::ComplaintHandler;
use lutong_storage::idempotency::RequestKey;
use lutong_transport::access::{CasePermit, NoPermit};
use lutong_transport::reply;
use wire::complaint::Kind as ShownKind;
use wire::create_complaint_request::Kind as FiledKind;

use self::content::{
    action, appeal, feedback, outcome, place, read_appeal, read_feedback, read_place, read_revisit, revisit,
    state,
};
use crate::domain::case::Command;
use crate::domain::content::{Content, division};
use crate::domain::hotline::{Entry, Intake};
use crate::domain::log::{Happening, LogEntry};
use crate::domain::machine::Action;
use crate::domain::staff::actions_of_filer;
use crate::domain::text::lines;
use crate::domain::tracking::TrackingNumber;
use crate::fault;
use crate::service::{Attached, Complaints, Filing, Step, View};
use crate::store::Complaint;

/// `complaints/{tracking number}`.
const COLLECTION: &str = "complaints/";

pub struct ComplaintRpc(pub Complaints);

impl ComplaintHandler for ComplaintRpc {
    async fn create_complaint(
        &self,
        call: Mutation<CasePermit>,
        message: wire::CreateComplaintRequest,
    ) -> Result<wire::CreateComplaintResponse, Fault> {
        let kind = reply::required(message.kind, "kind").map_err(reply::wrong)?;
        let content = match &kind {
            FiledKind::Feedback(one) => read_feedback(one).map(Content::Feedback),
            FiledKind::Appeal(one) => read_appeal(one).map(Content::Appeal),
            FiledKind::Place(one) => read_place(one, "place").map(Content::Place),
        };
        let division = match (message.division.as_str(), &kind) {
            ("", FiledKind::Place(_)) => Err(reply::missing("division")),
            ("", _) => Ok(DivisionCode::SHANDONG),
            (stated, _) => division(stated),
        };
        let (content, division) = (content, division).all_valid()?;
        let filing = Filing {
            account: Some(call.permit.account().to_owned()),
            subject: call.permit.subject(),
            content,
            division,
            entry: Entry::own(Intake::Menu),
            network: call.grant.network().map(str::to_owned),
        };
        let as_filer = call.grant.call();
        let filed = self.0.file_own(call.request, &as_filer, filing).await?;
        Ok(wire::CreateComplaintResponse {
            complaint: Some(filed.into()),
        })
    }

    async fn create_anonymous_complaint(
        &self,
        call: Mutation<NoPermit>,
        message: wire::CreateAnonymousComplaintRequest,
    ) -> Result<wire::CreateAnonymousComplaintResponse, Fault> {
        let place = reply::required(message.place.as_ref(), "place").map_err(reply::wrong)?;
        let (place, division) = (read_place(place, "place"), division(&message.division)).all_valid()?;
        let filing = Filing {
            account: None,
            subject: None,
            content: Content::Place(place),
            division,
            entry: Entry::own(Intake::Anonymous),
            network: call.grant.network().map(str::to_owned),
        };
        let filed = self.0.file(call.request, filing).await?;
        let mut complaint = wire::Complaint::from(filed);
        // Nobody follows it.
        complaint.allowed_actions.clear();
        Ok(wire::CreateAnonymousComplaintResponse {
            complaint: Some(complaint),
        })
    }

    async fn get_complaint(
        &self,
        call: Query<CasePermit>,
        message: wire::GetComplaintRequest,
    ) -> Result<wire::GetComplaintResponse, Fault> {
        let found = self.0.find(&call.permit, &number(&message.name)?).await?;
        Ok(wire::GetComplaintResponse {
            complaint: Some(found.into()),
        })
    }

    async fn list_complaints(
        &self,
        call: Listing<CasePermit>,
        _: wire::ListComplaintsRequest,
    ) -> Result<wire::ListComplaintsResponse, Fault> {
        let (complaints, next_page_token) = self.0.list(&call.permit, &call.page).await?;
        Ok(wire::ListComplaintsResponse {
            complaints: complaints.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn reply_complaint(
        &self,
        call: Mutation<CasePermit>,
        message: wire::ReplyComplaintRequest,
    ) -> Result<wire::ReplyComplaintResponse, Fault> {
        let said = Said {
            name: &message.name,
            etag: message.etag,
            text: Some(("text", &message.text)),
        };
        let step = said.step(call.request, Command::Reply)?;
        let view = self.0.follow(&call.permit, step).await?;
        Ok(wire::ReplyComplaintResponse {
            complaint: Some(view.into()),
        })
    }

    async fn reopen_complaint(
        &self,
        call: Mutation<CasePermit>,
        message: wire::ReopenComplaintRequest,
    ) -> Result<wire::ReopenComplaintResponse, Fault> {
        let said = Said {
            name: &message.name,
            etag: message.etag,
            text: Some(("reason", &message.reason)),
        };
        let step = said.step(call.request, Command::Reopen)?;
        let view = self.0.follow(&call.permit, step).await?;
        Ok(wire::ReopenComplaintResponse {
            complaint: Some(view.into()),
        })
    }

    async fn rate_complaint(
        &self,
        call: Mutation<CasePermit>,
        message: wire::RateComplaintRequest,
    ) -> Result<wire::RateComplaintResponse, Fault> {
        let command = Command::Revisit(read_revisit(message.revisit)?);
        let said = Said {
            name: &message.name,
            etag: message.etag,
            text: None,
        };
        let step = said.step(call.request, command)?;
        let view = self.0.follow(&call.permit, step).await?;
        Ok(wire::RateComplaintResponse {
            complaint: Some(view.into()),
        })
    }
}

/// What the filer says with an action.
struct Said<'a> {
    name: &'a str,
    etag: String,
    /// A required text, with its field.
    text: Option<(&'static str, &'a str)>,
}

impl Said<'_> {
    fn step(self, request: RequestKey, command: Command) -> Result<Step, Fault> {
        let number = tracking_number("name", self.name, COLLECTION);
        let text = self.text.map(|(field, text)| lines(text, field)).transpose();
        let (number, text) = (number, text).all_valid()?;
        Ok(Step {
            request,
            number,
            etag: self.etag,
            command,
            text,
            is_shown: true,
            with: Ok(Attached::Nothing),
        })
    }
}

fn number(name: &str) -> Result<TrackingNumber, Fault> {
    tracking_number("name", name, COLLECTION).map_err(reply::wrong)
}

/// The tracking number of a name in a field.
fn tracking_number(field: &str, name: &str, collection: &str) -> Result<TrackingNumber, Violation> {
    let number = name.strip_prefix(collection).unwrap_or_default();
    TrackingNumber::parse(number).map_err(|error| fault::tracking_number(field, collection, error))
}

fn message(entry: LogEntry) -> Option<wire::ComplaintMessage> {
    let author = match entry.happening {
        Happening::Action(Action::Ask) => wire::MessageAuthor::Question,
        Happening::Action(Action::Answer | Action::Decide) => wire::MessageAuthor::Answer,
        _ => wire::MessageAuthor::Filer,
    };
    Some(wire::ComplaintMessage {
        author: author.into(),
        text: entry.text?.into_inner(),
        create_time: Some(time::from_micros(entry.at.micros())),
    })
}

impl From<View> for wire::Complaint {
    fn from(view: View) -> Self {
        let View { complaint, messages } = view;
        Self {
            messages: messages.into_iter().filter_map(message).collect(),
            ..complaint.into()
        }
    }
}

impl From<Complaint> for wire::Complaint {
    fn from(complaint: Complaint) -> Self {
        let case = &complaint.case;
        let instant = |at: lutong_kernel::Timestamp| time::from_micros(at.micros());
        let actions = actions_of_filer(case).into_iter();
        Self {
            name: format!("{COLLECTION}{}", complaint.number),
            complaint_id: complaint.number.to_string(),
            state: state(case.state).into(),
            create_time: Some(instant(complaint.created_at)),
            due_time: case.due_at().map(instant),
            messages: Vec::new(),
            etag: complaint.etag().into(),
            division: complaint.filed_for.to_string(),
            allowed_actions: actions.map(|one| action(one).into()).collect(),
            revisit: case.revisit.map(revisit),
            outcome: outcome(case),
            kind: match complaint.content {
                Content::Feedback(one) => Some(ShownKind::Feedback(feedback(one))),
                Content::Appeal(one) => Some(ShownKind::Appeal(appeal(one))),
                Content::Place(one) => Some(ShownKind::Place(place(one))),
                // Officers open it: nobody follows it as a complaint.
                Content::DoorReport(_) => None,
            },
        }
    }
}
