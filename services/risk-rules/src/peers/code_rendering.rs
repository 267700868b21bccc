//! Client of code-rendering, which brings decisions into force.

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::code_rendering::v1::ApplyDecisionsRequest;
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_transport::client;
use lutong_transport::client::Call;
use lutong_transport::client::MeshChannel;

use crate::decisions::domain::Decision;
use crate::events;

/// Maximum number of decisions in one call.
const MAX_BATCH: usize = 1_000;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct CodeRendering(MeshChannel);

impl CodeRendering {
    pub const fn new(channel: MeshChannel) -> Self {
        Self(channel)
    }

    /// Applies decisions; applying a decision again has no effect.
    pub async fn apply(&self, call: &Call, decisions: &[Decision]) -> Result<(), Fault> {
        for batch in decisions.chunks(MAX_BATCH) {
            let request = call.request(ApplyDecisionsRequest {
                decisions: batch.iter().map(events::applied).collect(),
            });
            CodeServiceClient::new(self.0.clone())
                .apply_decisions(request)
                .await
                .map_err(|status| client::relay(&status, ServiceName::CodeRendering, ""))?;
        }
        Ok(())
    }
}
