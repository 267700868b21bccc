//! Clients of the services that federation calls.

pub mod code_log;
pub mod declaration;
pub mod disclosure;
pub mod gateways;
pub mod identity;
pub mod national;
pub mod partner;
pub mod partner_tls;

use std::time::Duration;

use lutong_https::CallFailure;
use lutong_kernel::{Fault, ServiceName, SubjectId};
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::code_rendering::v1::verification_service_client::VerificationServiceClient;
use lutong_proto::code_rendering::v1::{
    BatchGetColoursRequest, CodeColour, VerificationOutcome, VerifyTokenForPartnerRequest,
    VerifyTokenForPartnerResponse,
};
use lutong_proto::types::v1::{Purpose, PurposeCode};
use lutong_transport::client::{self, Call, MeshChannel};

use crate::colour_maps::domain::RecognitionOutcome;
use crate::partners::domain::PartnerId;

/// A partner's door waits for the answer.
const DEADLINE: Duration = Duration::from_secs(3);

/// What a call outside that brought no answer says, which is never a colour.
fn unanswered(failure: CallFailure) -> RecognitionOutcome {
    if failure.is_unanswered() || failure == CallFailure::Paused {
        RecognitionOutcome::Unreachable
    } else {
        RecognitionOutcome::UnknownValue
    }
}

/// Channels to the other services; cheap to clone.
#[derive(Debug, Clone)]
pub struct Peers {
    /// Verifies our codes, and shows them to partners.
    pub code_rendering: MeshChannel,
    /// Knows who has consented to what.
    pub identity: MeshChannel,
    /// Takes what people declared at partners.
    pub declaration: MeshChannel,
}

/// What came of a verification of one of our codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCode {
    pub outcome: RecognitionOutcome,
    /// Which check the code failed; empty for a colour.
    pub refusal: String,
    /// Whose it is; absent for a code that failed.
    pub subject: Option<SubjectId>,
}

impl Peers {
    /// Has code-rendering verify one of our codes for a partner, in this service's own name. The person sees it in their ledger.
    pub async fn verify_token(&self, partner: PartnerId, token: &str) -> Result<VerifiedCode, Fault> {
        let request = Call::background(DEADLINE).request(VerifyTokenForPartnerRequest {
            token: token.to_owned(),
            purpose: Some(recognition(partner)),
        });
        let answer = VerificationServiceClient::new(self.code_rendering.clone())
            .verify_token_for_partner(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::CodeRendering, ""));
        match answer {
            Ok(answer) => verified(&answer.into_inner()),
            Err(fault) if fault.reason == "CODE_REFRESHING" => Ok(VerifiedCode {
                outcome: RecognitionOutcome::UnderReview,
                refusal: "CODE_REFRESHING".to_owned(),
                subject: None,
            }),
            Err(fault) => Err(fault),
        }
    }

    /// How the codes of these people stand, one to one in order.
    pub async fn colours(&self, subjects: &[SubjectId]) -> Result<Vec<RecognitionOutcome>, Fault> {
        if subjects.is_empty() {
            return Ok(Vec::new());
        }
        let request = Call::background(DEADLINE).request(BatchGetColoursRequest {
            subject_ids: subjects.iter().map(SubjectId::to_string).collect(),
        });
        let answer = CodeServiceClient::new(self.code_rendering.clone())
            .batch_get_colours(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::CodeRendering, ""))?
            .into_inner();
        if answer.codes.len() != subjects.len() {
            return Err(Fault::internal(
                "an answer of code-rendering with other people than were asked for",
            ));
        }
        Ok(answer.codes.iter().map(standing).collect())
    }
}

/// What a partner is answered for.
fn recognition(partner: PartnerId) -> Purpose {
    Purpose {
        code: PurposeCode::Recognition.into(),
        reference: format!("partners/{partner}"),
    }
}

fn verified(answer: &VerifyTokenForPartnerResponse) -> Result<VerifiedCode, Fault> {
    let name = answer.outcome().as_str_name();
    let refusal = name.strip_prefix("VERIFICATION_OUTCOME_").unwrap_or(name);
    let is_good = matches!(
        answer.outcome(),
        VerificationOutcome::Valid | VerificationOutcome::Superseded
    );
    let colour = answer.colour().known().map(RecognitionOutcome::from);
    Ok(match colour.filter(|_| is_good) {
        Some(outcome) => VerifiedCode {
            outcome,
            refusal: String::new(),
            subject: Some(subject(&answer.subject_id)?),
        },
        None => VerifiedCode {
            outcome: RecognitionOutcome::NotFound,
            refusal: refusal.to_owned(),
            subject: None,
        },
    })
}

fn subject(id: &str) -> Result<SubjectId, Fault> {
    let violated = |error| Fault::internal(format_args!("an answer of code-rendering about nobody: {error}"));
    id.parse().map_err(violated)
}

/// How a code stands: a colour, UNDER_REVIEW while it is being decided, NO_CODE where there is none.
fn standing(code: &CodeColour) -> RecognitionOutcome {
    if code.is_refreshing {
        return RecognitionOutcome::UnderReview;
    }
    let colour = code.colour().known();
    colour.map_or(RecognitionOutcome::NoCode, RecognitionOutcome::from)
}
