//! Client of code-rendering: codes that are given to partners with the consent of their holders.

use lutong_kernel::{Fault, ServiceName, SubjectId, Timestamp};
use lutong_proto::code_rendering::v1::ShowCodeToPartnerRequest;
use lutong_proto::code_rendering::v1::code_disclosure_service_client::CodeDisclosureServiceClient;
use lutong_proto::time::timestamp;
use lutong_transport::client::{self, Call};

use super::{DEADLINE, Peers, recognition};
use crate::colour_maps::domain::RecognitionOutcome;
use crate::partners::domain::PartnerId;

/// How somebody's code stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisclosedCode {
    /// A colour, NO_CODE or UNDER_REVIEW.
    pub outcome: RecognitionOutcome,
    pub decided_at: Option<Timestamp>,
    /// With the instant at which it ends.
    pub token: Option<(String, Timestamp)>,
}

impl Peers {
    /// How somebody's code stands, for a partner to which they have consented. They see it in their ledger.
    pub async fn disclose(
        &self,
        partner: PartnerId,
        subject: SubjectId,
        with_token: bool,
    ) -> Result<DisclosedCode, Fault> {
        let request = Call::background(DEADLINE).request(ShowCodeToPartnerRequest {
            subject_id: subject.to_string(),
            purpose: Some(recognition(partner)),
            with_token,
        });
        let answer = CodeDisclosureServiceClient::new(self.code_rendering.clone())
            .show_code_to_partner(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::CodeRendering, ""))?
            .into_inner();
        let colour = answer.colour().known().map(RecognitionOutcome::from);
        let ends = answer.expire_time.as_ref().map(timestamp);
        Ok(DisclosedCode {
            outcome: match colour {
                Some(colour) => colour,
                None if answer.is_refreshing => RecognitionOutcome::UnderReview,
                None => RecognitionOutcome::NoCode,
            },
            decided_at: answer.decide_time.as_ref().map(timestamp),
            token: Some(answer.token).filter(|token| !token.is_empty()).zip(ends),
        })
    }
}
