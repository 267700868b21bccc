//! `AssistedApplicationService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::time;
use lutong_skin::declaration::v1::AssistedApplicationHandler;
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;

use super::service::AssistedApplications;
use crate::declarations::rpc::{normalisations, state, stated_form, subject_id};
use crate::declarations::service::AcknowledgedDeclaration;

const COLLECTION: &str = "assisted-applications";

pub struct AssistedApplicationRpc(pub AssistedApplications);

impl AssistedApplicationHandler for AssistedApplicationRpc {
    async fn create_assisted_application(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreateAssistedApplicationRequest,
    ) -> Result<wire::CreateAssistedApplicationResponse, Fault> {
        let request_id = reply::request_id(&message.request_id).map_err(reply::wrong)?;
        let form = reply::required(message.form.as_ref(), "form").map_err(reply::wrong)?;
        let created = self.0.create(call, request_id, stated_form(form)).await?;
        Ok(wire::CreateAssistedApplicationResponse {
            assisted_application: Some(created.into()),
        })
    }

    async fn get_assisted_application(
        &self,
        call: Query<DivisionPermit>,
        message: wire::GetAssistedApplicationRequest,
    ) -> Result<wire::GetAssistedApplicationResponse, Fault> {
        let id = reply::uuid_of(&message.name, COLLECTION)?;
        let found = self.0.get(&call, id).await?;
        Ok(wire::GetAssistedApplicationResponse {
            assisted_application: Some(found.into()),
        })
    }

    async fn list_assisted_applications(
        &self,
        call: Listing<DivisionPermit>,
        _: wire::ListAssistedApplicationsRequest,
    ) -> Result<wire::ListAssistedApplicationsResponse, Fault> {
        let (listed, next_page_token) = self.0.list(&call).await?;
        Ok(wire::ListAssistedApplicationsResponse {
            assisted_applications: listed.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }
}

impl From<AcknowledgedDeclaration> for wire::AssistedApplication {
    fn from(acknowledged: AcknowledgedDeclaration) -> Self {
        let state = state(acknowledged.state());
        let declaration = acknowledged.declaration;
        Self {
            name: format!("{COLLECTION}/{}", declaration.id),
            assisted_application_id: declaration.id.to_string(),
            subject_id: subject_id(&declaration),
            state: state.into(),
            create_time: Some(time::from_micros(declaration.created_at.micros())),
            normalisations: normalisations(&declaration.normalisations),
            entered_by: declaration.entered_by.unwrap_or_default(),
        }
    }
}
