//! `FactReviewService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::{Fault, FreeText, Secret, TextRule, Timestamp};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::time::instant;
use lutong_proto::types::v1 as types;
use lutong_skin::complaint::v1::FactReviewHandler;
use lutong_storage::idempotency::RequestKey;
use lutong_transport::access::FeedPermit;
use lutong_transport::reply;

use super::content::effect;
use crate::domain::review::{FactReview, ReviewState};
use crate::service::Complaints;
use crate::service::reviews::SourceAnswer;

/// `fact-reviews/{fact_review}`.
const COLLECTION: &str = "fact-reviews";
/// Characters of what a source says: those of the reason of a retraction.
const MAX_REASON: usize = 200;

pub struct FactReviewRpc(pub Complaints);

impl FactReviewHandler for FactReviewRpc {
    async fn get_fact_review(
        &self,
        call: Query<FeedPermit>,
        message: wire::GetFactReviewRequest,
    ) -> Result<wire::GetFactReviewResponse, Fault> {
        let id = reply::uuid_of(&message.name, COLLECTION)?;
        let found = self.0.question(&call.permit, id).await?;
        Ok(wire::GetFactReviewResponse {
            fact_review: Some(self.shown(found)),
        })
    }

    async fn list_fact_reviews(
        &self,
        call: Listing<FeedPermit>,
        message: wire::ListFactReviewsRequest,
    ) -> Result<wire::ListFactReviewsResponse, Fault> {
        let state = read_state(message.state());
        let (found, next_page_token) = self.0.questions(&call.permit, state, &call.page).await?;
        Ok(wire::ListFactReviewsResponse {
            fact_reviews: found.into_iter().map(|one| self.shown(one)).collect(),
            next_page_token,
        })
    }

    async fn confirm_fact(
        &self,
        call: Mutation<FeedPermit>,
        message: wire::ConfirmFactRequest,
    ) -> Result<wire::ConfirmFactResponse, Fault> {
        let answer = answer(call.request, &message.name, message.etag, &message.reason)?;
        let done = self.0.confirm_fact(&call.permit, answer).await?;
        Ok(wire::ConfirmFactResponse {
            fact_review: Some(self.shown(done)),
        })
    }

    async fn correct_fact(
        &self,
        call: Mutation<FeedPermit>,
        message: wire::CorrectFactRequest,
    ) -> Result<wire::CorrectFactResponse, Fault> {
        let answer = answer(call.request, &message.name, message.etag, &message.reason)?;
        let as_feed = call.grant.call();
        let done = self
            .0
            .correct_fact(&call.permit, &as_feed, answer, message.fact)
            .await?;
        Ok(wire::CorrectFactResponse {
            effect: Some(effect(&done.effect)),
            fact_review: Some(self.shown(done)),
        })
    }
}

impl FactReviewRpc {
    fn shown(&self, review: FactReview) -> wire::FactReview {
        fact_review(review, Audience::Feed, self.0.now())
    }
}

fn answer(request: RequestKey, name: &str, etag: String, reason: &str) -> Result<SourceAnswer, Fault> {
    let reason = FreeText::parse(reason, TextRule::line(MAX_REASON));
    let reason = reason.map_err(|error| reply::wrong(error.violation("reason")))?;
    Ok(SourceAnswer {
        request,
        id: reply::uuid_of(name, COLLECTION)?,
        etag,
        reason: Secret::new(reason.into_string()),
    })
}

const fn state(state: ReviewState) -> wire::FactReviewState {
    match state {
        ReviewState::Requested => wire::FactReviewState::Requested,
        ReviewState::Confirmed => wire::FactReviewState::Confirmed,
        ReviewState::Corrected => wire::FactReviewState::Corrected,
        ReviewState::Expired => wire::FactReviewState::Expired,
    }
}

const fn read_state(state: wire::FactReviewState) -> Option<ReviewState> {
    match state {
        wire::FactReviewState::Unspecified => None,
        wire::FactReviewState::Requested => Some(ReviewState::Requested),
        wire::FactReviewState::Confirmed => Some(ReviewState::Confirmed),
        wire::FactReviewState::Corrected => Some(ReviewState::Corrected),
        wire::FactReviewState::Expired => Some(ReviewState::Expired),
    }
}

/// Who reads a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The source, which knows the fact by its own id and learns nothing of the appeal.
    Feed,
    /// Officers, who know the appeal.
    Staff,
}

/// A question as somebody sees it at an instant.
pub fn fact_review(review: FactReview, audience: Audience, now: Timestamp) -> wire::FactReview {
    let is_staff = audience == Audience::Staff;
    let case = format!("{}{}", super::cases::COLLECTION, review.case);
    let running = review.relief.as_ref().filter(|relief| relief.runs_at(now));
    let relief_end = running.map(|relief| relief.until);
    wire::FactReview {
        name: format!("{COLLECTION}/{}", review.id),
        fact_review_id: review.id.to_string(),
        state: state(review.state_at(now)).into(),
        etag: review.etag(now).into(),
        clock: Some(clock(&review, now)),
        source: review.source,
        fact_id: review.fact.to_string(),
        kind: review.kind,
        record_time: Some(instant(review.recorded_at)),
        key: Some(review.key.into_inner())
            .filter(|_| !is_staff)
            .unwrap_or_default(),
        case: Some(case).filter(|_| is_staff).unwrap_or_default(),
        question: review.question.into_inner(),
        create_time: Some(instant(review.asked_at)),
        answer_time: review.answered_at.map(instant),
        reason: review.reason.map(Secret::into_inner).unwrap_or_default(),
        relief_end_time: relief_end.map(instant),
    }
}

fn clock(review: &FactReview, now: Timestamp) -> types::Clock {
    let state = match review.state_at(now) {
        ReviewState::Requested => types::ClockState::Running,
        ReviewState::Confirmed | ReviewState::Corrected => types::ClockState::Met,
        ReviewState::Expired => types::ClockState::Overdue,
    };
    types::Clock {
        kind: "source-answer".to_owned(),
        state: state.into(),
        start_time: Some(instant(review.asked_at)),
        warn_time: None,
        due_time: Some(instant(review.due_at)),
        stop_time: review.answered_at.map(instant),
        calendar: "every-hour".to_owned(),
        paused_for: None,
        late: None,
    }
}
