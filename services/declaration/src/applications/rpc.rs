//! `ApplicationService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::{ApplicationId, Fault};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::time;
use lutong_skin::declaration::v1::ApplicationHandler;
use lutong_transport::access::SelfPermit;
use lutong_transport::reply;

use super::service::{Applications, KIND};
use crate::declarations::rpc::{
    abroad_dates, create_call, normalisations, registration, state, stated_form, subject_id, waiting_for,
};
use crate::declarations::service::AcknowledgedDeclaration;

pub struct ApplicationRpc(pub Applications);

impl ApplicationHandler for ApplicationRpc {
    async fn create_application(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::CreateApplicationRequest,
    ) -> Result<wire::CreateApplicationResponse, Fault> {
        let form = reply::required(message.form.as_ref(), "form").map_err(reply::wrong)?;
        let form = stated_form(form);
        let create = create_call(call, &message.request_id)?;
        let acknowledged = self.0.create(create, form, &message.replaces).await?;
        Ok(wire::CreateApplicationResponse {
            application: Some(application(acknowledged)),
        })
    }

    async fn get_application(
        &self,
        call: Query<SelfPermit>,
        message: wire::GetApplicationRequest,
    ) -> Result<wire::GetApplicationResponse, Fault> {
        let acknowledged = self.0.get(&call, &message.name).await?;
        Ok(wire::GetApplicationResponse {
            application: Some(application(acknowledged)),
        })
    }

    async fn list_applications(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListApplicationsRequest,
    ) -> Result<wire::ListApplicationsResponse, Fault> {
        let (listed, next_page_token) = self.0.list(&call.permit, &call.page).await?;
        Ok(wire::ListApplicationsResponse {
            applications: listed.into_iter().map(application).collect(),
            next_page_token,
        })
    }
}

fn application(acknowledged: AcknowledgedDeclaration) -> wire::Application {
    let state = state(acknowledged.state());
    let declaration = acknowledged.declaration;
    let commitment = declaration.commitment.clone().unwrap_or_default();
    let other = |id: Option<ApplicationId>| id.map(|id| KIND.name_of(id)).unwrap_or_default();
    wire::Application {
        name: declaration.name(),
        application_id: declaration.id.to_string(),
        subject_id: subject_id(&declaration),
        waiting_for: waiting_for(&declaration),
        registration: registration(&declaration),
        assisted: declaration.entered_by.is_some(),
        state: state.into(),
        create_time: Some(time::from_micros(declaration.created_at.micros())),
        normalisations: normalisations(&declaration.normalisations),
        abroad_dates: abroad_dates(&declaration),
        replaces: other(declaration.replaces),
        replaced_by: other(declaration.replaced_by),
        commitment_version: commitment.version,
        commitment_digest: commitment.digest,
    }
}
