//! `WardApplicationService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::time;
use lutong_skin::declaration::v1::WardApplicationHandler;
use lutong_transport::access::SelfPermit;

use super::service::WardApplications;
use crate::declarations::rpc::{abroad_dates, state, stated_content};
use crate::declarations::service::AcknowledgedDeclaration;

pub struct WardApplicationRpc(pub WardApplications);

impl WardApplicationHandler for WardApplicationRpc {
    async fn create_ward_application(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::CreateWardApplicationRequest,
    ) -> Result<wire::CreateWardApplicationResponse, Fault> {
        let content = stated_content(&message.contact_history, message.commitment.as_ref());
        let created = self.0.create(call, &message.binding, content).await?;
        Ok(wire::CreateWardApplicationResponse {
            ward_application: Some(created.into()),
        })
    }

    async fn get_ward_application(
        &self,
        call: Query<SelfPermit>,
        message: wire::GetWardApplicationRequest,
    ) -> Result<wire::GetWardApplicationResponse, Fault> {
        let found = self.0.get(&call, &message.name).await?;
        Ok(wire::GetWardApplicationResponse {
            ward_application: Some(found.into()),
        })
    }

    async fn list_ward_applications(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListWardApplicationsRequest,
    ) -> Result<wire::ListWardApplicationsResponse, Fault> {
        let (listed, next_page_token) = self.0.list(&call).await?;
        Ok(wire::ListWardApplicationsResponse {
            ward_applications: listed.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }
}

impl From<AcknowledgedDeclaration> for wire::WardApplication {
    fn from(acknowledged: AcknowledgedDeclaration) -> Self {
        let state = state(acknowledged.state());
        let declaration = acknowledged.declaration;
        let abroad_dates = abroad_dates(&declaration);
        let name = declaration.name();
        let commitment = declaration.commitment.unwrap_or_default();
        Self {
            name,
            ward_application_id: declaration.id.to_string(),
            subject_id: declaration.subject.to_string(),
            state: state.into(),
            create_time: Some(time::from_micros(declaration.created_at.micros())),
            commitment_version: commitment.version,
            commitment_digest: commitment.digest,
            abroad_dates,
        }
    }
}
