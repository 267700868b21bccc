//! How officers decide appeals: they see what a colour rests on, ask the sources of the facts, and uphold or refuse.

use lutong_chassis::skin::Page;
use lutong_kernel::{FactId, Fault, LookupId, Secret, Timestamp};
use lutong_proto::types::v1::Purpose;
use lutong_storage::idempotency::{self, RequestKey};
use lutong_transport::client::Call;
use uuid::Uuid;

use super::Complaints;
use super::steps::{Attached, Party, Step};
use crate::domain::appeal::{Basis, CitedFact, Outcome, Unaskable, Verdict, askable};
use crate::domain::case::Command;
use crate::domain::content::Content;
use crate::domain::review::{self, ColourEffect, FactReview, ReviewState};
use crate::domain::staff::Staff;
use crate::domain::tracking::TrackingNumber;
use crate::fault::appeals as fault;
use crate::peers::risk_rules::AppealedDecision;
use crate::store::groups::{self, Group, GroupPosition};
use crate::store::{Complaint, reviews};

/// Who looks into an appeal, and what for: passed on to risk-rules.
#[derive(Debug, Clone)]
pub struct Inquiry {
    pub staff: Staff,
    pub call: Call,
    pub purpose: Option<Purpose>,
}

/// A question to the source of a fact.
#[derive(Debug, Clone)]
pub struct Question {
    pub request: RequestKey,
    pub number: TrackingNumber,
    pub etag: String,
    pub fact: FactId,
    pub text: Secret<String>,
}

/// How an officer decides.
#[derive(Debug, Clone)]
pub struct Ruling {
    pub request: RequestKey,
    pub number: TrackingNumber,
    pub etag: String,
    pub verdict: Verdict,
    pub basis: Basis,
    pub facts: Vec<FactId>,
    pub reason: Secret<String>,
}

/// An appeal with what its colour rests on.
#[derive(Debug, Clone)]
pub struct AppealView {
    pub complaint: Complaint,
    /// Absent where there is no such decision.
    pub decision: Option<AppealedDecision>,
    pub reviews: Vec<FactReview>,
    /// The instant of the view.
    pub at: Timestamp,
}

impl Complaints {
    pub async fn inspect_appeal(
        &self,
        inquiry: &Inquiry,
        number: &TrackingNumber,
    ) -> Result<AppealView, Fault> {
        let complaint = self.case(&inquiry.staff, number).await?;
        let decision = self.appealed(inquiry, &complaint).await?;
        let cipher = self.fields.ready().await?;
        Ok(AppealView {
            decision,
            reviews: reviews::of_case(self.database.reader(), &cipher, number).await?,
            complaint,
            at: self.clock.now(),
        })
    }

    /// Asks the source of a fact.
    pub async fn ask_source(
        &self,
        inquiry: &Inquiry,
        question: Question,
    ) -> Result<(Complaint, FactReview), Fault> {
        let complaint = self.case(&inquiry.staff, &question.number).await?;
        let review = self.new_question(inquiry, &complaint, &question).await;
        let step = Step {
            request: question.request,
            number: question.number,
            etag: question.etag,
            command: Command::AskSource,
            text: Some(question.text),
            is_shown: false,
            with: review.map(|review| Attached::Question(Box::new(review))),
        };
        let party = Party::Staff(inquiry.staff.clone());
        let (complaint, answer) = self.act_and_answer(party, step).await?;
        let cipher = self.fields.ready().await?;
        let asked = reviews::find(self.database.reader(), &cipher, asked_id(&answer)?).await?;
        let damaged = || Fault::from(idempotency::damaged_answer());
        Ok((complaint, asked.ok_or_else(damaged)?))
    }

