//! Client of code-rendering, which shows codes to the binders that it knows, and says whose a code is.

use lutong_kernel::{Fault, ServiceName, SubjectId};
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::code_rendering::v1::verification_service_client::VerificationServiceClient;
use lutong_proto::code_rendering::v1::{
    AppliedBinding, ApplyBindingsRequest, ResolveTokenRequest, VerificationOutcome,
};
use lutong_transport::client;
use lutong_transport::client::Call;
use lutong_transport::client::MeshChannel;

use crate::health_cards::domain::CodeKind;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct CodeRendering(MeshChannel);

impl CodeRendering {
    pub const fn new(channel: MeshChannel) -> Self {
        Self(channel)
    }

    /// Applies bindings; applying a binding again has no effect.
    pub async fn apply(&self, call: &Call, bindings: Vec<AppliedBinding>) -> Result<(), Fault> {
        let request = call.request(ApplyBindingsRequest { bindings });
        CodeServiceClient::new(self.0.clone())
            .apply_bindings(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::CodeRendering, ""))?;
        Ok(())
    }

    /// Whose pass code a token is, and by what kind of code; or the name of the outcome by which it proves nothing.
    pub async fn resolve(
        &self,
        call: &Call,
        token: &str,
    ) -> Result<Result<(SubjectId, CodeKind), String>, Fault> {
        let request = call.request(ResolveTokenRequest {
            token: token.to_owned(),
        });
        let answer = VerificationServiceClient::new(self.0.clone())
            .resolve_token(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::CodeRendering, ""))?
            .into_inner();
        let outcome = answer.outcome();
        if !matches!(
            outcome,
            VerificationOutcome::Valid | VerificationOutcome::Superseded
        ) {
            let name = outcome.as_str_name();
            return Ok(Err(name.trim_start_matches("VERIFICATION_OUTCOME_").to_owned()));
        }
        let subject = answer.subject_id.parse().map_err(Fault::internal)?;
        let kind = match (answer.on_paper, answer.on_card) {
            (true, _) => CodeKind::Paper,
            (_, true) => CodeKind::Card,
            (false, false) => CodeKind::Screen,
        };
        Ok(Ok((subject, kind)))
    }
}
