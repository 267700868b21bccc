//! The contract of complaint: parse, call, map.

use lutong_chassis::reply;
use lutong_kernel::{Fault, Violation};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::time;
use prost::Message as _;
use tonic::{Request, Response, Status};
use wire::feedback_service_server::FeedbackService;

use crate::domain::feedback::Category;
use crate::domain::tracking::{TrackingError, TrackingNumber};
use crate::service::Desk;
use crate::store::feedback::Feedback;

#[derive(Clone)]
pub struct Handler {
    desk: Desk,
}

impl Handler {
    pub const fn new(desk: Desk) -> Self {
        Self { desk }
    }

    async fn file(
        &self,
        request: Request<wire::CreateFeedbackRequest>,
    ) -> Result<wire::CreateFeedbackResponse, Fault> {
        let permit = reply::grant(&request)?.account()?;
        let message = request.into_inner();
        let request_id = reply::request_id(&message.request_id).map_err(reply::wrong)?;
        let body = message.encode_to_vec();
        let filed = self
            .desk
            .file(
                permit,
                request_id,
                &body,
                category(message.category()),
                &message.text,
            )
            .await?;
        Ok(wire::CreateFeedbackResponse {
            feedback: Some(filed.into()),
        })
    }

    async fn find(
        &self,
        request: Request<wire::GetFeedbackRequest>,
    ) -> Result<wire::GetFeedbackResponse, Fault> {
        let permit = reply::grant(&request)?.account()?;
        let number = number(&request.get_ref().name).map_err(reply::wrong)?;
        let found = self.desk.find(permit, &number).await?;
        Ok(wire::GetFeedbackResponse {
            feedback: Some(found.into()),
        })
    }
}

const fn category(category: wire::FeedbackCategory) -> Option<Category> {
    match category {
        wire::FeedbackCategory::Unspecified => None,
        wire::FeedbackCategory::WrongRegistration => Some(Category::WrongRegistration),
        wire::FeedbackCategory::HealthData => Some(Category::HealthData),
        wire::FeedbackCategory::Technical => Some(Category::Technical),
        wire::FeedbackCategory::Other => Some(Category::Other),
    }
}

fn number(name: &str) -> Result<TrackingNumber, Violation> {
    let number = name.strip_prefix("feedback/").unwrap_or_default();
    TrackingNumber::parse(number).map_err(|error| {
        let zh = match error {
            TrackingError::Shape => "名称应为feedback/受理编号，例如feedback/SD20221126-7K3M9QX2",
            TrackingError::Check => "受理编号有误，请核对是否输错字符",
        };
        Violation::new("name", "TRACKING_NUMBER", zh, error.to_string())
    })
}

impl From<Feedback> for wire::Feedback {
    fn from(feedback: Feedback) -> Self {
        let category = match feedback.category {
            Category::WrongRegistration => wire::FeedbackCategory::WrongRegistration,
            Category::HealthData => wire::FeedbackCategory::HealthData,
            Category::Technical => wire::FeedbackCategory::Technical,
            Category::Other => wire::FeedbackCategory::Other,
        };
        Self {
            name: format!("feedback/{}", feedback.number),
            tracking_number: feedback.number.to_string(),
            category: category.into(),
            state: wire::FeedbackState::Filed.into(),
            create_time: Some(time::from_micros(feedback.created_at.micros())),
            text: feedback.text.into_inner(),
        }
    }
}

#[tonic::async_trait]
impl FeedbackService for Handler {
    async fn create_feedback(
        &self,
        request: Request<wire::CreateFeedbackRequest>,
    ) -> Result<Response<wire::CreateFeedbackResponse>, Status> {
        reply::answer(self.file(request).await)
    }

    async fn get_feedback(
        &self,
        request: Request<wire::GetFeedbackRequest>,
    ) -> Result<Response<wire::GetFeedbackResponse>, Status> {
        reply::answer(self.find(request).await)
    }
}
