//! Clients of the services that federation calls.

pub mod gateways;
pub mod national;
pub mod partner;

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::code_rendering::v1::verification_service_client::VerificationServiceClient;
use lutong_proto::code_rendering::v1::{VerificationOutcome, VerifyTokenRequest, VerifyTokenResponse};
use lutong_proto::types::v1::Colour;
use lutong_transport::client::{self, Call, MeshChannel};

use crate::colour_maps::domain::RecognitionOutcome;

/// A partner's door waits for the answer.
const DEADLINE: Duration = Duration::from_secs(3);

/// Channels to the other services; cheap to clone.
#[derive(Debug, Clone)]
pub struct Peers {
    /// Verifies our codes.
    pub code_rendering: MeshChannel,
}

/// What came of a verification of one of our codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCode {
    pub outcome: RecognitionOutcome,
    /// Which check the code failed; empty for a colour.
    pub refusal: String,
}

impl Peers {
    /// Has code-rendering verify one of our codes, in this service's own name.
    pub async fn verify_token(&self, token: &str) -> Result<VerifiedCode, Fault> {
        let request = Call::background(DEADLINE).request(VerifyTokenRequest {
            token: token.to_owned(),
        });
        let answer = VerificationServiceClient::new(self.code_rendering.clone())
            .verify_token(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::CodeRendering, ""));
        match answer {
            Ok(answer) => Ok(verified(&answer.into_inner())),
            Err(fault) if fault.reason == "CODE_REFRESHING" => Ok(VerifiedCode {
                outcome: RecognitionOutcome::UnderReview,
                refusal: "CODE_REFRESHING".to_owned(),
            }),
            Err(fault) => Err(fault),
        }
    }
}

fn verified(answer: &VerifyTokenResponse) -> VerifiedCode {
    let name = answer.outcome().as_str_name();
    let refusal = name.strip_prefix("VERIFICATION_OUTCOME_").unwrap_or(name);
    let is_good = matches!(
        answer.outcome(),
        VerificationOutcome::Valid | VerificationOutcome::Superseded
    );
    let colour = match answer.colour() {
        Colour::Green => Some(RecognitionOutcome::Green),
        Colour::Yellow => Some(RecognitionOutcome::Yellow),
        Colour::Red => Some(RecognitionOutcome::Red),
        Colour::Unspecified => None,
    };
    match colour.filter(|_| is_good) {
        Some(outcome) => VerifiedCode {
            outcome,
            refusal: String::new(),
        },
        None => VerifiedCode {
            outcome: RecognitionOutcome::NotFound,
            refusal: refusal.to_owned(),
        },
    }
}
