//! A client of identity for name masks.

use std::collections::HashMap;
use std::time::Duration;

use lutong_kernel::{Fault, ServiceName, SubjectId};
use lutong_proto::identity::v1::GetNameMasksRequest;
use lutong_proto::identity::v1::identity_service_client::IdentityServiceClient;
use lutong_transport::client;
use lutong_transport::client::Call;
use lutong_transport::client::MeshChannel;

/// A code goes into force without its mask when identity needs longer.
const MASK_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Debug, Clone)]
pub struct IdentityMasks(MeshChannel);

impl IdentityMasks {
    pub const fn new(channel: MeshChannel) -> Self {
        Self(channel)
    }

    /// The name masks of those `subjects` that are registered.
    pub async fn get(&self, subjects: &[SubjectId]) -> Result<HashMap<SubjectId, String>, Fault> {
        let request = Call::background(MASK_TIMEOUT).request(GetNameMasksRequest {
            subject_ids: subjects.iter().map(ToString::to_string).collect(),
        });
        let answer = IdentityServiceClient::new(self.0.clone())
            .get_name_masks(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::Identity, ""))?;
        let masks = answer.into_inner().masks.into_iter();
        Ok(masks
            .filter_map(|found| Some((found.subject_id.parse().ok()?, found.mask)))
            .collect())
    }
}