    async fn new_question(
        &self,
        inquiry: &Inquiry,
        complaint: &Complaint,
        question: &Question,
    ) -> Result<FactReview, Fault> {
        let decision = self.appealed(inquiry, complaint).await?;
        let cited = decision.map(|decision| decision.facts).unwrap_or_default();
        let fact = askable(question.fact, &cited).map_err(|reason| match reason {
            Unaskable::NotCited => fault::fact_not_cited(question.fact),
            Unaskable::Withdrawn => fault::fact_withdrawn(),
            Unaskable::NoFeed => fault::source_not_feed(),
        })?;
        let asked_at = self.clock.now();
        Ok(FactReview {
            id: LookupId::new(asked_at, &*self.random).uuid(),
            case: complaint.number.clone(),
            source: fact.source.clone(),
            fact: fact.id,
            subject: fact.subject,
            kind: fact.kind.clone(),
            key: Secret::new(fact.key.clone()),
            recorded_at: fact.recorded_at,
            question: question.text.clone(),
            state: ReviewState::Requested,
            asked_at,
            due_at: review::due(asked_at, complaint.content.is_in_two_provinces()),
            answered_at: None,
            reason: None,
            effect: ColourEffect::none(),
            relief: None,
        })
    }

    /// Decides an appeal. Nothing is decided while risk-rules cannot say which facts stand.
    pub async fn decide_appeal(&self, inquiry: &Inquiry, ruling: Ruling) -> Result<Complaint, Fault> {
        let complaint = self.case(&inquiry.staff, &ruling.number).await?;
        let appealed = self.appealed(inquiry, &complaint).await;
        let effect = match (&appealed, ruling.verdict) {
            (Ok(Some(decision)), Verdict::Upheld) => self.effect(&complaint, decision).await?,
            _ => ColourEffect::none(),
        };
        let outcome = Outcome {
            verdict: ruling.verdict,
            basis: ruling.basis,
            decided_at: self.clock.now(),
            facts: ruling.facts,
            effect,
        };
        let facts = |decision: Option<AppealedDecision>| -> Vec<CitedFact> {
            decision.map(|decision| decision.facts).unwrap_or_default()
        };
        let step = Step {
            request: ruling.request,
            number: ruling.number,
            etag: ruling.etag,
            command: Command::Decide(outcome),
            text: Some(ruling.reason),
            is_shown: true,
            with: appealed.map(|decision| Attached::Facts(facts(decision))),
        };
        self.act(Party::Staff(inquiry.staff.clone()), step).await
    }

    /// What the corrections did to the colour: whether another decision has taken the place of the appealed one, and is in force.
    async fn effect(
        &self,
        complaint: &Complaint,
        decision: &AppealedDecision,
    ) -> Result<ColourEffect, Fault> {
        let cipher = self.fields.ready().await?;
        let asked = reviews::of_case(self.database.reader(), &cipher, &complaint.number).await?;
        let mut operations = asked.into_iter().map(|review| review.effect.operation);
        let last = operations.rfind(|operation| !operation.is_empty());
        Ok(ColourEffect {
            redecided: i64::from(decision.current.version != decision.stored.version),
            is_in_force: decision.is_in_force,
            operation: last.filter(|_| !decision.is_in_force).unwrap_or_default(),
        })
    }

    /// The decision that an appeal is about; `None` where risk-rules has none such, or the appeal does not say whose it is.
    async fn appealed(
        &self,
        inquiry: &Inquiry,
        complaint: &Complaint,
    ) -> Result<Option<AppealedDecision>, Fault> {
        let Content::Appeal(appeal) = &complaint.content else {
            return Err(fault::not_an_appeal());
        };
        let Some(subject) = complaint.subject else {
            return Ok(None);
        };
        let purpose = inquiry.purpose.clone();
        self.peers
            .appealed_decision(&inquiry.call, purpose, subject, appeal.decision)
            .await
    }

    /// Groups of open appeals that a member of staff reaches, and the token of the next page.
    pub async fn appeal_groups(&self, staff: &Staff, page: &Page) -> Result<(Vec<Group>, String), Fault> {
        let after = page.after(GroupPosition::read)?;
        let found = groups::list(self.database.reader(), staff, after, page.limit()).await?;
        page.cut(found, |last| last.position.bytes())
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The question of a stored answer: its id follows the tracking number and a blank.
fn asked_id(answer: &[u8]) -> Result<Uuid, Fault> {
    let (_, id) = answer
        .iter()
        .position(|byte| *byte == b' ')
        .map(|blank| answer.split_at(blank + 1))
        .ok_or_else(idempotency::damaged_answer)?;
    Ok(idempotency::answered_id(id)?)
}
