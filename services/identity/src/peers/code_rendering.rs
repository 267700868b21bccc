//! Client of code-rendering, which shows codes to the binders that it knows.

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::code_rendering::v1::{AppliedBinding, ApplyBindingsRequest};
use lutong_transport::client;
use lutong_transport::client::Call;
use lutong_transport::client::MeshChannel;

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
}
