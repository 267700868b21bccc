//! `ComplaintService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::{Fault, Violation};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::time;
use lutong_skin::complaint::v1::ComplaintHandler;
use lutong_transport::access::CasePermit;
use lutong_transport::reply;
use wire::complaint::Kind as ShownKind;
use wire::create_complaint_request::Kind as FiledKind;

use crate::domain::feedback::{Category, Feedback};
use crate::domain::tracking::{TrackingError, TrackingNumber};
use crate::service::Complaints;
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
        let Some(FiledKind::Feedback(feedback)) = message.kind else {
            return Err(reply::wrong(Violation::new(
                "kind",
                "MISSING",
                "必填",
                "is required",
            )));
        };
        let feedback = Feedback::new(category(feedback.category())?, &feedback.text)?;
        let filed = self.0.file(&call.permit, call.request, feedback).await?;
        Ok(wire::CreateComplaintResponse {
            complaint: Some(filed.into()),
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
}

fn category(category: wire::FeedbackCategory) -> Result<Category, Fault> {
    match category {
        wire::FeedbackCategory::Unspecified => Err(reply::wrong(Violation::new(
            "feedback.category",
            "MISSING",
            "必填",
            "is required",
        ))),
        wire::FeedbackCategory::WrongRegistration => Ok(Category::WrongRegistration),
        wire::FeedbackCategory::HealthData => Ok(Category::HealthData),
        wire::FeedbackCategory::Technical => Ok(Category::Technical),
        wire::FeedbackCategory::Other => Ok(Category::Other),
    }
}

fn number(name: &str) -> Result<TrackingNumber, Fault> {
    let number = name.strip_prefix(COLLECTION).unwrap_or_default();
    TrackingNumber::parse(number).map_err(|error| {
        let zh = match error {
            TrackingError::Shape => "名称应为complaints/受理编号，例如complaints/SD20221126-7K3M9QX2",
            TrackingError::Check => "受理编号有误，请核对是否输错字符",
        };
        reply::wrong(Violation::new("name", "TRACKING_NUMBER", zh, error.to_string()))
    })
}

impl From<Complaint> for wire::Complaint {
    fn from(complaint: Complaint) -> Self {
        let Feedback { category, text } = complaint.feedback;
        let category = match category {
            Category::WrongRegistration => wire::FeedbackCategory::WrongRegistration,
            Category::HealthData => wire::FeedbackCategory::HealthData,
            Category::Technical => wire::FeedbackCategory::Technical,
            Category::Other => wire::FeedbackCategory::Other,
        };
        Self {
            name: format!("{COLLECTION}{}", complaint.number),
            complaint_id: complaint.number.to_string(),
            state: wire::ComplaintState::Filed.into(),
            create_time: Some(time::from_micros(complaint.created_at.micros())),
            kind: Some(ShownKind::Feedback(wire::Feedback {
                category: category.into(),
                text: text.into_inner(),
            })),
        }
    }
}
