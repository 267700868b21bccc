//! `AppealService`: parse, call, map.

mod shown;

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{FactId, Fault, Violation};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::types::v1::{EffectState, Purpose};
use lutong_skin::complaint::v1::AppealHandler;
use lutong_transport::access::{DivisionPermit, Grant};
use lutong_transport::reply;

use self::shown::{appealed, fact, group};
use super::cases::shown::{case, subject_id};
use super::content::{effect, read_basis, read_verdict};
use super::fact_reviews::{Audience, fact_review};
use super::tracking_number;
use crate::domain::appeal::Verdict;
use crate::domain::text::lines;
use crate::fault::appeals as fault;
use crate::service::Complaints;
use crate::service::appeals::{AppealView, Inquiry, Question, Ruling};
use crate::service::handling::staff;

/// `appeals/{tracking number}`.
const COLLECTION: &str = "appeals/";

pub struct AppealRpc(pub Complaints);

impl AppealHandler for AppealRpc {
    async fn inspect_appeal(
        &self,
        call: Query<DivisionPermit>,
        message: wire::InspectAppealRequest,
    ) -> Result<wire::InspectAppealResponse, Fault> {
        let inquiry = inquiry(&call.grant, call.permit, message.purpose);
        let number = tracking_number("name", &message.name, COLLECTION).map_err(reply::wrong)?;
        let view = self.0.inspect_appeal(&inquiry, &number).await?;
        let AppealView {
            complaint,
            decision,
            reviews,
            at,
        } = view;
        let subject_id = subject_id(&complaint);
        let case = case(complaint, &inquiry.staff, self.0.handling());
        let reviews = reviews.into_iter();
        let fact_reviews = reviews.map(|one| fact_review(one, Audience::Staff, at)).collect();
        let answer = wire::InspectAppealResponse {
            case: Some(case),
            subject_id,
            fact_reviews,
            ..wire::InspectAppealResponse::default()
        };
        let Some(decision) = decision else {
            return Ok(answer);
        };
        let state = if decision.is_in_force {
            EffectState::InForce
        } else {
            EffectState::Pending
        };
        Ok(wire::InspectAppealResponse {
            decision: Some(appealed(decision.stored)),
            replayed: Some(appealed(decision.replayed)),
            identical: decision.is_identical,
            facts: decision.facts.into_iter().map(fact).collect(),
            current: Some(appealed(decision.current)),
            effect_state: Some(state.into()),
            ..answer
        })
    }

    async fn ask_source(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::AskSourceRequest,
    ) -> Result<wire::AskSourceResponse, Fault> {
        let inquiry = inquiry(&call.grant, call.permit, message.purpose);
        let number = tracking_number("name", &message.name, COLLECTION);
        let (number, text) = (number, lines(&message.question, "question")).all_valid()?;
        let question = Question {
            request: call.request,
            number,
            etag: message.etag,
            // The bounds of the contract have checked its shape.
            fact: message
                .fact_id
                .parse()
                .map_err(|_| reply::wrong(reply::missing("fact_id")))?,
            text,
        };
        let (complaint, review) = self.0.ask_source(&inquiry, question).await?;
        Ok(wire::AskSourceResponse {
            case: Some(case(complaint, &inquiry.staff, self.0.handling())),
            fact_review: Some(fact_review(review, Audience::Staff, self.0.now())),
        })
    }

    async fn decide_appeal(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::DecideAppealRequest,
    ) -> Result<wire::DecideAppealResponse, Fault> {
        let number = tracking_number("name", &message.name, COLLECTION);
        let verdict = read_verdict(message.verdict());
        let basis = read_basis(message.basis());
        let reason = lines(&message.reason, "reason");
        let facts = verdict
            .as_ref()
            .map_or(Ok(Vec::new()), |verdict| wrong_facts(*verdict, &message.fact_ids));
        let (number, verdict, basis, reason, facts) = (number, verdict, basis, reason, facts).all_valid()?;
        let inquiry = inquiry(&call.grant, call.permit, message.purpose);
        let ruling = Ruling {
            request: call.request,
            number,
            etag: message.etag,
            verdict,
            basis,
            facts,
            reason,
        };
        let done = self.0.decide_appeal(&inquiry, ruling).await?;
        let outcome = done.case.outcome.as_ref();
        let effect = outcome.map(|outcome| effect(&outcome.effect));
        Ok(wire::DecideAppealResponse {
            case: Some(case(done, &inquiry.staff, self.0.handling())),
            effect,
        })
    }

    async fn list_appeal_groups(
        &self,
        call: Listing<DivisionPermit>,
        _: wire::ListAppealGroupsRequest,
    ) -> Result<wire::ListAppealGroupsResponse, Fault> {
        let staff = staff(&call.grant, call.permit);
        let (found, next_page_token) = self.0.appeal_groups(&staff, &call.page).await?;
        Ok(wire::ListAppealGroupsResponse {
            appeal_groups: found.into_iter().map(group).collect(),
            next_page_token,
        })
    }
}

fn inquiry(grant: &Grant, permit: DivisionPermit, purpose: Option<Purpose>) -> Inquiry {
    Inquiry {
        staff: staff(grant, permit),
        call: grant.call(),
        purpose,
    }
}

/// The facts that a verdict names as wrong: at least one that is upheld, none that is refused.
fn wrong_facts(verdict: Verdict, ids: &[String]) -> Result<Vec<FactId>, Vec<Violation>> {
    match (verdict, ids) {
        (Verdict::Upheld, []) => return Err(vec![reply::missing("fact_ids")]),
        (Verdict::Refused, [_, ..]) => return Err(vec![fault::facts_unexpected()]),
        _ => {}
    }
    let (mut facts, mut wrong) = (Vec::new(), Vec::new());
    for (index, id) in ids.iter().enumerate() {
        match id.parse() {
            Ok(fact) => facts.push(fact),
            Err(_) => wrong.push(fault::fact_id_shape(index)),
        }
    }
    facts.sort_unstable();
    facts.dedup();
    if wrong.is_empty() { Ok(facts) } else { Err(wrong) }
}
